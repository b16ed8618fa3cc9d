"""Values as the text that goes out of the process, and text that comes in as values."""

from __future__ import annotations

import math
import os
from typing import Any, NoReturn

from attune_nb.errors import ActionError, TemplateError
from attune_nb.templates.sandbox import begin
from attune_nb.templates.text import text_of

__all__ = ["STRICT", "text"]


def text(value: Any, what: str) -> str:
    """Write a value as templates do: `true`, nothing for null, compact JSON; a path as it is.

    Args:
        value: Plain data, or a path.
        what: What the error calls it.

    Raises:
        ActionError: The value has no text.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    begin()  # the last expression of this thread may have left no budget
    try:
        return text_of(value)
    except TemplateError as error:
        raise ActionError(f"{what}: {error.message}") from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("too large a number")
    return number


STRICT: dict[str, Any] = {"parse_constant": _no_constant, "parse_float": _finite}
"""What has `json.loads` take JSON alone: neither `NaN` nor a number that turns infinite."""

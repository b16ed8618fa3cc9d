"""Values as the text that goes out of the process."""

from __future__ import annotations

import os
from typing import Any

from attune_nb.errors import ActionError, TemplateError
from attune_nb.templates.library.to_text import to_text
from attune_nb.templates.sandbox import begin_evaluation

__all__ = ["text"]


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
    begin_evaluation()  # the last expression of this thread may have left no budget
    try:
        return to_text(value)
    except TemplateError as error:
        raise ActionError(f"{what}: {error.message}") from None

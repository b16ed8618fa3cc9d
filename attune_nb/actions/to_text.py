"""Values as the text that leaves the process: arguments, headers, queries."""

from __future__ import annotations

import os
from typing import Any

from attune_nb.errors import ActionError, TemplateError
from attune_nb.templates.library.to_text import to_text as template_text
from attune_nb.templates.sandbox import begin_evaluation

__all__ = ["to_text"]


def to_text(value: Any, name: str) -> str:
    """Return a value as templates write it; null is empty, other data is compact JSON.

    Args:
        value: Plain data, or a path, which stays as it is.
        name: The name of the value in an error message.

    Raises:
        ActionError: The value cannot be written as text.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)

    # the last expression of this thread may have used its budget up
    begin_evaluation()
    try:
        return template_text(value)
    except TemplateError as error:
        raise ActionError(f"{name}: {error.message}") from None

"""Turn an error of an expression into a failed outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from attune_nb.conductor import items
from attune_nb.context import Outcome
from attune_nb.events import ErrorInfo

if TYPE_CHECKING:
    from attune_nb.conductor.step import Step
    from attune_nb.errors import TemplateError

__all__ = ["render_failure"]
_replace = msgspec.structs.replace


def render_failure(
    step: Step, error: TemplateError, outcome: Outcome | None = None
) -> tuple[Outcome, ErrorInfo]:
    """Give what becomes of a task one of whose expressions failed."""
    message = step.mask(str(error))
    info = ErrorInfo(
        type="TemplateError", message=message, retryable=False, position=error.position
    )
    before = outcome or Outcome(status="failed")
    result = before.result if before.result is not None else items.failure_of(info)
    return _replace(before, status="failed", error=message, result=result), info

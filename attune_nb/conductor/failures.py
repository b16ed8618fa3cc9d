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


def render_failure(
    step: Step, error: TemplateError, outcome: Outcome | None = None
) -> tuple[Outcome, ErrorInfo]:
    """Return the failed outcome of a task whose expression failed, and its error.

    Args:
        step: The current step.
        error: The error of the expression.
        outcome: How the task ended before its transitions failed, if it has run. Its result,
            attempts and times are kept.
    """
    message = step.mask(str(error))
    info = ErrorInfo(
        type="TemplateError", message=message, retryable=False, position=error.position
    )

    if outcome is None:
        outcome = Outcome(status="failed")
    result = outcome.result
    if result is None:
        result = items.failure_result(info)

    failed = msgspec.structs.replace(outcome, status="failed", error=message, result=result)
    return failed, info

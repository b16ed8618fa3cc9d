"""Failures: of an expression, and of a run that went to `fail`."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import msgspec

from attune_nb.conductor import items
from attune_nb.context import Outcome
from attune_nb.events import ErrorInfo

if TYPE_CHECKING:
    from attune_nb.conductor.state import Execution
    from attune_nb.conductor.step import Step
    from attune_nb.errors import TemplateError
    from attune_nb.events import Key

__all__ = ["describe_failed_task", "explain_fail", "render_failure"]


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


def explain_fail(step: Step, execution: Execution) -> str:
    """Return the reason of a run whose task went to `fail`.

    It is the error of the failed task that led there: of this one, or of the nearest ones
    before it on the way. If none failed, the task chose `fail` itself.

    Args:
        step: The current step.
        execution: The execution whose transition goes to `fail`.
    """
    failed_ways = _ways_from_failures(step, execution)
    if not failed_ways:
        return f"task `{execution.task}` went to `fail`"

    reasons = []
    handlers: list[str] = []
    for failed_key, *way in failed_ways:
        failed_execution = step.state.executions[failed_key]
        reasons.append(describe_failed_task(failed_execution))
        handlers += [task for task, _ in way if task not in handlers]

    reason = ", and ".join(dict.fromkeys(reasons))
    if not handlers:
        return f"{reason}; then `fail`"
    names = ", ".join(f"`{name}`" for name in handlers)
    return f"{reason}; handled by {names}, then `fail`"


def describe_failed_task(execution: Execution) -> str:
    """Return how an execution failed: the task, the status and the error."""
    outcome = execution.outcome
    if outcome is None:
        return f"task `{execution.task}`"
    status = outcome.status.replace("_", " ")
    return f"task `{execution.task}` {status}: {outcome.error}"


def _ways_from_failures(step: Step, execution: Execution) -> list[tuple[Key, ...]]:
    """Return the ways to an execution from the nearest ones that failed, each once."""
    ways: list[tuple[Key, ...]] = []
    seen = {execution.key}
    open_ways: deque[tuple[Key, ...]] = deque([(execution.key,)])

    while open_ways:
        way = open_ways.popleft()
        first = step.state.executions.get(way[0])
        if first is None:
            continue
        if first.outcome is not None and first.outcome.status in ("failed", "timed_out"):
            if not _has_recovered(way):
                ways.append(way)
            continue

        for cause in first.token.causes:
            if cause not in seen:
                seen.add(cause)
                open_ways.append((cause, *way))
    return ways


def _has_recovered(way: tuple[Key, ...]) -> bool:
    """Return whether the task that a way begins with ran again on it, and then did not fail."""
    (first_task, _), *later = way
    return any(task == first_task for task, _ in later)

"""The attributes of spans: names, statuses and counts, never values of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.trace import Status, StatusCode

from attune_nb.html import printable, shortened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from attune_nb.events import ErrorInfo, RunEnded, RunStarted, TaskEnded
    from attune_nb.results.timeline import TaskExecution

    Attributes = dict[str, str | int | bool]

__all__ = [
    "ERROR_TYPE",
    "cicd_result",
    "cicd_run_attributes",
    "cicd_task_attributes",
    "describe_failure",
    "run_end_attributes",
    "run_start_attributes",
    "shorten_message",
    "task_end_attributes",
    "task_start_attributes",
]

ERROR_TYPE = "error.type"
"""The attribute for the type of an error, of the general conventions."""

# characters of an error's message
_MAX_MESSAGE = 200

# the words of the conventions for CI/CD
_CICD_RESULTS = {
    "succeeded": "success",
    "failed": "failure",
    "timed_out": "timeout",
    "cancelled": "cancellation",
    "skipped": "skip",
}


def run_start_attributes(event: RunStarted, parent_id: str, backend: str) -> Attributes:
    """Return the attributes of a run that starts.

    Args:
        event: Its start.
        parent_id: The id of its parent; empty if it is no child run.
        backend: The name of its backend; empty if it is not known.
    """
    attributes: Attributes = {
        "attune.workflow.name": event.workflow,
        "attune.run.id": event.run_id,
    }

    if event.kind:
        attributes["attune.run.kind"] = event.kind
    if parent_id:
        attributes["attune.run.parent.id"] = parent_id
    if backend:
        attributes["attune.backend"] = backend
    return attributes


def run_end_attributes(event: RunEnded, executions: Iterable[TaskExecution]) -> Attributes:
    """Return the attributes of a run that has ended."""
    tasks = 0
    items = 0
    failed = 0
    for execution in executions:
        tasks += 1
        if execution.with_items:
            items += execution.done
            failed += execution.failed

    return {
        "attune.run.status": event.status,
        "attune.run.tasks": tasks,
        "attune.run.items": items,
        "attune.run.items.failed": failed,
    }


def task_start_attributes(task: str, visit: int) -> Attributes:
    """Return the attributes of an execution of a task that starts."""
    return {"attune.task.name": task, "attune.task.visit": visit}


def task_end_attributes(event: TaskEnded, execution: TaskExecution) -> Attributes:
    """Return the attributes of an execution of a task that has ended."""
    attributes: Attributes = {
        "attune.task.status": event.status,
        "attune.task.attempts": event.attempts,
        "attune.task.concurrency": execution.concurrency,
    }

    if execution.with_items:
        attributes["attune.task.items"] = execution.done
        attributes["attune.task.items.failed"] = execution.failed
    if event.status in ("failed", "timed_out"):
        # a transition leads on from it
        attributes["attune.task.handled"] = event.handled
    return attributes


def cicd_run_attributes(event: RunStarted) -> Attributes:
    """Return the attributes of a run by the conventions for CI/CD."""
    return {
        "cicd.pipeline.name": event.workflow,
        "cicd.pipeline.run.id": event.run_id,
        "cicd.pipeline.action.name": "RUN",
    }


def cicd_task_attributes(run_id: str, task: str, visit: int) -> Attributes:
    """Return the attributes of an execution of a task by the conventions for CI/CD."""
    return {
        "cicd.pipeline.task.name": task,
        "cicd.pipeline.task.run.id": f"{run_id}/{task}/{visit}",
    }


def cicd_result(status: str) -> str:
    """Return how a run or a task ended, in a word of the conventions for CI/CD."""
    return _CICD_RESULTS[status]


def describe_failure(
    status: str, error: ErrorInfo | None, message: str, hide: Callable[[str], str]
) -> tuple[Status | None, Attributes]:
    """Return the status of the span of a run or a task, and its attributes about the error.

    A span without an error keeps the status "unset", as the conventions ask for.

    Args:
        status: How the run or the task ended.
        error: The error, as far as it is known.
        message: The message.
        hide: Replaces secrets.
    """
    if status not in ("failed", "timed_out"):
        return None, {}

    error_type = status
    if error is not None:
        error_type = error.type
    description = shorten_message(message, hide)
    return Status(StatusCode.ERROR, description), {ERROR_TYPE: shorten_message(error_type, hide)}


def shorten_message(message: str, hide: Callable[[str], str]) -> str:
    """Return a text without secrets, as one line of at most 200 characters."""
    # the text is cut last: a part of a secret would not be found
    return shortened(printable(hide(message)), _MAX_MESSAGE)

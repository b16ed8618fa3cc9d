"""Failures that look like a mistake in the code or the workflow, and not like an outcome."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from attune_nb.events import ErrorInfo
    from attune_nb.results.failures import FailedTask

__all__ = ["find_mistakes"]

# errors of the code itself, whatever the data
_CODE_ERRORS = (
    "AttributeError",
    "ImportError",
    "IndentationError",
    "ModuleNotFoundError",
    "NameError",
    "SyntaxError",
    "TabError",
    "UnboundLocalError",
)
# the message of a call whose arguments do not fit
_CALL_MISFIT = re.compile(
    r"\(\) (got an unexpected|got multiple values|missing \d+ required|takes )|is not callable$"
)
# the message of asyncio for an object that belongs to another loop
_OTHER_LOOP = re.compile(
    r"^Event loop is closed$|is bound to a different event loop|attached to a different loop"
)


def find_mistakes(failed_tasks: Iterable[FailedTask]) -> list[str]:
    """Return an alert for each task whose failure looks like a mistake, not like an outcome.

    These are tasks of which every item failed with the same programming error, tasks with an
    expression that failed, and those that used a client of another run's event loop.
    """
    alerts = []
    for failed_task in failed_tasks:
        mistake = _describe_mistake(failed_task)
        if not mistake:
            continue

        error = failed_task.first.typed_title
        if failed_task.with_items:
            error += f" in {_count_items(failed_task)}"
        subject = f"the failure of `{failed_task.task}` looks like {mistake}"
        alerts.append(f"{subject} and not like an outcome: {error}")
    return alerts


def _describe_mistake(failed_task: FailedTask) -> str:
    """Return which mistake a failure looks like; an empty string if it looks like none."""
    types = {group.error.type for group in failed_task.groups}
    if "TemplateError" in types:
        return "a mistake in an expression"

    if any(_is_of_other_loop(group.error) for group in failed_task.groups):
        return (
            "a client or a lock that was first used in another run (each run has an event loop of "
            "its own, so make it within the action)"
        )

    is_complete = not failed_task.with_items or failed_task.failed == failed_task.total
    if is_complete and len(types) == 1 and _is_code_mistake(failed_task.first.error):
        return "a mistake in the code"
    return ""


def _is_of_other_loop(error: ErrorInfo) -> bool:
    """Return whether an error is that of an object which belongs to another event loop."""
    return error.type == "RuntimeError" and bool(_OTHER_LOOP.search(error.message))


def _count_items(failed_task: FailedTask) -> str:
    if failed_task.failed != failed_task.total:
        noun = "item" if failed_task.failed == 1 else "items"
        return f"{failed_task.failed:,} {noun}"
    if failed_task.failed == 1:
        return "its only item"
    return f"all {failed_task.failed:,} items"


def _is_code_mistake(error: ErrorInfo) -> bool:
    """Return whether an error is one of the code, whatever its data."""
    if error.type in _CODE_ERRORS:
        return True
    return error.type == "TypeError" and bool(_CALL_MISFIT.search(error.message))

"""The rows of a run's summary: one for each task, with all its visits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune_nb.html import shortened
from attune_nb.results.durations import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from attune_nb.events import Key, TaskStatus
    from attune_nb.results.reuse import ReusedPart
    from attune_nb.results.timeline import TaskExecution

__all__ = ["summarize"]

# characters of a task's error
_MAX_ERROR_LENGTH = 120

_FAILED = ("failed", "timed_out")

_TIMES = "\N{MULTIPLICATION SIGN}"


def summarize(
    executions: Iterable[TaskExecution],
    open_statuses: Mapping[Key, TaskStatus],
    reused: Mapping[Key, ReusedPart],
    now: float,
) -> list[dict[str, str]]:
    """Return a row for each task, in order of the first executions.

    Args:
        executions: The executions of tasks, in order of start.
        open_statuses: The statuses of those that have not ended, as they are now.
        reused: How much of each execution is reused.
        now: The seconds from the start of the run until now.
    """
    visits: dict[str, list[TaskExecution]] = {}
    for execution in executions:
        visits.setdefault(execution.task, []).append(execution)

    return [_make_row(task, open_statuses, reused, now) for task in visits.values()]


def _make_row(
    visits: list[TaskExecution],
    open_statuses: Mapping[Key, TaskStatus],
    reused: Mapping[Key, ReusedPart],
    now: float,
) -> dict[str, str]:
    """Return the row of a task, which is about all its visits; its status is the last one's."""
    last = visits[-1]
    status = last.status
    if last.ended is None:
        status = open_statuses.get(last.key, status)

    with_items = [visit for visit in visits if visit.with_items]
    failed_visits = sum(visit.status in _FAILED for visit in visits)
    is_loop = len(visits) > 1
    return {
        "task": f"{last.task} {_TIMES}{len(visits):,}" if is_loop else last.task,
        "status": status,
        "failed visits": _format_count(failed_visits) if is_loop else "",
        "items": _format_items(with_items),
        "failed": _format_count(sum(visit.failed for visit in with_items)),
        "retrying": _format_count(sum(visit.retrying for visit in with_items)),
        "cancelled": _format_count(sum(visit.cancelled for visit in with_items)),
        "skipped": _format_count(sum(visit.skipped for visit in with_items)),
        "reused": _format_reused(visits, reused),
        "time": format_duration(sum(_measure(visit, now) for visit in visits)),
        "longest visit": _format_longest(visits, now) if is_loop else "",
        "error": _format_error(visits),
    }


def _format_count(count: int) -> str:
    return f"{count:,}" if count else ""


def _format_items(visits: list[TaskExecution]) -> str:
    """Return the items that have ended, and all of them, of the visits with items."""
    if len(visits) == 1:
        return visits[0].item_counts
    if not visits:
        return ""

    ended = sum(visit.done for visit in visits)
    totals = [visit.total for visit in visits if visit.total is not None]
    total = f"{sum(totals):,}" if len(totals) == len(visits) else "?"
    return f"{ended:,}/{total}"


def _format_reused(visits: list[TaskExecution], reused: Mapping[Key, ReusedPart]) -> str:
    """Return how much is reused: of one visit the items, of several the visits."""
    parts = [reused[visit.key] for visit in visits if visit.key in reused]
    if not parts:
        return ""
    if len(visits) == 1:
        return str(parts[0])

    count = f"{len(parts):,} visits"
    if len(parts) == len(visits) and all(part.is_whole for part in parts):
        count = "all"
    has_older_code = any(part.has_older_code for part in parts)
    return f"{count}, older code" if has_older_code else count


def _format_longest(visits: list[TaskExecution], now: float) -> str:
    """Return the number of the longest visit, and its time."""
    longest = max(visits, key=lambda visit: _measure(visit, now))
    return f"#{longest.visit} {format_duration(_measure(longest, now))}"


def _measure(visit: TaskExecution, now: float) -> float:
    """Return the seconds of a visit, until now if it has not ended."""
    end = now if visit.ended is None else visit.ended
    return end - visit.started


def _format_error(visits: list[TaskExecution]) -> str:
    """Return the error of the last visit that has one, with the number of the visit."""
    for visit in reversed(visits):
        if visit.error is not None:
            message = shortened(visit.error.message, _MAX_ERROR_LENGTH)
            return f"#{visit.visit}: {message}" if len(visits) > 1 else message
    return ""

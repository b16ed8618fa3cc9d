"""The results of a run that an earlier run made, or code that has changed since."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from attune_nb.events import AttemptsEnded, RetriesPlanned, RunResumed, RunStarted, TaskEnded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attune_nb.events import Event, Key

__all__ = ["ReusedPart", "find_reused"]


class ReusedPart(msgspec.Struct):
    """The reused results of one execution of a task.

    Attributes:
        attempts: How many of its first attempts are reused, of those with a row.
        items: How many of its items are.
        is_whole: Whether its outcome is reused.
        has_older_code: Whether the task, or code that its action uses, has changed since.
    """

    attempts: int = 0
    items: int = 0
    is_whole: bool = False
    has_older_code: bool = False

    def __str__(self) -> str:
        count = "all" if self.is_whole else f"{self.items:,}"
        return f"{count}, older code" if self.has_older_code else count


def find_reused(events: Sequence[Event]) -> dict[Key, ReusedPart]:
    """Return the executions with reused results, and how much of each is reused.

    In a fork and in a retry these are the results of the earlier run. In a run that was resumed
    with changed code they are the results from before the change.
    """
    every_task, changed_tasks = _find_limits(events)
    parts: dict[Key, ReusedPart] = {}
    for number, event in enumerate(events):
        if number >= every_task and not changed_tasks:
            break
        if not isinstance(event, AttemptsEnded | RetriesPlanned | TaskEnded):
            continue

        code_limit = _limit_of(event.task, changed_tasks)
        if number < max(every_task, code_limit):
            part = parts.setdefault((event.task, event.visit), ReusedPart())
            _add(part, event)
            if number < code_limit:
                part.has_older_code = True
    return parts


def _add(part: ReusedPart, event: AttemptsEnded | RetriesPlanned | TaskEnded) -> None:
    if isinstance(event, AttemptsEnded):
        part.attempts += len(event.batch)
        part.items += event.batch.count
    elif isinstance(event, RetriesPlanned):
        part.items -= event.count
    else:
        part.is_whole = True


def _find_limits(events: Sequence[Event]) -> tuple[int, dict[str, int]]:
    """Return how many events at the start of a log are reused: of every task, and of some."""
    is_fork = False
    every_task: int | None = None
    tasks: dict[str, int] = {}
    for number, event in enumerate(events):
        if isinstance(event, RunStarted):
            is_fork = bool(event.origin)
        elif isinstance(event, RunResumed):
            if every_task is None:
                every_task = number
            for task in event.changed:
                tasks[task] = number

    if not is_fork:
        return 0, tasks
    # a fork that had nothing left to run has not begun
    return len(events) if every_task is None else every_task, tasks


def _limit_of(task: str, limits: dict[str, int]) -> int:
    """Return the limit of a task; one within a changed parallel task has that of its parent."""
    limit = limits.get(task, 0)
    parent = task.partition("/")[0]
    return max(limit, limits.get(parent, 0))

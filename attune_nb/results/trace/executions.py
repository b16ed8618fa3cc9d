"""The task executions of a run, with their times in whole nanoseconds.

With integers, an execution never overlaps one that begins when it ends.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Literal

import msgspec

from attune_nb.results.timeline import TaskTimeline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attune_nb.events import ErrorInfo, Event, Key, TaskStatus
    from attune_nb.results.timeline import TaskExecution

__all__ = ["TracedExecution", "read_executions", "to_nanoseconds"]


def to_nanoseconds(seconds: float) -> int:
    """Return a time in whole nanoseconds."""
    return round(seconds * 1e9)


class TracedExecution(msgspec.Struct, kw_only=True):
    """One execution of a task. Times are in nanoseconds since the start of the run.

    Attributes:
        end: Its end, or the time of the run's last event while it is in progress.
        status: Its status; "unfinished" while it is in progress.
        first_start: The start of its first attempt.
        delay_ended: The end of its delay.
        question_opened: When its question was opened, or when it began to wait for an inquiry.
        wait_ended: When the inquiry that it waited for ended.
        retried_by_time: The number of attempts in a batch that will be retried, by the batch's
            time.
    """

    task: str
    visit: int
    start: int
    end: int
    status: TaskStatus | Literal["unfinished"] = "unfinished"
    error: ErrorInfo | None = None
    total: int | None = 1
    with_items: bool = False
    causes: tuple[Key, ...] = ()
    attempts: int = 0
    first_start: int | None = None
    delay_ended: int | None = None
    question_opened: int | None = None
    wait_ended: int | None = None
    retried_by_time: defaultdict[float, int] = msgspec.field(
        default_factory=lambda: defaultdict(int)
    )

    @property
    def key(self) -> Key:
        """The task's path and the visit."""
        return self.task, self.visit


def read_executions(events: Sequence[Event]) -> dict[Key, TracedExecution]:
    """Return every execution that the events describe, in the order of their first events."""
    timeline = TaskTimeline()
    timeline.read(events)
    now = to_nanoseconds(timeline.now)
    return {key: _in_nanoseconds(execution, now) for key, execution in timeline.executions.items()}


def _in_nanoseconds(execution: TaskExecution, now: int) -> TracedExecution:
    start = to_nanoseconds(execution.started)
    end = now
    status: TaskStatus | Literal["unfinished"] = "unfinished"
    if execution.ended is not None:
        end = to_nanoseconds(execution.ended)
        status = execution.status

    total = execution.exhausted_total
    if total is None:
        total = execution.planned

    return TracedExecution(
        task=execution.task,
        visit=execution.visit,
        start=start,
        end=max(start, end),
        status=status,
        error=execution.error,
        total=total,
        with_items=execution.with_items,
        causes=execution.causes,
        attempts=execution.attempts,
        first_start=_optional_nanoseconds(execution.first_start),
        delay_ended=_optional_nanoseconds(execution.delay_ended),
        question_opened=_optional_nanoseconds(execution.question_opened),
        wait_ended=_optional_nanoseconds(execution.wait_ended),
        retried_by_time=execution.retried_by_time,
    )


def _optional_nanoseconds(seconds: float | None) -> int | None:
    return None if seconds is None else to_nanoseconds(seconds)

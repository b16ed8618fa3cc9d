"""The task executions of a run as its events tell them, in whole nanoseconds.

Whole numbers, so that what ends where the next begins is never said to overlap it.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec

from attune_nb.results.timeline import TaskTimeline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attune_nb.events import ErrorInfo, Event, Key
    from attune_nb.results.timeline import TaskExecution

__all__ = ["Execution", "nanoseconds", "read_executions"]


def nanoseconds(seconds: float) -> int:
    """Give a time as whole nanoseconds."""
    return round(seconds * 1e9)


class Execution(msgspec.Struct, kw_only=True):
    """One execution of a task; times in nanoseconds since the start of the run.

    Attributes:
        end: Its end, or the run's last event while it is under way.
        status: How it ended; "unfinished" while it has not.
        began: When its first attempt began.
        released: When its delay was over.
        asked: When its question was opened.
        retried: How many of a batch's attempts are to be made again, by the batch's time.
    """

    task: str
    visit: int
    start: int
    end: int
    status: str = "unfinished"
    error: ErrorInfo | None = None
    total: int | None = 1
    with_items: bool = False
    causes: tuple[Key, ...] = ()
    attempts: int = 0
    began: int | None = None
    released: int | None = None
    asked: int | None = None
    retried: defaultdict[float, int] = msgspec.field(default_factory=lambda: defaultdict(int))

    @property
    def key(self) -> Key:
        """What the events call it."""
        return self.task, self.visit


def read_executions(events: Sequence[Event]) -> dict[Key, Execution]:
    """Return every execution that the events describe, in the order of their first events."""
    timeline = TaskTimeline()
    timeline.read(events)
    now = nanoseconds(timeline.now)
    return {key: _in_nanoseconds(execution, now) for key, execution in timeline.executions.items()}


def _in_nanoseconds(execution: TaskExecution, now: int) -> Execution:
    start = nanoseconds(execution.started)
    end = now
    status = "unfinished"
    if execution.ended is not None:
        end = nanoseconds(execution.ended)
        status = execution.status

    total = execution.exhausted_total
    if total is None:
        total = execution.planned

    return Execution(
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
        began=_optional_nanoseconds(execution.first_start),
        released=_optional_nanoseconds(execution.delay_ended),
        asked=_optional_nanoseconds(execution.question_opened),
        retried=execution.retried_by_time,
    )


def _optional_nanoseconds(seconds: float | None) -> int | None:
    return None if seconds is None else nanoseconds(seconds)

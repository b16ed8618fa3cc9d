"""The task executions of a run as its events tell them, in whole nanoseconds.

Whole numbers, so that what ends where the next begins is never said to overlap it.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec

from attune_nb.events import (
    AlarmRang,
    AskOpened,
    AttemptsEnded,
    RetriesPlanned,
    TaskEnded,
    TaskStarted,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attune_nb.events import ErrorInfo, Event, Key

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
    """Give every task execution that the events tell of, in the order in which they do."""
    found: dict[Key, Execution] = {}
    now = nanoseconds(max((each.time for each in events), default=0.0))

    def of(task: str, visit: int, time: float) -> Execution:
        """Find an execution; one that no event has started begins here."""
        key, start = (task, visit), nanoseconds(time)
        if key not in found:
            found[key] = Execution(task=task, visit=visit, start=start, end=max(start, now))
        return found[key]

    for event in events:
        if isinstance(event, AttemptsEnded):
            _count(of(event.task, event.visit, min(event.batch.start, default=event.time)), event)
        elif isinstance(event, RetriesPlanned):
            of(event.task, event.visit, event.time).retried[event.time] += event.count
        elif isinstance(event, TaskStarted):
            one = of(event.task, event.visit, event.time)
            one.total, one.with_items, one.causes = event.total, event.with_items, event.causes
        elif isinstance(event, AlarmRang) and event.kind == "delay":
            of(event.task, event.visit, event.time).released = nanoseconds(event.time)
        elif isinstance(event, AskOpened):
            of(event.task, event.visit, event.time).asked = nanoseconds(event.time)
        elif isinstance(event, TaskEnded):
            one = of(event.task, event.visit, event.time)
            one.end = max(one.start, nanoseconds(event.time))
            one.status, one.error = event.status, event.error
    return found


def _count(one: Execution, event: AttemptsEnded) -> None:
    one.attempts += len(event.batch)
    one.total = event.batch.total if event.batch.total is not None else one.total
    if len(event.batch):
        first = nanoseconds(min(event.batch.start))
        one.began = first if one.began is None else min(one.began, first)

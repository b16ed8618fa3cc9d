"""How far a run has come: a reader that keeps a small row for each task."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from attune_nb.events import (
    CANCELLED,
    AskOpened,
    AttemptsEnded,
    CancelRequested,
    PauseRequested,
    RerunRequested,
    ResumeRequested,
    RetriesPlanned,
    RunEnded,
    RunResumed,
    RunStarted,
    TaskEnded,
    TaskStarted,
)
from attune_nb.html import shortened
from attune_nb.results.durations import format_duration
from attune_nb.results.in_doubt import Doubt, format_in_doubt
from attune_nb.results.statuses import format_losses, format_pause

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from attune_nb.events import Event, Key, RunStatus, TaskStatus

__all__ = ["Progress", "TaskProgress"]

_BAR = 20  # characters
_ERROR = 80  # characters of the last error
_REASON = 300  # characters of why a run is paused
_SHOWN = 12  # tasks under way; of the ended ones, only those that failed are told


class TaskProgress(msgspec.Struct, kw_only=True):
    """How far one task execution has come. Times are seconds since the start of the run."""

    task: str
    visit: int
    total: int | None  # items, or 1; None while unknown
    with_items: bool
    started: float
    ended: float | None = None
    rested: float = 0.0  # seconds in which the run was paused, and began nothing
    status: TaskStatus = "running"
    attempts: int = 0
    retried: int = 0
    errors: int = 0  # attempts that failed
    cancelled: int = 0
    last_error: str = ""
    error: str | None = None  # why the task as a whole did not succeed

    @property
    def key(self) -> tuple[str, int]:
        """The task and how often it has run."""
        return self.task, self.visit

    @property
    def done(self) -> int:
        """How many items have ended for good."""
        return self.attempts - self.retried

    @property
    def failed(self) -> int:
        """How many items have failed for good."""
        return max(self.errors - self.retried, 0)

    @property
    def lost(self) -> str:
        """How many items have failed and how many were cancelled: `3 failed, 2 cancelled`."""
        return format_losses(self.failed, self.cancelled)

    @property
    def counted(self) -> str:
        """How many items of how many have ended: `1,996/2,000`, or `1,996/?`."""
        return f"{self.done:,}/{'?' if self.total is None else f'{self.total:,}'}"

    def rate(self, now: float) -> float:
        """Give the items that ended in a second, on average so far."""
        spent = (now if self.ended is None else self.ended) - self.started - self.rested
        return self.done / spent if spent > 0 else 0.0

    def left(self, now: float) -> float | None:
        """Give the seconds still to go at that rate, or None where nobody can know."""
        rate = self.rate(now)
        if self.total is None or not rate or self.ended is not None:
            return None
        return (self.total - self.done) / rate


class Progress:
    """Takes a run's events in, and tells in words how far it has come."""

    def __init__(self) -> None:
        self.name = "workflow"
        self.status: RunStatus = "pending"
        self.now = 0.0
        self.tasks: dict[Key, TaskProgress] = {}
        self._doubts: dict[tuple[str, int, int], Doubt] = {}
        self._reason = ""  # why it is paused, where somebody told
        self._paused_at = 0.0

    def read(self, events: Sequence[Event]) -> None:
        """Take new events in."""
        for event in events:
            self.now = max(self.now, event.time)
            if isinstance(event, AttemptsEnded):
                self._count(event)
            elif isinstance(event, RetriesPlanned):
                self.tasks[event.task, event.visit].retried += event.count
            elif isinstance(event, TaskStarted):
                self.tasks[event.task, event.visit] = TaskProgress(
                    task=event.task,
                    visit=event.visit,
                    total=event.total,
                    with_items=event.with_items,
                    started=event.time,
                )
            elif isinstance(event, AskOpened):
                self.tasks[event.task, event.visit].status = "waiting"
            elif isinstance(event, TaskEnded):
                self._end(event)
            elif isinstance(event, RunStarted):
                self.name, self.status = event.workflow, "running"
            elif isinstance(event, RunEnded):
                self.status = event.status
            else:
                self._turn(event)

    @property
    def doubts(self) -> list[Doubt]:
        """The attempts that wait for a person's word."""
        return list(self._doubts.values())

    @property
    def pause(self) -> str:
        """Why the run is paused and what lets it go on; nothing where it is not paused.

        What lets a run go on that waits for a person's word is told with its doubts.
        """
        if self.status != "paused" or (self._doubts and not self._reason):
            return ""
        return format_pause(shortened(self._reason, _REASON))

    def _pause(self, time: float, reason: str = "") -> None:
        self.status, self._reason, self._paused_at = "paused", reason, time

    def _go_on(self, time: float, status: RunStatus = "running") -> None:
        """Leave the pause; its seconds do not count for the pace of what is under way."""
        for row in self.tasks.values():
            if row.ended is None:
                row.rested += max(time - max(self._paused_at, row.started), 0.0)
        self.status, self._reason = status, ""

    def _decide(self, time: float, task: str, visit: int, indices: Iterable[int]) -> None:
        """Drop doubts that were decided; with the last of them the run goes on."""
        before = len(self._doubts)
        for index in indices:
            self._doubts.pop((task, visit, index), None)
        if before and not self._doubts and self.status == "paused":
            self._go_on(time)

    def _turn(self, event: Event) -> None:
        """Take in what was asked for, as far as the conductor does it."""
        if isinstance(event, CancelRequested):
            if self.status == "paused":
                self._go_on(event.time)
            self.status, self._doubts = "cancelling", {}
        elif isinstance(event, PauseRequested) and self.status == "running":
            self._pause(event.time, event.reason)
        elif isinstance(event, ResumeRequested) and self.status == "paused":
            self._go_on(event.time)
        elif isinstance(event, RerunRequested):
            self._decide(event.time, event.task, event.visit, [event.index])
        elif isinstance(event, RunResumed):
            self._take_up(event)

    def _take_up(self, event: RunResumed) -> None:
        self._doubts = {each[:3]: Doubt(*each) for each in event.doubts}
        if self.status == "paused":
            self._go_on(event.time)
        if self._doubts and self.status == "running":
            self._pause(event.time)

    def _count(self, event: AttemptsEnded) -> None:
        row, batch = self.tasks[event.task, event.visit], event.batch
        if self._doubts:
            self._decide(event.time, event.task, event.visit, batch.index)
        row.attempts += len(batch)
        row.errors += batch.failed
        row.cancelled += batch.cancelled
        row.total = batch.total if row.total is None else row.total
        failed = [row for row in batch.errors if batch.status[row] != CANCELLED]
        if failed:
            row.last_error = batch.errors[max(failed)].message

    def _end(self, event: TaskEnded) -> None:
        key = (event.task, event.visit)
        if key not in self.tasks:  # skipped, or an expression failed before it could start
            self.tasks[key] = TaskProgress(
                task=event.task, visit=event.visit, total=1, with_items=False, started=event.time
            )
        row = self.tasks[key]
        row.status, row.ended = event.status, event.time
        row.error = event.error.message if event.error is not None else None

    def heading(self) -> str:
        """Give the run's state in a line."""
        return f"{self.name}: {self.status} after {format_duration(self.now)}"

    def rows(self, most: int = _SHOWN) -> tuple[list[TaskProgress], int]:
        """Give the tasks that failed and those under way; and how many more are under way."""
        open_rows = [row for row in self.tasks.values() if row.ended is None]
        bad = [row for row in self.tasks.values() if row.status in ("failed", "timed_out")]
        return [*bad[-3:], *open_rows[:most]], max(len(open_rows) - most, 0)

    def text(self) -> str:
        """Give the heading, and a line for each task that is under way or has failed."""
        rows, more = self.rows()
        width = max((len(row.task) for row in rows), default=0)
        lines = [f"  {row.task:<{width}}  {self._line(row)}" for row in rows]
        if more:
            lines.append(f"  and {more:,} more tasks")
        if self._doubts:
            lines.append(f"  {format_in_doubt(self.doubts)}")
        if self.pause:
            lines.append(f"  {self.pause}")
        return "\n".join([self.heading(), *lines])

    def pace(self, row: TaskProgress) -> tuple[str, str]:
        """Give the rate of a task's items and the time left; neither while nothing is begun."""
        if not row.with_items or not row.done or row.ended is not None or self.status == "paused":
            return "", ""
        left = row.left(self.now)
        told = f"{format_duration(left)} left" if left is not None else ""
        return f"{row.rate(self.now):,.0f}/s", told

    def _line(self, row: TaskProgress) -> str:
        if not row.with_items:
            wait = (
                "" if row.ended is not None else f" for {format_duration(self.now - row.started)}"
            )
            again = f", attempt {row.attempts + 1}" if row.attempts and row.ended is None else ""
            return f"{row.status}{wait}{again}"
        told = [f"{_bar(row)} {row.counted}"]
        if row.lost:
            told.append(row.lost)
        told += filter(None, self.pace(row))
        if row.last_error and row.failed:
            told.append(f"last error: {shortened(row.last_error, _ERROR)}")
        return "  ".join(told)


def _bar(row: TaskProgress) -> str:
    share = row.done / row.total if row.total else 0.0
    full = min(_BAR, int(share * _BAR))
    return "█" * full + "░" * (_BAR - full)

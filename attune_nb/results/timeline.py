"""The executions of a run's tasks, read from its events: for progress, metrics, traces."""

from __future__ import annotations

from collections import defaultdict
from math import inf
from typing import TYPE_CHECKING

import msgspec

from attune_nb.events import (
    CANCELLED,
    AlarmRang,
    AskOpened,
    AttemptsEnded,
    Batch,
    ErrorInfo,
    InquiryAwaited,
    InquiryEnded,
    Key,
    RetriesPlanned,
    TaskEnded,
    TaskStarted,
    TaskStatus,
)
from attune_nb.results.statuses import format_losses

if TYPE_CHECKING:
    from collections.abc import Iterable

    from attune_nb.events import Event

__all__ = ["TaskExecution", "TaskTimeline"]


class TaskExecution(msgspec.Struct, kw_only=True):
    """One execution of a task so far. Times are in seconds since the start of the run.

    Attributes:
        planned: The items when it started, 1 without items; None if their number was unknown.
        begun: The items that have begun, once no more will because of `max_failures`.
        exhausted_total: The items of a source that was read to its end, or to where the task
            was stopped.
        delay_ended: The end of its delay.
        question_opened: When its question was opened, or when it began to wait for an inquiry.
        wait_ended: When the inquiry that it waited for ended.
        attempts: The attempts that have ended.
        unbegun: Those that were cancelled before they began, which are no attempts.
        failed_attempts: Those that failed or timed out.
        cancelled: Those that were cancelled.
        retried: Those that will be made again.
        repeated: The attempts that were made again and have ended.
        retried_by_time: The same as `retried`, by the time of the batch that they were in.
        last_error: The message of the last attempt that failed.
        batches: The attempts that have ended.
    """

    task: str
    visit: int
    started: float
    planned: int | None = 1
    exhausted_total: int | None = None
    begun: int | None = None
    with_items: bool = False
    concurrency: int = 1
    causes: tuple[Key, ...] = ()
    delay_ended: float | None = None
    question_opened: float | None = None
    wait_ended: float | None = None
    ended: float | None = None
    status: TaskStatus = "running"
    error: ErrorInfo | None = None
    attempts: int = 0
    unbegun: int = 0
    failed_attempts: int = 0
    cancelled: int = 0
    retried: int = 0
    repeated: int = 0
    retried_by_time: defaultdict[float, int] = msgspec.field(
        default_factory=lambda: defaultdict(int)
    )
    last_error: str = ""
    batches: list[Batch] = msgspec.field(default_factory=list)

    @property
    def duration(self) -> float:
        """The seconds from its start to its end; 0 if it has not ended."""
        if self.ended is None:
            return 0.0
        return self.ended - self.started

    @property
    def key(self) -> Key:
        """The task's path and the visit."""
        return self.task, self.visit

    @property
    def total(self) -> int | None:
        """The items, also of a task that was stopped; 1 without items, None while unknown."""
        return self.exhausted_total if self.planned is None else self.planned

    @property
    def done(self) -> int:
        """The items that have ended for good."""
        return self.attempts + self.unbegun - self.retried

    @property
    def failed(self) -> int:
        """The items that have failed for good."""
        return max(self.failed_attempts - self.retried, 0)

    @property
    def skipped(self) -> int:
        """The items that never began, because too many others failed; 0 until the task's end."""
        if self.ended is None or self.begun is None or self.total is None:
            return 0
        return max(self.total - self.begun, 0)

    @property
    def retrying(self) -> int:
        """The items that wait for another attempt, or are in one; 0 once the task has ended."""
        if self.ended is not None:
            return 0
        return max(self.retried - self.repeated, 0)

    @property
    def losses(self) -> str:
        """The items that failed, retry, were cancelled or skipped: `3 failed, 2 retrying`."""
        return format_losses(self.failed, self.cancelled, self.skipped, self.retrying)

    @property
    def item_counts(self) -> str:
        """The items that have ended, and all of them: `1,996/2,000`, or `1,996/?`."""
        total = "?" if self.total is None else f"{self.total:,}"
        return f"{self.done:,}/{total}"

    @property
    def first_attempts(self) -> int:
        """The items of which an attempt has ended; counted anew at each call."""
        return sum(batch.first_attempts for batch in self.batches)

    @property
    def first_start(self) -> float | None:
        """The start of the first attempt; sought anew at each call."""
        starts = []
        for batch in self.batches:
            starts.append(min(batch.made_starts(), default=inf))
            starts += [group.start for group in batch.groups if group.begun]
        first = min(starts, default=inf)
        return None if first == inf else first

    def add_batch(self, batch: Batch) -> None:
        """Add attempts that have ended. The cost does not grow with those before."""
        count = batch.count
        self.batches.append(batch)
        made = batch.made
        self.attempts += made
        self.unbegun += count - made
        if batch.total is not None:
            self.exhausted_total = batch.total
        if batch.begun is not None:
            self.begun = batch.begun

        if self.retried:
            self.repeated += count - batch.first_attempts

        # nearly all batches end here
        if batch.succeeded == count:
            return

        self.failed_attempts += batch.failed
        self.cancelled += batch.cancelled
        failed_rows = [row for row in batch.errors if batch.status[row] != CANCELLED]
        if failed_rows:
            self.last_error = batch.errors[max(failed_rows)].message
        for group in batch.groups:
            if group.status != CANCELLED and group.message:
                self.last_error = group.message


class TaskTimeline:
    """Reads events one after another and keeps the executions of tasks up to date.

    Attributes:
        executions: The executions in order of their first events.
        now: The time of the last event.
    """

    def __init__(self) -> None:
        self.executions: dict[Key, TaskExecution] = {}
        self.now = 0.0
        # by the id of the inquiry
        self._awaited: defaultdict[int, list[TaskExecution]] = defaultdict(list)

    def read(self, events: Iterable[Event]) -> None:
        """Read events, the oldest first."""
        for event in events:
            self.add(event)

    def add(self, event: Event) -> TaskExecution | None:
        """Read one event, and return the execution that it is about, if it is about one.

        An execution whose start is not among the events starts with its first event: a task
        that was skipped has no start, nor has one whose expression failed.
        """
        self.now = max(self.now, event.time)

        if isinstance(event, AttemptsEnded):
            execution = self.executions.get((event.task, event.visit))
            if execution is None:
                start = min(event.batch.start, default=event.time)
                execution = self._find(event.task, event.visit, start)
            execution.add_batch(event.batch)
        elif isinstance(event, RetriesPlanned):
            execution = self._find(event.task, event.visit, event.time)
            execution.retried += event.count
            execution.retried_by_time[event.time] += event.count
        elif isinstance(event, TaskStarted):
            execution = self._find(event.task, event.visit, event.time)
            execution.planned = event.total
            execution.with_items = event.with_items
            execution.concurrency = event.concurrency
            execution.causes = event.causes
        elif isinstance(event, TaskEnded):
            execution = self._find(event.task, event.visit, event.time)
            execution.ended = event.time
            execution.status = event.status
            execution.error = event.error
        elif isinstance(event, AskOpened | InquiryAwaited):
            return self._begin_wait(event)
        elif isinstance(event, InquiryEnded):
            self._end_waits(event)
            return None
        elif isinstance(event, AlarmRang) and event.kind == "delay":
            execution = self._find(event.task, event.visit, event.time)
            execution.delay_ended = event.time
        else:
            return None
        return execution

    def _begin_wait(self, event: AskOpened | InquiryAwaited) -> TaskExecution:
        """Note that a task waits for an answer. A task whose action asks goes on."""
        execution = self._find(event.task, event.visit, event.time)
        if isinstance(event, AskOpened) and event.inquiry:
            return execution

        execution.question_opened = event.time
        execution.status = "waiting"
        if isinstance(event, InquiryAwaited):
            self._awaited[event.inquiry].append(execution)
        return execution

    def _end_waits(self, event: InquiryEnded) -> None:
        """Note that the tasks which waited for an inquiry go on."""
        for execution in self._awaited.pop(event.inquiry, []):
            if execution.ended is None:
                execution.wait_ended = event.time
                execution.status = "running"

    def _find(self, task: str, visit: int, time: float) -> TaskExecution:
        """Return an execution, or a new one that starts now."""
        execution = self.executions.get((task, visit))
        if execution is None:
            execution = TaskExecution(task=task, visit=visit, started=time)
            self.executions[task, visit] = execution
        return execution

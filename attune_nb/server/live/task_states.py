"""The state of a task with all its executions."""

from __future__ import annotations

import msgspec

from attune_nb.events import TaskStatus  # noqa: TC001 - msgspec reads the annotations
from attune_nb.server.live.messages import TaskRow

__all__ = ["FAILED", "TaskState", "add_totals"]

FAILED = ("failed", "timed_out")
"""The statuses of executions that have failed."""


def add_totals(total: int | None, more: int | None) -> int | None:
    """Return the sum of two numbers of items; None if one of them is unknown."""
    if total is None or more is None:
        return None
    return total + more


class OpenVisit(msgspec.Struct):
    """An execution of a task that has not ended; its attempts are counted by the task.

    Attributes:
        started: The time of its first event, or of its first attempt.
        planned: The items when it started; None if their number was unknown.
        exhausted_total: The items of a source that was read to its end.
        begun: The items that have begun, once no more will because of `max_failures`.
        status: Its status.
        waiting: When it began to wait for an answer or an inquiry.
        retried: The attempts that will be made again.
        repeated: The attempts that were made again and have ended.
    """

    started: float
    planned: int | None = 1
    exhausted_total: int | None = None
    begun: int | None = None
    status: TaskStatus = "running"
    waiting: float | None = None
    retried: int = 0
    repeated: int = 0

    @property
    def total(self) -> int | None:
        """The items; None while their number is unknown."""
        return self.exhausted_total if self.planned is None else self.planned

    @property
    def retrying(self) -> int:
        """The items that wait for another attempt, or are in one."""
        return max(self.retried - self.repeated, 0)

    @property
    def skipped(self) -> int:
        """The items that never began, if it has ended."""
        if self.begun is None or self.total is None:
            return 0
        return max(self.total - self.begun, 0)

    def wait(self, time: float) -> None:
        """Wait for an answer or an inquiry."""
        self.status = "waiting"
        self.waiting = time


class _VisitNumbers:
    """A set of visits in which a long range from 1 takes no memory."""

    def __init__(self) -> None:
        self._bound = 0
        self._above: set[int] = set()

    def __len__(self) -> int:
        return self._bound + len(self._above)

    def __contains__(self, visit: int) -> bool:
        return 1 <= visit <= self._bound or visit in self._above

    def add(self, visit: int) -> None:
        self._above.add(visit)
        while self._bound + 1 in self._above:
            self._bound += 1
            self._above.remove(self._bound)


class TaskState:
    """A task with all its executions; its counts are their sums.

    Attributes:
        task: The task's path.
        number: Its place in the order in which the tasks began, from 0.
        open: The executions that have not ended, by visit.
        with_items: Whether the task has items.
        attempts: The attempts that have ended.
        unbegun: Those that were cancelled before they began, which are no attempts.
        failed_attempts: Those that failed or timed out.
        cancelled: Those that were cancelled.
        retried: Those that were, or will be, made again.
        error: The message of the last error.
    """

    def __init__(self, task: str, number: int) -> None:
        self.task = task
        self.number = number
        self.open: dict[int, OpenVisit] = {}
        self.with_items = False

        self.attempts = 0
        self.unbegun = 0
        self.failed_attempts = 0
        self.cancelled = 0
        self.retried = 0
        self.error = ""

        self._visits = _VisitNumbers()
        # of the executions that have ended
        self._total: int | None = 0
        self._skipped = 0
        self._failed_visits = 0
        # of the last one that ended
        self._status: TaskStatus = "running"
        self._started = 0.0
        self._ended: float | None = None

    def find(self, visit: int, start: float) -> OpenVisit:
        """Return an open execution, or a new one with its start.

        A late event of an execution that has ended gets one that is not among the open ones.
        """
        execution = self.open.get(visit)
        if execution is None:
            execution = OpenVisit(started=start)
            if visit not in self._visits:
                self._visits.add(visit)
                self.open[visit] = execution
        return execution

    def end(self, visit: int, execution: OpenVisit, time: float, status: TaskStatus) -> None:
        """End an execution, and keep only its sums."""
        if self.open.pop(visit, None) is None:
            return

        self._status = status
        self._started = execution.started
        self._ended = time
        self._skipped += execution.skipped
        self._total = add_totals(self._total, execution.total)
        if status in FAILED:
            self._failed_visits += 1

    def stop_waiting(self, visit: int) -> None:
        """Let an execution go on that has waited for an inquiry."""
        execution = self.open.get(visit)
        if execution is not None:
            execution.status = "running"
            execution.waiting = None

    def row(self, children: int) -> TaskRow:
        """Return the row of the task.

        Args:
            children: The child runs that it has begun.
        """
        status = self._status
        started = self._started
        ended = self._ended
        waiting = None
        total = self._total
        retrying = 0
        if self.open:
            newest = self.open[max(self.open)]
            status = newest.status
            waiting = newest.waiting
            started = min(execution.started for execution in self.open.values())
            ended = None
        for execution in self.open.values():
            total = add_totals(total, execution.total)
            retrying += execution.retrying

        failed = max(self.failed_attempts - self.retried, 0)
        error = self.error
        if not self.open and not failed and not self._failed_visits:
            # of an attempt that was made again with success
            error = ""
        return TaskRow(
            task=self.task,
            number=self.number,
            visits=len(self._visits),
            open=len(self.open),
            failed_visits=self._failed_visits,
            status=status,
            with_items=self.with_items,
            total=total,
            done=self.attempts + self.unbegun - self.retried,
            failed=failed,
            cancelled=self.cancelled,
            skipped=self._skipped,
            retrying=retrying,
            retried=self.retried,
            attempts=self.attempts,
            started=started,
            ended=ended,
            waiting=waiting,
            error=error,
            children=children,
        )

"""The attempts of a job that have ended, column by column."""

from __future__ import annotations

import threading
import time
from array import array
from typing import TYPE_CHECKING, Any

from attune_nb.backends.attempt.attempt import cancelled_error
from attune_nb.events import CANCELLED, NO_WORKER, SUCCEEDED, Batch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from attune_nb.backends.attempt.failure_limit import FailureLimit
    from attune_nb.backends.attempt.job_spec import JobSpec
    from attune_nb.events import ErrorInfo

__all__ = ["CountingColumns", "ResultColumns", "WorkerColumns", "build_batch", "make_columns"]

# in a job over very many items: rows that may wait for the driver, and the seconds that a worker
# then pauses. Threads that never pause leave the driver too little time of the interpreter.
_MOST_ROWS = 50_000
_DRIVER_TURN = 0.001

_BATCH_COLUMNS = ("index", "attempt", "start", "duration", "results", "status")


class ResultColumns:
    """The attempts of a job that have ended and were not collected yet.

    Each worker records its own attempts in columns of its own, without a lock. Attempts that
    another thread records for a worker, and batches from other processes, are held under a lock.

    Args:
        clock: Returns the seconds since the start of the run.
        lazy: Whether to keep the items, which cannot be read again.
    """

    def __init__(self, clock: Callable[[], float], *, lazy: bool) -> None:
        self._clock = clock
        self._lazy = lazy
        self._by_worker: dict[int, WorkerColumns] = {}
        # guards the following attributes
        self._lock = threading.Lock()
        self._shared = WorkerColumns(lazy=lazy)
        self._shared_workers: list[int] = []  # the worker of each row of `_shared`
        self._batches: list[Batch] = []

    def record(
        self,
        index: int,
        attempt: int,
        worker: int,
        start: float,
        item: Any,
        code: int,
        result: Any,
        cause: ErrorInfo | None,
    ) -> None:
        """Record that an attempt which began at `start` has ended just now.

        Only the worker's own thread may call it: it takes no lock.
        """
        columns = self._by_worker.get(worker)
        if columns is None:
            columns = self._by_worker[worker] = WorkerColumns(lazy=self._lazy)

        columns.add(index, attempt, start, self._clock() - start, code, result, cause, item)

    def record_failure(
        self,
        worker: int,
        index: int,
        attempt: int,
        start: float,
        item: Any,
        code: int,
        cause: ErrorInfo,
    ) -> None:
        """Record that an attempt failed, from any thread."""
        with self._lock:
            duration = self._clock() - start
            self._shared.add(index, attempt, start, duration, code, None, cause, item)
            self._shared_workers.append(worker)

    def record_cancelled(
        self, index: int, attempt: int, worker: int, start: float, item: Any
    ) -> None:
        """Record that an attempt was cancelled while it ran, from any thread."""
        self.record_failure(worker, index, attempt, start, item, CANCELLED, cancelled_error())

    def record_unbegun(self, index: int, attempt: int, item: Any) -> None:
        """Record that an attempt was cancelled before it began, from any thread."""
        error = cancelled_error()
        self.record_failure(NO_WORKER, index, attempt, self._clock(), item, CANCELLED, error)

    def add_batch(self, batch: Batch) -> None:
        """Add attempts that another process has made and timed, from any thread."""
        with self._lock:
            self._batches.append(batch)

    def count_rows(self) -> int:
        """Return how many attempts are recorded and not collected, batches left out."""
        with self._lock:
            all_columns = [self._shared, *self._by_worker.values()]
            return sum(len(columns.status) for columns in all_columns)

    def count_uncollected(self) -> int:
        """Return how many attempts are recorded and not collected, with those of batches."""
        with self._lock:
            batch_rows = sum(map(len, self._batches))
        return self.count_rows() + batch_rows

    def has_failures(self) -> bool:
        """Return whether an attempt that was not collected did not succeed."""
        with self._lock:
            all_columns = [self._shared, *self._by_worker.values()]
            has_errors = any(batch.errors for batch in self._batches)
        return has_errors or any(any(columns.status) for columns in all_columns)

    def collect(self, total: int | None) -> Batch | None:
        """Take all rows; return None if there are none and `total` is None.

        Only the driver's thread may call it.

        Args:
            total: The number of items, if it is to be reported.
        """
        ready = [pair for pair in list(self._by_worker.items()) if pair[1].status]
        if total is None and not ready and not self._shared_workers and not self._batches:
            return None

        parts = [(worker, columns.take()) for worker, columns in ready]
        with self._lock:
            shared_workers = self._shared_workers
            self._shared_workers = []
            shared = self._shared.take()
            batches = self._batches
            self._batches = []

        return build_batch(parts, (shared_workers, shared), batches, lazy=self._lazy, total=total)


class CountingColumns(ResultColumns):
    """Columns of a job that stops at a number of failed items, which they count.

    A failure is counted when its row can be collected, so the rows of a batch that is collected
    after the limit was exceeded include the failures that exceed it.
    """

    def __init__(self, clock: Callable[[], float], limit: FailureLimit, *, lazy: bool) -> None:
        super().__init__(clock, lazy=lazy)
        self._limit = limit

    def record(
        self,
        index: int,
        attempt: int,
        worker: int,
        start: float,
        item: Any,
        code: int,
        result: Any,
        cause: ErrorInfo | None,
    ) -> None:
        """Record that an attempt has ended just now, and count it if it failed."""
        super().record(index, attempt, worker, start, item, code, result, cause)
        self._count(attempt, code, cause)

    def record_failure(
        self,
        worker: int,
        index: int,
        attempt: int,
        start: float,
        item: Any,
        code: int,
        cause: ErrorInfo,
    ) -> None:
        """Record that an attempt failed or was cancelled, and count it if it failed."""
        super().record_failure(worker, index, attempt, start, item, code, cause)
        self._count(attempt, code, cause)

    def add_batch(self, batch: Batch) -> None:
        """Add attempts that another process has made, and count those that failed."""
        super().add_batch(batch)
        for row, cause in batch.errors.items():
            self._count(batch.attempt[row], batch.status[row], cause)

    def _count(self, attempt: int, code: int, cause: ErrorInfo | None) -> None:
        if code not in (SUCCEEDED, CANCELLED):
            self._limit.count_failure(attempt, cause)


class _BoundedColumns(ResultColumns):
    """Columns of a job over very many items: a worker that is ahead of the driver waits.

    Args:
        clock: Returns the seconds since the start of the run.
        lazy: Whether to keep the items, which cannot be read again.
        most_rows: The rows of a worker from which on it waits.
        drops_items: Whether only the items of attempts that did not succeed are kept.
    """

    def __init__(
        self, clock: Callable[[], float], *, lazy: bool, most_rows: int, drops_items: bool
    ) -> None:
        super().__init__(clock, lazy=lazy)
        self._most_rows = most_rows
        self._drops_items = drops_items

    def record(
        self,
        index: int,
        attempt: int,
        worker: int,
        start: float,
        item: Any,
        code: int,
        result: Any,
        cause: ErrorInfo | None,
    ) -> None:
        """Record that an attempt has ended just now, and let the driver run if it is behind."""
        if self._drops_items and not code:
            item = None
        super().record(index, attempt, worker, start, item, code, result, cause)
        if len(self._by_worker[worker].status) >= self._most_rows:
            time.sleep(_DRIVER_TURN)


def make_columns(spec: JobSpec, limit: FailureLimit | None, *, lazy: bool) -> ResultColumns:
    """Return the columns of a job.

    Args:
        spec: The settings of the job.
        limit: Counts the failures, if their number is limited.
        lazy: Whether to keep the items, which cannot be read again.
    """
    if limit is not None:
        return CountingColumns(spec.clock, limit, lazy=lazy)
    if spec.gathers or spec.drops_results:
        return _BoundedColumns(
            spec.clock,
            lazy=lazy,
            most_rows=max(1, _MOST_ROWS // spec.concurrency),
            drops_items=spec.drops_results,
        )
    return ResultColumns(spec.clock, lazy=lazy)


class WorkerColumns:
    """The attempts that one worker has recorded.

    One thread adds rows and another takes them, without a lock: a row counts once its status is
    there, which is written last, and `take` removes only rows that count. So a worker pays a few
    appends for an item, and the driver copies whole columns, however busy the interpreter is.
    """

    __slots__ = ("attempt", "causes", "duration", "index", "items", "results", "start", "status")

    def __init__(self, *, lazy: bool) -> None:
        self.index = array("q")
        self.attempt = array("q")
        self.start = array("d")
        self.duration = array("d")
        self.results: list[Any] = []
        self.causes: list[ErrorInfo | None] = []
        self.items: list[Any] | None = [] if lazy else None
        self.status = bytearray()

    def add(
        self,
        index: int,
        attempt: int,
        start: float,
        duration: float,
        code: int,
        result: Any,
        cause: ErrorInfo | None,
        item: Any,
    ) -> None:
        """Add a row, from the only thread that adds any."""
        self.index.append(index)
        self.attempt.append(attempt)
        self.start.append(start)
        self.duration.append(duration)
        self.results.append(result)
        self.causes.append(cause)
        if self.items is not None:
            self.items.append(item)
        self.status.append(code)

    def extend(self, columns: WorkerColumns) -> None:
        """Add the rows of other columns, to which no thread adds any more."""
        for name in self.__slots__:
            column = getattr(self, name)
            if column is not None:
                column.extend(getattr(columns, name))

    def append(self, batch: Batch) -> None:
        """Add the rows of a batch."""
        for name in _BATCH_COLUMNS:
            getattr(self, name).extend(getattr(batch, name))

        self.causes.extend(map(batch.errors.get, range(len(batch))))
        if self.items is not None and batch.items is not None:
            self.items.extend(batch.items)

    def take(self) -> WorkerColumns:
        """Remove and return the rows that count, from the only thread that takes any."""
        count = len(self.status)
        taken_rows = WorkerColumns(lazy=self.items is not None)

        for name in self.__slots__:
            column = getattr(self, name)
            if column is not None:
                setattr(taken_rows, name, column[:count])
                del column[:count]

        return taken_rows


def build_batch(
    parts: Iterable[tuple[int, WorkerColumns]],
    shared: tuple[list[int], WorkerColumns],
    batches: Sequence[Batch] = (),
    *,
    lazy: bool,
    total: int | None,
) -> Batch:
    """Return one batch of the rows of several workers.

    Args:
        parts: The number and the rows of each worker.
        shared: The worker's number of each row, and rows of any workers.
        batches: Batches from other processes.
        lazy: Whether to keep the items.
        total: The number of items, if it is to be reported.
    """
    columns = WorkerColumns(lazy=lazy)
    workers = array("q")

    for worker, part in parts:
        workers.extend(array("q", [worker]) * len(part.status))
        columns.extend(part)

    workers.extend(shared[0])
    columns.extend(shared[1])

    for batch in batches:
        workers.extend(batch.worker)
        columns.append(batch)

    return Batch(
        index=columns.index,
        attempt=columns.attempt,
        worker=workers,
        start=columns.start,
        duration=columns.duration,
        status=bytes(columns.status),
        results=columns.results,
        errors=_errors_by_row(columns.causes),
        items=columns.items,
        total=total,
    )


def _errors_by_row(causes: list[ErrorInfo | None]) -> dict[int, ErrorInfo]:
    if causes.count(None) == len(causes):
        return {}

    return {row: cause for row, cause in enumerate(causes) if cause is not None}

"""The contract between the driver and the places where attempts run."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

from attune_nb.actions.cancel import CancelToken
from attune_nb.backends.attempt import CANCELLED, cancelled
from attune_nb.backends.columns import Columns, batch_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from attune_nb.backends.attempt import Call
    from attune_nb.events import Batch, ErrorInfo, Key

__all__ = ["Backend", "Job"]


class Job:
    """One task execution at a backend: a call, and the items to make it for.

    `items` is None for a task without items. Where it has a length the items are read by
    number; otherwise (`lazy`) they are pulled from `source` one at a time, once.
    """

    def __init__(
        self,
        key: Key,
        call: Call,
        items: Any,
        total: int | None,
        concurrency: int,
        *,
        clock: Callable[[], float],
        retries: bool,
        timeout: float | None = None,
    ) -> None:
        self.key = key
        self.call = call
        self.total = total
        self.concurrency = concurrency
        self.cancel = CancelToken()
        self.clock = clock  # seconds since the start of the run
        self.retries = retries
        self.timeout = timeout  # seconds for one attempt
        self.plain = items is None
        self.items: Any = (None,) if items is None else items
        self.lazy = not hasattr(self.items, "__len__")
        self.source: Iterator[tuple[int, Any]] = enumerate(self.items)
        self._columns: dict[int, Columns] = {}  # by worker
        self._others = Columns(lazy=self.lazy)  # what was recorded for a worker, not by it
        self._whose: list[int] = []  # the workers of these
        self._lock = threading.Lock()  # for these
        self.again: deque[tuple[int, int]] = deque()  # index, attempt
        self.kept: dict[int, Any] = {}  # index -> rendered input, while it may be tried again
        self.taken = 0  # items that an attempt was begun for, as far as they are counted
        self.stopped = False
        self.exhausted = False
        self._reported = False

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
        """Record how an attempt that began at `start` has ended just now.

        Only the thread that is the worker may call it: it takes no lock.
        """
        columns = self._columns.get(worker)
        if columns is None:
            columns = self._columns[worker] = Columns(lazy=self.lazy)
        columns.add(index, attempt, start, self.clock() - start, code, result, cause, item)

    def record_for(
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
            spent = self.clock() - start
            self._others.add(index, attempt, start, spent, code, None, cause, item)
            self._whose.append(worker)

    def give_up(self, index: int, attempt: int, worker: int, start: float, item: Any) -> None:
        """Record an attempt as cancelled: never made, or abandoned under way."""
        self.record_for(worker, index, attempt, start, item, CANCELLED, cancelled())

    def source_failed(self, worker: int, error: BaseException) -> None:
        """Record that the items' own code raised: the item to come failed, and is the last."""
        code, cause = self.call.describe(error)
        index, self.taken, self.exhausted = self.taken, self.taken + 1, True
        self.record_for(worker, index, 1, self.clock(), None, code, cause)

    def give_up_waiting(self) -> None:
        """Record as cancelled what was to be attempted again, and a task that never began."""
        waiting = list(self.again)
        self.again.clear()
        if self.plain and not self.taken:
            self.taken = 1
            waiting.append((0, 1))
        for index, attempt in waiting:
            self.give_up(index, attempt, 0, self.clock(), None)

    def drain(self) -> Batch | None:
        """Take the rows of the attempts that have ended since the last call."""
        total = self._total()  # first: what is counted in it will be among the rows in time
        ready = [each for each in list(self._columns.items()) if each[1].status]
        if total is None and not ready and not self._whose:
            return None
        parts = [(worker, each.take()) for worker, each in ready]
        with self._lock:
            whose, self._whose = self._whose, []
            others = self._others.take()
        return batch_of(parts, (whose, others), lazy=self.lazy, total=total)

    def _total(self) -> int | None:
        """Say once how many items there are, where that was not known or has changed."""
        ended = self.exhausted or self.stopped
        if self._reported or not ended or self.plain or self.taken == self.total:
            return None
        self._reported = True
        return self.taken


class Backend(Protocol):
    """Where attempts run. Every method is called from the driver's thread."""

    def start(self, job: Job) -> None:
        """Begin to make the attempts of a job."""

    def retry(self, key: Key, index: int, attempt: int) -> None:
        """Make one more attempt, with the same rendered input."""

    def stop(self, key: Key, *, force: bool) -> None:
        """Start no more attempts of a job; `force` gives up on those under way."""

    def hold(self, *, over: bool) -> None:
        """Begin no attempts of any job, also of those to come, until it is over."""

    def forget(self, key: Key) -> None:
        """Let go of a job whose task has ended; one that is not known is none to let go of."""

    def pump(self, timeout: float) -> None:
        """Let work be done, or wait for some to end, for about `timeout` seconds."""

    def drain(self) -> list[tuple[Key, Batch]]:
        """Give what has ended since the last call."""

    def close(self) -> None:
        """Let go of everything."""

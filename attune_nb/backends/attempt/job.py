"""A task's work for a backend: its call, its items, its results."""

from __future__ import annotations

import threading
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from attune_nb.actions.cancel import CancelToken
from attune_nb.backends.attempt.attempt import LEFT_BEHIND, cancelled
from attune_nb.backends.attempt.result_columns import Columns, batch_of
from attune_nb.errors import ActionError
from attune_nb.events import CANCELLED, FINAL

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from attune_nb.backends.attempt.attempt import Call
    from attune_nb.events import Batch, ErrorInfo, Key

__all__ = ["Job", "Past"]


class Past(NamedTuple):
    """What was done of a job before, where another engine was at it.

    Attributes:
        ended: For each item the number of its last attempt that ended, 0 for none; `FINAL` where
            no more are to be made.
        doubted: Items that are not to be attempted until `retry` says so.
    """

    ended: bytes
    doubted: Collection[int] = ()


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
        announce: Callable[[Key, int, int], None] | None = None,
        past: Past | None = None,
        selector: Mapping[str, Any] | None = None,
        keeps: bool = False,
    ) -> None:
        self.key = key
        self.call = call
        self.total = total
        self.concurrency = concurrency
        self.cancel = CancelToken()
        self.clock = clock  # seconds since the start of the run
        self.retries = retries
        self.timeout = timeout  # seconds for one attempt
        self.announce = announce  # told of each attempt before it is made
        self.selector: Mapping[str, Any] = selector or {}  # what a worker must have, if it can
        self.keeps = keeps  # leave the results where they are made, if that is elsewhere
        self.plain = items is None
        self.items: Any = (None,) if items is None else items
        self.lazy = not hasattr(self.items, "__len__")
        self.source: Iterator[tuple[int, Any]] = enumerate(self.items)
        self._columns: dict[int, Columns] = {}  # by worker
        self._others = Columns(lazy=self.lazy)  # what was recorded for a worker, not by it
        self._whose: list[int] = []  # the workers of these
        self._elsewhere: list[Batch] = []
        self._lock = threading.Lock()  # for these
        self.again: deque[tuple[int, int]] = deque()  # index, attempt
        self.kept: dict[int, Any] = {}  # index -> rendered input, while it may be tried again
        self.taken = 0  # items that an attempt was begun for, as far as they are counted
        self.stopped = False
        self.exhausted = False
        self._reported = False
        self.found: dict[int, Any] = {}  # index -> item, of those that a lazy source gave before
        self.gone: set[int] = set()  # items that it did not give again
        self.leaves = LEFT_BEHIND  # what becomes of a function that is past its time
        self.abandoned = 0  # functions that were past their time, and may still run
        if past is not None:
            self._go_on(past)

    def _go_on(self, past: Past) -> None:
        """Take up what was left: first what lies between items that have ended, then the rest."""
        first = max(len(past.ended.rstrip(b"\0")), *(each + 1 for each in past.doubted), 0)
        ended = past.ended.ljust(first, b"\0")
        self.taken = first
        self.again.extend(
            (index, 1) for index in range(first) if not ended[index] and index not in past.doubted
        )
        if not self.lazy:
            self.source = ((at, self.items[at]) for at in range(first, len(self.items)))
            return
        read = 0
        try:
            for index, item in islice(self.source, first):
                read = index + 1
                if ended[index] != FINAL:
                    self.found[index] = item
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - the items' own code raised
            self.source_failed(0, error)
        else:
            if read < first:
                self.source_failed(0, ActionError(_too_few(read)))
        self.gone.update(index for index in range(read, first) if ended[index] != FINAL)

    def next_item(self) -> tuple[int, Any] | None:
        """Read one more item, for one reader at a time; None where there is none to be had."""
        try:
            pair = next(self.source, None)
        except KeyboardInterrupt:
            raise  # where the items are read in the thread that a person interrupts
        except BaseException as error:  # noqa: BLE001 - the items' own code raised
            self.source_failed(0, error)
            return None
        if pair is None:
            self.exhausted = True
        else:
            self.taken += 1
        return pair

    def item_of(self, index: int) -> Any:
        """Give an item of which an attempt was to be made before."""
        return self.found.get(index) if self.lazy else self.items[index]

    def input_of(self, index: int, attempt: int, item: Any) -> Any:
        """Give what an attempt is made with: for all attempts of an item the same.

        Raises:
            ActionError: The item can be read only once, and was not given again.
            TemplateError: An expression fails.
        """
        if attempt > 1 and index in self.kept:
            return self.kept[index]
        if index in self.gone:
            raise ActionError(_too_few(index))
        return self.call.render(item, index)

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

    def take_in(self, batch: Batch) -> None:
        """Record attempts that were made, and timed, elsewhere."""
        with self._lock:
            self._elsewhere.append(batch)

    def recorded(self) -> int:
        """Give how many attempts are recorded and not drained."""
        with self._lock:
            return sum(len(each.status) for each in [self._others, *self._columns.values()])

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
        if total is None and not ready and not self._whose and not self._elsewhere:
            return None
        parts = [(worker, each.take()) for worker, each in ready]
        with self._lock:
            whose, self._whose = self._whose, []
            others = self._others.take()
            elsewhere, self._elsewhere = self._elsewhere, []
        return batch_of(parts, (whose, others), elsewhere, lazy=self.lazy, total=total)

    def _total(self) -> int | None:
        """Say once how many items there are, where that was not known or has changed."""
        ended = self.exhausted or self.stopped
        if self._reported or not ended or self.plain or self.taken == self.total:
            return None
        self._reported = True
        return self.taken


def _too_few(count: int) -> str:
    return (
        f"the source of the items ended before item {count}, which it gave before the run was "
        "resumed; give it the same items again"
    )

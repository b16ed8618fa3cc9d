"""The contract between the driver and the places where attempts run."""

from __future__ import annotations

from array import array
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

from attune_nb.actions.cancel import CancelToken
from attune_nb.backends.attempt import CANCELLED, cancelled
from attune_nb.events import Batch, ErrorInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from attune_nb.backends.attempt import Call
    from attune_nb.events import Key

__all__ = ["Backend", "Job"]

Row = tuple[int, int, int, float, float, int, Any, ErrorInfo | None, Any]
"""index, attempt, worker, start, duration, status code, result, error, item."""


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
        self.rows: deque[Row] = deque()
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
        """Record how an attempt that began at `start` has ended just now."""
        kept = item if self.lazy else None
        spent = self.clock() - start
        self.rows.append((index, attempt, worker, start, spent, code, result, cause, kept))

    def give_up(self, index: int, attempt: int, worker: int, start: float, item: Any) -> None:
        """Record an attempt as cancelled: never made, or abandoned under way."""
        self.record(index, attempt, worker, start, item, CANCELLED, None, cancelled())

    def source_failed(self, worker: int, error: BaseException) -> None:
        """Record that the items' own code raised: the item to come failed, and is the last."""
        code, cause = self.call.describe(error)
        index, self.taken, self.exhausted = self.taken, self.taken + 1, True
        self.record(index, 1, worker, self.clock(), None, code, None, cause)

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
        count = len(self.rows)
        rows = [self.rows.popleft() for _ in range(count)]
        total = self._total()
        if not rows and total is None:
            return None
        columns: list[Any] = list(zip(*rows, strict=True)) if rows else [()] * 9
        return Batch(
            index=array("q", columns[0]),
            attempt=array("q", columns[1]),
            worker=array("q", columns[2]),
            start=array("d", columns[3]),
            duration=array("d", columns[4]),
            status=bytes(columns[5]),
            results=list(columns[6]),
            errors={row: each for row, each in enumerate(columns[7]) if each is not None},
            items=list(columns[8]) if self.lazy else None,
            total=total,
        )

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

    def forget(self, key: Key) -> None:
        """Let go of a job whose task has ended; one that is not known is none to let go of."""

    def pump(self, timeout: float) -> None:
        """Let work be done, or wait for some to end, for about `timeout` seconds."""

    def drain(self) -> list[tuple[Key, Batch]]:
        """Give what has ended since the last call."""

    def close(self) -> None:
        """Let go of everything."""

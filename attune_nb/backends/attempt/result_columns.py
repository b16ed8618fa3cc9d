"""The ends of attempts, gathered in columns: what a worker writes and the driver takes."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

from attune_nb.events import Batch

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from attune_nb.events import ErrorInfo

__all__ = ["Columns", "batch_of"]


class Columns:
    """What one worker has recorded and nobody has taken yet.

    One thread adds, another takes, with no lock: a row counts once its status is there, which
    is written last; and taking removes only rows that count. So a worker pays a few appends for
    an item, and the driver copies whole columns, however busy the workers keep the interpreter.
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
        """Record one attempt."""
        self.index.append(index)
        self.attempt.append(attempt)
        self.start.append(start)
        self.duration.append(duration)
        self.results.append(result)
        self.causes.append(cause)
        if self.items is not None:
            self.items.append(item)
        self.status.append(code)

    def extend(self, other: Columns) -> None:
        """Add the rows of other columns, which nobody writes to any more."""
        for name in self.__slots__:
            own = getattr(self, name)
            if own is not None:
                own.extend(getattr(other, name))

    def append(self, batch: Batch) -> None:
        """Add the rows of a batch."""
        for name in ("index", "attempt", "start", "duration", "results", "status"):
            getattr(self, name).extend(getattr(batch, name))
        self.causes.extend(map(batch.errors.get, range(len(batch))))
        if self.items is not None:
            self.items.extend(batch.items or ())

    def take(self) -> Columns:
        """Give all rows that are whole, and let go of them."""
        count = len(self.status)
        taken = Columns(lazy=self.items is not None)
        for name in self.__slots__:
            own = getattr(self, name)
            if own is not None:
                setattr(taken, name, own[:count])
                del own[:count]
        return taken


def batch_of(
    parts: Iterable[tuple[int, Columns]],
    others: tuple[list[int], Columns],
    elsewhere: Sequence[Batch] = (),
    *,
    lazy: bool,
    total: int | None,
) -> Batch:
    """Put what several workers recorded into one batch.

    Args:
        parts: Each worker's number and rows.
        others: Rows of any workers, and the worker of each.
        elsewhere: Batches from elsewhere.
        lazy: Whether the items are kept.
        total: The number of items, where it is to be told.
    """
    whole, worker = Columns(lazy=lazy), array("q")
    for number, part in parts:
        worker.extend(array("q", [number]) * len(part.status))
        whole.extend(part)
    worker.extend(others[0])
    whole.extend(others[1])
    for each in elsewhere:
        worker.extend(each.worker)
        whole.append(each)
    return Batch(
        index=whole.index,
        attempt=whole.attempt,
        worker=worker,
        start=whole.start,
        duration=whole.duration,
        status=bytes(whole.status),
        results=whole.results,
        errors=_by_row(whole),
        items=whole.items,
        total=total,
    )


def _by_row(whole: Columns) -> dict[int, ErrorInfo]:
    if whole.causes.count(None) == len(whole.causes):
        return {}
    return {row: each for row, each in enumerate(whole.causes) if each is not None}

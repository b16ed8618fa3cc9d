"""The items of a job, read by index or pulled one at a time."""

from __future__ import annotations

import threading
from itertools import islice
from typing import TYPE_CHECKING, Any

from attune_nb.errors import ActionError
from attune_nb.events import FINAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["ItemSource", "missing_item_error"]


class ItemSource:
    """The items of a job.

    Items that have a length are read by index. Others are lazy: they are pulled from an iterator
    one at a time, once. A task without items has the single item None.

    One thread at a time may call `read_next`; several threads call `pull` instead. The methods
    that replace the items or their iterator are for the driver's thread, before the job starts.

    Attributes:
        is_single: Whether the task has no items, so that it makes one attempt only.
        items: The items.
        lazy: Whether the items have no length.
        started: How many items had their first attempt begun, as far as they are counted. The
            thread pool counts items that are read by index only when it stops.
        exhausted: Whether the iterator has ended.
        unavailable: Indexes of the items that a resumed job needs and that a lazy source did not
            give again.
    """

    def __init__(self, items: Any) -> None:
        self.is_single = items is None
        self.items: Any = (None,) if items is None else items
        self.lazy = not hasattr(self.items, "__len__")
        self.started = 0
        self.exhausted = False
        self.unavailable: set[int] = set()
        self._iterator: Iterator[tuple[int, Any]] = enumerate(self.items)
        self._remembered: dict[int, Any] = {}
        self._closed = False
        self._failed_index: int | None = None
        self._reading = threading.Lock()  # held while the items' own code runs
        self._lock = threading.Lock()  # held while items are counted

    def resume(self, last_attempts: bytes) -> None:
        """Skip the items that an earlier process has started.

        The items of a lazy source that may be attempted again are remembered.

        Args:
            last_attempts: For each of these items the number of its last attempt that ended: 0
                for none, `FINAL` if no more will be made.

        Raises:
            ActionError: A lazy source has fewer items than were started.
            BaseException: The items' own code raised. See `failed_index`.
        """
        count = len(last_attempts)
        self.started = count

        if not self.lazy:
            self._iterator = _read_from(self.items, count)
            return

        read = 0
        try:
            for index, item in islice(self._iterator, count):
                read = index + 1
                if last_attempts[index] != FINAL:
                    self._remembered[index] = item

            if read < count:
                raise missing_item_error(read)
        finally:
            self.unavailable.update(
                index for index in range(read, count) if last_attempts[index] != FINAL
            )

    def replace_items(self, items: Sequence[Any]) -> None:
        """Use other items, of the same number, in place of those that have a length."""
        self.items = items
        self._iterator = _read_from(items, self.started)

    def replace_iterator(
        self, wrap: Callable[[Iterator[tuple[int, Any]]], Iterator[tuple[int, Any]]]
    ) -> None:
        """Replace the iterator over indexes and items by one that a function makes of it."""
        self._iterator = wrap(self._iterator)

    def read_next(self) -> tuple[int, Any] | None:
        """Return the index and value of the next item, or None at the end.

        Raises:
            BaseException: The items' own code raised. See `failed_index`.
        """
        try:
            pair = next(self._iterator, None)
        except BaseException:
            self._count_failure()
            raise

        if pair is None:
            self.exhausted = True
        else:
            self.started += 1

        return pair

    def pull(self) -> tuple[int, Any] | None:
        """Return the next item as `read_next` does, from any thread; None once it is closed.

        Raises:
            BaseException: The items' own code raised. See `failed_index`.
        """
        with self._reading:
            pair = None
            if not (self._closed or self.exhausted):
                try:
                    pair = next(self._iterator, None)
                except BaseException:
                    # counted before another thread can see the end
                    self._count_failure()
                    raise

            with self._lock:
                # `close` may have been called while the item was read
                if pair is None or self._closed:
                    self.exhausted = True
                    return None

                self.started += 1
                return pair

    def close(self, started: int | None = None) -> None:
        """Start no more items, from any thread.

        Args:
            started: How many were started, if the caller has counted them.
        """
        with self._lock:
            self._closed = True
            if started is not None:
                self.started = started

    def failed_index(self) -> int:
        """Return the index of the item at which the items' own code raised, from any thread.

        It is the last item.
        """
        index = self._failed_index
        return self._count_failure() if index is None else index

    def _count_failure(self) -> int:
        """Count the next item as started and as the last; return its index."""
        with self._lock:
            index = self.started
            self._failed_index = index
            self.started += 1
            self.exhausted = True

        return index

    def remember(self, index: int, item: Any) -> None:
        """Keep an item of a lazy source, for another attempt."""
        self._remembered[index] = item

    def forget(self, index: int) -> None:
        """Drop an item that was kept for another attempt, if it was."""
        self._remembered.pop(index, None)

    def item(self, index: int) -> Any:
        """Return an item that was read before; None for a lazy item that was not remembered."""
        return self._remembered.get(index) if self.lazy else self.items[index]


def missing_item_error(index: int) -> ActionError:
    """Return the error for an item that a resumed job needs and its source did not give again."""
    return ActionError(
        f"the source of the items ended before item {index}, which it gave before the run was "
        "resumed; give it the same items again"
    )


def _read_from(items: Sequence[Any], first: int) -> Iterator[tuple[int, Any]]:
    """Iterate over indexes and items from an index on, without reading those before it."""
    if not first:
        return enumerate(items)

    return ((index, items[index]) for index in range(first, len(items)))

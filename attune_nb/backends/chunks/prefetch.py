"""Read ahead items whose source may be slow, in a thread."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Prefetcher"]


class Prefetcher:
    """An iterator over items that were read ahead: `next` does not block if `is_ready`.

    The source's own code runs in a thread, one item after the other. It may wait for anything,
    also for the result of an earlier item.

    Args:
        source: The items, each with its index.
        name: The name of the task, for the thread's name.
        wake: Called in that thread when an item is ready again.
    """

    def __init__(
        self, source: Iterator[tuple[int, Any]], name: str, wake: Callable[[], None]
    ) -> None:
        self._source = source
        self._wake = wake
        self._pairs: deque[tuple[int, Any]] = deque()
        self._error: BaseException | None = None
        self._has_ended = False
        self._limit = 1
        self._limit_changed = threading.Event()  # also set at the end
        threading.Thread(target=self._run, name=f"attune items {name}", daemon=True).start()

    @property
    def is_ready(self) -> bool:
        """Whether an item, the end, or an error of the source can be read without waiting."""
        return bool(self._pairs) or self._has_ended

    def set_limit(self, limit: int) -> None:
        """Read ahead as many items as that, at most."""
        self._limit = limit
        self._limit_changed.set()

    def close(self) -> None:
        """Read no more items; the one that the source is producing is dropped."""
        self._has_ended = True
        self._limit_changed.set()

    def __iter__(self) -> Prefetcher:
        return self

    def __next__(self) -> tuple[int, Any]:
        """Return the index and value of the next item.

        Raises:
            BaseException: The source raised it.
            StopIteration: The source has ended.
        """
        if self._pairs:
            return self._pairs.popleft()

        error = self._error
        self._error = None
        if error is not None:
            raise error

        raise StopIteration

    def _run(self) -> None:
        try:
            for pair in self._source:
                if self._has_ended:
                    return

                self._pairs.append(pair)
                if len(self._pairs) == 1:
                    self._wake()

                while len(self._pairs) >= self._limit and not self._has_ended:
                    self._limit_changed.wait()
                    self._limit_changed.clear()
        except BaseException as error:  # noqa: BLE001 - the items' own code raised
            self._error = error

        # written last: other threads read it without a lock
        self._has_ended = True
        self._wake()

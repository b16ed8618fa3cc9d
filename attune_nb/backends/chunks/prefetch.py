"""Items of a source that may take its time, read ahead in a thread."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Prefetcher"]


class Prefetcher:
    """What a source gives, as far as it was read: `next` never waits where it is `is_ready`.

    The source's own code runs in a thread of its own, one item after the other. It may wait for
    whatever it likes, also for what becomes of an earlier item.

    Args:
        source: The items, each with its number.
        name: Whose items these are.
        wake: Called, in that thread, when there is something again.
    """

    def __init__(
        self, source: Iterator[tuple[int, Any]], name: str, wake: Callable[[], None]
    ) -> None:
        self._source = source
        self._wake = wake
        self._read: deque[tuple[int, Any]] = deque()
        self._error: BaseException | None = None
        self._over = False  # nothing comes any more
        self._most = 1
        self._asked = threading.Event()  # for more than there was room for, or for the end
        threading.Thread(target=self._run, name=f"attune items {name}", daemon=True).start()

    @property
    def is_ready(self) -> bool:
        """Whether there is an item, or its end, or what the source has raised."""
        return bool(self._read) or self._over

    def set_limit(self, most: int) -> None:
        """Have as many read ahead, at most."""
        self._most = most
        self._asked.set()

    def close(self) -> None:
        """Read no more; what the source is just waiting for is dropped when it comes."""
        self._over = True
        self._asked.set()

    def __iter__(self) -> Prefetcher:
        return self

    def __next__(self) -> tuple[int, Any]:
        """Give the next item.

        Raises:
            BaseException: What the source has raised.
            StopIteration: It has ended.
        """
        if self._read:
            return self._read.popleft()
        error, self._error = self._error, None
        if error is not None:
            raise error
        raise StopIteration

    def _run(self) -> None:
        try:
            for pair in self._source:
                if self._over:
                    return
                self._read.append(pair)
                if len(self._read) == 1:
                    self._wake()
                while len(self._read) >= self._most and not self._over:
                    self._asked.wait()
                    self._asked.clear()
        except BaseException as error:  # noqa: BLE001 - the items' own code raised
            self._error = error
        self._over = True  # the last of all, as it is read without a lock
        self._wake()

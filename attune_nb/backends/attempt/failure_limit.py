"""Stop a job when more of its items have failed than may fail."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from attune_nb.events import ErrorInfo

__all__ = ["FailureLimit"]


class FailureLimit:
    """Counts the items of a job that have begun, and those that have failed for good.

    Once it is exceeded, no more items begin; items that have begun go on, also with retries. Any
    thread may use it.

    Args:
        most: How many items may fail.
        will_retry: Returns whether an attempt that failed, by its number and error, is repeated.

    Attributes:
        most: How many items may fail.
        is_exceeded: Whether more items have failed. It never becomes false again.
        failed: How many items have failed.
        begun: How many items have begun.
        is_settled: Returns whether `begun` is final once the limit is exceeded: no item may still
            be given back by a worker that has not started it.
    """

    def __init__(self, most: int, will_retry: Callable[[int, ErrorInfo | None], bool]) -> None:
        self.most = most
        self.is_exceeded = False
        self.failed = 0
        self.begun = 0
        self.is_settled: Callable[[], bool] = lambda: True
        self._will_retry = will_retry
        self._lock = threading.Lock()
        # 1 for each item that has begun, by its index
        self._has_begun = bytearray()

    def restore(self, failed: int, begun: Iterable[int]) -> None:
        """Count the items that failed and began before the run was resumed, by their indexes."""
        for index in begun:
            self.try_begin(index)

        self.failed = failed
        self.is_exceeded = failed > self.most

    def try_begin(self, index: int) -> bool:
        """Count an item as begun and return True, or return False if it must not begin.

        An item that has begun before is counted once, and may always be attempted again.
        """
        with self._lock:
            if self._begins_again(index):
                return True
            if self.is_exceeded:
                return False

            missing = index + 1 - len(self._has_begun)
            self._has_begun.extend(bytes(max(0, missing)))
            self._has_begun[index] = 1
            self.begun += 1
            return True

    def _begins_again(self, index: int) -> bool:
        return index < len(self._has_begun) and self._has_begun[index] == 1

    def may_begin(self, index: int) -> bool:
        """Return whether an item may be attempted, without counting it."""
        with self._lock:
            return not self.is_exceeded or self._begins_again(index)

    def give_back(self, index: int) -> None:
        """Take back that an item has begun: no worker has started it."""
        with self._lock:
            if self._begins_again(index):
                self._has_begun[index] = 0
                self.begun -= 1

    def count_failure(self, attempt: int, error: ErrorInfo | None) -> None:
        """Count an item that has failed, unless it is attempted again."""
        if self._will_retry(attempt, error):
            return

        with self._lock:
            self.failed += 1
            if self.failed > self.most:
                self.is_exceeded = True

"""How many items a chunk is to have: as many as take about the time that is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attune_nb.backends.chunks.in_flight import Sent
    from attune_nb.backends.chunks.messages import Report

__all__ = ["MOST", "Pace"]

GROWTH = 8  # times: a chunk to the one before it
MOST = 4096  # items in a chunk
MOST_BYTES = 8_000_000  # of items, or of results, in a chunk


class Pace:
    """What is known of a job's items, from those that came back.

    Args:
        target: Seconds that a chunk is to take.

    Attributes:
        target: These seconds.
        each: Seconds that an item takes of late; 0 as long as none came back.
    """

    def __init__(self, target: float) -> None:
        self.target = target
        self.each = 0.0
        self._bytes = 0.0  # for each, of items or of results
        self._size = 0

    def size(self, share: int, left: int | None = None) -> int:
        """Give how many items the next chunk is to have.

        Args:
            share: How many of them may be under way at once.
            left: How many more it may have at most, so that all workers end together.
        """
        if not self.each:
            return share
        size = min(MOST, GROWTH * self._size, int(self.target / self.each))
        if self._bytes:
            size = min(size, int(MOST_BYTES / self._bytes))
        if left is not None:
            size = min(size, left)
        return max(size, share, 1)

    def sent(self, count: int) -> None:
        """Take in how many items a chunk had in the end."""
        self._size = count

    def learn(self, sent: Sent, report: Report) -> None:
        """Take in what came back of a chunk when its time was over."""
        begun = len(report.index) + len(report.going)
        if sent.goes_on or not begun:
            return
        each = report.lately / begun
        self.each = (self.each + each) / 2 if self.each else each
        given = len(report.results) / max(1, len(report.index))
        self._bytes = max(len(sent.chunk.items) / len(sent.entries), given)

"""How many items a chunk is to have: as many as take about the time that is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attune_nb.backends.chunks.in_flight import InFlightChunk
    from attune_nb.backends.chunks.messages import Report

__all__ = ["MAX_ITEMS", "ChunkSizer"]

MAX_GROWTH = 8  # times: a chunk to the one before it
MAX_ITEMS = 4096  # items in a chunk
MAX_BYTES = 8_000_000  # of items, or of results, in a chunk


class ChunkSizer:
    """What is known of a job's items, from those that came back.

    Args:
        target: Seconds that a chunk is to take.

    Attributes:
        target: These seconds.
        seconds_per_item: Seconds that an item takes of late; 0 as long as none came back.
    """

    def __init__(self, target: float) -> None:
        self.target = target
        self.seconds_per_item = 0.0
        self._bytes = 0.0  # for each, of items or of results
        self._size = 0

    def next_size(self, share: int, left: int | None = None) -> int:
        """Give how many items the next chunk is to have.

        Args:
            share: How many of them may be under way at once.
            left: How many more it may have at most, so that all workers end together.
        """
        if not self.seconds_per_item:
            return share
        size = min(MAX_ITEMS, MAX_GROWTH * self._size, int(self.target / self.seconds_per_item))
        if self._bytes:
            size = min(size, int(MAX_BYTES / self._bytes))
        if left is not None:
            size = min(size, left)
        return max(size, share, 1)

    def record_size(self, count: int) -> None:
        """Take in how many items a chunk had in the end."""
        self._size = count

    def update(self, sent: InFlightChunk, report: Report) -> None:
        """Take in what came back of a chunk when its time was over."""
        begun = len(report.index) + len(report.running)
        if sent.is_remainder or not begun:
            return
        each = report.covered_seconds / begun
        self.seconds_per_item = (
            (self.seconds_per_item + each) / 2 if self.seconds_per_item else each
        )
        given = len(report.results) / max(1, len(report.index))
        self._bytes = max(len(sent.message.items) / len(sent.attempts), given)

"""How many items a chunk holds: as many as take about a target time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attune_nb.backends.chunks.in_flight import InFlightChunk
    from attune_nb.backends.chunks.messages import Report

__all__ = ["MAX_ITEMS", "ChunkSizer"]

# times that a chunk may be larger than the one before it
MAX_GROWTH = 8
# items in a chunk
MAX_ITEMS = 4096
# bytes of the items, or of the results, in a chunk
MAX_BYTES = 8_000_000


class ChunkSizer:
    """Computes the size of a job's next chunk from the reports about earlier ones.

    Args:
        target: Seconds that a chunk should take.

    Attributes:
        target: Seconds that a chunk should take.
        seconds_per_item: Seconds that recent items took; 0 before the first report.
    """

    def __init__(self, target: float) -> None:
        self.target = target
        self.seconds_per_item = 0.0
        self._bytes_per_item = 0.0  # of the items or the results, whichever are larger
        self._last_size = 0

    def next_size(self, concurrency: int, limit: int | None = None) -> int:
        """Return how many items the next chunk should hold.

        Args:
            concurrency: How many of them may run at once; the chunk holds at least as many.
            limit: How many it should hold at most, so that all workers end together.
        """
        if not self.seconds_per_item:
            return concurrency

        size = int(self.target / self.seconds_per_item)
        size = min(MAX_ITEMS, MAX_GROWTH * self._last_size, size)
        if self._bytes_per_item:
            size = min(size, int(MAX_BYTES / self._bytes_per_item))
        if limit is not None:
            size = min(size, limit)

        return max(size, concurrency, 1)

    def record_size(self, size: int) -> None:
        """Record how many items a chunk really holds."""
        self._last_size = size

    def update(self, chunk: InFlightChunk, report: Report) -> None:
        """Learn from the first report about a chunk; ignore later ones."""
        started = len(report.index) + len(report.running)
        if chunk.is_remainder or not started:
            return

        seconds = report.covered_seconds / started
        if self.seconds_per_item:
            seconds = (self.seconds_per_item + seconds) / 2
        self.seconds_per_item = seconds

        item_bytes = len(chunk.message.items) / len(chunk.attempts)
        result_bytes = len(report.results) / max(1, len(report.index))
        self._bytes_per_item = max(item_bytes, result_bytes)

"""The memory of this process."""

from __future__ import annotations

import time

__all__ = ["MemoryGauge"]


class MemoryGauge:
    """Reads the memory of this process, and not too often.

    Args:
        interval: The seconds between two readings.
    """

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._read_at = -interval

    def read(self, *, always: bool = False) -> int:
        """Return the memory in bytes, or 0 if it was read within the interval.

        Args:
            always: Read it in any case.
        """
        now = time.monotonic()
        if now - self._read_at < self._interval and not always:
            return 0

        self._read_at = now
        import psutil  # noqa: PLC0415 - only needed by a run

        memory: int = psutil.Process().memory_info().rss
        return memory

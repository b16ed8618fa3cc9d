"""The seconds since a run started."""

from __future__ import annotations

import time

__all__ = ["Stopwatch"]


class Stopwatch:
    """Measures the time of a run, from when it is made."""

    def __init__(self) -> None:
        self._zero = time.perf_counter()

    def read(self) -> float:
        """Return the seconds since the start."""
        return time.perf_counter() - self._zero

    def restart(self, seconds: float) -> None:
        """Go on as if the start had been some seconds ago."""
        self._zero = time.perf_counter() - seconds

"""Memory that is measured again in each repeat, unless that would take long."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MemoryProbe"]

# the most seconds that a measurement may take to be made in each repeat
_CHEAP = 0.1


class MemoryProbe:
    """Measures every side in the first repeat, and in the others only those that took no time."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    def measure(self, name: str, measure: Callable[[], float]) -> float:
        """Return the bytes of a side, or NaN if it is not measured again.

        Args:
            name: The name of the side.
            measure: Measures the bytes.
        """
        if self._seconds.get(name, 0.0) > _CHEAP:
            return math.nan

        begin = time.perf_counter()
        size = measure()
        self._seconds[name] = time.perf_counter() - begin
        return size

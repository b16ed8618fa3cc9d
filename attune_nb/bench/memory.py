"""Memory that is weighed again in each repeat, except where that would take long."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Weighed"]

_CHEAP = 0.1  # seconds that weighing may take to be done in each repeat


class Weighed:
    """Weighs each side in the first repeat; in the others only what was quick to weigh."""

    def __init__(self) -> None:
        self._spent: dict[str, float] = {}

    def bytes(self, name: str, weigh: Callable[[], float]) -> float:
        """Give what a side weighs now, in bytes, or NaN where it is not weighed again."""
        if self._spent.get(name, 0.0) > _CHEAP:
            return math.nan
        begin = time.perf_counter()
        found = weigh()
        self._spent[name] = time.perf_counter() - begin
        return found

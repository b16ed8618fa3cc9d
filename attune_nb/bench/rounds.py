"""Measuring several ways in turn, so that what changes meets all of them."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    T = TypeVar("T")

__all__ = ["timed", "turned"]


def turned(sides: Sequence[T], by: int) -> list[T]:
    """Let another one begin each time, so that none always comes after the same."""
    start = by % max(len(sides), 1)
    return [*sides[start:], *sides[:start]]


def timed(call: Callable[[], T]) -> tuple[float, T]:
    """Give the seconds that a call takes, and what it gives."""
    gc.collect()  # nobody pays for what another left behind
    begin = time.perf_counter()
    found = call()
    return time.perf_counter() - begin, found

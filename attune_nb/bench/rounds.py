"""Measurements of several sides in turn, so that a change of the machine's speed meets all."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    T = TypeVar("T")

__all__ = ["rotate", "time_call"]


def rotate(sides: Sequence[T], steps: int) -> list[T]:
    """Return the sides from another one on, so that none always follows the same other."""
    start = steps % max(len(sides), 1)
    return [*sides[start:], *sides[:start]]


def time_call(call: Callable[[], T]) -> tuple[float, T]:
    """Return the seconds that a call takes, and its result."""
    # no side pays for the garbage of another
    gc.collect()

    begin = time.perf_counter()
    result = call()
    return time.perf_counter() - begin, result

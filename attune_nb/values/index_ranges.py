"""Sets of indexes as packed ranges: ten million indexes in order take a few bytes."""

from __future__ import annotations

import sys
import zlib
from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["find_ranges", "pack_ranges", "unpack_ranges"]

# the widest span of a set that is searched as an array of marks, as a multiple of its indexes
_MOST_SPREAD = 16

# bytes of a range: the gap before it, and its length
_RANGE_BYTES = 8

# the indexes that the numbers of a range can hold
_MOST_INDEXES = 1 << 32

# bytes of ranges that are unpacked: a batch has fewer than eight million
_MOST_BYTES = 1 << 26

# the fastest level is enough: many numbers are alike
_LEVEL = 1


def find_ranges(indexes: Iterable[int]) -> list[tuple[int, int]]:
    """Return the ranges of some indexes in any order, each as its start and the index after it."""
    ordered = sorted(indexes)
    if not ordered:
        return []

    first = ordered[0]
    end = ordered[-1] + 1
    if end - first == len(ordered) and ordered == list(range(first, end)):
        return [(first, end)]
    if end - first <= _MOST_SPREAD * len(ordered):
        return list(_ranges_of_marks(ordered, first, end))
    return list(_ranges_of_sorted(ordered))


def _ranges_of_marks(indexes: list[int], first: int, end: int) -> Iterator[tuple[int, int]]:
    marks = bytearray(end - first)
    for index in indexes:
        marks[index - first] = 1

    start = 0
    while start >= 0:
        stop = marks.find(0, start)
        if stop < 0:
            stop = len(marks)
        yield first + start, first + stop
        start = marks.find(1, stop)


def _ranges_of_sorted(indexes: list[int]) -> Iterator[tuple[int, int]]:
    start = indexes[0]
    stop = start

    for index in indexes:
        if index > stop:
            yield start, stop
            start = index
        stop = index + 1

    yield start, stop


def pack_ranges(ranges: Iterable[tuple[int, int]]) -> bytes:
    """Return ascending ranges of indexes below 2^32 as bytes: far less than one for each index."""
    numbers = array("I")
    end = 0
    for start, stop in ranges:
        numbers.append(start - end)
        numbers.append(stop - start)
        end = stop

    if sys.byteorder == "big":
        numbers.byteswap()
    return zlib.compress(numbers.tobytes(), _LEVEL)


def unpack_ranges(data: bytes, count: int) -> list[tuple[int, int]]:
    """Return the ranges that were packed.

    Args:
        data: The packed ranges.
        count: How many indexes are in them.

    Raises:
        ValueError: The data are damaged.
    """
    # damaged data might unpack to far more
    most_bytes = min(count * _RANGE_BYTES, _MOST_BYTES)
    try:
        unpacked = zlib.decompressobj().decompress(data, most_bytes + 1)
    except zlib.error as error:
        raise ValueError(f"the indexes of items cannot be read ({error})") from None
    if len(unpacked) > most_bytes or len(unpacked) % _RANGE_BYTES:
        raise ValueError("the indexes of items are damaged")

    numbers = array("I")
    numbers.frombytes(unpacked)
    if sys.byteorder == "big":
        numbers.byteswap()
    if sum(numbers[1::2]) != count or sum(numbers) > _MOST_INDEXES:
        raise ValueError("the indexes of items are damaged")

    ranges = []
    end = 0
    for gap, length in zip(numbers[::2], numbers[1::2], strict=True):
        start = end + gap
        end = start + length
        ranges.append((start, end))
    return ranges

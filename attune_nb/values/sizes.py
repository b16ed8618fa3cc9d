"""The bytes of memory of frozen values, which are counted when they are asked for.

A container keeps its size once it is counted. Of an array or an object of very many elements, a
sample of evenly spaced elements is counted, and the others are taken to be of the same size.
"""

from __future__ import annotations

import sys
from itertools import islice
from typing import TYPE_CHECKING, Any

from attune_nb.values.frozen import FROZEN, LEAVES, FrozenDict
from attune_nb.values.guard import basic_size_of, module_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

__all__ = ["LARGEST_COUNTED", "size_of", "total_size"]

LARGEST_COUNTED = 2_000
"""Elements of an array or an object up to which each one is counted."""

# The packages whose objects know their bytes of memory without computing anything.
_MEASURED_PACKAGES = ("builtins", "collections", "array", "numpy", "pandas", "pyarrow", "polars")


def size_of(value: Any) -> int:
    """Return the bytes of memory of a frozen value.

    Of more than `LARGEST_COUNTED` elements, the size is an estimate from a sample of them. Shared
    parts count each time they are referred to. An object that is not plain data counts by its
    `nbytes` if it has any, else without its contents.
    """
    kind = type(value)
    if kind in LEAVES:
        return sys.getsizeof(value)
    if kind not in FROZEN:
        return _size_of_object(value, kind)

    if not value.size:
        # the type says whether the container holds only plain data
        value.size = type(value.size)(_count(value, kind))
    return int(value.size)


def total_size(values: Collection[Any]) -> int:
    """Return the bytes of memory of frozen values together: an estimate if they are very many."""
    sample: Iterable[Any] = values
    counted = len(values)
    if counted > LARGEST_COUNTED:
        step = counted // (LARGEST_COUNTED // 2)
        sample = [*islice(values, 0, None, step)]
        counted = len(sample)

    if LEAVES.issuperset(map(type, sample)):
        size = sum(map(sys.getsizeof, sample))
    else:
        size = sum(map(size_of, sample))
    if counted == len(values):
        return size
    return size * len(values) // counted


def _count(container: Any, kind: type) -> int:
    size = sys.getsizeof(container)
    if kind is FrozenDict:
        return size + total_size(container.keys()) + total_size(container.values())
    return size + total_size(container)


def _size_of_object(value: Any, kind: type) -> int:
    """Return the estimated size of an object; code of unknown types is not called."""
    package = module_of(kind).partition(".")[0]
    if package not in _MEASURED_PACKAGES:
        return basic_size_of(kind)

    try:
        nbytes = getattr(value, "nbytes", None)
        if isinstance(nbytes, int):
            return int(nbytes)
        return sys.getsizeof(value, 0)
    except Exception:  # noqa: BLE001 - such as a view of memory that was released
        return basic_size_of(kind)

"""Plain data out of the garbage collector's sight.

The collector walks all containers that it tracks, with all their parts, again and again: for
100,000 records that takes longer than to copy them. It does so to find cycles, and plain data that
never changes is in none. CPython itself stops to track a `dict` of plain values for this reason,
but not an instance of a subclass.
"""

from __future__ import annotations

import sys
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["FEWEST_PARTS", "untrack", "untrack_all"]

FEWEST_PARTS = 3
"""Parts from which on a container is walked for longer than it takes to untrack it."""


def _load_untrack() -> Callable[[int], None]:
    """Return the function of CPython's stable interface, or one that does nothing.

    It takes the address of a container, which is its `id`: to pass the object itself takes a
    quarter more time.
    """
    has_lock = getattr(sys, "_is_gil_enabled", lambda: True)
    if sys.implementation.name != "cpython" or not has_lock():
        return _do_nothing
    try:
        import ctypes  # noqa: PLC0415 - not every build of Python has it
    except ImportError:
        return _do_nothing

    function = ctypes.pythonapi.PyObject_GC_UnTrack
    function.argtypes = [ctypes.c_void_p]
    function.restype = None
    return function


def _do_nothing(address: int) -> None:
    """Leave a container tracked."""


_untrack_address = _load_untrack()


def untrack(container: Any) -> None:
    """Stop the tracking of a container of plain data that never changes."""
    _untrack_address(id(container))


def untrack_all(containers: Sequence[Any]) -> None:
    """Stop the tracking of many containers of plain data that never change."""
    deque(map(_untrack_address, map(id, containers)), maxlen=0)

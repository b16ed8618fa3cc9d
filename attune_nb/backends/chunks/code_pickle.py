"""Code on its way to another process: it takes along where it stands, for the tracebacks there.

cloudpickle leaves out a function's file, and no other process has the cell of a notebook.
"""

from __future__ import annotations

import functools
import io
import linecache
from collections import ChainMap
from types import CodeType
from typing import Any, ClassVar

__all__ = ["dumps"]


def dumps(value: Any, protocol: int) -> bytes:
    """Make bytes of a value, with all code in it that the other side cannot import.

    Raises:
        Exception: Any at all, as the value's own code raises it.
    """
    buffer = io.BytesIO()
    _pickler()(buffer, protocol).dump(value)
    return buffer.getvalue()


@functools.cache
def _pickler() -> Any:
    import cloudpickle  # noqa: PLC0415 - only what is no plain data needs it

    reduced = cloudpickle.Pickler.dispatch_table[CodeType]

    def located(code: CodeType) -> tuple[Any, ...]:
        make, args = reduced(code)
        file = code.co_filename
        return _made, (make, args, file, _lines(file))

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
        dispatch_table: ClassVar[Any] = ChainMap(
            {CodeType: located}, cloudpickle.Pickler.dispatch_table
        )

    return Pickler


def _lines(file: str) -> list[str] | None:
    """Give the lines of what is no file on a disk, if they are known: of a cell."""
    entry: Any = linecache.cache.get(file)
    if entry is None or len(entry) == 1 or entry[1] is not None:  # its lines are to be read
        return None
    lines: list[str] = entry[2]
    return lines


def _made(make: Any, args: tuple[Any, ...], file: str, lines: list[str] | None) -> CodeType:
    if lines is not None:
        linecache.cache.setdefault(file, (sum(map(len, lines)), None, lines, file))
    code: CodeType = make(*args).replace(co_filename=file)
    return code

"""Pickle functions together with their source lines, so that tracebacks elsewhere show them.

cloudpickle leaves out a function's file name, and no other process has the cells of a notebook.
"""

from __future__ import annotations

import functools
import io
import linecache
from collections import ChainMap
from types import CodeType
from typing import Any, ClassVar

from attune_nb.values.tables.crossing import reduce_table

__all__ = ["dumps"]


def dumps(value: Any, protocol: int) -> bytes:
    """Return a value as bytes, with all code in it that another process cannot import.

    Raises:
        Exception: The value cannot be pickled. Its own code may raise anything.
    """
    buffer = io.BytesIO()
    _pickler_class()(buffer, protocol).dump(value)
    return buffer.getvalue()


@functools.cache
def _pickler_class() -> Any:
    import cloudpickle  # noqa: PLC0415 - only values that are not plain data need it

    reduce_code = cloudpickle.Pickler.dispatch_table[CodeType]

    def reduce_with_source(code: CodeType) -> tuple[Any, ...]:
        make_code, arguments = reduce_code(code)
        file_name = code.co_filename
        return _restore_code, (make_code, arguments, file_name, _cell_lines(file_name))

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
        dispatch_table: ClassVar[Any] = ChainMap(
            {CodeType: reduce_with_source}, cloudpickle.Pickler.dispatch_table
        )

        def reducer_override(self, value: Any) -> Any:
            """Return how a value is sent: a table as bytes of Arrow, if that is better."""
            reduced = reduce_table(value)
            if reduced is not None:
                return reduced
            return super().reducer_override(value)

    return Pickler


def _cell_lines(file_name: str) -> list[str] | None:
    """Return the source lines of a notebook's cell; None for a file on a disk."""
    entry: Any = linecache.cache.get(file_name)
    is_cell = entry is not None and len(entry) > 1 and entry[1] is None
    if not is_cell:
        return None

    lines: list[str] = entry[2]
    return lines


def _restore_code(
    make_code: Any, arguments: tuple[Any, ...], file_name: str, lines: list[str] | None
) -> CodeType:
    if lines is not None:
        size = sum(map(len, lines))
        linecache.cache.setdefault(file_name, (size, None, lines, file_name))

    code: CodeType = make_code(*arguments).replace(co_filename=file_name)
    return code

"""Pickle functions together with their source lines, so that tracebacks elsewhere show them.

cloudpickle leaves out a function's file name, and no other process has the cells of a notebook.
Pickle reads a container as its class iterates, so one without an end is refused.
"""

from __future__ import annotations

import functools
import inspect
import io
import linecache
import pickle
from collections import ChainMap, deque
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, ClassVar

from attune_nb.values.guard import type_name
from attune_nb.values.tables.crossing import reduce_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["dumps"]

# elements that an object may have beyond those that its built-in type counts
MAX_ELEMENTS = 1_000_000

# built-in types whose elements pickle reads one by one
_CONTAINERS: tuple[type[Any], ...] = (dict, list, set, frozenset, deque)


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
            """Return how to make a value again: a table from bytes of Arrow, if that is better.

            A value whose elements have no end is refused.
            """
            reduced = reduce_table(value)
            if reduced is not None:
                return reduced

            kind = type(value)
            if _has_own_elements(kind):
                _check_end(value, kind)

            reduced = super().reducer_override(value)
            if reduced is NotImplemented and _has_own_reduce(kind):
                return _bound_reduced(value.__reduce_ex__(pickle.HIGHEST_PROTOCOL), kind)
            return reduced

    return Pickler


def _has_own_elements(kind: type) -> bool:
    """Return whether a class extends a built-in container, and iterates in a way of its own."""
    if not issubclass(kind, _CONTAINERS):
        return False
    if issubclass(kind, dict):
        return kind.items is not dict.items

    base = _container_type(kind)
    return inspect.getattr_static(kind, "__iter__") is not base.__dict__["__iter__"]


def _container_type(kind: type) -> type[Any]:
    """Return the built-in container that a class extends."""
    return next(base for base in _CONTAINERS if issubclass(kind, base))


def _has_own_reduce(kind: type) -> bool:
    """Return whether a class says in Python how to make its objects again."""
    return isinstance(kind.__reduce__, FunctionType) or isinstance(kind.__reduce_ex__, FunctionType)


def _check_end(value: Any, kind: type) -> None:
    """Read the elements of a container, as pickle will.

    Raises:
        PicklingError: They have no end.
    """
    base = _container_type(kind)
    elements = value.items() if base is dict else value
    for _ in _bound(elements, MAX_ELEMENTS + base.__len__(value), kind):
        pass


def _bound_reduced(reduced: Any, kind: type) -> Any:
    """Return how to make an object again, with iterators of elements that raise without an end."""
    if not isinstance(reduced, tuple):
        return reduced

    parts = list(reduced)
    for place in (3, 4):
        if place < len(parts) and parts[place] is not None:
            parts[place] = _bound(parts[place], 10 * MAX_ELEMENTS, kind)
    return tuple(parts)


def _bound(elements: Iterable[Any], most: int, kind: type) -> Iterator[Any]:
    """Yield elements.

    Raises:
        PicklingError: There are more of them.
    """
    for number, element in enumerate(elements):
        if number >= most:
            raise pickle.PicklingError(
                f"a value of type `{type_name(kind)}` iterates in a way of its own, perhaps "
                f"without end: it gave more than {most:,} elements"
            )
        yield element


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

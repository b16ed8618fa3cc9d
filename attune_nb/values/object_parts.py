"""Look into objects that are not plain data, as far as their own code permits it.

Nothing of an object's own code is called but `repr` and `str`, and those are guarded: they may
raise anything. An object is walked through by its parts.
"""

from __future__ import annotations

import sys
from collections import deque
from contextlib import suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator

__all__ = ["ITERATORS", "is_pandas_table", "iterate", "mask_table", "shown_texts", "walk_object"]

ITERATORS: dict[type, Callable[[Any], Iterator[Any]]] = {
    list: list.__iter__,
    tuple: tuple.__iter__,
    set: set.__iter__,
    frozenset: frozenset.__iter__,
    deque: deque.__iter__,
}
"""The types of arrays, and how they are read without the code of a subclass."""

# The kinds of NumPy's types that hold no text.
_NUMERIC = "iufbcmM"

# Values that are looked at in one object.
_MOST_PARTS = 2_000

# Bytes of an array that are searched.
_MOST_BYTES = 10_000_000


def iterate(value: Any, kind: type) -> Iterator[Any]:
    """Return an iterator over the elements of an array, whatever its subclass does."""
    base = next(base for base in kind.__mro__ if base in ITERATORS)
    return ITERATORS[base](value)


def walk_object(value: Any) -> Iterator[Any]:
    """Yield the strings, bytes and numbers that an object holds, at most 2,000 parts of it."""
    parts: list[Any] = [value]
    seen: set[int] = set()
    while parts and len(seen) < _MOST_PARTS:
        part = parts.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        kind = type(part)
        if issubclass(kind, str | bytes | bytearray | int | float):
            yield part
            continue
        # an object's own code may raise anything
        with suppress(Exception):
            parts += _parts_of(part, kind)


def shown_texts(value: Any) -> Iterator[str]:
    """Yield the texts of an object that an output may show."""
    for write in (repr, str):
        text = ""
        # an object's own code may raise anything
        with suppress(Exception):
            text = write(value)
        yield text


def _parts_of(value: Any, kind: type) -> Iterable[Any]:
    if issubclass(kind, dict):
        return [*dict.keys(value), *dict.values(value)]
    if issubclass(kind, tuple(ITERATORS)):
        return iterate(value, kind)
    if kind is MappingProxyType:
        return [*value.keys(), *value.values()]
    if kind is memoryview or kind.__module__ in ("numpy", "array"):
        return _array_parts(value)
    if is_pandas_table(kind):
        return _table_parts(value)
    if kind.__module__ == "_io":
        return _buffer_parts(value)
    if issubclass(kind, BaseException):
        chained = (value.__cause__, value.__context__)
        return [*value.args, *_attributes(value, kind), *chained]
    if issubclass(kind, type) or kind.__module__ == "builtins":
        return ()
    return _attributes(value, kind)


def _attributes(value: Any, kind: type) -> list[Any]:
    """Return the attributes of an object, without a call of its properties."""
    attributes: list[Any] = []
    # it may have none
    with suppress(Exception):
        attributes += object.__getattribute__(value, "__dict__").values()

    for base in kind.__mro__:
        for member in vars(base).values():
            # a slot: its getter is C code
            if type(member).__name__ == "member_descriptor":
                # it may have no value
                with suppress(Exception):
                    attributes.append(member.__get__(value, kind))
    return attributes


def _array_parts(value: Any) -> list[Any]:
    """Return the elements of an array of texts or objects, or the first of its bytes."""
    code = getattr(getattr(value, "dtype", None), "kind", "")
    if code in ("O", "U", "S", "T"):
        return list(value.ravel()[:_MOST_PARTS].tolist())
    if getattr(value, "itemsize", 1) != 1:
        return []
    # letters, if they are any, stand in arrays of bytes
    return [bytes(value[:_MOST_BYTES])]


def _buffer_parts(value: Any) -> list[Any]:
    if hasattr(value, "getvalue"):
        return [value.getvalue()]
    return [str(getattr(value, "name", ""))]


def is_pandas_table(kind: type) -> bool:
    """Return whether a type is that of a table, a column or an index of pandas."""
    pandas = sys.modules.get("pandas")
    kinds = [getattr(pandas, name, None) for name in ("DataFrame", "Series", "Index")]
    return issubclass(kind, tuple(table for table in kinds if isinstance(table, type)))


def _table_parts(value: Any) -> list[Any]:
    """Return the texts of a table: its columns and rows as it would write them to a file."""
    frame = value if hasattr(value, "columns") else value.to_frame()
    columns: list[Any] = [*map(str, frame.columns)]
    for number in range(len(frame.columns)):
        column = frame.iloc[:, number]
        if column.dtype.kind not in _NUMERIC:
            columns.append("\n".join(map(str, column.tolist())))
    if frame.index.dtype.kind not in _NUMERIC:
        columns.append("\n".join(map(str, frame.index.tolist())))
    return columns


def mask_table(value: Any, hide: Callable[[Any], Any], numbers: Container[Any]) -> Any:
    """Return a table or a column of pandas with masked cells; the same one if there are none.

    Args:
        value: A DataFrame or a Series; anything else is returned as it is.
        hide: Masks a list; returns the same list if nothing in it is masked.
        numbers: The numbers that are masked.
    """
    import pandas as pd  # noqa: PLC0415 - slow to import; a table exists, so it is there

    kind = type(value)
    if kind not in (pd.DataFrame, pd.Series):
        return value
    frame = value if kind is pd.DataFrame else value.to_frame()
    masked = frame.copy(deep=False)

    is_same = True
    for number in range(len(frame.columns)):
        column = frame.iloc[:, number]
        if column.dtype.kind in _NUMERIC and not numbers:
            continue
        cells = column.tolist()
        masked_cells = hide(cells)
        if masked_cells is not cells:
            is_same = False
            masked.isetitem(number, pd.Series(masked_cells, index=frame.index, dtype=object))

    for axis in ("index", "columns"):
        labels = getattr(frame, axis).tolist()
        masked_labels = hide(labels)
        if masked_labels is not labels:
            is_same = False
            setattr(masked, axis, pd.Index(masked_labels))
    if is_same:
        return value
    return masked if kind is pd.DataFrame else masked.iloc[:, 0]

"""Values that are shared and never change: read-only subclasses of `dict`, `list` and `tuple`.

A value is frozen once, when it enters a run. From then on every task and item refers to the same
objects.
"""

from __future__ import annotations

import importlib
import operator
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from attune_nb.values.guard import basic_size_of, module_of, type_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "FrozenDict",
    "FrozenList",
    "FrozenTuple",
    "NotStored",
    "copy_tables",
    "describe_not_stored",
    "freeze",
    "freeze_guarded",
    "freeze_list",
    "frozen_rows",
    "may_hold_tables",
    "size_of",
    "thaw",
]

# Levels of nesting of a value.
_DEEPEST = 200

# The version of pandas from which on a shallow copy is copied when it is written to.
_COPY_ON_WRITE_VERSION = 3


def _refuse(self: object, *_: object, **__: object) -> NoReturn:
    kind = "array"
    copy = "list(value)"
    if isinstance(self, dict):
        kind = "object"
        copy = "dict(value)"

    raise TypeError(
        f"this {kind} is read-only, because all tasks and items share it; "
        f"change a copy (`{copy}`), or declare the action with "
        "`@attune_nb.action(mutable_input=True)`, so that it gets its own copy of its input"
    )


class FrozenDict(dict[Any, Any]):
    """A read-only `dict`, which `json`, pandas and `isinstance` accept as a `dict`.

    Attributes:
        size: The bytes of memory of the object and everything in it: a `float`, as an estimate,
            if something in it is no plain data, else an `int`.
    """

    __slots__ = ("size",)
    size: float

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __copy__(self) -> dict[Any, Any]:
        return dict(self)

    def __deepcopy__(self, memo: object) -> dict[Any, Any]:
        return {key: thaw(value) for key, value in self.items()}

    def __reduce__(self) -> tuple[Any, ...]:
        return freeze, (dict(self),)


class FrozenList(list[Any]):
    """A read-only `list`.

    Attributes:
        size: The bytes of memory of the array and everything in it: a `float`, as an estimate,
            if something in it is no plain data, else an `int`.
    """

    __slots__ = ("size",)
    size: float

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = clear = extend = insert = pop = remove = reverse = sort = _refuse

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(self))

    def __copy__(self) -> list[Any]:
        return list(self)

    def __deepcopy__(self, memo: object) -> list[Any]:
        return [thaw(value) for value in self]

    def __reduce__(self) -> tuple[Any, ...]:
        return freeze, (list(self),)


class FrozenTuple(tuple[Any, ...]):  # noqa: SLOT001 - a tuple cannot have a slot for the size
    """A `tuple` of frozen values. Its type shows that its elements are frozen already.

    Attributes:
        size: The bytes of memory of the tuple and everything in it: a `float`, as an estimate,
            if something in it is no plain data, else an `int`.
    """

    size: float

    def __copy__(self) -> tuple[Any, ...]:
        return tuple(self)

    def __deepcopy__(self, memo: object) -> tuple[Any, ...]:
        return tuple(thaw(element) for element in self)

    def __reduce__(self) -> tuple[Any, ...]:
        return freeze, (tuple(self),)


class NotStored:
    """A placeholder for an object that the store cannot hold, because it is not plain data.

    Attributes:
        kind: The type of the object, as `module.Name`.
        rows: The number of rows of a table, or None for another object.
    """

    __slots__ = ("kind", "rows")

    def __init__(self, kind: str, rows: int | None = None) -> None:
        self.kind = kind
        self.rows = rows

    def __repr__(self) -> str:
        return f"<{self.kind}, which the store does not hold>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NotStored) and (other.kind, other.rows) == (self.kind, self.rows)

    def __hash__(self) -> int:
        return hash((self.kind, self.rows))


def describe_not_stored(value: Any) -> str:
    """Return a description of the first `NotStored` in a value; an empty string without any."""
    if isinstance(value, NotStored):
        return f"a {value.kind}, which no store holds"

    parts: Iterable[Any] = ()
    if isinstance(value, dict):
        parts = value.values()
    elif isinstance(value, list | tuple):
        parts = value

    for part in parts:
        description = describe_not_stored(part)
        if description:
            return description
    return ""


# The types of the values without parts.
_LEAVES = frozenset({str, int, float, bool, type(None), bytes, complex})
_FROZEN = frozenset({FrozenDict, FrozenList, FrozenTuple})
_ARRAYS = (list, tuple)

# The types for which a value must not pass itself off.
_PLAIN_TYPES = (dict, list, tuple, str, int, float, bytes)

# The packages whose objects know their bytes of memory without computing anything.
_MEASURED_PACKAGES = ("builtins", "collections", "array", "numpy", "pandas", "pyarrow", "polars")


def freeze(value: Any, *, more_levels: int = 0) -> Any:
    """Return a read-only version of a value, which shares the parts that are frozen already.

    `dict` and `list` (and their subclasses) become `FrozenDict` and `FrozenList`, a `tuple`
    becomes a `FrozenTuple`, and a set a frozenset. A NumPy array becomes a read-only view of
    itself, a NumPy scalar a plain number, date or duration (one of nanoseconds becomes that of
    pandas, which is exact), and an instance of a subclass of `str`, `int` or `float` a plain one,
    but for the members of enums of numbers. A named tuple keeps its type.
    A table of pandas becomes a shallow copy, so that a change of the original is not seen. Any
    other object is returned as it is. (C code for lists, such as `heapq`, bypasses the
    methods of a list; Python cannot prevent that.)

    Args:
        value: The value.
        more_levels: How much deeper than other values it may be nested.

    Raises:
        ValueError: The value contains itself, or is nested deeper than 200 levels.
    """
    kind = type(value)
    if kind in _LEAVES or kind in _FROZEN:
        return value
    return _freeze(value, _DEEPEST + more_levels)


def freeze_guarded(value: Any) -> Any:
    """Return a read-only version of a value whose parts may raise anything when they are read.

    Raises:
        ValueError: The value cannot be used; the message says why.
    """
    try:
        return freeze(value)
    except ValueError:
        raise
    except Exception as error:  # noqa: BLE001 - code of the user's own
        raise ValueError(f"reading it raises {type_name(type(error))}") from None


def _freeze(value: Any, depth: int) -> Any:
    kind = type(value)
    if kind in _LEAVES or kind in _FROZEN:
        return value
    if depth == 0:
        raise ValueError(
            f"a value is nested deeper than {_DEEPEST} levels, or contains itself; "
            "publish and return flat data"
        )

    # For a large container of plain values, one look at the types is faster than a call for each.
    # The type is asked and the parts are read without calling anything of a subclass.
    if issubclass(kind, dict):
        parts: Any = value if kind is dict else _own_pairs(value, kind)
        if not _LEAVES.issuperset(map(type, parts.values())):
            parts = {key: _freeze(part, depth - 1) for key, part in parts.items()}
        frozen_dict = FrozenDict(parts)
        frozen_dict.size = _container_size(frozen_dict, frozen_dict.values())
        frozen_dict.size += _total_size(frozen_dict)
        return frozen_dict

    if issubclass(kind, list) or kind is tuple:
        parts = value if kind in _ARRAYS else _own_elements(value, kind)
        if not _LEAVES.issuperset(map(type, parts)):
            parts = [_freeze(part, depth - 1) for part in parts]
        frozen = FrozenTuple(parts) if kind is tuple else FrozenList(parts)
        frozen.size = _container_size(frozen, frozen)
        return frozen

    if kind is set:
        return frozenset(value)

    return _freeze_other(value, kind, depth)


def _freeze_other(value: Any, kind: type, depth: int) -> Any:
    """Freeze a value that is no container, or is of a subclass of a plain type."""
    # A member of an enum, or a string of NumPy: the plain string in it.
    if issubclass(kind, str):
        return str.__str__(value)
    if module_of(kind) == "numpy":
        return _freeze_numpy(value)
    if issubclass(kind, bytes):
        return bytes.__getitem__(value, slice(None))
    if issubclass(kind, tuple):
        return _freeze_named_tuple(value, kind, depth)
    # The members of an enum of numbers stay members.
    if hasattr(kind, "_member_map_"):
        return value
    if issubclass(kind, int):
        return int.__int__(value)
    if issubclass(kind, float):
        return float.__float__(value)
    _refuse_pretence(value, kind)
    return _copy_table(value)


def _freeze_named_tuple(value: Any, kind: type, depth: int) -> Any:
    """Return a named tuple of frozen elements, of the same type; another tuple as it is.

    A tuple that iterates in a way of its own becomes a plain one.
    """
    is_named = hasattr(kind, "_fields") and kind.__bases__ == (tuple,)
    if not is_named and not _iterates_in_its_own_way(kind, tuple):
        return value

    elements = list(tuple.__iter__(value))
    parts = [_freeze(element, depth - 1) for element in elements]
    if not is_named:
        return _freeze(tuple(parts), depth)
    if all(map(operator.is_, parts, elements)):
        return value
    return tuple.__new__(kind, parts)


def _own_pairs(value: Any, kind: type) -> dict[Any, Any]:
    """Return the items of an instance of a subclass of `dict` without calling its methods."""
    pairs = dict(dict.items(value))
    if not pairs and _iterates_in_its_own_way(kind, dict):
        raise ValueError(
            f"a value of type `{type_name(kind)}` does not keep its items as a dict does; "
            "pass `dict(value)`"
        )
    return pairs


def _own_elements(value: Any, kind: type) -> list[Any]:
    """Return the elements of an instance of a subclass of `list` without calling its methods."""
    if _iterates_in_its_own_way(kind, list):
        raise ValueError(
            f"a value of type `{type_name(kind)}` iterates in a way of its own, perhaps without "
            "end; pass `list(value)`"
        )
    return list(list.__iter__(value))


def _iterates_in_its_own_way(kind: type, base: type) -> bool:
    """Return whether code that is not of the standard library replaces `__iter__` of a base."""
    for parent in kind.__mro__:
        if "__iter__" in vars(parent):
            is_standard = module_of(parent) in ("collections", "collections.abc")
            return parent is not base and not is_standard
    return False


def _refuse_pretence(value: Any, kind: type) -> None:
    """Raise a ValueError if an object says by `__class__` that it is plain data."""
    try:
        claimed = value.__class__
    except Exception as error:  # noqa: BLE001 - whatever the object raises
        raise ValueError(
            f"a value of type `{type_name(kind)}` cannot be used: its `__class__` raises "
            f"{type_name(type(error))}"
        ) from None

    if claimed is kind or not isinstance(claimed, type) or not issubclass(claimed, _PLAIN_TYPES):
        return
    raise ValueError(
        f"a value of type `{type_name(kind)}` says that it is of type `{type_name(claimed)}`, "
        "which it is not; pass plain data"
    )


def may_hold_tables(value: Any) -> bool:
    """Return whether a frozen value may be a table or hold one: whether it is no plain data."""
    kind = type(value)
    if kind in _LEAVES:
        return False
    if kind in _FROZEN:
        # the size of plain data is exact
        return type(value.size) is float
    return kind is not range


def copy_tables(value: Any) -> Any:
    """Return a value in which every table is a shallow copy, so that a change stays in the copy.

    Tables are the DataFrames and Series of pandas. Containers are made anew only around a table.
    With pandas 3, or copy-on-write turned on in pandas 2, the data is shared until someone
    writes to it; without it, the data is copied.
    """
    # without pandas there is no table; the input of an item is often flat
    if "pandas" not in sys.modules or not may_hold_tables(value):
        return value

    if isinstance(value, dict):
        if _LEAVES.issuperset(map(type, value.values())):
            return value
        parts = {key: copy_tables(part) for key, part in value.items()}
        is_same = all(part is value[key] for key, part in parts.items())
        if is_same:
            return value
        return _container_like(value, FrozenDict, parts)

    if isinstance(value, list | tuple):
        elements = [copy_tables(element) for element in value]
        is_same = all(map(operator.is_, elements, value))
        if is_same:
            return value
        array_kind = FrozenTuple if isinstance(value, tuple) else FrozenList
        return _container_like(value, array_kind, elements)

    return _copy_table(value)


def _container_like(value: Any, kind: type, parts: Any) -> Any:
    """Return a container with other parts; it is frozen if `value` is."""
    if type(value) not in _FROZEN:
        if isinstance(value, tuple):
            # the class of a named tuple takes its elements one by one
            return tuple.__new__(type(value), parts)
        return type(value)(parts)

    container: Any = kind(parts)
    container.size = value.size
    return container


def _copy_table(value: Any) -> Any:
    """Return a shallow copy of a table of pandas; any other object as it is."""
    pandas = sys.modules.get("pandas")
    # pandas may be about to be imported by another thread
    tables = (getattr(pandas, "DataFrame", None), getattr(pandas, "Series", None))
    kinds = tuple(table for table in tables if isinstance(table, type))
    if not issubclass(type(value), kinds):
        return value
    return value.copy(deep=not _copies_on_write(pandas))


def _copies_on_write(pandas: Any) -> bool:
    """Return whether a shallow copy has its own data as soon as someone writes to it."""
    major, _, _ = pandas.__version__.partition(".")
    if int(major) >= _COPY_ON_WRITE_VERSION:
        return True
    return pandas.options.mode.copy_on_write is True


def _freeze_numpy(value: Any) -> Any:
    if type(value).__name__ == "ndarray":
        view = value.view()
        view.flags.writeable = False
        return view

    if not hasattr(value, "item") or getattr(value, "ndim", 1) != 0:
        return value
    plain = value.item()
    kind = type(value).__name__
    if type(plain) is int and kind in ("datetime64", "timedelta64"):
        return _freeze_nanoseconds(value, kind)
    return plain


def _freeze_nanoseconds(value: Any, kind: str) -> Any:
    """Return a moment or a duration that Python's own types cannot hold as one of pandas."""
    pandas = importlib.import_module("pandas")
    make = pandas.Timestamp if kind == "datetime64" else pandas.Timedelta
    try:
        return make(value)
    except ValueError:
        # a unit that pandas does not have, or a moment beyond its calendar
        return value


def freeze_list(values: list[Any]) -> FrozenList:
    """Return a read-only list of values that are frozen already."""
    frozen = FrozenList(values)
    frozen.size = _container_size(frozen, frozen)
    return frozen


def _container_size(container: Any, parts: Any) -> float:
    return sys.getsizeof(container) + _total_size(parts)


def _total_size(values: Iterable[Any]) -> float:
    if _LEAVES.issuperset(map(type, values)):
        return sum(map(sys.getsizeof, values))
    return sum(map(_size_of, values))


def size_of(value: Any) -> int:
    """Return the bytes of memory of a frozen value, from the sizes that its containers keep.

    Shared parts count each time they are referred to. An object that is not plain data counts by
    its `nbytes` if it has any, else without its contents.
    """
    return int(_size_of(value))


def _size_of(value: Any) -> float:
    """Return the size of a frozen value: an `int` for plain data, a `float` for anything else.

    The size of an object is an estimate, and so is that of all that holds the object.
    """
    kind = type(value)
    if kind in _FROZEN:
        size: float = value.size
        return size
    if kind in _LEAVES:
        return sys.getsizeof(value)

    return _size_of_object(value, kind)


def _size_of_object(value: Any, kind: type) -> float:
    """Return the estimated size of an object; code of unknown types is not called."""
    package = module_of(kind).partition(".")[0]
    if package not in _MEASURED_PACKAGES:
        return float(basic_size_of(kind))

    try:
        nbytes = getattr(value, "nbytes", None)
        if isinstance(nbytes, int):
            return float(nbytes)
        return float(sys.getsizeof(value, 0))
    except Exception:  # noqa: BLE001 - such as a view of memory that was released
        return float(basic_size_of(kind))


def thaw(value: Any) -> Any:
    """Return a deep copy of a value made of plain `dict`, `list` and `tuple`."""
    if isinstance(value, dict):
        return {key: thaw(part) for key, part in value.items()}
    if isinstance(value, list):
        return [thaw(part) for part in value]
    if type(value) in (tuple, FrozenTuple):
        return tuple(thaw(part) for part in value)
    return value


def frozen_rows(frame: Any) -> Iterator[FrozenDict]:
    """Yield the rows of a DataFrame as frozen objects, one at a time.

    A missing cell (`None`, `NaN`, `NaT`, `pandas.NA`) is null.
    """
    names = [str(name) for name in frame.columns]
    columns = [_cells_of(frame.iloc[:, number]) for number in range(len(names))]
    for row in zip(*columns, strict=True):
        yield freeze(dict(zip(names, row, strict=True)))


def _cells_of(column: Any) -> list[Any]:
    cells: list[Any] = column.tolist()
    missing = column.isna().to_numpy()
    for row in missing.nonzero()[0].tolist():
        cells[row] = None
    return cells

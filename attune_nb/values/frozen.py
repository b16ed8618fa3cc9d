"""Values that are shared and never change: read-only subclasses of `dict`, `list` and `tuple`.

A value is frozen once, when it enters a run. From then on every task and item refers to the same
objects.
"""

from __future__ import annotations

import gc
import importlib
import operator
import sys
from collections import deque
from itertools import chain, repeat
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NoReturn

from attune_nb.values.collector import FEWEST_PARTS, untrack, untrack_all
from attune_nb.values.guard import ask, module_of, type_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = [
    "FROZEN",
    "JSON_LEAVES",
    "LEAVES",
    "FrozenDict",
    "FrozenList",
    "FrozenTuple",
    "NotStored",
    "are_json_data",
    "copy_tables",
    "describe_not_stored",
    "freeze",
    "freeze_guarded",
    "freeze_list",
    "frozen_rows",
    "has_attributes",
    "is_named_tuple",
    "is_plain_data",
    "may_hold_tables",
    "own_pairs",
    "thaw",
    "thaw_all",
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
        size: The bytes of memory of the object and everything in it, or 0 until `size_of` has
            counted them. The type of the size shows the content: see `_NEW_SIZES`.
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
        size: The bytes of memory of the array and everything in it, or 0 until `size_of` has
            counted them. The type of the size shows the content: see `_NEW_SIZES`.
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
        size: The bytes of memory of the tuple and everything in it, or 0 until `size_of` has
            counted them. The type of the size shows the content: see `_NEW_SIZES`.
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


JSON_LEAVES = frozenset({str, int, float, bool, type(None)})
"""The types of the values without parts that JSON has."""
LEAVES = JSON_LEAVES | {bytes, complex}
"""The types of the values without parts."""
FROZEN = frozenset({FrozenDict, FrozenList, FrozenTuple})
"""The types of containers that are frozen."""
_UNCHANGED = LEAVES | FROZEN
_TEXT = frozenset({str})
_INT = frozenset({int})
_ARRAYS = (list, tuple)

# The types of which many instances are frozen together, and thawed together.
_BATCHED = (dict, list)
_THAWED = frozenset({FrozenDict, FrozenList})

# The number of parts from which on they are frozen together, not one by one.
_MANY = 16

# The number of parts from which on the garbage collector waits until they are frozen.
_VERY_MANY = 1_000

# The number of parts up to which containers are frozen faster than they are compared.
_FEW = 4

# The levels of nesting that are frozen together: an array of records with arrays has three.
_BATCH_LEVELS = 3

# Values that are nested more than a few levels are remembered while they are frozen: data each
# level of which refers to the next one twice would take 2^200 steps.
_DEPTH_OF_MEMO = _DEEPEST - 4
_TOO_DEEP = (
    f"a value is nested deeper than {_DEEPEST} levels, or contains itself; publish and return flat "
    "data"
)


class _PlainSize(int):
    """The size of a container of plain data that JSON does not have."""


# The content of a frozen value, from the least to the most special: objects of other types; plain
# data that JSON does not have (bytes, tuples, keys that are no strings); the values of JSON, and
# floats that are not finite.
_ANY, _PLAIN, _JSON = range(3)

# The size of a new container by its content: the type of the size shows the content.
_NEW_SIZES: tuple[float, ...] = (0.0, _PlainSize(0), 0)
_CONTENTS: dict[type, int] = {float: _ANY, _PlainSize: _PLAIN, int: _JSON}

# An object that was frozen and is still alive, its read-only version, and the content of that, by
# the `id` of the object.
_Memo = dict[int, tuple[Any, Any, int]]

_set_item = dict.__setitem__
_values_of = dict.values
_size_slot = operator.attrgetter("size")

# The types for which a value must not pass itself off.
_PLAIN_TYPES = (dict, list, tuple, str, int, float, bytes)


def freeze(value: Any, *, more_levels: int = 0) -> Any:
    """Return a read-only version of a value, which shares the parts that are frozen already.

    `dict` and `list` (and their subclasses) become `FrozenDict` and `FrozenList`, a `tuple`
    becomes a `FrozenTuple`, and a set a frozenset. A NumPy array becomes a read-only copy, unless
    it is one; a NumPy scalar a plain number, date or duration (one of nanoseconds becomes that of
    pandas, which is exact), and an instance of a subclass of `str`, `int` or `float` a plain one,
    but for the members of enums. A named tuple keeps its type.
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
    if kind in _UNCHANGED:
        return value

    if kind is dict:
        # a flat object, as most results are
        frozen = FrozenDict(value)
        if JSON_LEAVES.issuperset(map(type, frozen.values())):
            content = _JSON
            if not _TEXT.issuperset(map(type, frozen)):
                content = _content_of_keys(frozen)
            _mark(frozen, content)
            return frozen

    try:
        frozen, _ = _freeze(value, kind, _DEEPEST + more_levels)
    except RecursionError:
        # the stack of the caller was nearly full
        raise ValueError(_TOO_DEEP) from None
    return frozen


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


def _freeze(value: Any, kind: type, depth: int, memo: _Memo | None = None) -> tuple[Any, int]:
    """Return the read-only version of a value that is not of an unchanged type.

    Args:
        value: The value.
        kind: Its type.
        depth: How many more levels may be nested, this one included.
        memo: The values that were frozen before, if the value is nested deeply.

    Returns:
        The read-only version, and its content.
    """
    if depth == 0:
        raise ValueError(_TOO_DEEP)
    if memo is None and depth < _DEPTH_OF_MEMO:
        memo = {}
    if memo is not None and id(value) in memo:
        _, frozen, content = memo[id(value)]
        return frozen, content

    container = _copy_container(value, kind)
    if container is None:
        other = _freeze_other(value, kind, depth - 1, memo)
        return other, _content_of(other)

    # few calls for a level: the value may be as deep as Python's stack
    parts = [*container.values()] if isinstance(container, dict) else container
    if JSON_LEAVES.issuperset(map(type, parts)):
        content = _JSON
    elif len(parts) < _MANY or memo is not None:
        parts, content = _freeze_one_by_one(parts, depth - 1, memo)
    else:
        parts, content = _freeze_many(parts, depth - 1)

    frozen = _fill(container, kind, parts)
    if kind is tuple:
        content = min(content, _PLAIN)
    elif isinstance(container, dict) and not _TEXT.issuperset(map(type, container)):
        # a key of a user's own type may refer to its object
        content = min(content, _content_of_keys(container))
    _mark(frozen, content)
    if memo is not None:
        memo[id(value)] = (value, frozen, content)
    return frozen, content


def _copy_container(value: Any, kind: type) -> FrozenDict | list[Any] | None:
    """Return a copy of a container that is not frozen itself; None if the value is no container.

    The type is asked and the parts are read without calling anything of a subclass. They are
    copied before they are looked at: another thread may change the value meanwhile.
    """
    if kind is dict:
        return FrozenDict(value)
    if kind in _ARRAYS:
        return list(value)
    if issubclass(kind, dict):
        return FrozenDict(own_pairs(value, kind))
    if issubclass(kind, list):
        return _own_elements(value, kind)
    return None


def _fill(container: FrozenDict | list[Any], kind: type, parts: list[Any]) -> Any:
    """Return a frozen container with parts that are frozen."""
    if kind is tuple:
        return FrozenTuple(parts)
    if not isinstance(container, dict):
        return FrozenList(parts)

    for (key, value), part in zip(container.items(), parts, strict=True):
        # the value of a key may change while the keys are read; to hash a key may raise anything
        if part is not value:
            _set_item(container, key, part)
    return container


def _mark(container: FrozenDict | FrozenList | FrozenTuple, content: int) -> None:
    """Store the content of a new container in its size."""
    # its size is not counted yet
    container.size = _NEW_SIZES[content]
    # a tuple has attributes, which may be changed
    if content and len(container) >= FEWEST_PARTS and type(container) is not FrozenTuple:
        untrack(container)


def _content_of_leaves(values: list[Any]) -> int | None:
    """Return the content of values without parts; None if one of them may have parts."""
    if JSON_LEAVES.issuperset(map(type, values)):
        return _JSON
    if LEAVES.issuperset(map(type, values)):
        return _PLAIN
    return None


def _content_of_keys(record: dict[Any, Any]) -> int:
    """Return the content of the keys of an object."""
    if _TEXT.issuperset(map(type, record)):
        return _JSON
    if LEAVES.issuperset(map(type, record)):
        return _PLAIN
    return _ANY


def _content_of(value: Any) -> int:
    """Return the content of a frozen value."""
    kind = type(value)
    if kind in FROZEN:
        return _CONTENTS[type(value.size)]
    if kind in JSON_LEAVES:
        return _JSON
    return _PLAIN if kind in LEAVES else _ANY


def is_plain_data(value: Any) -> bool:
    """Return whether a frozen value is plain data: no object of another type, nor holds one."""
    kind = type(value)
    if kind in FROZEN:
        return type(value.size) is not float
    return kind in LEAVES


def are_json_data(values: list[Any]) -> bool:
    """Return whether frozen values hold nothing but the types of JSON; it is a loop of C.

    Floats that are not finite count as numbers of JSON.
    """
    kinds = set(map(type, values))
    if kinds <= JSON_LEAVES:
        return True
    if not kinds <= FROZEN:
        if not kinds <= _UNCHANGED or not JSON_LEAVES.issuperset(kinds - FROZEN):
            return False
        values = [value for value in values if type(value) in FROZEN]
    return _INT.issuperset(map(type, map(_size_slot, values)))


def _freeze_many(values: list[Any], depth: int) -> tuple[list[Any], int]:
    """Freeze the parts of a large container."""
    if len(values) < _VERY_MANY or not gc.isenabled():
        return _freeze_all(values, depth)

    # Nothing that is made here is garbage, but the collector would walk all of it, and all other
    # objects of the process, again and again: two thirds of the time for 100,000 records.
    try:
        gc.disable()
        return _freeze_all(values, depth)
    finally:
        gc.enable()


def _freeze_one_by_one(
    values: list[Any], depth: int, memo: _Memo | None = None
) -> tuple[list[Any], int]:
    content = _JSON
    frozen = []
    for value in values:
        kind = type(value)
        frozen_value = value
        if kind not in JSON_LEAVES:
            if kind in _UNCHANGED:
                value_content = _content_of(value)
            else:
                frozen_value, value_content = _freeze(value, kind, depth, memo)
            content = min(content, value_content)
        frozen.append(frozen_value)
    return frozen, content


def _freeze_all(
    values: list[Any], depth: int, batch_levels: int = _BATCH_LEVELS
) -> tuple[list[Any], int]:
    """Return the read-only versions of many values, and their content.

    Records and arrays are copied, and the types of their parts are looked at, in loops of C. For
    an array of records this takes a tenth of the time of a Python call for each value.

    Args:
        values: The values, in a list that no one else changes.
        depth: How many more levels may be nested.
        batch_levels: How many of these levels are frozen in this way. Below them, data each level
            of which refers to the next one many times would take too many steps.
    """
    kinds = set(map(type, values))
    if kinds <= LEAVES:
        return values, _JSON if kinds <= JSON_LEAVES else _PLAIN
    if depth < 1 or batch_levels < 1 or kinds.isdisjoint(_BATCHED):
        return _freeze_one_by_one(values, depth, {})
    if kinds == {dict}:
        return _freeze_records(values, depth - 1, batch_levels - 1)
    if kinds == {list}:
        return _freeze_arrays(values, depth - 1, batch_levels - 1)
    return _freeze_mixed(values, depth, batch_levels)


def _freeze_mixed(values: list[Any], depth: int, batch_levels: int) -> tuple[list[Any], int]:
    """Freeze values of several types: objects together, arrays together, others one by one."""
    values = [*values]
    content = _JSON
    for batched_kind in _BATCHED:
        indexes = [index for index, value in enumerate(values) if type(value) is batched_kind]
        if not indexes:
            continue
        of_kind = [values[index] for index in indexes]
        frozen, content_of_kind = _freeze_all(of_kind, depth, batch_levels)
        content = min(content, content_of_kind)
        for index, value in zip(indexes, frozen, strict=True):
            values[index] = value

    frozen, content_of_all = _freeze_one_by_one(values, depth, {})
    return frozen, min(content, content_of_all)


def _freeze_distinct(values: list[Any], depth: int, batch_levels: int) -> tuple[list[Any], int]:
    """Freeze many values, of which some may be the same object, each object once."""
    distinct = dict(zip(map(id, values), values, strict=True))
    frozen, content = _freeze_all([*distinct.values()], depth, batch_levels)
    if len(distinct) == len(values):
        return frozen, content
    by_id = dict(zip(distinct, frozen, strict=True))
    return [by_id[id(value)] for value in values], content


def _freeze_records(values: list[Any], depth: int, batch_levels: int) -> tuple[list[Any], int]:
    """Freeze many instances of `dict` itself.

    Objects of one source have the same keys, so the values are looked at key by key.
    """
    records = [*map(FrozenDict, values)]
    columns, content = _columns_to_freeze(records)
    column_values = [column for _, column in columns.values()]
    if len(columns) > _FEW:
        parts, content_of_parts = _freeze_distinct(
            [*chain.from_iterable(column_values)], depth, batch_levels
        )
        content = min(content, content_of_parts)
        column_values = _split(parts, column_values)

    for (name, (with_name, _)), column in zip(columns.items(), column_values, strict=True):
        parts, content_of_parts = _freeze_all(column, depth, batch_levels)
        content = min(content, content_of_parts)
        # calls `_set_item` for each object in a loop of C
        deque(map(_set_item, with_name, repeat(name), parts), maxlen=0)

    if content == _JSON:
        _mark_json(records)
        return records, content
    for record in records:
        contents = [*map(_content_of, record.values()), _content_of_keys(record)]
        _mark(record, min(contents))
    return records, content


# the columns of many objects in which some values have parts: for each such key the objects that
# have it, and their values
_Columns = dict[Any, tuple[list[Any], list[Any]]]


def _columns_to_freeze(records: list[Any]) -> tuple[_Columns, int]:
    """Return the columns of many objects in which some values have parts.

    Returns:
        The columns, and the content of the other ones and of the keys.
    """
    names = records[0]
    columns = {}
    content = _content_of_keys(names)
    try:
        for name in names:
            column = [*map(itemgetter(name), records)]
            content_of_column = _content_of_leaves(column)
            if content_of_column is None:
                columns[name] = (records, column)
            else:
                content = min(content, content_of_column)
    except Exception:  # noqa: BLE001 - a key is missing, or to hash it raises anything
        return _find_columns(records)

    # all have the keys of the first object, and no others
    if set(map(len, records)) != {len(names)}:
        return _find_columns(records)
    return columns, content


def _find_columns(records: list[Any]) -> tuple[_Columns, int]:
    """Return the columns with parts of objects that differ in their keys."""
    columns: _Columns = {}
    content = min(map(_content_of_keys, records))
    if JSON_LEAVES.issuperset(map(type, chain.from_iterable(map(_values_of, records)))):
        return columns, content

    for record in records:
        for name, part in record.items():
            kind = type(part)
            if kind not in LEAVES:
                with_name, column = columns.setdefault(name, ([], []))
                with_name.append(record)
                column.append(part)
            elif kind not in JSON_LEAVES:
                content = min(content, _PLAIN)
    return columns, content


def _mark_json(containers: Sequence[FrozenDict | FrozenList]) -> None:
    """Store in new containers that they hold nothing but values of JSON."""
    for container in containers:
        container.size = 0
    if containers and len(containers[0]) >= FEWEST_PARTS:
        untrack_all(containers)


def _freeze_arrays(values: list[Any], depth: int, batch_levels: int) -> tuple[list[Any], int]:
    """Freeze many instances of `list` itself."""
    arrays = [*map(FrozenList, values)]
    if JSON_LEAVES.issuperset(map(type, chain.from_iterable(arrays))):
        _mark_json(arrays)
        return arrays, _JSON

    elements = [*chain.from_iterable(arrays)]
    freeze_parts = _freeze_all if len(elements) <= _FEW * len(arrays) else _freeze_distinct
    elements, content = freeze_parts(elements, depth, batch_levels)
    arrays = [*map(FrozenList, _split(elements, arrays))]
    if content == _JSON:
        _mark_json(arrays)
        return arrays, content
    for array in arrays:
        _mark(array, min(map(_content_of, array), default=_JSON))
    return arrays, content


def _split(values: list[Any], arrays: Sequence[list[Any]]) -> list[list[Any]]:
    """Return the values in lists that are as long as some arrays."""
    parts = []
    start = 0
    for array in arrays:
        end = start + len(array)
        parts.append(values[start:end])
        start = end
    return parts


def _freeze_other(value: Any, kind: type, depth: int, memo: _Memo | None) -> Any:
    """Freeze a value that is no container, or is of a subclass of a plain type."""
    if kind is set:
        return frozenset(value)
    # The members of enums of strings or numbers stay members.
    if hasattr(kind, "_member_map_"):
        return value
    # A string of NumPy, for example: the plain string in it.
    if issubclass(kind, str):
        return str.__str__(value)
    if module_of(kind) == "numpy":
        return _freeze_numpy(value, memo)
    if issubclass(kind, bytes):
        return bytes.__getitem__(value, slice(None))
    if issubclass(kind, tuple):
        return _freeze_named_tuple(value, kind, depth, memo)
    if issubclass(kind, int):
        return int.__int__(value)
    if issubclass(kind, float):
        return float.__float__(value)
    _refuse_pretence(value, kind)
    return _copy_table(value)


def is_named_tuple(kind: type) -> bool:
    """Return whether a type is a class of named tuples, or a subclass of one."""
    if not issubclass(kind, tuple) or type(getattr(kind, "_fields", None)) is not tuple:
        return False
    return not _iterates_in_its_own_way(kind, tuple)


def has_attributes(value: Any) -> bool:
    """Return whether an object has attributes of its own, without a call of its code."""
    return bool(ask(lambda: object.__getattribute__(value, "__dict__")))


def _freeze_named_tuple(value: Any, kind: type, depth: int, memo: _Memo | None) -> Any:
    """Return a named tuple of frozen elements, of the same type; another tuple as it is.

    A tuple that iterates in a way of its own becomes a plain one.
    """
    # attributes beside the elements would be lost
    is_named = is_named_tuple(kind) and not has_attributes(value)
    if not is_named and not _iterates_in_its_own_way(kind, tuple):
        return value

    elements = list(tuple.__iter__(value))
    parts, content = _freeze_one_by_one(elements, depth, memo)
    if not is_named:
        frozen = FrozenTuple(parts)
        _mark(frozen, min(content, _PLAIN))
        return frozen
    if all(map(operator.is_, parts, elements)):
        return value
    return tuple.__new__(kind, parts)


def own_pairs(value: Any, kind: type) -> dict[Any, Any]:
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
    return not is_plain_data(value) and type(value) is not range


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
        if LEAVES.issuperset(map(type, value.values())):
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
    if type(value) not in FROZEN:
        if isinstance(value, tuple):
            # the class of a named tuple takes its elements one by one
            return tuple.__new__(type(value), parts)
        return type(value)(parts)

    container: Any = kind(parts)
    container.size = 0.0
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


def _freeze_numpy(value: Any, memo: _Memo | None) -> Any:
    if type(value).__name__ == "ndarray":
        frozen = value if _is_read_only(value) else _copy_array(value)
        if memo is not None:
            memo[id(value)] = (value, frozen, _ANY)
        return frozen

    if not hasattr(value, "item") or getattr(value, "ndim", 1) != 0:
        return value
    plain = value.item()
    kind = type(value).__name__
    if type(plain) is int and kind in ("datetime64", "timedelta64"):
        return _freeze_nanoseconds(value, kind)
    return plain


def _is_read_only(array: Any) -> bool:
    """Return whether an array of NumPy and all arrays of which it is a view are read-only."""
    kind = type(array)
    while type(array) is kind:
        if array.flags.writeable:
            return False
        array = array.base
    return array is None or type(array) is bytes


def _copy_array(array: Any) -> Any:
    """Return a read-only copy of an array of NumPy, with the same order in memory."""
    copy = array.copy("K")
    copy.flags.writeable = False
    # unlike the owner of the memory, a view cannot be made writeable again
    return copy.view()


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
    content = _content_of_leaves(frozen)
    if content is None and FROZEN.issuperset(map(type, frozen)):
        content = min(map(_CONTENTS.__getitem__, set(map(type, map(_size_slot, frozen)))))
    elif content is None:
        content = min(map(_content_of, frozen))

    _mark(frozen, content)
    return frozen


def thaw(value: Any) -> Any:
    """Return a deep copy of a value made of plain `dict`, `list` and `tuple`."""
    if isinstance(value, dict):
        return {key: thaw(part) for key, part in value.items()}
    if isinstance(value, list):
        return [thaw(part) for part in value]
    if type(value) in (tuple, FrozenTuple):
        return tuple(thaw(part) for part in value)
    return value


def thaw_all(values: list[Any]) -> list[Any]:
    """Return many values made of plain `dict` and `list` at the first levels, to be pickled.

    Like `freeze`, it copies records and arrays in loops of C. A part that
    stands in several places of one level is copied once for the objects and once for the arrays
    there. Tuples, and parts that are nested deeper than a few levels, stay frozen.
    """
    return _thaw_many(values, _BATCH_LEVELS)


def _thaw_many(values: list[Any], levels: int) -> list[Any]:
    kinds = set(map(type, values))
    if not levels or kinds.isdisjoint(_THAWED):
        return values

    distinct = dict(zip(map(id, values), values, strict=True))
    if len(distinct) < len(values):
        thawed = dict(zip(distinct, _thaw_many([*distinct.values()], levels), strict=True))
        return [thawed[id(value)] for value in values]
    if kinds == {FrozenDict}:
        return _thaw_records(values, levels - 1)
    if kinds == {FrozenList}:
        return _thaw_arrays(values, levels - 1)

    values = [*values]
    for kind in kinds & _THAWED:
        indexes = [index for index, value in enumerate(values) if type(value) is kind]
        thawed_values = _thaw_many([values[index] for index in indexes], levels)
        for index, value in zip(indexes, thawed_values, strict=True):
            values[index] = value
    return values


def _thaw_records(records: list[Any], levels: int) -> list[Any]:
    copies = [*map(dict, records)]
    columns, _ = _columns_to_freeze(copies)
    column_values = [column for _, column in columns.values()]
    parts = _thaw_many([*chain.from_iterable(column_values)], levels)
    thawed_columns = _split(parts, column_values)

    for (name, (with_name, _)), column in zip(columns.items(), thawed_columns, strict=True):
        deque(map(_set_item, with_name, repeat(name), column), maxlen=0)
    return copies


def _thaw_arrays(arrays: list[Any], levels: int) -> list[Any]:
    elements = [*chain.from_iterable(arrays)]
    if LEAVES.issuperset(map(type, elements)):
        return [*map(list, arrays)]
    return _split(_thaw_many(elements, levels), arrays)


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

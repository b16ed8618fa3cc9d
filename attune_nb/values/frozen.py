"""Values that are shared and never change: read-only maps and lists.

A value is frozen once, when it comes in, into read-only subclasses of `dict` and `list`. From
then on every task and item refers to the same objects.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "FrozenDict",
    "FrozenList",
    "FrozenTuple",
    "NotStored",
    "describe_not_stored",
    "freeze",
    "freeze_list",
    "frozen_rows",
    "size_of",
    "thaw",
]

_DEEPEST = 200


def _refuse(self: object, *_: object, **__: object) -> NoReturn:
    kind = "map" if isinstance(self, dict) else "list"
    plain = "dict(value)" if kind == "map" else "list(value)"
    raise TypeError(
        f"this {kind} is read-only, because every task and item shares it; "
        f"change a copy ({plain}), or declare the action with "
        "@attune_nb.action(mutable_input=True) to be given its own copy of its input"
    )


class FrozenDict(dict[Any, Any]):
    """A read-only `dict`. `json`, pandas and `isinstance` take it for what it is."""

    __slots__ = ("size",)
    size: int  # bytes of memory of everything below and including this map

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
    """A read-only `list`."""

    __slots__ = ("size",)
    size: int

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


class FrozenTuple(tuple[Any, ...]):  # noqa: SLOT001 - a slot cannot stand here, and a size must
    """A `tuple` of frozen values: the type says that nothing in it is to be frozen again."""

    size: int

    def __copy__(self) -> tuple[Any, ...]:
        return tuple(self)

    def __deepcopy__(self, memo: object) -> tuple[Any, ...]:
        return tuple(thaw(each) for each in self)

    def __reduce__(self) -> tuple[Any, ...]:
        return freeze, (tuple(self),)


class NotStored:
    """Stands for an object that was no plain data when its run was stored.

    Attributes:
        kind: The type of the object, as `module.Name`.
        rows: How many rows it had, where it was a table.
    """

    __slots__ = ("kind", "rows")

    def __init__(self, kind: str, rows: int | None = None) -> None:
        self.kind, self.rows = kind, rows

    def __repr__(self) -> str:
        return f"<{self.kind}, which the store does not hold>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NotStored) and (other.kind, other.rows) == (self.kind, self.rows)

    def __hash__(self) -> int:
        return hash((self.kind, self.rows))


def describe_not_stored(value: Any) -> str:
    """Tell of the first object in a value that no store holds; nothing where there is none."""
    if isinstance(value, NotStored):
        return f"a {value.kind}, which no store holds"
    if isinstance(value, dict | list | tuple):
        parts = value.values() if isinstance(value, dict) else value
        return next(filter(None, map(describe_not_stored, parts)), "")
    return ""


_LEAVES = frozenset({str, int, float, bool, type(None), bytes, complex})
_FROZEN = frozenset({FrozenDict, FrozenList, FrozenTuple})


def freeze(value: Any) -> Any:
    """Give a value that nobody can change, sharing all that is frozen already.

    `dict` and `list` (and their subclasses) become `FrozenDict` and `FrozenList`, a `tuple`
    becomes a `FrozenTuple`, sets become frozensets, NumPy arrays read-only views of themselves and
    NumPy scalars plain numbers, texts of a subclass become plain texts. Any other object is
    passed through as it is. (Code in C that is made for lists, such as `heapq`, writes past a
    list's own methods; nothing in Python can refuse that.)

    Raises:
        ValueError: The value contains itself, or is nested deeper than 200 levels.
    """
    kind = type(value)
    if kind in _LEAVES or kind in _FROZEN:
        return value
    return _freeze(value, _DEEPEST)


def _freeze(value: Any, depth: int) -> Any:
    kind = type(value)
    if kind in _LEAVES or kind in _FROZEN:
        return value
    if depth == 0:
        raise ValueError(
            f"a value is nested deeper than {_DEEPEST} levels, or contains itself; "
            "publish and return flat data"
        )
    if isinstance(value, dict):
        flat = _LEAVES.issuperset(map(type, value.values()))
        frozen_map = FrozenDict(
            value if flat else {key: _freeze(each, depth - 1) for key, each in value.items()}
        )
        frozen_map.size = _container_size(frozen_map, frozen_map.values())
        frozen_map.size += _sizes(frozen_map)
        return frozen_map
    if isinstance(value, list) or kind is tuple:
        flat = _LEAVES.issuperset(map(type, value))  # a long list of numbers is soon known
        parts = value if flat else [_freeze(each, depth - 1) for each in value]
        frozen_list = FrozenTuple(parts) if kind is tuple else FrozenList(parts)
        frozen_list.size = _container_size(frozen_list, frozen_list)
        return frozen_list
    if kind is set:
        return frozenset(value)
    if kind.__module__ == "numpy" and kind.__name__ == "ndarray":
        view = value.view()
        view.flags.writeable = False
        return view
    if isinstance(value, str):  # an enum's, or NumPy's: the plain text that it holds
        return str.__str__(value)
    if kind.__module__ == "numpy" and hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        return value.item()
    return value


def freeze_list(values: list[Any]) -> FrozenList:
    """Make a read-only list of values that are frozen already; the list itself is copied once."""
    frozen = FrozenList(values)
    frozen.size = _container_size(frozen, frozen)
    return frozen


def _container_size(container: Any, children: Any) -> int:
    return sys.getsizeof(container) + _sizes(children)


def _sizes(values: Iterable[Any]) -> int:
    if _LEAVES.issuperset(map(type, values)):
        return sum(map(sys.getsizeof, values))
    return sum(map(size_of, values))


def size_of(value: Any) -> int:
    """Give the bytes of memory that a frozen value takes, without walking it again.

    Parts that are shared count each time they are referred to. Objects that are not plain
    data count by their own `nbytes`, or by the object alone.
    """
    kind = type(value)
    if kind in _FROZEN:
        known: int = value.size
        return known
    if kind in _LEAVES:
        return sys.getsizeof(value)
    own = getattr(value, "nbytes", None)
    return own if isinstance(own, int) else sys.getsizeof(value, 0)


def thaw(value: Any) -> Any:
    """Give a deep copy made of plain `dict` and `list`, free to be changed."""
    if isinstance(value, dict):
        return {key: thaw(each) for key, each in value.items()}
    if isinstance(value, list):
        return [thaw(each) for each in value]
    if type(value) in (tuple, FrozenTuple):
        return tuple(thaw(each) for each in value)
    return value


def frozen_rows(frame: Any) -> Iterator[FrozenDict]:
    """Give a DataFrame's rows as frozen maps, one at a time."""
    columns = [str(name) for name in frame.columns]
    for row in zip(*(frame.iloc[:, at].tolist() for at in range(len(columns))), strict=True):
        yield freeze(dict(zip(columns, row, strict=True)))

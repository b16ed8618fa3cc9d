"""Equality and order, as the language has them: of plain data, without running its code.

Equality is JSON's: `1` equals `1.0` but not `true`, and arrays and objects are compared part
by part. Any other object equals only itself. Order exists among numbers, among texts, among
booleans, and among arrays of these.
"""

from __future__ import annotations

from functools import cmp_to_key
from typing import TYPE_CHECKING, Any

from attune_nb.errors import TemplateError
from attune_nb.templates.sandbox import (
    ARRAYS,
    KEYS,
    MAPS,
    NUMBERS,
    charge,
    charge_many,
    charge_text,
    refuse_elsewhere,
    type_of,
    weigh_all,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["contains", "equal", "key_of", "order", "position", "sort"]

_SHORT = 64  # characters; comparing texts up to this length costs nothing worth counting


def equal(left: Any, right: Any) -> bool:
    """Tell whether two values are equal."""
    kind, other = type(left), type(right)
    if kind is str and other is str:
        if len(left) > _SHORT and len(left) == len(right):
            charge_text(len(left))
        return bool(left == right)
    if kind in NUMBERS and other in NUMBERS:
        return bool(left == right)
    if kind in ARRAYS and other in ARRAYS:
        return _equal_arrays(left, right)
    if kind in MAPS and other in MAPS:
        return _equal_maps(left, right)
    if left is right:
        return True
    refuse_elsewhere(left, right)
    return False


def _equal_arrays(left: Sequence[Any], right: Sequence[Any]) -> bool:
    if len(left) != len(right):
        return False
    charge(1 + len(left))
    return all(map(equal, left, right))


def _equal_maps(left: dict[Any, Any], right: dict[Any, Any]) -> bool:
    if len(left) != len(right):
        return False
    charge(1 + 2 * len(left))
    return all(key in right and equal(each, right[key]) for key, each in left.items())


def order(left: Any, right: Any) -> int:
    """Give -1, 0 or 1 as `left` comes before, with or after `right`.

    Raises:
        TemplateError: There is no order among values of these types.
    """
    kind, other = type(left), type(right)
    if kind is str and other is str:
        charge_text(min(len(left), len(right)))
    elif kind in ARRAYS and other in ARRAYS:
        charge(1 + min(len(left), len(right)))
        for one, two in zip(left, right, strict=False):
            if not equal(one, two):
                return order(one, two)
        return (len(left) > len(right)) - (len(left) < len(right))
    elif not _numeric(kind, other):
        raise TemplateError(
            f"a {type_of(left)} and a {type_of(right)} have no order; "
            "compare numbers with numbers and texts with texts"
        )
    return int(left > right) - int(left < right)


def _numeric(kind: type, other: type) -> bool:
    return (kind in NUMBERS or kind is bool) and (other in NUMBERS or other is bool)


def sort(
    values: Iterable[Any],
    name: str,
    *,
    key: Callable[[Any], Any] | None = None,
    reverse: bool = False,
) -> list[Any]:
    """Sort values of one type; equal ones keep their order.

    Raises:
        TemplateError: The values are of several types, or of one that has no order.
    """
    many = list(values)
    keys = many if key is None else [key(each) for each in many]
    family = _family(keys, name)
    rounds = max(1, len(many).bit_length() // 2)
    charge_many(len(many) * rounds)
    if family == "string":
        charge_text(sum(map(len, keys)) * rounds)
    elif family == "array":
        keys = [cmp_to_key(order)(each) for each in keys]
    if keys is many:
        return sorted(many, reverse=reverse)
    places = sorted(range(len(many)), key=keys.__getitem__, reverse=reverse)
    return [many[at] for at in places]


def _family(keys: list[Any], name: str) -> str:
    families = set(map(type_of, keys))
    if len(families) > 1:
        shown = " and ".join(sorted(families))
        raise TemplateError(f"`{name}` takes values of one type, not {shown} together")
    family = families.pop() if families else "number"
    if family not in ("number", "string", "bool", "array"):
        raise TemplateError(f"`{name}` cannot put values of type {family} in order")
    return family


def key_of(value: Any) -> Any:
    """Give something hashable that is equal for equal values, and only for these."""
    if type(value) in ARRAYS or type(value) in MAPS:
        weigh_all(value, times=5)
    return _key(value)


def _key(value: Any) -> Any:
    kind = type(value)
    if kind is str or kind in NUMBERS or value is None:
        return value
    if kind is bool:
        return ("bool", value)
    if kind in ARRAYS:
        return ("array", *map(_key, value))
    if kind in MAPS:
        return ("object", frozenset((key, _key(each)) for key, each in value.items()))
    refuse_elsewhere(value)
    return ("itself", id(value))


def contains(hay: Any, needle: Any, name: str = "in") -> bool:
    """Tell whether a text has a part, an array an element, an object a key."""
    kind = type(hay)
    if kind in ARRAYS:
        return position(hay, needle) >= 0
    if kind in MAPS:
        if type(needle) not in KEYS:
            raise TemplateError(f"an object has no key of type {type_of(needle)}")
        return needle in hay
    if kind is str and type(needle) is str:
        charge_text(len(hay))
        return needle in hay
    if kind is str:
        raise TemplateError(f"`{name}` looks for a string in a string, not for {type_of(needle)}")
    raise TemplateError(
        f"`{name}` looks into a string, an array or an object, not into {type_of(hay)}"
    )


def position(values: Sequence[Any], needle: Any) -> int:
    """Give where an array first has a value, or -1."""
    charge_many(len(values))
    kind = type(needle)
    for at, each in enumerate(values):
        if (kind is type(each) or kind is not str) and equal(each, needle):
            return at
    return -1

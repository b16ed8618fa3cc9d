"""Equality and order of plain data, as the language defines them, without code of the values.

Equality is that of JSON: `1` equals `1.0` but not `true`, and arrays and objects are compared part
by part. Any other value equals only itself. Numbers have an order, and so have strings, booleans
and arrays of these.
"""

from __future__ import annotations

from functools import cmp_to_key
from typing import TYPE_CHECKING, Any

from attune_nb.errors import TemplateError
from attune_nb.templates.sandbox import (
    ARRAYS,
    CONTAINERS,
    KEYS,
    NUMBERS,
    OBJECTS,
    charge,
    charge_if_many,
    charge_parts,
    charge_string,
    describe_kind,
    refuse_remote,
    type_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["compare", "contains", "find_index", "hash_key", "is_equal", "sort_values"]

# Characters; comparing strings up to this length costs too little to be counted.
_SHORT = 64

# The types whose values can be sorted, as `type_of` names them.
_SORTABLE = ("number", "string", "bool", "array")


def is_equal(left: Any, right: Any) -> bool:
    """Return whether two values are equal."""
    left_type = type(left)
    right_type = type(right)
    if left_type is str and right_type is str:
        if len(left) > _SHORT and len(left) == len(right):
            charge_string(len(left))
        return bool(left == right)
    if left_type in NUMBERS and right_type in NUMBERS:
        return bool(left == right)
    if left_type in ARRAYS and right_type in ARRAYS:
        return _is_equal_array(left, right)
    if left_type in OBJECTS and right_type in OBJECTS:
        return _is_equal_object(left, right)

    if left is right:
        return True
    refuse_remote(left, right)
    return False


def _is_equal_array(left: Sequence[Any], right: Sequence[Any]) -> bool:
    if len(left) != len(right):
        return False

    charge(1 + len(left))
    return all(map(is_equal, left, right))


def _is_equal_object(left: dict[Any, Any], right: dict[Any, Any]) -> bool:
    if len(left) != len(right):
        return False

    charge(1 + 2 * len(left))
    return all(key in right and is_equal(value, right[key]) for key, value in left.items())


def compare(left: Any, right: Any) -> int:
    """Return -1, 0 or 1 if `left` comes before, with or after `right`.

    Raises:
        TemplateError: Values of these types have no order.
    """
    left_type = type(left)
    right_type = type(right)
    if left_type is str and right_type is str:
        charge_string(min(len(left), len(right)))
    elif left_type in ARRAYS and right_type in ARRAYS:
        return _compare_arrays(left, right)
    elif not (_is_numeric(left_type) and _is_numeric(right_type)):
        raise TemplateError(
            f"{describe_kind(left)} and {describe_kind(right)} have no order; "
            "compare numbers with numbers and strings with strings"
        )

    return int(left > right) - int(left < right)


def _compare_arrays(left: Sequence[Any], right: Sequence[Any]) -> int:
    charge(1 + min(len(left), len(right)))
    for left_element, right_element in zip(left, right, strict=False):
        if not is_equal(left_element, right_element):
            return compare(left_element, right_element)
    return int(len(left) > len(right)) - int(len(left) < len(right))


def _is_numeric(kind: type) -> bool:
    return kind in NUMBERS or kind is bool


def sort_values(
    values: Iterable[Any],
    name: str,
    *,
    key: Callable[[Any], Any] | None = None,
    reverse: bool = False,
) -> list[Any]:
    """Return values of one type in order; equal values keep their order.

    Args:
        values: The values.
        name: The function or filter that sorts, for messages.
        key: Returns the key by which a value is sorted; without it, the value itself.
        reverse: Whether the greatest value comes first.

    Raises:
        TemplateError: The values have several types, or one without an order.
    """
    elements = list(values)
    keys = elements
    if key is not None:
        keys = [key(element) for element in elements]
    kind = _common_type(keys, name)
    rounds = max(1, len(elements).bit_length() // 2)
    charge_if_many(len(elements) * rounds)
    if kind == "string":
        charge_string(sum(map(len, keys)) * rounds)
    elif kind == "array":
        keys = list(map(cmp_to_key(compare), keys))

    if keys is elements:
        return sorted(elements, reverse=reverse)
    indexes = sorted(range(len(elements)), key=keys.__getitem__, reverse=reverse)
    return [elements[index] for index in indexes]


def _common_type(keys: list[Any], name: str) -> str:
    """Return the type of all keys, as `type_of` names it."""
    if not keys:
        return "number"

    kinds = set(map(type_of, keys))
    if len(kinds) > 1:
        examples = {type_of(key): key for key in reversed(keys)}
        described = [describe_kind(examples[kind]) for kind in sorted(kinds)]
        raise TemplateError(
            f"`{name}` takes values of one type, not {' and '.join(described)} together"
        )

    kind = kinds.pop()
    if kind not in _SORTABLE:
        raise TemplateError(f"`{name}` cannot put {describe_kind(keys[0])} in order")
    return kind


def hash_key(value: Any) -> Any:
    """Return a hashable key, which is equal for equal values and only for these."""
    if type(value) in CONTAINERS:
        charge_parts(value, times=5)
    return _hash_key(value)


def _hash_key(value: Any) -> Any:
    kind = type(value)
    if kind is str or kind in NUMBERS or value is None:
        return value
    if kind is bool:
        return ("bool", value)
    if kind in ARRAYS:
        return ("array", *map(_hash_key, value))
    if kind in OBJECTS:
        return ("object", frozenset((key, _hash_key(part)) for key, part in value.items()))

    refuse_remote(value)
    return ("itself", id(value))


def contains(container: Any, needle: Any, name: str = "in") -> bool:
    """Return whether a string has a part, an array an element, or an object a key.

    Args:
        container: The string, array or object.
        needle: The part, element or key.
        name: The function or operator, for messages.

    Raises:
        TemplateError: The container or the needle has the wrong type.
    """
    kind = type(container)
    if kind in ARRAYS:
        return find_index(container, needle) >= 0
    if kind in OBJECTS:
        if type(needle) not in KEYS:
            raise TemplateError(f"an object has no key that is {describe_kind(needle)}")
        return needle in container
    if kind is not str:
        raise TemplateError(
            f"`{name}` looks into a string, an array or an object, not into "
            f"{describe_kind(container)}"
        )
    if type(needle) is not str:
        raise TemplateError(
            f"`{name}` looks for a string in a string, not for {describe_kind(needle)}"
        )

    charge_string(len(container))
    return needle in container


def find_index(values: Sequence[Any], needle: Any) -> int:
    """Return the first index of a value in an array, or -1."""
    charge_if_many(len(values))
    kind = type(needle)
    for index, value in enumerate(values):
        # A string equals only strings, so most other values need no call.
        if (kind is type(value) or kind is not str) and is_equal(value, needle):
            return index
    return -1

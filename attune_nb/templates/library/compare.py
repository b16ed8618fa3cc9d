"""Equality and order of plain data, as the language defines them, without code of the values.

Equality is that of JSON: `1` equals `1.0` but not `true`, and arrays and objects are compared part
by part. Any other value equals only itself. Numbers have an order, and so have strings, booleans
and arrays of these.
"""

from __future__ import annotations

from functools import cmp_to_key
from operator import itemgetter
from struct import pack
from typing import TYPE_CHECKING, Any

from attune_nb.errors import TemplateError
from attune_nb.templates.sandbox import (
    ARRAYS,
    CONTAINERS,
    KEYS,
    NUMBERS,
    OBJECTS,
    PLAIN,
    charge,
    charge_if_many,
    charge_integer,
    charge_key,
    charge_search,
    charge_string,
    describe_kind,
    refuse_remote,
    type_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["compare", "contains", "find_index", "hash_key", "is_equal", "sort_values"]

# Bits of an integer that is compared in a step, and the first integer that takes longer.
_LARGE_BITS = 1_024
_LARGE = 1 << _LARGE_BITS

# Integers below this have hashes that differ, so they may be keys as they are.
_SMALL = 1 << 20

# Bits of an integer that one step writes as hexadecimal digits.
_BITS_PER_STEP = 128

# The bytes of an integer's length.
_BITS_PER_BYTE = 8

# Steps for each part of an array or an object that becomes a key.
_KEY_STEPS = 4

# Characters; comparing strings up to this length costs too little to be counted.
_SHORT = 64

_STRINGS = frozenset({str})

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
        if left_type is int:
            charge_integer(left)
        return bool(left == right)
    if left_type in ARRAYS and right_type in ARRAYS:
        return _is_equal_array(left, right)
    if left_type in OBJECTS and right_type in OBJECTS:
        return _is_equal_object(left, right)

    if left is right:
        return True
    if left_type not in PLAIN or right_type not in PLAIN:
        refuse_remote(left, right)
    return False


def _is_equal_array(left: Sequence[Any], right: Sequence[Any]) -> bool:
    if len(left) != len(right):
        return False

    charge(1 + 2 * len(left))
    return all(map(is_equal, left, right))


def _is_equal_object(left: dict[Any, Any], right: dict[Any, Any]) -> bool:
    if len(left) != len(right):
        return False

    charge(1 + 3 * len(left))
    if not _STRINGS.issuperset(map(type, left)):
        # Numbers may have one hash, so each key may be compared with all others.
        for key in left:
            charge_key(right, key)
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
    elif left_type is int:
        charge_integer(left)

    return int(left > right) - int(left < right)


def _compare_arrays(left: Sequence[Any], right: Sequence[Any]) -> int:
    charge(2 + 2 * min(len(left), len(right)))
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
    charge_if_many(len(elements))
    keys = elements
    if key is not None:
        keys = [key(element) for element in elements]
    kind = _common_type(keys, name)
    rounds = max(1, len(elements).bit_length() // 2)
    charge_if_many(len(elements) * rounds)
    if kind == "string":
        charge_string(sum(map(len, keys)) * rounds)
    elif kind == "number":
        _charge_comparisons(keys, rounds)
    elif kind == "array":
        keys = list(map(cmp_to_key(compare), keys))

    if keys is elements:
        return sorted(elements, reverse=reverse)
    indexes = sorted(range(len(elements)), key=keys.__getitem__, reverse=reverse)
    return [elements[index] for index in indexes]


def _charge_comparisons(numbers: list[Any], rounds: int) -> None:
    """Take the cost of comparing numbers some times each, if there are large integers."""
    for number in numbers:
        if type(number) is int and not -_LARGE < number < _LARGE:
            charge(rounds * (1 + number.bit_length() // _LARGE_BITS))


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
    """Return a hashable key, which is equal for equal values and only for these.

    A user cannot choose values whose keys have one hash, which would make a dictionary of them
    slow: a string's hash is random, and a number or a container has a string or bytes as its key.
    """
    kind = type(value)
    if kind is str:
        charge_string(len(value))
        return value
    if value is None:
        return None
    if kind is bool:
        return ("bool", value)
    if kind in NUMBERS:
        return _number_key(value)
    if kind in CONTAINERS:
        pieces: list[str] = []
        _write_key(value, pieces)
        return ("container", "".join(pieces))

    refuse_remote(value)
    return ("itself", id(value))


def _number_key(number: Any) -> Any:
    integer = number
    if type(number) is float:
        if number != number:  # noqa: PLR0124 - NaN alone differs from itself, and has no equal
            return number
        if not number.is_integer():
            return ("float", pack("d", number))
        integer = int(number)

    if -_SMALL < integer < _SMALL:
        return integer
    charge_integer(integer)
    length = integer.bit_length() // _BITS_PER_BYTE + 1
    return ("integer", integer.to_bytes(length, "little", signed=True))


def _write_key(value: Any, pieces: list[str]) -> None:
    """Append the text of a value; two values have one text if they are equal."""
    kind = type(value)
    if kind is str:
        charge_string(len(value), ascii_only=value.isascii())
        pieces.append(f"{len(value)}:{value}")
    elif value is None or kind is bool:
        pieces.append(f"{value},")
    elif kind in NUMBERS:
        pieces.append(_number_text(value))
    elif kind in ARRAYS:
        charge(3 + _KEY_STEPS * len(value))
        pieces.append("[")
        for element in value:
            _write_key(element, pieces)
        pieces.append("]")
    elif kind in OBJECTS:
        _write_object_key(value, pieces)
    else:
        refuse_remote(value)
        pieces.append(f"@{id(value)},")


def _write_object_key(value: dict[Any, Any], pieces: list[str]) -> None:
    charge(3 + 3 * _KEY_STEPS * len(value))
    entries: list[tuple[str, Any]] = []
    for key, part in value.items():
        name: list[str] = []
        # As keys, true and 1 are one.
        _write_key(int(key) if type(key) is bool else key, name)
        entries.append((name[0], part))

    pieces.append("{")
    for name_text, part in sorted(entries, key=itemgetter(0)):
        pieces.append(name_text)
        _write_key(part, pieces)
    pieces.append("}")


def _number_text(number: Any) -> str:
    if type(number) is float:
        if number != number:  # noqa: PLR0124 - NaN alone differs from itself, and has no equal
            return f"@{id(number)},"
        if not number.is_integer():
            return f"{number.hex()},"
        number = int(number)
    charge(number.bit_length() // _BITS_PER_STEP)
    return f"{number:x},"


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
        charge_key(container, needle)
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

    charge_search(container, needle)
    return needle in container


def find_index(values: Sequence[Any], needle: Any) -> int:
    """Return the first index of a value in an array, or -1."""
    charge_if_many(2 * len(values))
    kind = type(needle)
    for index, value in enumerate(values):
        # A string equals only strings, so most other values need no call.
        if (kind is type(value) or kind is not str) and is_equal(value, needle):
            return index
    return -1

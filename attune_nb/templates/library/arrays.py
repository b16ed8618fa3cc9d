"""Functions of arrays and objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.errors import TemplateError
from attune_nb.templates.library.compare import find_index, hash_key, is_equal, sort_values
from attune_nb.templates.library.strings import count_occurrences, find
from attune_nb.templates.library.to_text import to_text
from attune_nb.templates.members import charge_slice
from attune_nb.templates.sandbox import (
    ARRAYS,
    LONGEST_RANGE,
    OBJECTS,
    charge,
    charge_if_many,
    charge_number_keys,
    charge_string,
    check_integer,
    describe_kind,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "chunks",
    "count",
    "elements",
    "flatten",
    "index_of",
    "keys",
    "length",
    "make_range",
    "merge",
    "reverse",
    "slice_values",
    "sort",
    "unique",
    "values",
    "zip_arrays",
]

_NO_NEEDLE = object()

# Bits of an integer that one step makes.
_BITS_PER_STEP = 256


def elements(value: Any, name: str) -> Any:
    """Return the elements of an array, the characters of a string or the keys of an object.

    Args:
        value: The value.
        name: The function or filter, for messages.

    Raises:
        TemplateError: The value has no elements.
    """
    kind = type(value)
    if kind in ARRAYS:
        return value
    if kind is str or kind in OBJECTS:
        steps = len(value)
        if kind is str and not value.isascii():
            steps *= 3
        charge_if_many(steps)
        return list(value)

    raise TemplateError(
        f"`{name}` takes an array, an object or a string, not {describe_kind(value)}"
    )


def keys(value: dict[Any, Any]) -> list[Any]:
    """Return an object's keys, sorted."""
    charge_if_many(4 * len(value))
    return sorted(value, key=to_text)


def values(value: dict[Any, Any]) -> list[Any]:
    """Return an object's values, in the order of its sorted keys."""
    charge_number_keys(value)
    return [value[key] for key in keys(value)]


def length(value: Any) -> int:
    """Return the number of characters, elements or keys."""
    return len(value)


def count(container: Any, needle: Any = _NO_NEEDLE) -> int:
    """Return the number of parts that equal a value; without a value, of all parts."""
    if needle is _NO_NEEDLE:
        return len(container)
    if type(container) is str:
        return count_occurrences(container, _check_string(needle, "count"))
    if type(container) in OBJECTS:
        raise TemplateError("`count` looks for a value in a string or an array, not in an object")

    charge_if_many(1 + 2 * len(container))
    return sum(is_equal(element, needle) for element in container)


def index_of(container: Any, needle: Any) -> int:
    """Return the first index of a value in an array or of a part in a string, or -1."""
    if type(container) is str:
        return find(container, _check_string(needle, "index_of"))
    return find_index(container, needle)


def _check_string(needle: Any, name: str) -> str:
    if type(needle) is not str:
        raise TemplateError(
            f"`{name}` looks for a string in a string, not for {describe_kind(needle)}"
        )
    return needle


def reverse(value: Any) -> Any:
    """Return an array's elements or a string's characters in reverse order."""
    if type(value) is str:
        charge_string(4 * len(value), ascii_only=value.isascii())
        return value[::-1]

    charge(4 + len(value))
    return list(reversed(value))


def sort(array: Any) -> list[Any]:
    """Return numbers, strings, booleans or arrays of these in order."""
    return sort_values(array, "sort")


def unique(array: Any) -> list[Any]:
    """Return an array without the elements that equal an earlier one."""
    charge_if_many(4 * len(array))
    by_key: dict[Any, Any] = {}
    for element in array:
        by_key.setdefault(hash_key(element), element)
    return list(by_key.values())


def flatten(array: Any) -> list[Any]:
    """Return an array with the elements of its inner arrays in their place, one level deep."""
    result: list[Any] = []
    charge_if_many(len(array))

    for element in array:
        if type(element) in ARRAYS:
            charge(len(element))
            result.extend(element)
        else:
            result.append(element)
    return result


def zip_arrays(*arrays: Any) -> list[Any]:
    """Return arrays of the first elements, of the second ones, and so on, up to the shortest."""
    charge_if_many(min(map(len, arrays)) * (3 + len(arrays)))
    return [list(row) for row in zip(*arrays, strict=False)]


def make_range(start: int, stop: int | None = None, step: int = 1) -> list[int]:
    """Return the integers from `start` to before `stop`; with one argument, from 0 to before it.

    Raises:
        TemplateError: The step is 0, or there are too many numbers.
    """
    for number in (start, stop, step):
        if number is not None:
            check_integer(number)

    try:
        numbers = range(start) if stop is None else range(start, stop, step)
        size = len(numbers)
    except OverflowError:
        size = LONGEST_RANGE + 1
    except ValueError:
        raise TemplateError("`range` takes a step that is not 0") from None

    if size > LONGEST_RANGE:
        raise TemplateError(
            f"`range` returns at most {LONGEST_RANGE:,} numbers; "
            "for more items, return the array from an action"
        )
    # The numbers are as long as the greater of the two ends.
    longest = max(start.bit_length(), stop.bit_length() if stop is not None else 0)
    charge_if_many(size * (1 + longest // _BITS_PER_STEP))
    return list(numbers)


def slice_values(sequence: Any, start: int, end: int | None = None) -> Any:
    """Return a part of an array or a string; negative indexes count from the end."""
    bounds = slice(start, end)
    charge_slice(sequence, bounds)
    part = sequence[bounds]
    if type(sequence) in ARRAYS:
        return list(part)
    return part


def merge(a: dict[Any, Any], b: dict[Any, Any]) -> dict[Any, Any]:
    """Return an object with the keys of both; the second's value for a key in both."""
    charge_if_many(3 * (len(a) + len(b)))
    charge_number_keys(a)
    charge_number_keys(b)
    return {**a, **b}


def chunks(array: Sequence[Any], size: int) -> list[Any]:
    """Return an array cut into arrays of `size` elements; the last may be shorter.

    Raises:
        TemplateError: The size is less than 1.
    """
    if size < 1:
        raise TemplateError(f"`chunks` takes a size of 1 or more, not {size}")

    charge_if_many(len(array) + 3 * (len(array) // size + 1))
    return [list(array[start : start + size]) for start in range(0, len(array), size)]

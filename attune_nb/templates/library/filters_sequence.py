"""Jinja2's filters of many values: order, groups, sums, first and last elements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.errors import TemplateError
from attune_nb.templates.library import arrays, numbers, strings
from attune_nb.templates.library.compare import hash_key, is_equal, sort_values
from attune_nb.templates.library.signature import make_callees
from attune_nb.templates.library.to_text import to_text
from attune_nb.templates.members import Undefined, get_member
from attune_nb.templates.sandbox import charge, charge_if_many, charge_new_string, is_true

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SEQUENCE_FILTERS", "attribute_getter"]

_NO_DEFAULT: Any = object()

# Decimal digits of an index in a path.
_MOST_INDEX_DIGITS = 18


def attribute_getter(
    path: Any, *, default: Any = _NO_DEFAULT, lenient: bool = False
) -> Callable[[Any], Any]:
    """Return a function that reads a dotted path within an element.

    Args:
        path: A string such as `address.city` or `0`, or an integer: keys and indexes.
        default: The value for an element without the path. Without a default that is an error.
        lenient: Whether to return `Undefined` for an element without the path.
    """
    if type(path) is not str and type(path) is not int:
        raise TemplateError("`attribute` is a string such as 'address.city', or an integer")

    steps: list[str | int] = [path]
    if type(path) is str:
        steps = _path_steps(path)
    cost = 2 + len(steps)

    def get(element: Any) -> Any:
        charge(cost)
        value = element
        for step in steps:
            value = get_member(value, step, "an element")

        if type(value) is not Undefined or lenient:
            return value
        if default is _NO_DEFAULT:
            raise TemplateError(value.message)
        return default

    return get


def _path_steps(path: str) -> list[str | int]:
    charge(2 * len(path))
    steps: list[str | int] = []
    for step in path.split("."):
        is_index = step.isascii() and step.isdecimal() and len(step) <= _MOST_INDEX_DIGITS
        steps.append(int(step) if is_index else step)
    return steps


def _sort_key(
    attribute: Any, case_sensitive: Any, default: Any = _NO_DEFAULT
) -> Callable[[Any], Any]:
    """Return a function that returns the key by which an element is compared."""
    get: Callable[[Any], Any] = _itself
    if attribute is not None:
        get = attribute_getter(attribute, default=default)
    if is_true(case_sensitive):
        return get

    def get_lower_case(element: Any) -> Any:
        value = element if get is _itself else get(element)
        if type(value) is not str:
            return value
        lower_case = value.lower()
        charge_new_string(lower_case)
        return lower_case

    return get_lower_case


def _itself(element: Any) -> Any:
    return element


def _sort_keys(attributes: Any, case_sensitive: Any) -> Callable[[Any], Any]:
    """Return a function that returns the key of an element, of one or more attributes."""
    if type(attributes) is not str or "," not in attributes:
        return _sort_key(attributes, case_sensitive)

    charge(2 * len(attributes))
    getters = [_sort_key(attribute.strip(), case_sensitive) for attribute in attributes.split(",")]
    return lambda element: [get(element) for get in getters]


def _sort(
    value: Any, reverse: Any = False, case_sensitive: Any = False, attribute: Any = None
) -> list[Any]:
    elements = arrays.elements(value, "sort")
    key = _sort_keys(attribute, case_sensitive)
    charge_if_many(2 * len(elements))
    return sort_values(elements, "sort", key=key, reverse=is_true(reverse))


def _dict_sort(
    value: Any, case_sensitive: Any = False, by: str = "key", reverse: Any = False
) -> list[Any]:
    if by not in ("key", "value"):
        raise TemplateError("`dictsort` sorts by 'key' or by 'value'")

    charge_if_many(5 * len(value))
    pairs = [list(pair) for pair in value.items()]
    index = ("key", "value").index(by)
    key = _sort_key(index, case_sensitive)
    return sort_values(pairs, "dictsort", key=key, reverse=is_true(reverse))


def _unique(value: Any, case_sensitive: Any = False, attribute: Any = None) -> list[Any]:
    elements = arrays.elements(value, "unique")
    key = _sort_key(attribute, case_sensitive)
    charge_if_many(5 * len(elements))
    by_key: dict[Any, Any] = {}
    for element in elements:
        by_key.setdefault(hash_key(key(element)), element)
    return list(by_key.values())


def _group_by(
    value: Any, attribute: Any, default: Any = _NO_DEFAULT, case_sensitive: Any = False
) -> list[Any]:
    elements = arrays.elements(value, "groupby")
    charge_if_many(4 * len(elements))
    keys = list(map(_sort_key(attribute, case_sensitive, default), elements))
    get = attribute_getter(attribute, default=default)

    groups: list[list[Any]] = []
    last_key = _NO_DEFAULT
    for index in sort_values(range(len(elements)), "groupby", key=keys.__getitem__):
        if last_key is _NO_DEFAULT or not is_equal(keys[index], last_key):
            groups.append([get(elements[index]), []])
        groups[-1][1].append(elements[index])
        last_key = keys[index]
    return groups


def _make_extreme(name: str, sign: int) -> Callable[..., Any]:
    """Return the filter `min` or `max`.

    Args:
        name: The filter's name, for messages.
        sign: -1 for `min`, 1 for `max`.
    """
    choose = numbers.make_extreme(name, sign)

    def extreme(value: Any, case_sensitive: Any = False, attribute: Any = None) -> Any:
        elements = arrays.elements(value, name)
        if not elements:
            return Undefined(f"`{name}` of an empty array")

        charge_if_many(3 * len(elements))
        key = _sort_key(attribute, case_sensitive)
        keys = [key(element) for element in elements]
        best = choose(keys)
        for element, element_key in zip(elements, keys, strict=True):
            if element_key is best:
                return element
        raise AssertionError(name)

    return extreme


def _sum(iterable: Any, attribute: Any = None, start: Any = 0) -> Any:
    elements = arrays.elements(iterable, "sum")
    if attribute is not None:
        charge_if_many(len(elements))
        elements = list(map(attribute_getter(attribute), elements))
    return numbers.sum_numbers(elements, start, allow_booleans=True)


def _join(value: Any, d: Any = "", attribute: Any = None) -> str:
    elements = arrays.elements(value, "join")
    charge_if_many(len(elements))
    if attribute is not None:
        elements = list(map(attribute_getter(attribute), elements))
    return strings.join(elements, to_text(d))


def _first(value: Any) -> Any:
    elements = value if type(value) is dict else arrays.elements(value, "first")
    for element in elements:
        return element
    return Undefined("`first` of an empty array")


def _last(value: Any) -> Any:
    elements = arrays.elements(value, "last")
    if not elements:
        return Undefined("`last` of an empty array")
    return elements[-1]


# The filters of many values. `first`, `last`, `min` and `max` of an empty array are undefined.
SEQUENCE_FILTERS = make_callees(
    {
        "dictsort": ("value: object, case_sensitive: any?, by: string?, reverse: any?", _dict_sort),
        "first": ("value: any", _first),
        "groupby": ("value: any, attribute: any, default: any?, case_sensitive: any?", _group_by),
        "join": ("value: any, d: any?, attribute: any?", _join),
        "last": ("value: any", _last),
        "max": ("value: any, case_sensitive: any?, attribute: any?", _make_extreme("max", 1)),
        "min": ("value: any, case_sensitive: any?, attribute: any?", _make_extreme("min", -1)),
        "sort": ("value: any, reverse: any?, case_sensitive: any?, attribute: any?", _sort),
        "sum": ("iterable: any, attribute: any?, start: number?", _sum),
        "unique": ("value: any, case_sensitive: any?, attribute: any?", _unique),
    }
)

"""Jinja2's filters of many values: order, groups, sums, ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.errors import TemplateError
from attune_nb.templates.library import arrays, numbers, strings
from attune_nb.templates.library.compare import equal, key_of, sort
from attune_nb.templates.library.signature import table
from attune_nb.templates.library.to_text import to_text
from attune_nb.templates.members import Missing, member
from attune_nb.templates.sandbox import charge, charge_made, charge_many, truth

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SEQUENCE_FILTERS", "attribute_of"]

_NOTHING: Any = object()


def attribute_of(
    path: Any, *, default: Any = _NOTHING, lenient: bool = False
) -> Callable[[Any], Any]:
    """Make a getter of a dotted path within each element: keys of objects, places in arrays.

    Args:
        path: A text such as `address.city` or `0`, or a whole number.
        default: What an element without it gives; without a default that is an error.
        lenient: Give `Missing` instead of raising the error.
    """
    if type(path) is not str and type(path) is not int:
        raise TemplateError("`attribute` is a text such as 'address.city', or a whole number")
    parts = path.split(".") if type(path) is str else [path]
    steps = [int(each) if type(each) is str and each.isdecimal() else each for each in parts]
    cost = 2 + len(steps)

    def get(element: Any) -> Any:
        charge(cost)
        value = element
        for step in steps:
            value = member(value, step, "an element")
        if type(value) is Missing and not lenient:
            if default is _NOTHING:
                raise TemplateError(value.message)
            return default
        return value

    return get


def _key(attribute: Any, case_sensitive: Any, default: Any = _NOTHING) -> Callable[[Any], Any]:
    get = _itself if attribute is None else attribute_of(attribute, default=default)
    if truth(case_sensitive):
        return get

    def folded(element: Any) -> Any:
        value = element if get is _itself else get(element)
        if type(value) is str:
            lowered = value.lower()
            charge_made(lowered)
            return lowered
        return value

    return folded


def _itself(element: Any) -> Any:
    return element


def _keys(attribute: Any, case_sensitive: Any) -> Callable[[Any], Any]:
    if type(attribute) is not str or "," not in attribute:
        return _key(attribute, case_sensitive)
    several = [_key(each.strip(), case_sensitive) for each in attribute.split(",")]
    return lambda element: [each(element) for each in several]


def _sort(
    value: Any, reverse: Any = False, case_sensitive: Any = False, attribute: Any = None
) -> list[Any]:
    many = arrays.elements(value, "sort")
    key = _keys(attribute, case_sensitive)
    charge_many(2 * len(many))
    return sort(many, "sort", key=key, reverse=truth(reverse))


def _dict_sort(
    value: Any, case_sensitive: Any = False, by: str = "key", reverse: Any = False
) -> list[Any]:
    if by not in ("key", "value"):
        raise TemplateError("`dictsort` sorts by 'key' or by 'value'")
    charge_many(5 * len(value))
    pairs = [list(pair) for pair in value.items()]
    key = _key(int(by == "value"), case_sensitive)
    return sort(pairs, "dictsort", key=key, reverse=truth(reverse))


def _unique(value: Any, case_sensitive: Any = False, attribute: Any = None) -> list[Any]:
    many, key = arrays.elements(value, "unique"), _key(attribute, case_sensitive)
    charge_many(3 * len(many))
    kept: dict[Any, Any] = {}
    for each in many:
        kept.setdefault(key_of(key(each)), each)
    return list(kept.values())


def _group_by(
    value: Any, attribute: Any, default: Any = _NOTHING, case_sensitive: Any = False
) -> list[Any]:
    many = arrays.elements(value, "groupby")
    charge_many(4 * len(many))
    keys = list(map(_key(attribute, case_sensitive, default), many))
    written = attribute_of(attribute, default=default)
    groups: list[list[Any]] = []
    last = _NOTHING
    for at in sort(range(len(many)), "groupby", key=keys.__getitem__):
        if last is _NOTHING or not equal(keys[at], last):
            groups.append([written(many[at]), []])
        groups[-1][1].append(many[at])
        last = keys[at]
    return groups


def _extreme(name: str, sign: int) -> Callable[..., Any]:
    choose = numbers.extreme(name, sign)

    def pick(value: Any, case_sensitive: Any = False, attribute: Any = None) -> Any:
        many = arrays.elements(value, name)
        if not many:
            return Missing(f"`{name}` of an empty array")
        charge_many(3 * len(many))
        key = _key(attribute, case_sensitive)
        keys = [key(each) for each in many]
        best = choose(keys)
        return next(each for each, found in zip(many, keys, strict=True) if found is best)

    return pick


def _sum(iterable: Any, attribute: Any = None, start: Any = 0) -> Any:
    many = arrays.elements(iterable, "sum")
    if attribute is not None:
        charge_many(len(many))
        many = list(map(attribute_of(attribute), many))
    return numbers.total(many, start, truths=True)


def _join(value: Any, d: Any = "", attribute: Any = None) -> str:
    many = arrays.elements(value, "join")
    charge_many(len(many))
    if attribute is not None:
        many = list(map(attribute_of(attribute), many))
    return strings.join(many, to_text(d))


def _first(value: Any) -> Any:
    for each in value if type(value) is dict else arrays.elements(value, "first"):
        return each
    return Missing("`first` of an empty array")


def _last(value: Any) -> Any:
    many = arrays.elements(value, "last")
    return many[-1] if many else Missing("`last` of an empty array")


SEQUENCE_FILTERS = table(
    {
        "dictsort": ("value: object, case_sensitive: any?, by: string?, reverse: any?", _dict_sort),
        "first": ("value: any", _first),
        "groupby": ("value: any, attribute: any, default: any?, case_sensitive: any?", _group_by),
        "join": ("value: any, d: any?, attribute: any?", _join),
        "last": ("value: any", _last),
        "max": ("value: any, case_sensitive: any?, attribute: any?", _extreme("max", 1)),
        "min": ("value: any, case_sensitive: any?, attribute: any?", _extreme("min", -1)),
        "sort": ("value: any, reverse: any?, case_sensitive: any?, attribute: any?", _sort),
        "sum": ("iterable: any, attribute: any?, start: number?", _sum),
        "unique": ("value: any, case_sensitive: any?, attribute: any?", _unique),
    }
)
"""Filters of many values. `first`, `last`, `min` and `max` of nothing are undefined."""

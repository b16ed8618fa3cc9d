"""What the language does with arrays and objects."""

from __future__ import annotations

from typing import Any

from attune_nb.errors import TemplateError
from attune_nb.templates.library.compare import equal, key_of, position, sort
from attune_nb.templates.library.strings import find, occurrences
from attune_nb.templates.library.to_text import to_text
from attune_nb.templates.sandbox import ARRAYS, LONGEST_RANGE, MAPS, charge, charge_many, type_of

__all__ = ["chunks", "count_of", "elements", "flat", "merge", "span", "unique", "zip_arrays"]


def elements(value: Any, name: str) -> Any:
    """Give what a loop over a value goes through: elements, characters, or keys."""
    kind = type(value)
    if kind in ARRAYS:
        return value
    if kind is str or kind in MAPS:
        charge_many((1 if kind is not str or value.isascii() else 3) * len(value))
        return list(value)
    raise TemplateError(f"`{name}` takes an array, an object or a string, not {type_of(value)}")


def keys(value: dict[Any, Any]) -> list[Any]:
    """Give an object's keys, sorted."""
    charge_many(4 * len(value))
    return sorted(value, key=to_text)


def values(value: dict[Any, Any]) -> list[Any]:
    """Give an object's values, in the order of its keys."""
    return [value[key] for key in keys(value)]


def length(value: Any) -> int:
    """Count characters, elements or keys."""
    return len(value)


_NOTHING = object()


def count_of(hay: Any, needle: Any = _NOTHING) -> int:
    """Count all parts, or those equal to one."""
    if needle is _NOTHING:
        return len(hay)
    if type(hay) is str:
        return occurrences(hay, _text(needle, "count"))
    if type(hay) in MAPS:
        raise TemplateError("`count` looks for a value in a string or an array, not in an object")
    charge_many(1 + len(hay))
    return sum(equal(each, needle) for each in hay)


def index_of(hay: Any, needle: Any) -> int:
    """Give the place of a value, or -1."""
    if type(hay) is str:
        return find(hay, _text(needle, "index_of"))
    return position(hay, needle)


def _text(needle: Any, name: str) -> str:
    if type(needle) is not str:
        raise TemplateError(f"`{name}` looks for a string in a string, not for {type_of(needle)}")
    return needle


def backwards(value: Any) -> Any:
    """Give an array's elements or a text's characters in reverse."""
    charge_many(1 + len(value))
    return value[::-1] if type(value) is str else list(reversed(value))


def sorted_of(many: Any) -> list[Any]:
    """Sort numbers, texts, booleans or arrays of these."""
    return sort(many, "sort")


def unique(many: Any) -> list[Any]:
    """Keep the first of all that are equal."""
    charge_many(2 * len(many))
    kept: dict[Any, Any] = {}
    for each in many:
        kept.setdefault(key_of(each), each)
    return list(kept.values())


def flat(many: Any) -> list[Any]:
    """Take arrays within an array apart, one level deep."""
    result: list[Any] = []
    charge_many(len(many))
    for each in many:
        if type(each) in ARRAYS:
            charge(len(each))
            result.extend(each)
        else:
            result.append(each)
    return result


def zip_arrays(*many: Any) -> list[Any]:
    """Give arrays of the first elements, of the second ones, and so on; the shortest ends it."""
    charge_many(min(map(len, many)) * (3 + len(many)))
    return [list(each) for each in zip(*many, strict=False)]


def span(start: int, stop: int | None = None, step: int = 1) -> list[int]:
    """Give whole numbers from 0 or a start to before a stop."""
    try:
        numbers = range(start) if stop is None else range(start, stop, step)
        many = len(numbers)
    except OverflowError:
        many = LONGEST_RANGE + 1
    except ValueError:
        raise TemplateError("`range` takes a step that is not 0") from None
    if many > LONGEST_RANGE:
        raise TemplateError(
            f"`range` gives at most {LONGEST_RANGE:,} numbers; "
            "for more items have an action give the list"
        )
    charge_many(many)
    return list(numbers)


def part(whole: Any, start: int, end: int | None = None) -> Any:
    """Give a part of an array or a text; negative places count from the end."""
    kept = whole[start:end]
    charge_many(1 + len(kept))
    return list(kept) if type(whole) in ARRAYS else kept


def merge(a: dict[Any, Any], b: dict[Any, Any]) -> dict[Any, Any]:
    """Give an object with the keys of both; where both have one, the second's value."""
    charge_many(3 * (len(a) + len(b)))
    return {**a, **b}


def chunks(many: Any, size: int) -> list[Any]:
    """Cut an array into arrays of `size`; the last may be shorter."""
    if size < 1:
        raise TemplateError(f"`chunks` takes a size of 1 or more, not {size}")
    charge_many(len(many) + 3 * (len(many) // size + 1))
    return [list(many[at : at + size]) for at in range(0, len(many), size)]

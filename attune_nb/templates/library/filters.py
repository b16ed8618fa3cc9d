"""Jinja2's filters: those whose time and output keep within what they are given.

They behave as Jinja2 documents them, with the language's own text where a value becomes text,
its own equality, and no attribute of a Python object ever read.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

from markupsafe import escape

from attune_nb.errors import TemplateError
from attune_nb.templates.library import arrays, numbers, strings
from attune_nb.templates.library.signature import table
from attune_nb.templates.library.to_text import to_json, to_text
from attune_nb.templates.sandbox import (
    ARRAYS,
    MAPS,
    NUMBERS,
    bounded_text,
    charge_many,
    charge_text,
    small,
    truth,
    type_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FILTERS", "LEFT_OUT_FILTERS"]


def _escape(value: Any) -> str:
    text = to_text(value)
    grown = sum(text.count(each) * 5 for each in "&<>'\"")
    bounded_text(len(text) + grown, ascii_only=text.isascii())
    return str(escape(text))


_READABLE = NUMBERS | {bool, str}
_SIZES = "KMGTPEZY"


def _file_size(value: Any, binary: Any = False) -> str:
    size, base = float(numbers.to_number(value)), 1024 if truth(binary) else 1000
    if size == 1:
        return "1 Byte"
    if size < base:
        return f"{int(size)} Bytes"
    unit, name = size / base, 0
    while unit >= base and name < len(_SIZES) - 1:
        unit, name = unit / base, name + 1
    if truth(binary):
        return f"{unit:.1f} {_SIZES[name]}iB"
    return f"{unit:.1f} {'k' if name == 0 else _SIZES[name]}B"


def _to_float(value: Any, default: Any = 0.0) -> Any:
    if type(value) not in _READABLE:
        return default
    try:
        return float(small(float(numbers.to_number(value))))
    except (TemplateError, OverflowError):
        return default


def _to_int(value: Any, default: Any = 0, base: int = 10) -> Any:
    if type(value) not in _READABLE:
        return default
    if type(value) is str:
        charge_text(8 * len(value))
    try:
        if type(value) is str and base != 10:  # noqa: PLR2004 - ten fingers
            return small(int(value, base))
        return numbers.to_int(value)
    except (TemplateError, ValueError):
        return default


def _items(value: Any) -> list[Any]:
    charge_many(3 * len(value))
    return [list(pair) for pair in value.items()]


def _list(value: Any) -> list[Any]:
    many = arrays.elements(value, "list")
    charge_many(len(many))
    return list(many)


def _reverse(value: Any) -> Any:
    return arrays.backwards(value if type(value) is str else arrays.elements(value, "reverse"))


_ROUNDINGS: dict[str, Callable[[Any], Any]] = {
    "common": round,
    "ceil": math.ceil,
    "floor": math.floor,
}


def _round(value: Any, precision: int = 0, method: str = "common") -> Any:
    if method not in _ROUNDINGS or abs(precision) > 300:  # noqa: PLR2004 - what a float has
        raise TemplateError("`round` takes -300 to 300 digits, and common, ceil or floor")
    small(value)
    if method == "common":
        return round(value, precision)
    scale = 10**precision
    return small(_ROUNDINGS[method](value * scale) / scale)


def _text(method: Any) -> Any:
    charged = strings.charged(method)
    return lambda value, *given: charged(to_text(value), *given)


def _replace(value: Any, old: Any, new: Any, count: int | None = None) -> str:
    found, put = to_text(old), to_text(new)
    return strings.replace(to_text(value), found, put, -1 if count is None else count)


def _truncate(
    value: Any, length: int = 255, killwords: Any = False, end: str = "...", leeway: int = 5
) -> str:
    return strings.truncate(to_text(value), length, end, leeway, killwords=truth(killwords))


def _indent(value: Any, width: Any = 4, first: Any = False, blank: Any = False) -> str:
    return strings.indent(to_text(value), width, first=truth(first), blank=truth(blank))


def _url_encode(value: Any) -> str:
    if type(value) in MAPS:
        value = list(value.items())
    if type(value) not in ARRAYS:
        return _quoted(value, quote)
    for pair in value:
        if type(pair) not in ARRAYS or len(pair) != 2:  # noqa: PLR2004 - a pair
            raise TemplateError("`urlencode` takes a string, an object, or an array of pairs")
    pairs = [f"{_quoted(key, quote_plus)}={_quoted(each, quote_plus)}" for key, each in value]
    return strings.join(pairs, "&")


def _quoted(value: Any, write: Any) -> str:
    text = to_text(value)
    charge_many(1 + len(text))
    try:
        return str(write(text))
    except UnicodeEncodeError:
        raise TemplateError("`urlencode` was given a broken character (half a pair)") from None


def _word_count(value: Any) -> int:
    text = to_text(value)
    charge_many(1 + len(text) // 2)
    return sum(1 for _ in strings.WORD.finditer(text))


def _batch(value: Any, linecount: int, fill_with: Any = None) -> list[Any]:
    rows = arrays.chunks(arrays.elements(value, "batch"), linecount)
    if rows and fill_with is not None:
        missing = linecount - len(rows[-1])
        charge_many(missing)
        rows[-1] = rows[-1] + [fill_with] * missing
    return rows


def _slice(value: Any, slices: int, fill_with: Any = None) -> list[Any]:
    if slices < 1:
        raise TemplateError("`slice` takes 1 slice or more")
    many = arrays.elements(value, "slice")
    charge_many(len(many) + 4 * slices)
    each, longer = divmod(len(many), slices)
    rows, at = [], 0
    for number in range(slices):
        size = each + (number < longer)
        fill = [fill_with] if fill_with is not None and number >= longer else []
        rows.append([*many[at : at + size], *fill])
        at += size
    return rows


def _length(value: Any) -> int:
    if type(value) is str or type(value) in ARRAYS or type(value) in MAPS:
        return len(value)
    raise TemplateError(f"`length` takes a string, an array or an object, not {type_of(value)}")


FILTERS = table(
    {
        "abs": ("value: number", lambda value: abs(small(value))),
        "batch": ("value: any, linecount: integer, fill_with: any?", _batch),
        "capitalize": ("value: any", _text(str.capitalize)),
        "center": (
            "value: any, width: integer?",
            lambda value, width=80: strings.center(to_text(value), width),
        ),
        "count": ("value: any", _length),
        "e": ("value: any", _escape),
        "escape": ("value: any", _escape),
        "filesizeformat": ("value: number|string, binary: any?", _file_size),
        "float": ("value: any, default: any?", _to_float),
        "forceescape": ("value: any", _escape),
        "indent": ("value: any, width: integer|string?, first: any?, blank: any?", _indent),
        "int": ("value: any, default: any?, base: integer?", _to_int),
        "items": ("value: object", _items),
        "length": ("value: any", _length),
        "list": ("value: any", _list),
        "lower": ("value: any", _text(str.lower)),
        "replace": ("value: any, old: any, new: any, count: integer|null?", _replace),
        "reverse": ("value: any", _reverse),
        "round": ("value: number, precision: integer?, method: string?", _round),
        "safe": ("value: any", to_text),
        "slice": ("value: any, slices: integer, fill_with: any?", _slice),
        "string": ("value: any", to_text),
        "striptags": ("value: any", lambda value: strings.strip_tags(to_text(value))),
        "title": ("value: any", lambda value: strings.capitalize_words(to_text(value))),
        "tojson": ("value: any, indent: integer|null?", to_json),
        "trim": ("value: any, chars: string|null?", _text(str.strip)),
        "truncate": (
            "value: any, length: integer?, killwords: any?, end: string?, leeway: integer?",
            _truncate,
        ),
        "upper": ("value: any", _text(str.upper)),
        "urlencode": ("value: any", _url_encode),
        "wordcount": ("value: any", _word_count),
    }
)
"""Filters of one value; those of many stand in `sequences.py` and `each.py`."""

LEFT_OUT_FILTERS = {
    "attr": "no attribute of a Python object is ever read; for a key write `x.key` or `x['key']`",
    "format": "it can fill memory; join with `~`, or write the values as `{{ ... }}`",
    "pprint": "it is Python's; use `tojson(indent=2)`",
    "random": "a replay would differ",
    "urlize": "it makes HTML",
    "wordwrap": "its time has no bound",
    "xmlattr": "it makes HTML",
}
"""Filters of Jinja2 that are left out, and why."""

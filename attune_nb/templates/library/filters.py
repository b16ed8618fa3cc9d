"""Jinja2's filters of one value, as far as their time and their output have limits.

They behave as Jinja2 documents them, except that values become strings as the language defines it,
and that no attribute of a Python object is ever read.
"""

from __future__ import annotations

import math
import shlex
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

from markupsafe import escape

from attune_nb.errors import TemplateError
from attune_nb.templates.library import arrays, numbers, strings
from attune_nb.templates.library.formats import refuse_computed_format
from attune_nb.templates.library.signature import make_callees
from attune_nb.templates.library.to_text import to_json, to_text
from attune_nb.templates.sandbox import (
    ARRAYS,
    LARGEST_BITS,
    NUMBERS,
    OBJECTS,
    SIZED,
    charge,
    charge_bounded_string,
    charge_digits,
    charge_string,
    check_integer,
    check_number,
    describe_kind,
    is_true,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FILTERS", "LEFT_OUT_FILTERS"]

# The types that `int` and `float` read; any other value gives their default.
_READABLE = NUMBERS | {bool, str}

# Steps to read a number from a string, which may not be one, and how often its characters are read.
_READING_STEPS = 10
_READINGS = 16

# Steps of each pair of a query, and of each word of a command.
_PAIR_STEPS = 12
_WORD_STEPS = 6

_SIZE_PREFIXES = "KMGTPEZY"
# Steps to quote any text for a URL.
_URL_STEPS = 6

_DECIMAL_BASE = 10
_PAIR_LENGTH = 2

# Decimal digits of a float's exponent.
_MOST_DIGITS = 300

# An escaped character has at most this many characters more.
_ESCAPE_GROWTH = 5
# How often a character is read, compared with reading a string once.
_ESCAPE_READINGS = 5

# The same for a quote within a quoted word of a shell, and the quotes around the word.
_QUOTE_GROWTH = 4
_QUOTE_LENGTH = 2


def _escape(value: Any) -> str:
    text = to_text(value)
    charge(1)
    charge_string(_ESCAPE_READINGS * len(text))
    growth = sum(text.count(character) * _ESCAPE_GROWTH for character in "&<>'\"")
    charge_bounded_string(len(text) + growth, ascii_only=text.isascii())
    return str(escape(text))


def _file_size(value: Any, binary: Any = False) -> str:
    is_binary = is_true(binary)
    base = 1000
    if is_binary:
        base = 1024
    size = float(numbers.to_number(value))
    if size == 1:
        return "1 Byte"
    if size < base:
        return f"{int(size)} Bytes"

    size /= base
    prefix = 0
    while size >= base and prefix < len(_SIZE_PREFIXES) - 1:
        size /= base
        prefix += 1

    letter = _SIZE_PREFIXES[prefix]
    if is_binary:
        return f"{size:.1f} {letter}iB"
    if prefix == 0:
        letter = "k"
    return f"{size:.1f} {letter}B"


def _to_float(value: Any, default: Any = 0.0) -> Any:
    if type(value) not in _READABLE:
        return default
    if type(value) is str:
        charge(_READING_STEPS)

    try:
        if type(value) is int:
            check_integer(value)
        return float(check_number(float(numbers.to_number(value))))
    except (TemplateError, OverflowError):
        return default


def _to_int(value: Any, default: Any = 0, base: int = 10) -> Any:
    if type(value) not in _READABLE:
        return default
    if type(value) is str:
        charge(_READING_STEPS)

    try:
        if type(value) is str and base != _DECIMAL_BASE:
            charge_string(_READINGS * len(value))
            if len(value.strip()) > LARGEST_BITS:
                return default
            return check_number(int(value, base))
        return numbers.to_int(value)
    except (TemplateError, ValueError):
        return default


def _items(value: Any) -> list[Any]:
    charge(6 * len(value))
    return [list(pair) for pair in value.items()]


def _list(value: Any) -> list[Any]:
    elements = arrays.elements(value, "list")
    charge(len(elements))
    return list(elements)


def _reverse(value: Any) -> Any:
    if type(value) is not str:
        value = arrays.elements(value, "reverse")
    return arrays.reverse(value)


# Steps of rounding a number to many digits.
_ROUND_STEPS = 8

_ROUNDINGS: dict[str, Callable[[Any], Any]] = {
    "common": round,
    "ceil": math.ceil,
    "floor": math.floor,
}


def _round(value: Any, precision: int = 0, method: str = "common") -> Any:
    if method not in _ROUNDINGS or abs(precision) > _MOST_DIGITS:
        raise TemplateError("`round` takes -300 to 300 digits, and common, ceil or floor")

    check_number(value)
    charge(_ROUND_STEPS)
    if type(value) is int:
        charge_digits(value)
    if method == "common":
        return round(value, precision)
    scale = 10**precision
    return check_number(_ROUNDINGS[method](value * scale) / scale)


def _string_method(method: Any) -> Any:
    return lambda value, *arguments: method(to_text(value), *arguments)


def _replace(value: Any, old: Any, new: Any, count: int | None = None) -> str:
    old_text = to_text(old)
    new_text = to_text(new)
    if count is None:
        count = -1
    return strings.replace(to_text(value), old_text, new_text, count)


def _truncate(
    value: Any, length: int = 255, killwords: Any = False, end: str = "...", leeway: int = 5
) -> str:
    return strings.truncate(to_text(value), length, end, leeway, killwords=is_true(killwords))


def _indent(value: Any, width: Any = 4, first: Any = False, blank: Any = False) -> str:
    return strings.indent(to_text(value), width, first=is_true(first), blank=is_true(blank))


def _url_encode(value: Any) -> str:
    if type(value) in OBJECTS:
        value = list(value.items())
    if type(value) not in ARRAYS:
        return _quote_for_url(value, quote)

    charge(_PAIR_STEPS * len(value))
    for pair in value:
        if type(pair) not in ARRAYS or len(pair) != _PAIR_LENGTH:
            raise TemplateError("`urlencode` takes a string, an object, or an array of pairs")
    pairs = [
        f"{_quote_for_url(key, quote_plus)}={_quote_for_url(part, quote_plus)}"
        for key, part in value
    ]
    return strings.join(pairs, "&")


def _quote_for_url(value: Any, quote_text: Any) -> str:
    text = to_text(value)
    steps = _URL_STEPS + len(text)
    if not text.isascii():
        steps += 2 * len(text)
    charge(steps)
    try:
        quoted = str(quote_text(text))
    except UnicodeEncodeError:
        raise TemplateError("`urlencode` cannot encode half a surrogate pair") from None

    charge_bounded_string(len(quoted))
    return quoted


def _quote_for_shell(value: Any) -> str:
    """Return a value as one word of a shell's line, or an array as one word an element."""
    if type(value) in ARRAYS:
        charge(_WORD_STEPS * len(value))
        return strings.join([_quote_word(element) for element in value], " ")
    return _quote_word(value)


def _quote_word(value: Any) -> str:
    text = to_text(value)
    charge_string(2 * len(text))
    growth = _QUOTE_LENGTH + text.count("'") * _QUOTE_GROWTH
    charge_bounded_string(len(text) + growth, ascii_only=text.isascii())
    return shlex.quote(text)


def _word_count(value: Any) -> int:
    text = to_text(value)
    charge(1 + len(text) // 2)
    return sum(1 for _ in strings.WORD.finditer(text))


def _batch(value: Any, linecount: int, fill_with: Any = None) -> list[Any]:
    rows = arrays.chunks(arrays.elements(value, "batch"), linecount)
    charge(6 * len(rows))
    if rows and fill_with is not None:
        missing = linecount - len(rows[-1])
        charge(missing)
        rows[-1] = rows[-1] + [fill_with] * missing
    return rows


def _slice(value: Any, slices: int, fill_with: Any = None) -> list[Any]:
    if slices < 1:
        raise TemplateError("`slice` takes 1 slice or more")

    elements = arrays.elements(value, "slice")
    charge(len(elements) + 6 * slices)
    # The first slices have one element more, if the elements do not divide evenly.
    least, longer_slices = divmod(len(elements), slices)
    rows = []
    start = 0
    for number in range(slices):
        is_longer = number < longer_slices
        end = start + least + is_longer
        row = list(elements[start:end])
        if fill_with is not None and not is_longer:
            row.append(fill_with)
        rows.append(row)
        start = end
    return rows


def _length(value: Any) -> int:
    if type(value) in SIZED:
        return len(value)
    raise TemplateError(
        f"`length` takes a string, an array or an object, not {describe_kind(value)}"
    )


# The filters of one value. Those of many values are in `filters_sequence.py` and `map_select.py`.
FILTERS = make_callees(
    {
        "abs": ("value: number", lambda value: abs(check_number(value))),
        "batch": ("value: any, linecount: integer, fill_with: any?", _batch),
        "capitalize": ("value: any", _string_method(strings.change_case(str.capitalize))),
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
        "format": ("value: any, values: any...", refuse_computed_format),
        "indent": ("value: any, width: integer|string?, first: any?, blank: any?", _indent),
        "int": ("value: any, default: any?, base: integer?", _to_int),
        "items": ("value: object", _items),
        "length": ("value: any", _length),
        "list": ("value: any", _list),
        "lower": ("value: any", _string_method(strings.change_case(str.lower))),
        "quote": ("value: any", _quote_for_shell),
        "replace": ("value: any, old: any, new: any, count: integer|null?", _replace),
        "reverse": ("value: any", _reverse),
        "round": ("value: number, precision: integer?, method: string?", _round),
        "safe": ("value: any", to_text),
        "slice": ("value: any, slices: integer, fill_with: any?", _slice),
        "string": ("value: any", to_text),
        "striptags": ("value: any", lambda value: strings.strip_tags(to_text(value))),
        "title": ("value: any", lambda value: strings.capitalize_words(to_text(value))),
        "tojson": ("value: any, indent: integer|null?", to_json),
        "trim": ("value: any, chars: string|null?", _string_method(strings.strip(str.strip))),
        "truncate": (
            "value: any, length: integer?, killwords: any?, end: string?, leeway: integer?",
            _truncate,
        ),
        "upper": ("value: any", _string_method(strings.change_case(str.upper))),
        "urlencode": ("value: any", _url_encode),
        "wordcount": ("value: any", _word_count),
    }
)

# The filters of Jinja2 that are left out, and why.
LEFT_OUT_FILTERS = {
    "attr": "no attribute of a Python object is ever read; for a key write `x.key` or `x['key']`",
    "pprint": "it is Python's; use `tojson(indent=2)`",
    "random": "a replay would differ",
    "urlize": "it makes HTML",
    "wordwrap": "its time has no bound",
    "xmlattr": "it makes HTML",
}

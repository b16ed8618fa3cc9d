"""The methods that can be called on texts, arrays and objects: a closed list."""

from __future__ import annotations

from typing import Any

from attune_nb.errors import TemplateError, nearest
from attune_nb.templates.library import arrays, strings
from attune_nb.templates.library.compare import position
from attune_nb.templates.library.filters import FILTERS
from attune_nb.templates.library.functions import FUNCTIONS
from attune_nb.templates.library.signature import Callee, table
from attune_nb.templates.sandbox import ARRAYS, KEYS, MAPS, charge_many, type_of

__all__ = ["KNOWN_METHODS", "method_of"]


def _get(value: Any, key: Any, default: Any = None) -> Any:
    if type(key) not in KEYS:
        raise TemplateError(f"an object has no key of type {type_of(key)}")
    return value.get(key, default)


def _listed(which: Any) -> Any:
    def call(value: Any) -> list[Any]:
        charge_many(len(value))
        return list(which(value))

    return call


def _array_index(value: Any, needle: Any) -> int:
    at = position(value, needle)
    if at < 0:
        raise TemplateError("`index` found no such element; `index_of(x, needle)` gives -1 then")
    return at


def _affix(method: Any) -> Any:
    def call(text: str, affix: Any) -> bool:
        many = affix if type(affix) in ARRAYS else (affix,)
        charge_many(len(many))
        if not all(type(each) is str for each in many):
            raise TemplateError("a text starts and ends with a string, or one of an array of these")
        return any(method(text, each) for each in many)

    return call


def _text_methods() -> dict[str, Callee]:
    plain = ("upper", "lower", "capitalize", "casefold", "swapcase")
    asking = ("isalnum", "isalpha", "isdecimal", "isdigit", "islower", "isnumeric", "isspace")
    charged = {
        name: ("text: string", strings.charged(getattr(str, name)))
        for name in (*plain, *asking, "isupper", "istitle")
    }
    strips = {
        name: ("text: string, chars: string|null?", strings.charged(getattr(str, name)))
        for name in ("strip", "lstrip", "rstrip")
    }
    split = "text: string, sep: string|null?, maxsplit: integer?"
    return table(
        {
            **charged,
            **strips,
            "count": ("text: string, needle: string", strings.occurrences),
            "endswith": ("text: string, end: string|array", _affix(str.endswith)),
            "find": ("text: string, needle: string", strings.find),
            "join": (
                "text: string, values: any",
                lambda text, values: strings.join(arrays.elements(values, "join"), text),
            ),
            "removeprefix": ("text: string, prefix: string", strings.charged(str.removeprefix)),
            "removesuffix": ("text: string, suffix: string", strings.charged(str.removesuffix)),
            "replace": ("text: string, old: string, new: string, count: integer?", strings.replace),
            "rfind": ("text: string, needle: string", strings.charged(str.rfind)),
            "rsplit": (split, strings.split_right),
            "split": (split, strings.split),
            "splitlines": ("text: string", strings.lines),
            "startswith": ("text: string, start: string|array", _affix(str.startswith)),
            "title": ("text: string", strings.capitalize_words),
        }
    )


_OF_TEXT = _text_methods()
_OF_OBJECT = table(
    {
        "get": ("value: object, key: any, default: any?", _get),
        "items": ("value: object", FILTERS["items"].function),
        "keys": ("value: object", _listed(dict.keys)),
        "values": ("value: object", _listed(dict.values)),
    }
)
_OF_ARRAY = table(
    {
        "count": ("values: array, needle: any", arrays.count_of),
        "index": ("values: array, needle: any", _array_index),
    }
)
KNOWN_METHODS = frozenset({*_OF_TEXT, *_OF_OBJECT, *_OF_ARRAY})

_LEFT_OUT = {
    "format": "; it can read attributes: join with `~`, or write the values as `{{ ... }}`",
    "format_map": "; it can read attributes: join with `~`, or write the values as `{{ ... }}`",
    **dict.fromkeys(("center", "ljust", "rjust", "zfill"), "; the filter `center` fills a line"),
    **dict.fromkeys(
        ("append", "extend", "insert", "pop", "remove", "clear", "update", "setdefault", "popitem"),
        "; values are read-only: publish a new one",
    ),
    "sort": "; write `sort(x)`",
    "reverse": "; write `reversed(x)`",
    "copy": "; values are read-only, so nobody needs a copy",
}


def method_of(value: Any, name: str) -> Callee:
    """Give a value's method.

    Raises:
        TemplateError: There is none of that name, or the value is not plain data.
    """
    kind = type(value)
    known: dict[str, Callee] = {}
    if kind is str:
        known = _OF_TEXT
    elif kind in MAPS:
        known = _OF_OBJECT
    elif kind in ARRAYS:
        known = _OF_ARRAY
    if name in known:
        return known[name]
    raise no_method(name, known, f"a value of type {type_of(value)}")


def no_method(name: str, known: Any, whose: str) -> TemplateError:
    """Say that there is no such method, and what to do."""
    hint = _LEFT_OUT.get(name) or nearest(name, known)
    if not hint and name in FUNCTIONS:
        hint = f"; it is a function: write `{name}(x)`"
    return TemplateError(f"{whose} has no method `{name}`{hint}")

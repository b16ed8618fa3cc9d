"""The methods of strings, arrays and objects that can be called: a closed list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.errors import TemplateError, nearest
from attune_nb.templates.library import arrays, strings
from attune_nb.templates.library.compare import find_index
from attune_nb.templates.library.filters import FILTERS
from attune_nb.templates.library.formats import refuse_computed_format
from attune_nb.templates.library.functions import FUNCTIONS
from attune_nb.templates.library.signature import Callee, make_callees
from attune_nb.templates.sandbox import (
    ARRAYS,
    KEYS,
    OBJECTS,
    charge_if_many,
    charge_key,
    describe_kind,
)

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["METHODS", "METHOD_NAMES", "get_method", "no_method"]


def _get(value: Any, key: Any, default: Any = None) -> Any:
    if type(key) not in KEYS:
        raise TemplateError(f"an object has no key that is {describe_kind(key)}")
    charge_key(value, key)
    return value.get(key, default)


def _list_method(method: Any) -> Any:
    def call(value: Any) -> list[Any]:
        charge_if_many(len(value))
        return list(method(value))

    return call


def _array_index(value: Any, needle: Any) -> int:
    index = find_index(value, needle)
    if index < 0:
        raise TemplateError("`index` found no such element; `index_of(x, needle)` gives -1 then")
    return index


def _affix_method(method: Any) -> Any:
    def call(text: str, affix: Any) -> bool:
        affixes = affix
        if type(affix) not in ARRAYS:
            affixes = (affix,)
        charge_if_many(2 * len(affixes))
        if not all(type(candidate) is str for candidate in affixes):
            raise TemplateError(
                "a string starts or ends with a string, or with one of an array of strings"
            )
        compare = strings.has_affix(method)
        return any(compare(text, candidate) for candidate in affixes)

    return call


def _join(text: str, values: Any) -> str:
    return strings.join(arrays.elements(values, "join"), text)


# Methods of `str` that work as in Python.
_PLAIN_METHODS = (
    "isalnum",
    "isalpha",
    "isdecimal",
    "isdigit",
    "islower",
    "isnumeric",
    "isspace",
    "isupper",
    "istitle",
)
_CASE_METHODS = ("upper", "lower", "capitalize", "casefold", "swapcase")
_STRIP_METHODS = ("strip", "lstrip", "rstrip")


def _string_methods() -> dict[str, Callee]:
    rows: dict[str, tuple[str, Any]] = {}
    for name in _PLAIN_METHODS:
        rows[name] = ("text: string", strings.charged_method(getattr(str, name)))
    for name in _CASE_METHODS:
        rows[name] = ("text: string", strings.change_case(getattr(str, name)))
    for name in _STRIP_METHODS:
        method = strings.strip(getattr(str, name))
        rows[name] = ("text: string, chars: string|null?", method)

    affix = "text: string, end: string|array"
    split = "text: string, sep: string|null?, maxsplit: integer?"
    replace = "text: string, old: string, new: string, count: integer?"
    remove_prefix = strings.remove_affix(str.removeprefix)
    remove_suffix = strings.remove_affix(str.removesuffix)
    rows |= {
        "count": ("text: string, needle: string", strings.count_occurrences),
        "endswith": (affix, _affix_method(str.endswith)),
        "format": ("text: string, values: any...", refuse_computed_format),
        "find": ("text: string, needle: string", strings.find),
        "join": ("text: string, values: any", _join),
        "removeprefix": ("text: string, prefix: string", remove_prefix),
        "removesuffix": ("text: string, suffix: string", remove_suffix),
        "replace": (replace, strings.replace),
        "rfind": ("text: string, needle: string", strings.find_last),
        "rsplit": (split, strings.split_right),
        "split": (split, strings.split),
        "splitlines": ("text: string", strings.split_lines),
        "startswith": ("text: string, start: string|array", _affix_method(str.startswith)),
        "title": ("text: string", strings.capitalize_words),
    }
    return make_callees(rows)


_STRING_METHODS = _string_methods()
_OBJECT_METHODS = make_callees(
    {
        "get": ("value: object, key: any, default: any?", _get),
        "items": ("value: object", FILTERS["items"].function),
        "keys": ("value: object", _list_method(dict.keys)),
        "values": ("value: object", _list_method(dict.values)),
    }
)
_ARRAY_METHODS = make_callees(
    {
        "count": ("values: array, needle: any", arrays.count),
        "index": ("values: array, needle: any", _array_index),
    }
)
METHODS = {"string": _STRING_METHODS, "array": _ARRAY_METHODS, "object": _OBJECT_METHODS}
"""The methods by name, of each kind of value."""

METHOD_NAMES = frozenset({*_STRING_METHODS, *_OBJECT_METHODS, *_ARRAY_METHODS})

_NO_FILLING = "; the filter `center` fills a line"
_READ_ONLY = "; values are read-only: publish a new one"

# Advice for the methods of Python that are left out.
_LEFT_OUT_METHODS = {
    "format_map": "; write `'{}'.format(x)`",
    "center": _NO_FILLING,
    "ljust": _NO_FILLING,
    "rjust": _NO_FILLING,
    "zfill": _NO_FILLING,
    "append": _READ_ONLY,
    "extend": _READ_ONLY,
    "insert": _READ_ONLY,
    "pop": _READ_ONLY,
    "remove": _READ_ONLY,
    "clear": _READ_ONLY,
    "update": _READ_ONLY,
    "setdefault": _READ_ONLY,
    "popitem": _READ_ONLY,
    "sort": "; write `sort(x)`",
    "reverse": "; write `reversed(x)`",
    "copy": "; values are read-only, so a copy is never needed",
}


def get_method(value: Any, name: str) -> Callee:
    """Return a value's method.

    Raises:
        TemplateError: The value has no method of this name, or is not plain data.
    """
    kind = type(value)
    methods: dict[str, Callee] = {}
    if kind is str:
        methods = _STRING_METHODS
    elif kind in OBJECTS:
        methods = _OBJECT_METHODS
    elif kind in ARRAYS:
        methods = _ARRAY_METHODS

    if name in methods:
        return methods[name]
    raise no_method(name, methods, describe_kind(value))


def no_method(name: str, names: Collection[str], owner: str) -> TemplateError:
    """Return the error for a method that does not exist.

    Args:
        name: The method's name.
        names: The names of the methods that exist.
        owner: The name of the value in the message.
    """
    hint = _LEFT_OUT_METHODS.get(name)
    if hint is None:
        hint = nearest(name, names)
    if not hint and name in FUNCTIONS:
        hint = f"; it is a function: write `{name}(x)`"
    return TemplateError(f"{owner} has no method `{name}`{hint}")

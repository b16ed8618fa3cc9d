"""Short descriptions of values."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from attune_nb.values.frozen import FrozenDict, FrozenList, FrozenTuple
from attune_nb.values.guard import MANY_BITS, ask, repr_of, type_name
from attune_nb.values.remote import RemoteReference
from attune_nb.values.tables.files import is_equal_table, is_table_type

__all__ = ["describe", "describe_type", "describe_with_value", "is_different", "preview"]

# Characters of a value that a message shows.
_SHOWN_CHARACTERS = 40

# Keys of an object, and characters of a key, that a preview shows.
_SHOWN_KEYS = 4
_SHOWN_KEY_CHARACTERS = 20

# A preview shows the elements of an array up to this number of elements.
_SHOWN_ELEMENTS = 3

# A boolean is an integer, too.
_NOUNS: tuple[tuple[str, tuple[type, ...]], ...] = (
    ("a boolean", (bool,)),
    ("an integer", (int,)),
    ("a number", (float,)),
    ("a string", (str,)),
    ("an array", (list, tuple)),
    ("an object", (dict,)),
)

# The types whose parts are shown.
_OBJECTS = frozenset({dict, FrozenDict})
_ARRAYS = frozenset({list, tuple, FrozenList, FrozenTuple})
_SETS = frozenset({set, frozenset})


def describe(value: Any) -> str:
    """Return the kind of a value in the words of the language, with its article.

    The words are those of JSON and YAML: null, a boolean, an integer, a number, a string,
    an array, an object. A remote reference has a description of its own, such as "a result on
    the cluster". Any other value is named by its Python type: a value of type `Path`.
    """
    if value is None:
        return "null"

    # `isinstance` would believe the value's own `__class__`
    kind = type(value)
    for noun, kinds in _NOUNS:
        if issubclass(kind, kinds):
            return noun
    if issubclass(kind, RemoteReference):
        return f"a {value.description}"
    if ask(lambda: issubclass(kind, Mapping), default=False):
        return "an object"
    return describe_type(kind)


def describe_type(kind: type) -> str:
    """Return how a message names a value of a Python type that the language has no word for."""
    return f"a value of type `{type_name(kind)}`"


def describe_with_value(value: Any) -> str:
    """Return the kind of a value together with the value itself, such as "the integer `3`".

    A long string is cut. Null, an array, an object and any other value are only described,
    and so are an empty string and an integer of very many digits.
    """
    kind = type(value)
    if kind is bool:
        return f"the boolean `{str(value).lower()}`"
    if kind is int and abs(value) < 10**_SHOWN_CHARACTERS:
        return f"the integer `{value}`"
    if kind is float:
        return f"the number `{value}`"
    if not issubclass(kind, str):
        return describe(value)

    text = str.__str__(value)
    if not text:
        return "an empty string"
    return f"the string `{text[:_SHOWN_CHARACTERS]}`"


def is_different(before: Any, now: Any) -> bool:
    """Return whether two values differ; values that cannot be compared count as different.

    Two tables are compared by their values, types and labels.
    """
    if before is now:
        return False

    try:
        if is_table_type(type(before)):
            return not is_equal_table(before, now)
        return not bool(before == now)
    except Exception:  # noqa: BLE001 - comparing two DataFrames gives no single answer
        return True


def preview(value: Any, longest: int = 80) -> str:
    """Return a short text that stands for a value, however large the value is.

    Args:
        value: Any value.
        longest: The number of characters of a value's `repr` that are shown.
    """
    kind = type(value)
    if kind in _OBJECTS and value:
        return _preview_object(value)

    if kind in _ARRAYS and len(value) > _SHOWN_ELEMENTS:
        return f"an array of {len(value):,}"

    if kind in _ARRAYS | _SETS and value:
        elements = [preview(element, longest // 3) for element in islice(value, 4)]
        return f"[{', '.join(elements)}]"

    if kind is str or kind is bytes:
        value = value[: longest + 1]
    if kind is int and value.bit_length() > MANY_BITS:
        return f"an integer of {value.bit_length():,} bits"
    text = repr_of(value)
    if len(text) <= longest:
        return text

    return f"{text[: longest - 1]}…"


def _preview_object(value: dict[Any, Any]) -> str:
    names = []
    for key in islice(value, _SHOWN_KEYS):
        name = key if type(key) is str else repr_of(key)
        names.append(name[:_SHOWN_KEY_CHARACTERS])
    if len(value) > _SHOWN_KEYS:
        names.append("…")

    return f"an object of {len(value):,}: {', '.join(names)}"

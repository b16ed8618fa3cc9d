"""Short descriptions of values."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from attune_nb.values.guard import type_name
from attune_nb.values.remote import RemoteReference

__all__ = ["describe", "describe_type", "describe_with_value", "is_different", "preview"]

# Characters of a value that a message shows.
_SHOWN_CHARACTERS = 40

# Keys of an object, and characters of a key, that a preview shows.
_SHOWN_KEYS = 4
_SHOWN_KEY_CHARACTERS = 20

# A preview shows the elements of an array up to this number of elements.
_SHOWN_ELEMENTS = 3


def describe(value: Any) -> str:
    """Return the kind of a value in the words of the language, with its article.

    The words are those of JSON and YAML: null, a boolean, an integer, a number, a string,
    an array, an object. A remote reference has a description of its own, such as "a result on
    the cluster". Any other value is named by its Python type: a value of type `Path`.
    """
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int():
            return "an integer"
        case float():
            return "a number"
        case str():
            return "a string"
        case list() | tuple():
            return "an array"
        case Mapping():
            return "an object"
        case RemoteReference():
            return f"a {value.description}"
        case _:
            return describe_type(type(value))


def describe_type(kind: type) -> str:
    """Return how a message names a value of a Python type that the language has no word for."""
    return f"a value of type `{type_name(kind)}`"


def describe_with_value(value: Any) -> str:
    """Return the kind of a value together with the value itself, such as "the integer `3`".

    A long string is cut. Null, an array, an object and any other value are only described,
    and so are an empty string and an integer of very many digits.
    """
    match value:
        case bool():
            return f"the boolean `{str(value).lower()}`"
        case int() if abs(value) < 10**_SHOWN_CHARACTERS:
            return f"the integer `{value}`"
        case float():
            return f"the number `{value}`"
        case "":
            return "an empty string"
        case str():
            return f"the string `{value[:_SHOWN_CHARACTERS]}`"
        case _:
            return describe(value)


def is_different(before: Any, now: Any) -> bool:
    """Return whether two values differ; values that cannot be compared count as different."""
    if before is now:
        return False

    try:
        return not bool(before == now)
    except Exception:  # noqa: BLE001 - comparing two DataFrames gives no single answer
        return True


def preview(value: Any, longest: int = 80) -> str:
    """Return a short text that stands for a value, however large the value is.

    Args:
        value: Any value.
        longest: The number of characters of a value's `repr` that are shown.
    """
    if isinstance(value, dict) and value:
        return _preview_object(value)

    if isinstance(value, list | tuple) and len(value) > _SHOWN_ELEMENTS:
        return f"an array of {len(value):,}"

    if isinstance(value, list | tuple | set | frozenset) and value:
        elements = [preview(element, longest // 3) for element in islice(value, 4)]
        return f"[{', '.join(elements)}]"

    if isinstance(value, str | bytes):
        value = value[: longest + 1]
    text = repr(value)
    if len(text) <= longest:
        return text

    return f"{text[: longest - 1]}…"


def _preview_object(value: dict[Any, Any]) -> str:
    names = [str(key)[:_SHOWN_KEY_CHARACTERS] for key in islice(value, _SHOWN_KEYS)]
    if len(value) > _SHOWN_KEYS:
        names.append("…")

    return f"an object of {len(value):,}: {', '.join(names)}"

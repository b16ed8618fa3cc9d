"""Short descriptions of values."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

__all__ = ["describe", "describe_with_value", "is_different", "preview"]

# Characters of a value that a message shows.
_SHOWN_CHARACTERS = 40


def describe(value: Any) -> str:
    """Return the kind of a value in the words of the language, with its article.

    The words are those of JSON and YAML: null, a boolean, an integer, a number, a string,
    an array, an object. Any other value is named by its Python type: a value of type `Path`.
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
        case _:
            return f"a value of type `{type(value).__name__}`"


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
    """Tell whether two values differ, as far as they say so themselves."""
    try:
        return before is not now and not bool(before == now)
    except Exception:  # noqa: BLE001 - two DataFrames, say, have no one answer
        return True


def preview(value: Any, longest: int = 80) -> str:
    """Say in a few words what a value is, however large it is."""
    if isinstance(value, dict) and value:
        keys = ", ".join(str(key)[:20] for key in islice(value, 4))
        return f"a map of {len(value):,}: {keys}{', …' if len(value) > 4 else ''}"  # noqa: PLR2004
    if isinstance(value, list | tuple) and len(value) > 3:  # noqa: PLR2004 - a few are shown
        return f"a list of {len(value):,}"
    if isinstance(value, list | tuple | set | frozenset) and value:
        return f"[{', '.join(preview(each, longest // 3) for each in islice(value, 4))}]"
    told = repr(value[: longest + 1] if isinstance(value, str | bytes) else value)
    return told if len(told) <= longest else f"{told[: longest - 1]}…"

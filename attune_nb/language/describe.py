"""Describe values in the words of the language."""

from __future__ import annotations

import re
from typing import Any, TypeGuard

__all__ = [
    "MAX_PROBLEMS",
    "found",
    "is_positive_integer",
    "is_template",
    "kind_of",
    "to_integer_if_whole",
]

MAX_PROBLEMS = 50
_LONGEST_NUMBER = 40  # characters of a text that may be meant as a number
_ODD_WHOLE = re.compile(r"[-+]?[0-9][0-9_]*|0[xX][0-9a-fA-F]+")
_ODD_NUMBER = re.compile(r"[-+]?[0-9]+\.[0-9]+")


def is_positive_integer(value: Any) -> bool:
    """Tell whether a value is a whole number of 1 or more (`true` is none)."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def to_integer_if_whole(value: Any) -> Any:
    """Give a number such as 3.0 as the whole number it is, as JSON has it; or the value itself."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def is_template(value: Any) -> TypeGuard[str]:
    """Tell whether a value is a text with an expression in it."""
    return isinstance(value, str) and "{{" in value


def kind_of(value: Any) -> str:
    """Say what a value is, for an error message."""
    names = {dict: "a map", list: "a list", str: "a text", type(None): "nothing"}
    told = str(value).lower() if isinstance(value, bool) else str(value)
    return names.get(type(value), f"`{told[:40]}`")


def found(value: Any) -> str:
    """Say what stands where a number is wanted, and how to write the number it may stand for."""
    if not isinstance(value, str):
        return kind_of(value)
    if is_template(value):
        return "a template: no expression can stand here"
    number: int | float | None = None
    if len(value) > _LONGEST_NUMBER:
        pass
    elif _ODD_WHOLE.fullmatch(value):
        number = int(value.replace("_", ""), 16 if value[:2].lower() == "0x" else 10)
    elif _ODD_NUMBER.fullmatch(value):
        number = float(value)
    if number is None:
        return f"the text `{value[:40]}`"
    quotes = ", without quotes" if str(number) == value else ""
    return f"the text `{value}`; write {number}{quotes}"

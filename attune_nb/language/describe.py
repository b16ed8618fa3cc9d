"""Recognize kinds of values in a workflow's text, and describe those that do not fit."""

from __future__ import annotations

import re
from typing import Any, TypeGuard

from attune_nb.values.describe import describe_with_value

__all__ = [
    "MAX_PROBLEMS",
    "describe_instead_of_number",
    "is_positive_integer",
    "is_template",
    "to_integer_if_whole",
]

# Problems after which a check ends.
MAX_PROBLEMS = 50

# Characters of a string that may be meant as a number.
_MAX_NUMBER_LENGTH = 40
_INTEGER_STRING = re.compile(r"[-+]?[0-9][0-9_]*|0[xX][0-9a-fA-F]+")
_DECIMAL_STRING = re.compile(r"[-+]?[0-9]+\.[0-9]+")


def is_positive_integer(value: Any) -> TypeGuard[int]:
    """Return whether a value is an integer of 1 or more (`true` is not)."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def to_integer_if_whole(value: Any) -> Any:
    """Return a number such as 3.0 as an integer, which JSON makes no difference of.

    Any other value is returned unchanged.
    """
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def is_template(value: Any) -> TypeGuard[str]:
    """Return whether a value is a string with an expression in it."""
    return isinstance(value, str) and "{{" in value


def describe_instead_of_number(value: Any) -> str:
    """Describe a value that stands in place of a number.

    If it is a string that may be meant as a number, add how to write that number.
    """
    if not isinstance(value, str):
        return describe_with_value(value)
    if is_template(value):
        return "a template: no expression is allowed here"

    number = _parse_number(value)
    if number is None:
        return describe_with_value(value)

    description = f"{describe_with_value(value)}; write {number}"
    if str(number) == value:
        return f"{description}, without quotes"
    return description


def _parse_number(text: str) -> int | float | None:
    if len(text) > _MAX_NUMBER_LENGTH:
        return None

    if _INTEGER_STRING.fullmatch(text):
        base = 16 if text[:2].lower() == "0x" else 10
        return int(text.replace("_", ""), base)
    if _DECIMAL_STRING.fullmatch(text):
        return float(text)
    return None

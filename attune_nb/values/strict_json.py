"""JSON that a person has typed or passed: strict, with one error for all that is no JSON."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

__all__ = ["STRICT_JSON", "RepeatedKeyError", "parse_finite", "parse_strict_json"]

# characters of a key, and of a number, that a message shows
_MAX_KEY = 40
_MAX_NUMBER = 20


class RepeatedKeyError(ValueError):
    """A key stands twice in an object."""


def parse_strict_json(text: str) -> Any:
    """Return the value of a text of JSON.

    Python's own reader takes `NaN` and infinite numbers, and of a key that stands twice the last
    value.

    Raises:
        RepeatedKeyError: A key stands twice in an object.
        ValueError: The text is not JSON, holds a number that is not finite, or is nested too
            deep.
    """
    try:
        return json.loads(
            text,
            object_pairs_hook=_make_object,
            **STRICT_JSON,
        )
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def parse_finite(text: str) -> float:
    """Return the number of a text.

    Raises:
        ValueError: It is no number, or not finite.
    """
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:_MAX_NUMBER]} is too large a number")
    return number


def _make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) == len(pairs):
        return values

    seen = set()
    for key, _ in pairs:
        if key in seen:
            raise RepeatedKeyError(f"the key `{key[:_MAX_KEY]}` stands twice")
        seen.add(key)
    return values


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


STRICT_JSON: dict[str, Any] = {"parse_constant": _refuse_constant, "parse_float": parse_finite}
"""Options by which `json.loads` refuses `NaN`, and numbers that would be infinite."""

"""Values as text, JSON in and out, and patterns."""

from __future__ import annotations

import json
import math
import re
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NoReturn

from attune_nb.errors import TemplateError
from attune_nb.templates.sandbox import (
    LONGEST_TEXT,
    charge,
    charge_text,
    kept,
    type_of,
    weigh_all,
)
from attune_nb.values.frozen import FrozenDict, FrozenList, FrozenTuple, freeze

if TYPE_CHECKING:
    from collections.abc import Callable

    import regex

__all__ = ["STRICT_JSON", "compile_pattern", "from_json", "match", "to_json", "to_text"]

_LONGEST_PATTERN = 1_000  # characters
_LONGEST_SEARCHED = 1_000_000  # characters; what a search keeps grows with them
_MOST_COPIES = 1_000_000  # characters that a pattern has once its counts are written out
_COUNT = re.compile(r"\{(\d*)(?:,(\d*))?\}")
_RECURSION = re.compile(r"\(\?(?:R|&|P>|[+-]?\d)")
_DEEPEST_INDENT = 8


def to_text(value: Any) -> str:
    """Give a value as it stands inside a text.

    Null is empty, booleans are `true` and `false`, arrays and objects are compact JSON.

    Raises:
        TemplateError: The value is not plain data, so it has no text.
    """
    kind = type(value)
    if kind is str:
        return value  # type: ignore[no-any-return]
    write = _WRITERS.get(kind)
    if write is None:
        raise TemplateError(
            f"a {type_of(value)} has no text here, for it passes only as a whole; "
            "give it alone (`{{ ... }}` and nothing else), or have an action make text of it"
        )
    return write(value)


def _whole(value: int) -> str:
    try:
        return str(value)
    except ValueError:
        raise TemplateError("a whole number has too many digits to be written") from None


def _fraction(value: float) -> str:
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def to_json(value: Any, indent: int | None = None) -> str:
    """Give JSON: compact, or indented.

    Raises:
        TemplateError: The value is not JSON (NaN, an object of Python), or too large.
    """
    weigh_all(value)
    try:
        if indent is not None:
            return _indented(value, indent)
        text = _COMPACT.encode(value)
    except (TypeError, ValueError) as error:
        raise TemplateError(_no_json(error)) from None
    if len(text) > LONGEST_TEXT:
        raise TemplateError(f"the JSON would have more than {LONGEST_TEXT:,} characters")
    return text


def _no_json(error: Exception) -> str:
    message = str(error)
    if "Out of range float" in message:
        return "JSON has no NaN and no infinity; replace these values first"
    if "digits" in message:
        return "a whole number has too many digits to be written"
    return f"not JSON: {message}"


def _refuse(value: Any) -> NoReturn:
    raise TemplateError(
        f"a {type_of(value)} is no JSON, for it passes only as a whole; "
        "have an action make plain data of it"
    )


_COMPACT = json.JSONEncoder(
    separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_refuse
)


def _indented(value: Any, indent: int) -> str:
    if not 0 <= indent <= _DEEPEST_INDENT:
        raise TemplateError(f"an indent is a number from 0 to {_DEEPEST_INDENT}")
    encoder = json.JSONEncoder(indent=indent, ensure_ascii=False, allow_nan=False, default=_refuse)
    parts: list[str] = []
    for part in encoder.iterencode(value):
        charge_text(len(part))
        parts.append(part)
    return "".join(parts)


def from_json(text: str) -> Any:
    """Read JSON; what it gives is read-only.

    Raises:
        TemplateError: The text is not JSON.
    """
    charge_text(len(text), ascii_only=text.isascii())
    # what the values will take, counted before they are made
    charge(12 * text.count("{") + 8 * text.count("[") + text.count(","))
    try:
        return freeze(json.loads(text, **STRICT_JSON))
    except RecursionError:
        raise TemplateError("the JSON is nested too deeply") from None
    except ValueError as error:
        raise TemplateError(f"`from_json` got no JSON: {error}") from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is too large a number")
    return number


STRICT_JSON: dict[str, Any] = {"parse_constant": _no_constant, "parse_float": _finite}
"""What has `json.loads` take JSON alone: neither `NaN` nor a number that turns infinite."""


def match(pattern: str, text: str) -> bool:
    """Tell whether a pattern is found anywhere in a text.

    Raises:
        TemplateError: The pattern is wrong, or takes too long on this text.
    """
    if len(text) > _LONGEST_SEARCHED:
        raise TemplateError(f"`match` searches texts of at most {_LONGEST_SEARCHED:,} characters")
    compiled = compile_pattern(pattern)
    charge_text(len(text))
    budget = kept()
    began = time.perf_counter()
    try:
        found = compiled.search(text, timeout=max(budget.seconds, 0.001))
    except TimeoutError:
        raise TemplateError(
            f"the pattern {pattern[:60]!r} takes too long on this text; make it simpler"
        ) from None
    budget.seconds -= time.perf_counter() - began
    return found is not None


@lru_cache(maxsize=256)
def compile_pattern(pattern: str) -> regex.Pattern[str]:
    """Compile a pattern.

    Raises:
        TemplateError: It is not a pattern, or too long a one.
    """
    if len(pattern) > _LONGEST_PATTERN:
        raise TemplateError(f"a pattern has at most {_LONGEST_PATTERN:,} characters")
    if _RECURSION.search(pattern):
        raise TemplateError("a pattern that contains itself (`(?R)`, `(?1)`) is not available here")
    length = len(pattern)
    for least, most in _COUNT.findall(pattern):
        length *= max(int(least[:9] or 0), int(most[:9] or 0), 1)
    if length > _MOST_COPIES:
        raise TemplateError("the counts (`{n}`) in the pattern are too large together")
    try:
        import regex  # noqa: PLC0415 - a tenth of what importing this package takes

        return regex.compile(pattern, cache_pattern=False)
    except Exception as error:  # noqa: BLE001 - it raises more than its own error type
        raise TemplateError(f"{pattern[:60]!r} is not a pattern: {error}") from None


_WRITERS: dict[type, Callable[[Any], str]] = {
    type(None): lambda _: "",
    bool: lambda value: "true" if value else "false",
    int: _whole,
    float: _fraction,
    **dict.fromkeys((list, tuple, dict, FrozenList, FrozenTuple, FrozenDict), to_json),
}

"""Conversion of values to strings, JSON in both directions, and patterns."""

from __future__ import annotations

import json
import math
import re
import sys
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from attune_nb.errors import TemplateError
from attune_nb.templates.sandbox import (
    CONTAINERS,
    LONGEST_STRING,
    OBJECTS,
    charge,
    charge_digits,
    charge_string,
    describe_kind,
    evaluation_state,
)
from attune_nb.values.frozen import FrozenDict, FrozenList, FrozenTuple, freeze
from attune_nb.values.plain_text import simplify
from attune_nb.values.sizes import size_of
from attune_nb.values.strict_json import STRICT_JSON

if TYPE_CHECKING:
    from collections.abc import Callable

    import regex

__all__ = ["check_constant_pattern", "from_json", "match", "to_json", "to_text"]

# Characters of a pattern.
_LONGEST_PATTERN = 1_000

# Characters of a string that is searched; the memory of a search grows with them.
_LONGEST_SEARCHED = 1_000_000

# Characters of a pattern with its counts (`{n}`) written out.
_MOST_COPIES = 1_000_000

# The same for a pattern that is compiled when a workflow is loaded.
_MOST_COPIES_AT_LOADING = 5_000

# Characters of a pattern that a message shows.
_SHOWN_CHARACTERS = 60

# Seconds: the least timeout that `regex` takes.
_LEAST_TIMEOUT = 0.001

_COUNT = re.compile(r"\{(\d*)(?:,(\d*))?\}")
_RECURSION = re.compile(r"\(\?(?:R|&|P>|[+-]?\d)")
_DEEPEST_INDENT = 8

# Steps of writing any value as JSON.
_JSON_STEPS = 8

# Bytes of memory of a value that is written before its parts are counted: a long one takes some
# 50 us. If the text has no more than some characters, no part of it was worth counting.
_SMALL_SIZE = 2_048
_SHORT_JSON = 512
_BYTES_PER_STEP = 20

# Steps that are collected before they are taken from the budget.
_MOST_COLLECTED = 256

# An integer below this is written in a step.
_SMALL_INTEGER = 1 << 512

# Characters that one step writes; each can need six.
_CHARACTERS_PER_STEP = 8

# Steps of one piece of indented JSON.
_PIECE_STEPS = 3

# Digits of an integer in JSON: Python's own limit, which can be off.
_MOST_DIGITS = 4_300
_LONG_INTEGER = re.compile(r"\d{4301}", re.ASCII)

# Steps of compiling a pattern, for each character and for each copy that counts make of one.
_STEPS_PER_CHARACTER = 50
_COPIES_PER_STEP = 5


def to_text(value: Any) -> str:
    """Return a value as it stands inside a string.

    Null is empty, booleans are `true` and `false`, arrays and objects are compact JSON. Dates,
    paths, decimals, UUIDs and enums have their plain text.

    Raises:
        TemplateError: The value has no text.
    """
    kind = type(value)
    if kind is str:
        return value  # type: ignore[no-any-return]

    write = _WRITERS.get(kind)
    if write is None:
        plain = simplify(value)
        if plain is not value:
            return to_text(plain)
        raise TemplateError(
            f"{describe_kind(value)} cannot be part of a string; write it alone "
            "(`{{ ... }}` and nothing else), or convert it to a string in an action"
        )
    return write(value)


def _write_integer(value: int) -> str:
    charge_digits(value)
    try:
        return str(value)
    except ValueError:
        raise TemplateError("an integer has too many digits to be written") from None


def _write_float(value: float) -> str:
    if math.isfinite(value):
        return repr(value)
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def to_json(value: Any, indent: int | None = None) -> str:
    """Return a value as JSON: compact, or indented.

    Raises:
        TemplateError: The value is not JSON (NaN, a Python object), or the JSON is too long.
    """
    size = _SMALL_SIZE if indent is not None else _known_size(value)
    if size < _SMALL_SIZE:
        charge(_JSON_STEPS + size // _BYTES_PER_STEP)
    else:
        _charge_json(value)

    try:
        if indent is not None:
            return _write_indented(value, indent)
        text = _COMPACT.encode(value)
    except (TypeError, ValueError) as error:
        raise TemplateError(_explain_no_json(error)) from None

    if len(text) > LONGEST_STRING:
        raise TemplateError(f"the JSON would have more than {LONGEST_STRING:,} characters")
    if size < _SMALL_SIZE and len(text) > _SHORT_JSON:
        _charge_json(value)
    return text


def _known_size(value: Any) -> int:
    """Return the bytes of memory of a frozen container of plain data; else `_SMALL_SIZE`."""
    if type(value) not in CONTAINERS:
        return _SMALL_SIZE
    if type(getattr(value, "size", None)) is not int:
        return _SMALL_SIZE
    # counted now, unless it was before
    return size_of(value)


def _charge_json(value: Any) -> None:
    """Take the cost of writing a value as JSON.

    Raises:
        TemplateError: The JSON would be too long, or an integer in it.
    """
    if type(value) not in CONTAINERS:
        charge(_JSON_STEPS)
        _charge_leaf(value)
        return

    length = 0
    steps = _JSON_STEPS
    stack = [value]
    while stack:
        container = stack.pop()
        steps += 3 + 2 * len(container)
        parts: Any = container
        if type(container) in OBJECTS:
            steps += 2 * len(container)
            parts = container.values()
        if steps > _MOST_COLLECTED:
            charge(steps)
            steps = 0

        if parts is not container:
            length += _keys_length(container)
        length += _charge_elements(parts, stack)
        if length > LONGEST_STRING:
            raise TemplateError(f"the JSON would have more than {LONGEST_STRING:,} characters")
    charge(steps + length // _CHARACTERS_PER_STEP)


def _charge_elements(parts: Any, stack: list[Any]) -> int:
    """Return the number of characters of the strings among the parts of a container.

    Args:
        parts: The parts; large integers are charged at once.
        stack: The list to which the containers among them are added.
    """
    length = 0
    for part in parts:
        kind = type(part)
        if kind is str:
            length += len(part)
        elif kind is int:
            if not -_SMALL_INTEGER < part < _SMALL_INTEGER:
                charge_digits(part)
        elif kind in CONTAINERS:
            stack.append(part)
    return length


def _charge_leaf(value: Any) -> None:
    if type(value) is str:
        if len(value) > LONGEST_STRING:
            raise TemplateError(f"the JSON would have more than {LONGEST_STRING:,} characters")
        charge(len(value) // _CHARACTERS_PER_STEP)
    elif type(value) is int:
        charge_digits(value)


def _keys_length(value: dict[Any, Any]) -> int:
    """Return the number of characters of all keys."""
    length = 0
    for key in value:
        if type(key) is str:
            length += len(key)
        elif type(key) is int:
            charge_digits(key)
    return length


def _explain_no_json(error: Exception) -> str:
    message = str(error)
    if "Out of range float" in message:
        return "JSON has no NaN and no infinity; replace these values first"
    if "digits" in message:
        return "an integer has too many digits to be written"
    return f"not JSON: {message}"


def _simplify_or_refuse(value: Any) -> Any:
    """Return the plain value of one that JSON does not have.

    Raises:
        TemplateError: It has none.
    """
    plain = simplify(value)
    if plain is not value:
        return plain
    raise TemplateError(
        f"{describe_kind(value)} cannot be written as JSON; convert it to plain data in an action"
    )


_COMPACT = json.JSONEncoder(
    separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_simplify_or_refuse
)


def _write_indented(value: Any, indent: int) -> str:
    if not 0 <= indent <= _DEEPEST_INDENT:
        raise TemplateError(f"an indent is a number from 0 to {_DEEPEST_INDENT}")

    encoder = json.JSONEncoder(
        indent=indent, ensure_ascii=False, allow_nan=False, default=_simplify_or_refuse
    )
    pieces: list[str] = []
    length = 0
    for piece in encoder.iterencode(value):
        charge(_PIECE_STEPS + len(piece) // _CHARACTERS_PER_STEP)
        pieces.append(piece)
        length += len(piece)
        if length > LONGEST_STRING:
            raise TemplateError(f"the JSON would have more than {LONGEST_STRING:,} characters")
    return "".join(pieces)


def from_json(text: str) -> Any:
    """Return the value of a JSON text, frozen.

    Raises:
        TemplateError: The text is not JSON.
    """
    charge_string(len(text), ascii_only=text.isascii())
    # The cost of the values, before they are made.
    charge(12 * text.count("{") + 8 * text.count("[") + 2 * text.count(","))
    charge(3 * text.count(":") + text.count('"') // 2)
    try:
        if not 0 < sys.get_int_max_str_digits() <= _MOST_DIGITS and _LONG_INTEGER.search(text):
            raise TemplateError(f"an integer in JSON has at most {_MOST_DIGITS:,} digits")
        return freeze(json.loads(text, **STRICT_JSON))
    except RecursionError:
        raise TemplateError("the JSON is nested too deeply") from None
    except ValueError as error:
        raise TemplateError(f"`from_json` takes JSON: {error}") from None


def match(pattern: str, text: str) -> bool:
    """Return whether a pattern is found anywhere in a string.

    Raises:
        TemplateError: The pattern is wrong, or takes too long on this string.
    """
    if len(text) > _LONGEST_SEARCHED:
        raise TemplateError(f"`match` searches strings of at most {_LONGEST_SEARCHED:,} characters")

    copies = _check_pattern(pattern)
    charge(_STEPS_PER_CHARACTER * len(pattern) + copies // _COPIES_PER_STEP)
    charge_string(len(text))
    compiled = compile_pattern(pattern)
    state = evaluation_state()
    start = time.perf_counter()
    try:
        result = compiled.search(text, timeout=max(state.seconds, _LEAST_TIMEOUT))
    except TimeoutError:
        shown = pattern[:_SHOWN_CHARACTERS]
        raise TemplateError(
            f"the pattern {shown!r} takes too long on this string; make it simpler"
        ) from None

    state.seconds -= time.perf_counter() - start
    return result is not None


def check_constant_pattern(pattern: str) -> None:
    """Check a pattern when a workflow is loaded, unless compiling it takes long.

    Raises:
        TemplateError: The text is not a pattern, or exceeds a limit.
    """
    if _check_pattern(pattern) <= _MOST_COPIES_AT_LOADING:
        compile_pattern(pattern)


@lru_cache(maxsize=256)
def compile_pattern(pattern: str) -> regex.Pattern[str]:
    """Return a compiled pattern.

    Raises:
        TemplateError: The text is not a pattern, or exceeds a limit.
    """
    _check_pattern(pattern)
    try:
        # Importing it takes a tenth of the time of importing this package.
        import regex  # noqa: PLC0415 - imported when a workflow uses a pattern

        return regex.compile(pattern, cache_pattern=False)
    except Exception as error:  # noqa: BLE001 - it raises more than its own error type
        shown = pattern[:_SHOWN_CHARACTERS]
        raise TemplateError(f"{shown!r} is not a pattern: {error}") from None


def _check_pattern(pattern: str) -> int:
    """Return the number of copies that the counts in a pattern make of its characters.

    Raises:
        TemplateError: The pattern exceeds a limit.
    """
    if len(pattern) > _LONGEST_PATTERN:
        raise TemplateError(f"a pattern has at most {_LONGEST_PATTERN:,} characters")
    if _RECURSION.search(pattern):
        raise TemplateError("a pattern that contains itself (`(?R)`, `(?1)`) is not available here")

    length = len(pattern)
    for least, most in _COUNT.findall(pattern):
        counts = [int(digits[:9]) for digits in (least, most) if digits]
        length *= max([1, *counts])
    if length > _MOST_COPIES:
        raise TemplateError("the counts (`{n}`) in the pattern are too large together")
    return length


_WRITERS: dict[type, Callable[[Any], str]] = {
    type(None): lambda _: "",
    bool: lambda value: "true" if value else "false",
    int: _write_integer,
    float: _write_float,
    list: to_json,
    tuple: to_json,
    dict: to_json,
    FrozenList: to_json,
    FrozenTuple: to_json,
    FrozenDict: to_json,
}

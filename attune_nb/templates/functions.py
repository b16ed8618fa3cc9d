"""The functions of the language, beside Jinja2's filters and tests."""

from __future__ import annotations

import hashlib
import json
import math
import uuid as _uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from attune_nb.context import FrozenDict, FrozenList, freeze
from attune_nb.errors import TemplateError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FUNCTIONS", "OUTCOME_FUNCTIONS", "moment_uuid", "now_text", "text_of", "type_of"]

LONGEST_RANGE = 100_000


def type_of(value: Any) -> str:
    """Name a value's type in the language's words."""
    kinds: list[tuple[str, type | tuple[type, ...]]] = [
        ("boolean", bool),
        ("number", (int, float)),
        ("string", str),
        ("array", (list, tuple)),
        ("object", dict),
    ]
    if value is None:
        return "null"
    return next((name for name, kind in kinds if isinstance(value, kind)), type(value).__name__)


def to_json(value: Any) -> str:
    """Give compact JSON."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def text_of(value: Any) -> str:
    """Give a value as it stands inside a text: null is empty, containers are compact JSON."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list | tuple):
        return to_json(value)
    return str(value)


def _need(value: Any, kinds: type | tuple[type, ...], name: str, wanted: str) -> Any:
    if not isinstance(value, kinds) or (isinstance(value, bool) and kinds == (int, float)):
        raise TemplateError(f"`{name}` takes {wanted}, not {type_of(value)}")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool):
        return float(value)
    try:
        return float(value) if isinstance(value, str) else _plain_number(value)
    except ValueError:
        raise TemplateError(f"`number` cannot read {value!r}") from None


def _plain_number(value: Any) -> Any:
    return _need(value, (int, float), "number", "a number or a text")


def _length(value: Any) -> int:
    return len(_need(value, (str, list, tuple, dict), "length", "a text, an array or an object"))


def _round(value: Any, digits: int = 0) -> Any:
    _need(value, (int, float), "round", "a number")
    scale = 10**digits
    away = math.floor(abs(value) * scale + 0.5) / scale
    rounded = math.copysign(away, value)
    return rounded if digits > 0 else int(rounded)


def _extreme(choose: Callable[..., Any], name: str) -> Callable[..., Any]:
    def pick(*values: Any) -> Any:
        many = values[0] if len(values) == 1 else values
        if not isinstance(many, list | tuple) or not many:
            raise TemplateError(f"`{name}` takes two values, or one array that is not empty")
        return choose(many)

    return pick


def _range(*bounds: int) -> list[int]:
    for bound in bounds:
        _need(bound, int, "range", "whole numbers")
    numbers = range(*bounds)
    if len(numbers) > LONGEST_RANGE:
        raise TemplateError(f"`range` gives at most {LONGEST_RANGE:,} numbers")
    return list(numbers)


def _texts(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    def checked(*values: Any) -> Any:
        for value in values:
            _need(value, str, name, "texts")
        return call(*values)

    return checked


def _unique(values: list[Any]) -> list[Any]:
    kept: list[Any] = []
    seen: set[Any] = set()
    for value in _need(values, (list, tuple), "unique", "an array"):
        key = (type(value), value) if isinstance(value, str | int | float) else to_json(value)
        if key not in seen:
            seen.add(key)
            kept.append(value)
    return kept


def _chunks(values: list[Any], n: int) -> list[Any]:
    if n < 1:
        raise TemplateError("`chunks` takes a size of 1 or more")
    return [values[at : at + n] for at in range(0, len(values), n)]


def _from_json(text: str) -> Any:
    try:
        return freeze(json.loads(text))
    except ValueError as error:
        raise TemplateError(f"`from_json` got no JSON: {error}") from None


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "string": text_of,
    "number": _number,
    "int": lambda value: int(_number(value)),
    "bool": bool,
    "type_of": type_of,
    "length": _length,
    "keys": lambda value: sorted(_need(value, dict, "keys", "an object")),
    "values": lambda value: [
        value[key] for key in sorted(_need(value, dict, "values", "an object"))
    ],
    "abs": lambda value: abs(_need(value, (int, float), "abs", "a number")),
    "floor": lambda value: math.floor(_need(value, (int, float), "floor", "a number")),
    "ceil": lambda value: math.ceil(_need(value, (int, float), "ceil", "a number")),
    "round": _round,
    "min": _extreme(min, "min"),
    "max": _extreme(max, "max"),
    "sum": lambda values: sum(_need(values, (list, tuple), "sum", "an array")),
    "lower": _texts("lower", str.lower),
    "upper": _texts("upper", str.upper),
    "trim": _texts("trim", str.strip),
    "split": _texts("split", str.split),
    "join": lambda values, sep="": _need(sep, str, "join", "a text").join(map(text_of, values)),
    "replace": _texts("replace", str.replace),
    "starts_with": _texts("starts_with", str.startswith),
    "ends_with": _texts("ends_with", str.endswith),
    "contains": lambda hay, needle: needle in hay,
    "count": _length,
    "reversed": lambda values: list(reversed(values)),
    "sort": sorted,
    "unique": _unique,
    "flat": lambda values: [
        one for each in values for one in (each if isinstance(each, list | tuple) else [each])
    ],
    "zip": lambda *many: [list(each) for each in zip(*many, strict=False)],
    "range": _range,
    "slice": lambda values, start, end=None: values[start:end],
    "merge": lambda a, b: {
        **_need(a, dict, "merge", "objects"),
        **_need(b, dict, "merge", "objects"),
    },
    "chunks": _chunks,
    "from_json": _from_json,
    "to_json": to_json,
}

OUTCOME_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "result": lambda outcome: outcome.result,
    "succeeded": lambda outcome: outcome.status in ("succeeded", "skipped"),
    "failed": lambda outcome: outcome.status == "failed",
    "timed_out": lambda outcome: outcome.status == "timed_out",
    "skipped": lambda outcome: outcome.status == "skipped",
    "completed": lambda outcome: outcome is not None,
}


def now_text(time: float) -> str:
    """Give seconds since the epoch as ISO 8601 text in UTC."""
    return datetime.fromtimestamp(time, UTC).isoformat().replace("+00:00", "Z")


def moment_uuid(seed: int, place: str) -> str:
    """Give a UUID that depends on an evaluation's luck and on the place in the text only."""
    digest = hashlib.blake2b(f"{seed}:{place}".encode(), digest_size=16).digest()
    return str(_uuid.UUID(bytes=digest, version=4))


FROZEN_TYPES = (FrozenDict, FrozenList)

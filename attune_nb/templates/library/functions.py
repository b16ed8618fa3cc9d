"""The functions of the language, in one table."""

from __future__ import annotations

import hashlib
import uuid as _uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from attune_nb.errors import TemplateError
from attune_nb.templates.library import arrays, numbers, strings
from attune_nb.templates.library.compare import contains
from attune_nb.templates.library.signature import table
from attune_nb.templates.library.to_text import from_json, match, to_json, to_text
from attune_nb.templates.sandbox import kept, small, truth, type_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from attune_nb.context import Moment, Outcome

__all__ = [
    "FUNCTIONS",
    "LEFT_OUT_FUNCTIONS",
    "OUTCOME_FUNCTIONS",
    "SCOPE_FUNCTIONS",
    "function_hint",
    "now_text",
    "scoped_uuid",
]


def to_bool(value: Any) -> bool:
    """Judge a value by its truth; the text `false`, in any case, is false as `string` made it."""
    if type(value) is str and value.strip().lower() == "false":
        return False
    return truth(value)


def _has(hay: Any, needle: Any) -> bool:
    return contains(hay, needle, "contains")


FUNCTIONS = table(
    {
        "string": ("value: any", to_text),
        "number": ("value: string|number|bool", numbers.to_number),
        "int": ("value: string|number|bool", numbers.to_int),
        "bool": ("value: any", to_bool),
        "type_of": ("value: any", type_of),
        "length": ("value: string|array|object", arrays.length),
        "keys": ("value: object", arrays.keys),
        "values": ("value: object", arrays.values),
        "abs": ("value: number", lambda value: abs(small(value))),
        "floor": ("value: number", numbers.floor),
        "ceil": ("value: number", numbers.ceil),
        "round": ("value: number, digits: integer?", numbers.round_half_away),
        "min": ("a: any, b: any?", numbers.extreme("min", -1)),
        "max": ("a: any, b: any?", numbers.extreme("max", 1)),
        "sum": ("values: array", numbers.total),
        "lower": ("text: string", strings.charged(str.lower)),
        "upper": ("text: string", strings.charged(str.upper)),
        "trim": ("text: string", strings.charged(str.strip)),
        "split": ("text: string, sep: string", strings.split),
        "join": ("values: array, sep: string", strings.join),
        "replace": ("text: string, old: string, new: string", strings.replace),
        "starts_with": ("text: string, start: string", str.startswith),
        "ends_with": ("text: string, end: string", str.endswith),
        "match": ("pattern: string, text: string", match),
        "contains": ("hay: string|array|object, needle: any", _has),
        "index_of": ("hay: string|array, needle: any", arrays.index_of),
        "count": ("hay: string|array|object, needle: any?", arrays.count_of),
        "reversed": ("values: array|string", arrays.backwards),
        "sort": ("values: array", arrays.sorted_of),
        "unique": ("values: array", arrays.unique),
        "flat": ("values: array", arrays.flat),
        "zip": ("a: array, b: array, more: array...", arrays.zip_arrays),
        "range": ("start: integer, stop: integer?, step: integer?", arrays.span),
        "slice": ("values: array|string, start: integer, end: integer|null?", arrays.part),
        "merge": ("a: object, b: object", arrays.merge),
        "chunks": ("values: array, size: integer", arrays.chunks),
        "from_json": ("text: string", from_json),
        "to_json": ("value: any", to_json),
    }
)
"""What a function takes, and what it does. The parameters' names may be used in a call."""


def _needs_outcome(name: str, judge: Callable[[Outcome], Any]) -> Callable[[Any], Any]:
    def of_outcome(scope: Any) -> Any:
        if scope.outcome is None:
            raise TemplateError(f"`{name}()` can be asked only in a task's `next`")
        return judge(scope.outcome)

    return of_outcome


def moment_of(scope: Any, name: str) -> Moment:
    """Give the moment of the evaluation under way; asked for once in each."""
    keep = kept()
    if keep.moment is None:
        if scope.context.moments is None:
            raise TemplateError(f"`{name}()` can be asked only within a run")
        keep.moment = scope.context.moments()
    return keep.moment


def now_text(time: float) -> str:
    """Give seconds since the epoch as ISO 8601 text in UTC, always with microseconds."""
    moment = datetime.fromtimestamp(time, UTC)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def scoped_uuid(scope: Any, place: str) -> str:
    """Give a UUID that depends on the evaluation's luck, the item and the place in the text."""
    seed = moment_of(scope, "uuid").seed
    text = f"{seed}:{scope.index}:{place}"
    digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
    return str(_uuid.UUID(bytes=digest, version=4))


SCOPE_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    name: _needs_outcome(name, judge)
    for name, judge in {
        "result": lambda outcome: outcome.result,
        "succeeded": lambda outcome: outcome.status in ("succeeded", "skipped"),
        "failed": lambda outcome: outcome.status == "failed",
        "timed_out": lambda outcome: outcome.status == "timed_out",
        "skipped": lambda outcome: outcome.status == "skipped",
        "completed": lambda _: True,
    }.items()
}
"""Functions without arguments that ask the scope how the task has just ended."""
OUTCOME_FUNCTIONS = tuple(SCOPE_FUNCTIONS)
SCOPE_FUNCTIONS["now"] = lambda scope: now_text(moment_of(scope, "now").time)

LEFT_OUT_FUNCTIONS = {
    "cycler": "it keeps state between calls",
    "joiner": "it keeps state between calls",
    "dict": "write `{'key': value}`",
    "lipsum": "it makes random text",
    "namespace": "it can be changed; publish a variable instead",
    "super": "there are no blocks",
    "caller": "there are no macros",
    "print": "`core.echo` shows a message",
}
"""Functions of Jinja2 and Python that are left out, and why."""


def function_hint(name: str) -> str:
    """Say what a name is that is no variable's, if it is a function's; or nothing."""
    if name in SCOPE_FUNCTIONS or name == "uuid":
        return f"`{name}` is a function: write `{name}()`"
    if name in FUNCTIONS:
        return f"`{name}` is a function: write `{name}(...)`"
    if name in LEFT_OUT_FUNCTIONS:
        return f"`{name}` is not part of the language: {LEFT_OUT_FUNCTIONS[name]}"
    return ""

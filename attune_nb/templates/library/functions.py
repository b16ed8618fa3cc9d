"""The functions of the language."""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from attune_nb.context import TaskRecord
from attune_nb.errors import TemplateError
from attune_nb.templates.library import arrays, numbers, strings
from attune_nb.templates.library.compare import contains
from attune_nb.templates.library.signature import make_callees
from attune_nb.templates.library.to_text import from_json, match, to_json, to_text
from attune_nb.templates.members import LONGEST_NAME, Undefined, nearest_name
from attune_nb.templates.sandbox import (
    charge_string,
    check_number,
    evaluation_state,
    is_true,
    type_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from attune_nb.context import Moment, Outcome, WorkflowContext

__all__ = [
    "FUNCTIONS",
    "LEFT_OUT_FUNCTIONS",
    "OUTCOME_FUNCTIONS",
    "SCOPE_FUNCTIONS",
    "TASK_FUNCTION",
    "format_time",
    "function_hint",
    "scoped_uuid",
    "to_bool",
]


def to_bool(value: Any) -> bool:
    """Return whether a value is true; the string `false`, in any case, is false."""
    if type(value) is str:
        charge_string(2 * len(value), ascii_only=value.isascii())
        text = value.strip()
        if len(text) == len("false") and text.lower() == "false":
            return False
    return is_true(value)


def _contains(hay: Any, needle: Any) -> bool:
    return contains(hay, needle, "contains")


# The signature and the Python function of each. A call may use the names of the parameters.
FUNCTIONS = make_callees(
    {
        "string": ("value: any", to_text),
        "number": ("value: string|number|boolean", numbers.to_number),
        "int": ("value: string|number|boolean", numbers.to_int),
        "bool": ("value: any", to_bool),
        "type_of": ("value: any", type_of),
        "length": ("value: string|array|object", arrays.length),
        "keys": ("value: object", arrays.keys),
        "values": ("value: object", arrays.values),
        "abs": ("value: number", lambda value: abs(check_number(value))),
        "floor": ("value: number", numbers.floor),
        "ceil": ("value: number", numbers.ceil),
        "round": ("value: number, digits: integer?", numbers.round_half_away),
        "min": ("a: any, b: any?", numbers.make_extreme("min", -1)),
        "max": ("a: any, b: any?", numbers.make_extreme("max", 1)),
        "sum": ("values: array", numbers.sum_numbers),
        "lower": ("text: string", strings.change_case(str.lower)),
        "upper": ("text: string", strings.change_case(str.upper)),
        "trim": ("text: string", strings.strip(str.strip)),
        "split": ("text: string, sep: string", strings.split),
        "join": ("values: array, sep: string", strings.join),
        "replace": ("text: string, old: string, new: string", strings.replace),
        "starts_with": ("text: string, start: string", strings.has_affix(str.startswith)),
        "ends_with": ("text: string, end: string", strings.has_affix(str.endswith)),
        "match": ("pattern: string, text: string", match),
        "contains": ("hay: string|array|object, needle: any", _contains),
        "index_of": ("hay: string|array, needle: any", arrays.index_of),
        "count": ("hay: string|array|object, needle: any?", arrays.count),
        "reversed": ("values: array|string", arrays.reverse),
        "sort": ("values: array", arrays.sort),
        "unique": ("values: array", arrays.unique),
        "flat": ("values: array", arrays.flatten),
        "zip": ("a: array, b: array, more: array...", arrays.zip_arrays),
        "range": ("start: integer, stop: integer?, step: integer?", arrays.make_range),
        "slice": ("values: array|string, start: integer, end: integer|null?", arrays.slice_values),
        "merge": ("a: object, b: object", arrays.merge),
        "chunks": ("values: array, size: integer", arrays.chunks),
        "from_json": ("text: string", from_json),
        "to_json": ("value: any", to_json),
    }
)


def _find_record(context: WorkflowContext, name: str) -> Any:
    """Return the record of a task that has ended, or `Undefined`."""
    tasks = context.tasks
    if name in tasks:
        return TaskRecord(tasks[name])
    return Undefined(
        lambda: f"no task `{name[:LONGEST_NAME]}` has ended yet{nearest_name(name, tasks)}"
    )


# The function that returns the record of a task, of which only the fields can be read. Its Python
# function takes the context as well, and may return `Undefined`.
TASK_FUNCTION = make_callees({"task": ("name: string", _find_record)})["task"]


def _outcome_function(name: str, read: Callable[[Outcome], Any]) -> Callable[[Any], Any]:
    def read_outcome(scope: Any) -> Any:
        if scope.outcome is None:
            raise TemplateError(f"`{name}()` can be called only in a task's `next`")
        return read(scope.outcome)

    return read_outcome


def _current_moment(scope: Any, name: str) -> Moment:
    """Return the time and the seed of the evaluation, which stay the same until it ends."""
    state = evaluation_state()
    if state.moment is None:
        if scope.context.moments is None:
            raise TemplateError(f"`{name}()` can be called only within a run")
        state.moment = scope.context.moments()
    return state.moment


def format_time(seconds: float) -> str:
    """Return a time, in seconds since the epoch, in ISO 8601 in UTC, always with microseconds."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def scoped_uuid(scope: Any, place: str) -> str:
    """Return a UUID that depends on the evaluation's seed, the item and the place in the text."""
    seed = _current_moment(scope, "uuid").seed
    text = f"{seed}:{scope.index}:{place}"
    digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
    return str(uuid.UUID(bytes=digest, version=4))


_OUTCOME_READERS: dict[str, Callable[[Outcome], Any]] = {
    "result": lambda outcome: outcome.result,
    "succeeded": lambda outcome: outcome.status in ("succeeded", "skipped"),
    "failed": lambda outcome: outcome.status == "failed",
    "timed_out": lambda outcome: outcome.status == "timed_out",
    "skipped": lambda outcome: outcome.status == "skipped",
    "completed": lambda _: True,
}

# The functions that read the outcome of the task that has just ended.
OUTCOME_FUNCTIONS = tuple(_OUTCOME_READERS)

# The functions without arguments that read the scope.
SCOPE_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    name: _outcome_function(name, read) for name, read in _OUTCOME_READERS.items()
}
SCOPE_FUNCTIONS["now"] = lambda scope: format_time(_current_moment(scope, "now").time)

# The functions of Jinja2 and Python that are left out, and why.
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


def function_hint(name: str) -> str:
    """Return a message about a function's name that is used as a variable, or an empty string."""
    if name in SCOPE_FUNCTIONS or name == "uuid":
        return f"`{name}` is a function: write `{name}()`"
    if name in FUNCTIONS:
        return f"`{name}` is a function: write `{name}(...)`"
    if name in LEFT_OUT_FUNCTIONS:
        return f"`{name}` is not part of the language: {LEFT_OUT_FUNCTIONS[name]}"
    return ""

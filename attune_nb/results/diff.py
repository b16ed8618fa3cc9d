"""The differences between two runs: parameters, outcomes, results, times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from attune_nb.html import shortened
from attune_nb.results.durations import format_duration
from attune_nb.results.timeline import TaskTimeline
from attune_nb.values.describe import is_different, preview
from attune_nb.values.remote import read_stored

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from attune_nb.results.protocols import ReadableRun
    from attune_nb.results.timeline import TaskExecution

__all__ = ["Difference", "find_differences"]

# items that are named, and different changes of a task's items that are shown
_MAX_ITEMS = 10
_MAX_CHANGES = 10

# fields of an object that are shown
_MAX_FIELDS = 3

# the keys of the result of a failed item, and the characters of its error that are shown
_FAILURE_KEYS = {"error", "error_type"}
_MAX_ERROR_LENGTH = 100

# shown for a value that does not exist
_MISSING = "-"


class Difference(NamedTuple):
    """One difference: its subject, and its value in either run."""

    what: str
    before: str
    after: str


def find_differences(before: ReadableRun, after: ReadableRun) -> list[Difference]:
    """Return the differences between two runs, of one workflow or of two versions of it.

    Secrets are `***` in both, so two secrets do not differ. The last execution of a task
    counts.
    """
    return [
        *_compare_mappings("parameter", before.context.parameters, after.context.parameters),
        *_compare_words("status", before.status, after.status),
        *_compare_words("error", before.error, after.error),
        *_compare_outputs(before.output, after.output),
        *_compare_tasks(before, after),
    ]


def _compare_values(subject: str, before: Any, after: Any) -> Iterator[Difference]:
    if is_different(read_stored(before), read_stored(after)):
        yield Difference(subject, *_preview_change(before, after))


def _compare_words(subject: str, before: str | None, after: str | None) -> Iterator[Difference]:
    if before != after:
        yield Difference(subject, before or _MISSING, after or _MISSING)


def _compare_mappings(
    subject: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[Difference]:
    for name in dict.fromkeys([*before, *after]):
        value_before = before.get(name, _Missing)
        value_after = after.get(name, _Missing)
        yield from _compare_values(f"{subject} `{name}`", value_before, value_after)


def _compare_outputs(before: Any, after: Any) -> Iterator[Difference]:
    old_fields = {} if before is None else before
    new_fields = {} if after is None else after
    if isinstance(old_fields, dict) and isinstance(new_fields, dict):
        yield from _compare_mappings("output", old_fields, new_fields)
    else:
        yield from _compare_values("output", before, after)


def _compare_tasks(before: ReadableRun, after: ReadableRun) -> Iterator[Difference]:
    executions_before = _last_executions(before)
    executions_after = _last_executions(after)

    for name in dict.fromkeys([*executions_before, *executions_after]):
        old = executions_before.get(name)
        new = executions_after.get(name)
        if old is None or new is None:
            yield Difference(f"task `{name}`", _status(old), _status(new))
            continue

        yield from _compare_executions(name, old, new)
        noun = "item" if new.with_items else "element"
        yield from _compare_results(name, noun, before.result(name), after.result(name))


def _status(execution: TaskExecution | None) -> str:
    return _MISSING if execution is None else execution.status


def _compare_executions(
    name: str, before: TaskExecution, after: TaskExecution
) -> Iterator[Difference]:
    yield from _compare_words(f"task `{name}`: status", before.status, after.status)
    yield from _compare_values(f"task `{name}`: items", before.total, after.total)
    yield from _compare_values(f"task `{name}`: failed items", before.failed, after.failed)
    yield from _compare_values(f"task `{name}`: cancelled items", before.cancelled, after.cancelled)
    yield from _compare_values(f"task `{name}`: attempts", before.attempts, after.attempts)
    yield from _compare_values(f"task `{name}`: executions", before.visit, after.visit)

    seconds_before = before.duration
    seconds_after = after.duration
    time_before = format_duration(seconds_before)
    time_after = format_duration(seconds_after)
    if time_before != time_after:
        ratio = f" ({seconds_after / seconds_before:.2f}x)" if seconds_before > 0 else ""
        yield Difference(f"task `{name}`: time", time_before, f"{time_after}{ratio}")


def _compare_results(name: str, noun: str, before: Any, after: Any) -> Iterator[Difference]:
    """Yield the differences between two results of a task; of arrays, those of their elements.

    Elements with the same change are one difference.

    Args:
        name: The task.
        noun: The name of an element.
        before: One result.
        after: The other.
    """
    both_arrays = isinstance(before, list) and isinstance(after, list)
    if not both_arrays or len(before) != len(after):
        yield from _compare_values(f"task `{name}`: result", before, after)
        return

    indexes_by_change: dict[tuple[str, str], list[int]] = {}
    for index, (old, new) in enumerate(zip(before, after, strict=True)):
        if is_different(old, new):
            change = _preview_change(old, new)
            indexes_by_change.setdefault(change, []).append(index)

    changes = list(indexes_by_change.items())
    for change, indexes in changes[:_MAX_CHANGES]:
        yield Difference(f"task `{name}`: {noun} {_format_indexes(indexes)}", *change)

    hidden = changes[_MAX_CHANGES:]
    if hidden:
        count = sum(len(indexes) for _, indexes in hidden)
        first_change, _ = hidden[0]
        yield Difference(f"task `{name}`: {count:,} more {noun}s, the first", *first_change)


def _format_indexes(indexes: list[int]) -> str:
    names = ", ".join(map(str, indexes[:_MAX_ITEMS]))
    if len(indexes) > _MAX_ITEMS:
        names += f" and {len(indexes) - _MAX_ITEMS:,} more"
    return names


def _last_executions(run: ReadableRun) -> dict[str, TaskExecution]:
    """Return the last execution of each task."""
    timeline = TaskTimeline()
    timeline.read(run.events)
    return {execution.task: execution for execution in timeline.executions.values()}


class _Missing:
    """Stands for a value that does not exist."""


def _preview_change(before: Any, after: Any) -> tuple[str, str]:
    """Return short texts of two values that differ.

    Of two objects with the same keys, as the results of an action mostly are, these are the
    values that differ.
    """
    both_objects = isinstance(before, dict) and isinstance(after, dict)
    if not both_objects or before.keys() != after.keys() or before.keys() == _FAILURE_KEYS:
        return _preview(before), _preview(after)

    names = [name for name in before if is_different(before[name], after[name])]
    if not names:
        return _preview(before), _preview(after)
    return _preview_fields(before, names), _preview_fields(after, names)


def _preview_fields(value: dict[str, Any], names: list[str]) -> str:
    """Return some fields of an object: `status_code: 200, body: 'ok'`."""
    fields = [f"{name}: {_preview(value[name])}" for name in names[:_MAX_FIELDS]]
    if len(names) > _MAX_FIELDS:
        fields.append("…")
    return ", ".join(fields)


def _preview(value: Any) -> str:
    if value is _Missing or value is None:
        return _MISSING
    if isinstance(value, dict) and value.keys() == _FAILURE_KEYS:
        return shortened(f"{value['error_type']}: {value['error']}", _MAX_ERROR_LENGTH)
    return preview(value)

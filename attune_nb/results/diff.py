"""The differences between two runs: parameters, outcomes, results, times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from attune_nb.results.durations import format_duration
from attune_nb.results.progress import Progress
from attune_nb.values.describe import is_different, preview

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from attune_nb.results.progress import TaskProgress
    from attune_nb.results.protocols import ReadableRun

__all__ = ["Difference", "find_differences"]

# items that are named
_MAX_ITEMS = 10

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


def _compare_values(what: str, before: Any, after: Any) -> Iterator[Difference]:
    if is_different(before, after):
        yield Difference(what, _preview(before), _preview(after))


def _compare_words(what: str, before: str | None, after: str | None) -> Iterator[Difference]:
    if before != after:
        yield Difference(what, before or _MISSING, after or _MISSING)


def _compare_mappings(
    what: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[Difference]:
    for name in dict.fromkeys([*before, *after]):
        value_before = before.get(name, _Missing)
        value_after = after.get(name, _Missing)
        yield from _compare_values(f"{what} `{name}`", value_before, value_after)


def _compare_outputs(before: Any, after: Any) -> Iterator[Difference]:
    are_fields = all(isinstance(output, dict) or output is None for output in (before, after))
    if are_fields and not (before is None and after is None):
        yield from _compare_mappings("output", before or {}, after or {})
    else:
        yield from _compare_values("output", before, after)


def _compare_tasks(before: ReadableRun, after: ReadableRun) -> Iterator[Difference]:
    rows_before = _last_rows(before)
    rows_after = _last_rows(after)
    for name in dict.fromkeys([*rows_before, *rows_after]):
        row_before = rows_before.get(name)
        row_after = rows_after.get(name)
        if row_before is None or row_after is None:
            yield Difference(f"task `{name}`", _status(row_before), _status(row_after))
            continue
        yield from _compare_executions(name, row_before, row_after)
        yield from _compare_results(name, before.result(name), after.result(name))


def _status(row: TaskProgress | None) -> str:
    return _MISSING if row is None else row.status


def _compare_executions(
    name: str, before: TaskProgress, after: TaskProgress
) -> Iterator[Difference]:
    yield from _compare_words(f"task `{name}`: status", before.status, after.status)
    yield from _compare_values(f"task `{name}`: items", before.total, after.total)
    yield from _compare_values(f"task `{name}`: failed items", before.failed, after.failed)
    yield from _compare_values(f"task `{name}`: cancelled items", before.cancelled, after.cancelled)
    yield from _compare_values(f"task `{name}`: attempts", before.attempts, after.attempts)
    yield from _compare_values(f"task `{name}`: executions", before.visit, after.visit)

    seconds_before = _seconds(before)
    seconds_after = _seconds(after)
    time_before = format_duration(seconds_before)
    time_after = format_duration(seconds_after)
    if time_before != time_after:
        ratio = f" ({seconds_after / seconds_before:.2f}x)" if seconds_before > 0 else ""
        yield Difference(f"task `{name}`: time", time_before, f"{time_after}{ratio}")


def _seconds(row: TaskProgress) -> float:
    return row.ended - row.started if row.ended else 0.0


def _compare_results(name: str, before: Any, after: Any) -> Iterator[Difference]:
    what = f"task `{name}`: result"
    both_arrays = isinstance(before, list) and isinstance(after, list)
    if not both_arrays or len(before) != len(after):
        yield from _compare_values(what, before, after)
        return

    pairs = enumerate(zip(before, after, strict=True))
    indexes = [index for index, pair in pairs if is_different(*pair)]
    if indexes:
        names = ", ".join(map(str, indexes[:_MAX_ITEMS]))
        if len(indexes) > _MAX_ITEMS:
            names += " ..."
        yield Difference(
            f"{what}: {len(indexes):,} of {len(before):,} items ({names})",
            _preview(before[indexes[0]]),
            _preview(after[indexes[0]]),
        )


def _last_rows(run: ReadableRun) -> dict[str, TaskProgress]:
    """Return the progress of the last execution of each task."""
    progress = Progress()
    progress.read(run.events)
    return {row.task: row for row in progress.tasks.values()}


class _Missing:
    """Stands for a value that does not exist."""


def _preview(value: Any) -> str:
    if value is _Missing or value is None:
        return _MISSING
    return preview(value)

"""What tells two runs apart: what they were given, what came of them, and how long it took."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from attune_nb.results.durations import say_duration
from attune_nb.results.progress import Progress
from attune_nb.values.describe import is_different, preview

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from attune_nb.results.progress import TaskProgress
    from attune_nb.results.run import Run

__all__ = ["Difference", "differences"]

_SHOWN = 10  # items that are named
_MISSING = "-"


class Difference(NamedTuple):
    """One thing that is not the same: what it is, and how it is in the one and in the other."""

    what: str
    before: str
    after: str


def differences(before: Run, after: Run) -> list[Difference]:
    """Give what differs between two runs, of one workflow or of two versions of it.

    Secrets are `***` in both, so two secrets do not differ. A task is compared by its last
    execution.
    """
    return [
        *_fields("parameter", before.context.parameters, after.context.parameters),
        *_words("status", before.status, after.status),
        *_words("error", before.error, after.error),
        *_outputs(before.output, after.output),
        *_tasks(before, after),
    ]


def _value(what: str, before: Any, after: Any) -> Iterator[Difference]:
    if is_different(before, after):
        yield Difference(what, _said(before), _said(after))


def _words(what: str, before: str | None, after: str | None) -> Iterator[Difference]:
    if before != after:
        yield Difference(what, before or _MISSING, after or _MISSING)


def _fields(what: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    for name in dict.fromkeys([*before, *after]):
        if is_different(before.get(name, _Missing), after.get(name, _Missing)):
            told = [_said(each.get(name, _Missing)) for each in (before, after)]
            yield Difference(f"{what} `{name}`", *told)


def _outputs(before: Any, after: Any) -> Iterator[Difference]:
    maps = [each for each in (before, after) if isinstance(each, dict)]
    if maps and all(isinstance(each, dict) or each is None for each in (before, after)):
        yield from _fields("output", before or {}, after or {})
    else:
        yield from _value("output", before, after)


def _tasks(before: Run, after: Run) -> Iterator[Difference]:
    had, has = _last(before), _last(after)
    for name in dict.fromkeys([*had, *has]):
        if name not in had or name not in has:
            told = [each[name].status if name in each else _MISSING for each in (had, has)]
            yield Difference(f"task `{name}`", *told)
            continue
        yield from _task(name, had[name], has[name])
        yield from _results(name, before.result(name), after.result(name))


def _task(name: str, before: TaskProgress, after: TaskProgress) -> Iterator[Difference]:
    yield from _words(f"task `{name}`: status", before.status, after.status)
    yield from _value(f"task `{name}`: items", before.total, after.total)
    yield from _value(f"task `{name}`: failed items", before.failed, after.failed)
    yield from _value(f"task `{name}`: cancelled items", before.cancelled, after.cancelled)
    yield from _value(f"task `{name}`: attempts", before.attempts, after.attempts)
    yield from _value(f"task `{name}`: executions", before.visit, after.visit)
    spent = [(each.ended or each.started) - each.started for each in (before, after)]
    told = [say_duration(each) for each in spent]
    if told[0] != told[1]:
        ratio = f" ({spent[1] / spent[0]:.2f}x)" if spent[0] > 0 else ""
        yield Difference(f"task `{name}`: time", told[0], f"{told[1]}{ratio}")


def _results(name: str, before: Any, after: Any) -> Iterator[Difference]:
    what = f"task `{name}`: result"
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = enumerate(zip(before, after, strict=True))
        others = [index for index, (one, other) in pairs if is_different(one, other)]
        if others:
            shown = ", ".join(map(str, others[:_SHOWN]))
            more = " ..." if len(others) > _SHOWN else ""
            first = others[0]
            yield Difference(
                f"{what}: {len(others):,} of {len(before):,} items ({shown}{more})",
                _said(before[first]),
                _said(after[first]),
            )
    else:
        yield from _value(what, before, after)


def _last(run: Run) -> dict[str, TaskProgress]:
    """Give the last execution of each task."""
    progress = Progress()
    progress.read(run.events)
    return {row.task: row for row in progress.tasks.values()}


class _Missing:
    """Stands where there is nothing."""


def _said(value: Any) -> str:
    return _MISSING if value is _Missing or value is None else preview(value)

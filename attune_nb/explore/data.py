"""The data of a run's page: plain data that JSON can hold, made from the run's events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from attune_nb.events import FAILED, TIMED_OUT
from attune_nb.explore.attempts import STATUSES, read_attempts
from attune_nb.explore.children import build_children
from attune_nb.explore.columns import pack_column
from attune_nb.explore.error_table import ErrorTable
from attune_nb.explore.failures import build_failures
from attune_nb.explore.graph import build_graph
from attune_nb.explore.logs import build_logs
from attune_nb.explore.previews import build_previews
from attune_nb.explore.spans import join_spans, read_groups, select_shown, sum_attempts
from attune_nb.html import printable
from attune_nb.results.batches import batches_by_key
from attune_nb.results.timeline import TaskTimeline

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from attune_nb.events import Event, Key, RunStatus
    from attune_nb.explore.attempts import Attempts
    from attune_nb.explore.spans import Spans
    from attune_nb.log_batches import LogColumns
    from attune_nb.results.failures import FailedTask
    from attune_nb.results.item_frames import ItemTable
    from attune_nb.results.timeline import TaskExecution

    Floats = NDArray[np.float64]

__all__ = ["ExploredRun", "build_data"]

FORMAT = 1
"""The version of the data's format, which the script of the page reads."""

# seconds
_LEAST_TICK = 1e-6

# ticks of a short attempt, so that its length is shown to a hundredth of it
_TICKS = 100

# ticks of the longest time, which a number of 4 bytes holds
_MOST_TICKS = 2**32 - 1

# executions whose items may have previews: with failed items, and without any
_MOST_PREVIEWED = 500

# names of tasks in a note
_MAX_NAMES = 5

# characters of the error of the run, or of an execution
_MAX_MESSAGE = 2_000

# executions of a task with an error of their own, besides the last one that failed
_MOST_EXECUTION_ERRORS = 500

# decimal places of a time in seconds: a microsecond
_PLACES = 6


class ExploredRun(Protocol):
    """The parts of a run that its page shows."""

    run_id: str
    workflow_name: str

    @property
    def status(self) -> RunStatus:
        """The status."""

    @property
    def kind(self) -> str:
        """How it differs from an ordinary run; empty if it does not."""

    @property
    def started(self) -> dt.datetime:
        """When it started."""

    @property
    def breaks(self) -> list[tuple[float, float]]:
        """The times in which no process carried it: at which second, and how long."""

    @property
    def has_ended(self) -> bool:
        """Whether it has ended."""

    @property
    def duration_ms(self) -> float:
        """The milliseconds from the start to the end, or to now."""

    @property
    def events(self) -> list[Event]:
        """The events so far, oldest first, without secrets."""

    @property
    def tasks(self) -> pd.DataFrame:
        """One row for each task execution."""

    def item_tables(self, keys: Iterable[Key]) -> dict[Key, ItemTable]:
        """Return the items of some task executions."""

    def failed_tasks(self) -> list[FailedTask]:
        """Return the tasks that failed, with their errors."""

    def children(self, task: str | None = None) -> pd.DataFrame:
        """Return the runs within it."""

    def explain_no_logs(self) -> str:
        """Return a sentence that says why it has no lines."""

    def read_lines(self, first: int = 0) -> tuple[LogColumns, int]:
        """Return the lines that its actions printed."""

    def error_text(self) -> str:
        """Return the error with counts, types and the user's own lines."""


def build_data(run: ExploredRun) -> dict[str, Any]:
    """Return the data of a run's page, which JSON can hold. Secrets are `***`.

    Args:
        run: A run in any state.

    Returns:
        - `format`: the version of this format.
        - `run`: id, workflow, status, kind, started (seconds since the epoch), breaks, seconds,
          has_ended, error.
        - `statuses`: the names of the codes of statuses.
        - `tasks`: the names, in order of start.
        - `executions`: columns: task and status by number, visit, start and end (seconds), items,
          failed, attempts, rows (attempts that are on the page), spans (rows of sums), error.
        - `attempts` and `spans`: count, tick (seconds), packed columns.
        - `errors`: see `ErrorTable`. `previews`: see `build_previews`.
        - `failures`: see `build_failures`. `logs`: see `build_logs`. `graph`: see `build_graph`.
        - `notes`: lines about parts that are left out.
    """
    events = run.events
    timeline = TaskTimeline()
    timeline.read(events)
    executions = list(timeline.executions.values())
    keys = [execution.key for execution in executions]
    tasks = list(dict.fromkeys(execution.task for execution in executions))
    tasks += [name for name in run.tasks["task"].unique().tolist() if name not in tasks]

    batches = batches_by_key(events)
    all_attempts = read_attempts(batches, keys)
    rows, summed = select_shown(all_attempts)
    attempts = all_attempts.take(rows)
    groups = read_groups(batches, keys)
    spans = join_spans([groups, sum_attempts(all_attempts, summed.tolist())])
    errors = ErrorTable(attempts, np.isin(attempts.status, (FAILED, TIMED_OUT)))
    previews = build_previews(run.item_tables(_previewed(executions)), keys)
    tick = _choose_tick(attempts)
    lines, _ = run.read_lines()
    no_lines_reason = ""
    if not lines:
        no_lines_reason = run.explain_no_logs()

    return {
        "format": FORMAT,
        "run": {
            "id": run.run_id,
            "workflow": run.workflow_name,
            "status": run.status,
            "kind": run.kind,
            "started": run.started.timestamp(),
            "breaks": run.breaks,
            "seconds": max(run.duration_ms / 1000, timeline.now),
            "has_ended": run.has_ended,
            "error": _cut_message(run.error_text()),
        },
        "statuses": list(STATUSES),
        "tasks": tasks,
        "executions": _execution_columns(executions, tasks, attempts, spans),
        "attempts": _pack_attempts(attempts, errors.numbers, tick),
        "spans": _pack_spans(spans, tick),
        "errors": errors.rows,
        "previews": previews,
        "notes": _notes(executions, summed.tolist(), groups, previews, errors),
        "failures": build_failures(run.failed_tasks()),
        "logs": {
            **build_logs(lines, _failed_items(all_attempts, keys)),
            "none": no_lines_reason,
        },
        "children": build_children(run.children()),
        "graph": build_graph(run),
    }


def _previewed(executions: Sequence[TaskExecution]) -> list[Key]:
    """Return the executions whose items may have previews: those with failures come first."""
    failed = [execution.key for execution in executions if execution.failed]
    unfailed = [execution.key for execution in executions if not execution.failed]
    # of a loop with very many visits, some at equal distances
    step = max(len(unfailed) // _MOST_PREVIEWED, 1)
    return [*failed[:_MOST_PREVIEWED], *unfailed[::step]]


def _failed_items(attempts: Attempts, keys: Sequence[Key]) -> set[tuple[str, int, int]]:
    """Return the task, the visit and the index of each item that failed for good."""
    rows = np.flatnonzero(np.isin(attempts.status, (FAILED, TIMED_OUT)))
    pairs = zip(attempts.execution[rows].tolist(), attempts.index[rows].tolist(), strict=True)
    return {(*keys[execution], index) for execution, index in pairs}


def _notes(
    executions: Sequence[TaskExecution],
    summed: Sequence[int],
    groups: Spans,
    previews: Mapping[str, Any],
    errors: ErrorTable,
) -> list[str]:
    """Return lines about the parts that the page leaves out."""
    notes = []
    ungathered = np.unique(groups.execution).tolist()
    summed_tasks = dict.fromkeys(executions[number].task for number in [*summed, *ungathered])
    if summed_tasks:
        names = ", ".join(f"`{name}`" for name in list(summed_tasks)[:_MAX_NAMES])
        if len(summed_tasks) > _MAX_NAMES:
            names += f" and {len(summed_tasks) - _MAX_NAMES:,} other tasks"
        notes.append(
            f"Of {names} there are sums of attempts over time; only failures and a sample are "
            "drawn one by one, and lanes by worker show only these."
        )

    failed = sum(execution.failed for execution in executions)
    if previews["failed"] < failed:
        notes.append(
            f"{previews['failed']:,} of {failed:,} failed items have a preview of item and result."
        )
    unfailed = sum(execution.done for execution in executions) - failed
    if previews["others"] < unfailed:
        notes.append(
            f"Of {unfailed:,} items that did not fail, {previews['others']:,} have a preview of "
            "item and result."
        )
    if errors.shortened:
        notes.append(f"{errors.shortened:,} different errors are shortened: there are too many.")
    return notes


def _execution_columns(
    executions: Sequence[TaskExecution], tasks: Sequence[str], attempts: Attempts, spans: Spans
) -> dict[str, list[Any]]:
    """Return the executions of tasks in columns; the attempts are in the same order."""
    numbers = {name: number for number, name in enumerate(tasks)}
    rows = np.bincount(attempts.execution, minlength=len(executions))
    span_rows = np.bincount(spans.execution, minlength=len(executions))
    return {
        "task": [numbers[execution.task] for execution in executions],
        "visit": [execution.visit for execution in executions],
        "status": [STATUSES.index(execution.status) for execution in executions],
        "start": [round(execution.started, _PLACES) for execution in executions],
        "end": [_round(execution.ended) for execution in executions],
        "items": [_item_count(execution) for execution in executions],
        "failed": [execution.failed for execution in executions],
        "attempts": [execution.attempts for execution in executions],
        "rows": rows.tolist(),
        "spans": span_rows.tolist(),
        "error": _execution_errors(executions),
    }


def _round(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, _PLACES)


def _execution_errors(executions: Sequence[TaskExecution]) -> list[str | None]:
    """Return the messages of the executions that failed: the last of each task, and the first."""
    last = {execution.task: execution.visit for execution in executions if execution.error}

    free = _MOST_EXECUTION_ERRORS
    messages: list[str | None] = []
    for execution in executions:
        error = execution.error
        if error is None or (free <= 0 and last[execution.task] != execution.visit):
            messages.append(None)
            continue
        free -= 1
        messages.append(_cut_message(error.message))
    return messages


def _cut_message(message: str) -> str:
    """Return a message without control characters; a long one ends with an ellipsis."""
    if len(message) > _MAX_MESSAGE:
        message = f"{message[:_MAX_MESSAGE]} …"
    return printable(message)


def _item_count(execution: TaskExecution) -> int | None:
    """Return the number of items; None for a task without items, or if it is unknown."""
    return execution.total if execution.with_items else None


def _pack_attempts(
    attempts: Attempts, error_numbers: NDArray[np.int64], tick: float
) -> dict[str, Any]:
    return {
        "count": len(attempts),
        "tick": tick,
        "columns": {
            **_pack_times(attempts, tick),
            "index": pack_column(attempts.index, differences=True),
            "attempt": pack_column(attempts.attempt),
            "worker": pack_column(attempts.worker),
            "status": pack_column(attempts.status),
            "error": pack_column(error_numbers),
        },
    }


def _pack_spans(spans: Spans, tick: float) -> dict[str, Any]:
    return {
        "count": len(spans),
        "tick": tick,
        "columns": {
            **_pack_times(spans, tick),
            "status": pack_column(spans.status),
            "thousandths": pack_column(np.rint(spans.running * 1000)),
            "count": pack_column(spans.count),
        },
    }


def _pack_times(rows: Attempts | Spans, tick: float) -> dict[str, Any]:
    """Return the packed columns of the starts and the durations, in ticks."""
    starts = np.rint(rows.start / tick)
    ends = np.rint((rows.start + rows.duration) / tick)
    return {
        "start": pack_column(starts, differences=True),
        "duration": pack_column(ends - starts),
    }


def _choose_tick(attempts: Attempts) -> float:
    """Return the unit of times in seconds: a power of ten, fine enough for short attempts."""
    if not len(attempts):
        return _LEAST_TICK

    short = float(np.quantile(attempts.duration, 0.05)) / _TICKS
    end = float((attempts.start + attempts.duration).max())
    least = max(_LEAST_TICK, end / _MOST_TICKS)
    tick = _LEAST_TICK
    while tick < least or tick * 10 <= short:
        tick *= 10
    return tick

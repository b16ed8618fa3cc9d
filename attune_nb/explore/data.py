"""The data of a run's page: plain data that JSON can hold, made from the run's events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from attune_nb.explore.attempts import STATUSES, read_attempts
from attune_nb.explore.columns import pack_column
from attune_nb.results.batches import batches_by_key
from attune_nb.results.timeline import TaskTimeline

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from attune_nb.events import ErrorInfo, Event, RunStatus
    from attune_nb.explore.attempts import Attempts
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

# characters of an error
_MAX_MESSAGE = 2_000
_MAX_TRACEBACK = 6_000


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

    def error_text(self) -> str:
        """Return the error with counts, types and the user's own lines."""


def build_data(run: ExploredRun) -> dict[str, Any]:
    """Return the data of a run's page, which JSON can hold. Secrets are `***`.

    Args:
        run: A run in any state.

    Returns:
        `format`; `run` (id, workflow, status, kind, started in seconds since the epoch, seconds,
        has_ended, error); `statuses`; `tasks` (names, in order of start); `executions` (columns:
        task and status by number, visit, start and end in seconds, items, failed, attempts);
        `attempts` (count, tick in seconds, packed columns); `errors`.
    """
    events = run.events
    timeline = TaskTimeline()
    timeline.read(events)
    executions = list(timeline.executions.values())
    seconds = max(run.duration_ms / 1000, timeline.now)

    keys = [execution.key for execution in executions]
    attempts = read_attempts(batches_by_key(events), keys)
    errors, error_numbers = _number_errors(attempts)
    tasks = list(dict.fromkeys(execution.task for execution in executions))
    tasks += [name for name in run.tasks["task"].unique().tolist() if name not in tasks]

    return {
        "format": FORMAT,
        "run": {
            "id": run.run_id,
            "workflow": run.workflow_name,
            "status": run.status,
            "kind": run.kind,
            "started": run.started.timestamp(),
            "seconds": seconds,
            "has_ended": run.has_ended,
            "error": run.error_text()[:_MAX_MESSAGE],
        },
        "statuses": list(STATUSES),
        "tasks": tasks,
        "executions": _execution_columns(executions, tasks, attempts),
        "attempts": _pack_attempts(attempts, error_numbers),
        "errors": [_describe_error(error) for error in errors],
    }


def _execution_columns(
    executions: Sequence[TaskExecution], tasks: Sequence[str], attempts: Attempts
) -> dict[str, list[Any]]:
    """Return the executions of tasks in columns; the attempts are in the same order."""
    numbers = {name: number for number, name in enumerate(tasks)}
    counts = np.bincount(attempts.execution, minlength=len(executions))
    return {
        "task": [numbers[execution.task] for execution in executions],
        "visit": [execution.visit for execution in executions],
        "status": [STATUSES.index(execution.status) for execution in executions],
        "start": [execution.started for execution in executions],
        "end": [execution.ended for execution in executions],
        "items": [_item_count(execution) for execution in executions],
        "failed": [execution.failed for execution in executions],
        "attempts": counts.tolist(),
        "error": [None if item.error is None else item.error.message for item in executions],
    }


def _item_count(execution: TaskExecution) -> int | None:
    """Return the number of items; None for a task without items, or if it is unknown."""
    return execution.total if execution.with_items else None


def _number_errors(attempts: Attempts) -> tuple[list[ErrorInfo], NDArray[np.int64]]:
    """Return the different errors, and for each attempt the number of its error, from 1; else 0."""
    numbers: dict[tuple[str, str, str], int] = {}
    errors = []
    column = np.zeros(len(attempts), np.int64)
    for row, error in attempts.errors.items():
        kind = (error.type, error.message, error.traceback)
        if kind not in numbers:
            errors.append(error)
            numbers[kind] = len(errors)
        column[row] = numbers[kind]
    return errors, column


def _describe_error(error: ErrorInfo) -> dict[str, str]:
    return {
        "type": error.type,
        "message": error.message[:_MAX_MESSAGE],
        "traceback": error.traceback[-_MAX_TRACEBACK:],
    }


def _pack_attempts(attempts: Attempts, error_numbers: NDArray[np.int64]) -> Mapping[str, Any]:
    tick = _choose_tick(attempts)
    starts = np.rint(attempts.start / tick)
    ends = np.rint((attempts.start + attempts.duration) / tick)
    return {
        "count": len(attempts),
        "tick": tick,
        "columns": {
            "start": pack_column(starts, differences=True),
            "duration": pack_column(ends - starts),
            "index": pack_column(attempts.index, differences=True),
            "attempt": pack_column(attempts.attempt),
            "worker": pack_column(attempts.worker),
            "status": pack_column(attempts.status),
            "error": pack_column(error_numbers),
        },
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

"""The tasks and the attempts of a run as pandas DataFrames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from attune_nb.events import NO_WORKER, STATUS_CODES
from attune_nb.results.attempt_columns import AttemptColumns
from attune_nb.results.clock import RunClock
from attune_nb.results.item_frames import object_column
from attune_nb.results.reuse import find_reused
from attune_nb.results.timeline import TaskTimeline

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attune_nb.events import Batch, Event, Key, TaskStatus
    from attune_nb.results.timeline import TaskExecution

__all__ = ["attempts_frame", "tasks_frame"]

TASK_COLUMNS = [
    "task", "visit", "status", "attempts", "items", "failed_items", "start", "end",
    "duration_ms", "error", "reused",
]  # fmt: skip


def tasks_frame(
    events: Sequence[Event], names: Sequence[str], open_statuses: Mapping[Key, TaskStatus]
) -> pd.DataFrame:
    """Return one row for each task execution; tasks that never started come last, as pending.

    Args:
        events: The events of the run, oldest first.
        names: All tasks, in order.
        open_statuses: The statuses of the executions that have not ended: running, retrying,
            waiting, or pending during their delay.
    """
    timeline = TaskTimeline()
    timeline.read(events)

    reused = find_reused(events)
    rows = []
    for execution in timeline.executions.values():
        status = execution.status
        if execution.ended is None:
            status = open_statuses.get(execution.key, status)
        row = _task_row(execution, status, timeline.now)
        row["reused"] = execution.key in reused
        rows.append(row)

    started = {execution.task for execution in timeline.executions.values()}
    rows += [_pending_row(name) for name in names if name not in started]

    columns = {}
    for name in TASK_COLUMNS:
        column = [row[name] for row in rows]
        columns[name] = pd.Series(column, dtype=object)
    frame = pd.DataFrame(columns)

    clock = RunClock(events)
    for name in ("start", "end"):
        frame[name] = clock.dates(frame[name].astype("float64"))
    for name in ("items", "failed_items"):
        # `Int64` has missing values, for tasks without items
        frame[name] = frame[name].astype("Int64")
    return frame.astype(
        {"visit": "int64", "attempts": "int64", "duration_ms": "float64", "reused": "bool"}
    )


def _task_row(execution: TaskExecution, status: TaskStatus, now: float) -> dict[str, Any]:
    end = now if execution.ended is None else execution.ended
    error = None if execution.error is None else execution.error.message
    row = {
        "task": execution.task,
        "visit": execution.visit,
        "status": status,
        "attempts": execution.attempts,
        "items": None,
        "failed_items": None,
        "start": execution.started,
        "end": execution.ended,
        "duration_ms": (end - execution.started) * 1000,
        "error": error,
    }
    if execution.with_items:
        row["items"] = execution.total
        row["failed_items"] = execution.failed
    return row


def _pending_row(name: str) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(TASK_COLUMNS)
    row["task"] = name
    row["visit"] = 0
    row["status"] = "pending"
    row["attempts"] = 0
    row["duration_ms"] = 0.0
    row["reused"] = False
    return row


def attempts_frame(attempts: Mapping[Key, Sequence[Batch]], clock: RunClock) -> pd.DataFrame:
    """Return one row for each attempt that has ended.

    Of a task that keeps no results the rows are a sample. They have a column `weight` then: for how
    many attempts each one stands.

    Args:
        attempts: The batches of each execution of a task.
        clock: The dates of the run.
    """
    frames = [
        _execution_frame(key, AttemptColumns(batches), clock)
        for key, batches in attempts.items()
        if any(map(len, batches))
    ]
    if not frames:
        frames = [_execution_frame(("", 1), AttemptColumns([]), clock)]
    frame = pd.concat(frames, ignore_index=True)
    if (frame["weight"] == 1).all():
        del frame["weight"]
    return frame


def _execution_frame(key: Key, columns: AttemptColumns, clock: RunClock) -> pd.DataFrame:
    count = len(columns)
    rows = range(count)
    statuses = np.array(STATUS_CODES, dtype=object)[columns.code]
    frame = pd.DataFrame(
        {
            "task": pd.Series([key[0]] * count, dtype="str"),
            "visit": np.full(count, key[1], dtype=np.int64),
            "index": columns.index,
            "attempt": columns.attempt,
            "worker": columns.worker,
            "start": clock.dates(columns.start),
            "end": clock.dates(columns.start + columns.duration),
            "duration_ms": columns.duration * 1000,
            "status": pd.Series(statuses, dtype="str"),
            "error": object_column(columns.error_messages(rows)),
            "error_type": object_column(columns.error_types(rows)),
            "weight": columns.weight,
        }
    )
    # attempts that were cancelled before they began are none
    has_begun = columns.worker != NO_WORKER
    return frame if has_begun.all() else frame[has_begun]

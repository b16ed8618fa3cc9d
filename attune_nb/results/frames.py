"""The events of a run as pandas DataFrames."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any

import pandas as pd

from attune_nb.events import STATUS_CODES, AttemptsEnded, RunResumed, RunStarted
from attune_nb.results.timeline import TaskTimeline

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from attune_nb.events import Batch, Event, Key, TaskStatus
    from attune_nb.results.timeline import TaskExecution

__all__ = ["attempts_frame", "items_frame", "tasks_frame"]

TASK_COLUMNS = [
    "task", "visit", "status", "attempts", "items", "failed_items", "start", "end",
    "duration_ms", "error",
]  # fmt: skip
ITEM_COLUMNS = ["index", "item", "status", "attempts", "start", "duration_ms", "result", "error"]
ATTEMPT_COLUMNS = ["task", "visit", "index", "attempt", "worker", "start", "duration", "status"]

# places in a row of an item
_ITEM = ITEM_COLUMNS.index("item")
_START = ITEM_COLUMNS.index("start")


class _Clock:
    """Turns the seconds of a run into dates. A run that was resumed had a break."""

    def __init__(self, events: Sequence[Event]) -> None:
        starts = [event for event in events if isinstance(event, RunStarted | RunResumed)]
        self._times = [event.time for event in starts]
        self._epochs = [event.started_at for event in starts] or [0.0]

    def seconds(self, time: float) -> float:
        """Return a time of the run in seconds since the epoch, UTC."""
        last_start = max(0, bisect_right(self._times, time) - 1)
        return self._epochs[last_start] + time

    def date(self, time: float | None) -> Any:
        """Return a time of the run as a date; pandas' NaT for None."""
        if time is None:
            return pd.NaT
        return pd.Timestamp(self.seconds(time), unit="s", tz="UTC")


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
    clock = _Clock(events)
    timeline = TaskTimeline()
    timeline.read(events)

    rows = []
    for execution in timeline.executions.values():
        status = execution.status
        if execution.ended is None:
            status = open_statuses.get(execution.key, status)
        rows.append(_task_row(execution, status, clock, timeline.now))

    started = {execution.task for execution in timeline.executions.values()}
    rows += [_pending_row(name) for name in names if name not in started]

    columns = {}
    for name in TASK_COLUMNS:
        column = [row[name] for row in rows]
        columns[name] = pd.Series(column, dtype=object)
    frame = pd.DataFrame(columns)

    for name in ("start", "end"):
        frame[name] = pd.to_datetime(frame[name], utc=True)
    for name in ("items", "failed_items"):
        # `Int64` has missing values, for tasks without items
        frame[name] = frame[name].astype("Int64")
    return frame.astype({"visit": "int64", "attempts": "int64", "duration_ms": "float64"})


def _task_row(
    execution: TaskExecution, status: TaskStatus, clock: _Clock, now: float
) -> dict[str, Any]:
    end = now if execution.ended is None else execution.ended
    error = None if execution.error is None else execution.error.message
    row = {
        "task": execution.task,
        "visit": execution.visit,
        "status": status,
        "attempts": execution.attempts,
        "items": None,
        "failed_items": None,
        "start": clock.date(execution.started),
        "end": clock.date(execution.ended),
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
    return row


def items_frame(events: Sequence[Event], key: Key, items: Any) -> pd.DataFrame:
    """Return one row for each item, in item order, from the item's last attempt.

    Args:
        events: The events of the run, oldest first.
        key: The execution of the task.
        items: The source of its items. If it can be read only once, the events hold the items.
    """
    clock = _Clock(events)
    rows: dict[int, tuple[Any, ...]] = {}
    for batch in _batches(events, key):
        for row, index in enumerate(batch.index):
            error = batch.errors.get(row)
            first = rows.get(index)
            if first is not None:
                item = first[_ITEM]
                start = first[_START]
            else:
                item = _item_of(batch, row, items)
                start = clock.seconds(batch.start[row])
            rows[index] = (
                index,
                item,
                STATUS_CODES[batch.status[row]],
                batch.attempt[row],
                start,
                batch.duration[row] * 1000,
                batch.results[row],
                error.message if error else None,
            )

    ordered = [rows[index] for index in sorted(rows)]
    columns: list[tuple[Any, ...]] = [()] * len(ITEM_COLUMNS)
    if ordered:
        columns = list(zip(*ordered, strict=True))

    # as objects: pandas would turn None into NaN, and integers into floats
    frame = pd.DataFrame(
        {
            name: pd.Series(column, dtype=object)
            for name, column in zip(ITEM_COLUMNS, columns, strict=True)
        }
    )
    frame["start"] = pd.to_datetime(frame["start"].astype("float64"), unit="s", utc=True)
    return frame.astype(
        {"index": "int64", "attempts": "int64", "duration_ms": "float64", "status": "str"}
    )


def _batches(events: Sequence[Event], key: Key) -> Iterator[Batch]:
    for event in events:
        if isinstance(event, AttemptsEnded) and (event.task, event.visit) == key:
            yield event.batch


def _item_of(batch: Batch, row: int, items: Any) -> Any:
    if batch.items is not None:
        return batch.items[row]
    if items is not None and hasattr(items, "__getitem__"):
        return items[batch.index[row]]
    return None


def attempts_frame(events: Sequence[Event]) -> pd.DataFrame:
    """Return one row for each attempt; `start` and `duration` in seconds, from the run's start."""
    ends = [event for event in events if isinstance(event, AttemptsEnded)]
    frames = [_batch_frame(event) for event in ends if len(event.batch)]
    if not frames:
        return pd.DataFrame(columns=ATTEMPT_COLUMNS)
    return pd.concat(frames, ignore_index=True)


def _batch_frame(event: AttemptsEnded) -> pd.DataFrame:
    batch = event.batch
    return pd.DataFrame(
        {
            "task": event.task,
            "visit": event.visit,
            "index": list(batch.index),
            "attempt": list(batch.attempt),
            "worker": list(batch.worker),
            "start": list(batch.start),
            "duration": list(batch.duration),
            "status": [STATUS_CODES[code] for code in batch.status],
        },
        columns=ATTEMPT_COLUMNS,
    )

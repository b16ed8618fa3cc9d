"""The events of a run as pandas DataFrames."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any

import pandas as pd

from attune_nb.events import STATUS_CODES, AttemptsEnded, RunResumed, RunStarted
from attune_nb.results.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attune_nb.events import Event, Key, TaskStatus
    from attune_nb.results.progress import TaskProgress

__all__ = ["attempts_frame", "items_frame", "tasks_frame"]

TASK_COLUMNS = [
    "task", "visit", "status", "attempts", "items", "failed_items", "start", "end",
    "duration_ms", "error",
]  # fmt: skip
ITEM_COLUMNS = ["index", "item", "status", "attempts", "start", "duration_ms", "result", "error"]
ATTEMPT_COLUMNS = ["task", "visit", "index", "attempt", "worker", "start", "duration", "status"]


class _Clock:
    """Turns the seconds of a run into dates: a run that was taken up again had a break."""

    def __init__(self, events: Sequence[Event]) -> None:
        begun = [each for each in events if isinstance(each, RunStarted | RunResumed)]
        self._from = [each.time for each in begun]
        self._epochs = [each.started_at for each in begun] or [0.0]

    def seconds(self, time: float) -> float:
        """Give a moment of the run in seconds since the epoch, UTC."""
        return self._epochs[max(0, bisect_right(self._from, time) - 1)] + time

    def date(self, time: float | None) -> Any:
        """Give it as a date; none for none."""
        return pd.NaT if time is None else pd.Timestamp(self.seconds(time), unit="s", tz="UTC")


def tasks_frame(
    events: Sequence[Event], names: Sequence[str], live: Mapping[Key, TaskStatus]
) -> pd.DataFrame:
    """Give one row a task execution; tasks that never started come last, as pending.

    `live` are the statuses of those that have not ended: running, retrying, waiting or pending
    (their delay is not over).
    """
    clock = _Clock(events)
    progress = Progress()
    progress.read(events)
    for row in progress.tasks.values():
        row.status = row.status if row.ended is not None else live.get(row.key, row.status)
    rows = [_task_row(row, clock, progress.now) for row in progress.tasks.values()]
    begun = {row.task for row in progress.tasks.values()}
    blank = dict.fromkeys(TASK_COLUMNS) | {"visit": 0, "status": "pending", "attempts": 0}
    rows += [blank | {"task": name, "duration_ms": 0.0} for name in names if name not in begun]
    columns = {name: [row[name] for row in rows] for name in TASK_COLUMNS}
    frame = pd.DataFrame({name: pd.Series(each, dtype=object) for name, each in columns.items()})
    for name in ("start", "end"):
        frame[name] = pd.to_datetime(frame[name], utc=True)
    for name in ("items", "failed_items"):
        frame[name] = frame[name].astype("Int64")  # a task without items has none
    return frame.astype({"visit": "int64", "attempts": "int64", "duration_ms": "float64"})


def _task_row(row: TaskProgress, clock: _Clock, now: float) -> dict[str, Any]:
    until = now if row.ended is None else row.ended
    return {
        "task": row.task,
        "visit": row.visit,
        "status": row.status,
        "attempts": row.attempts,
        "items": row.total if row.with_items else None,
        "failed_items": row.failed if row.with_items else None,
        "start": clock.date(row.started),
        "end": clock.date(row.ended),
        "duration_ms": (until - row.started) * 1000,
        "error": row.error,
    }


def items_frame(events: Sequence[Event], key: Key, items: Any) -> pd.DataFrame:
    """Give one row an item, in item order; an item's last attempt counts."""
    clock = _Clock(events)
    rows: dict[int, tuple[Any, ...]] = {}
    for event in events:
        if not isinstance(event, AttemptsEnded) or (event.task, event.visit) != key:
            continue
        batch = event.batch
        for at, index in enumerate(batch.index):
            error = batch.errors.get(at)
            item = batch.items[at] if batch.items is not None else _item(items, index)
            before = rows.get(index)
            rows[index] = (
                index,
                item if before is None else before[1],
                STATUS_CODES[batch.status[at]],
                batch.attempt[at],
                clock.seconds(batch.start[at]) if before is None else before[4],
                batch.duration[at] * 1000,
                batch.results[at],
                error.message if error else None,
            )
    columns = zip(*(rows[index] for index in sorted(rows)), strict=True) if rows else [()] * 8
    named = dict(zip(ITEM_COLUMNS, columns, strict=True))
    # objects stay what they are: pandas would make NaN of None, and floats of whole numbers
    frame = pd.DataFrame({name: pd.Series(each, dtype=object) for name, each in named.items()})
    frame["start"] = pd.to_datetime(frame["start"].astype("float64"), unit="s", utc=True)
    return frame.astype(
        {"index": "int64", "attempts": "int64", "duration_ms": "float64", "status": "str"}
    )


def _item(items: Any, index: int) -> Any:
    return items[index] if items is not None and hasattr(items, "__getitem__") else None


def attempts_frame(events: Sequence[Event]) -> pd.DataFrame:
    """Give one row an attempt; `start` and `duration` are in seconds, from the run's start."""
    pieces = []
    for event in events:
        if not isinstance(event, AttemptsEnded) or not len(event.batch):
            continue
        batch = event.batch
        pieces.append(
            pd.DataFrame(
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
        )
    if not pieces:
        return pd.DataFrame(columns=ATTEMPT_COLUMNS)
    return pd.concat(pieces, ignore_index=True)

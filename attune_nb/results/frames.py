"""The events of a run as pandas DataFrames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from attune_nb.events import (
    STATUS_CODES,
    AttemptsEnded,
    RetriesPlanned,
    RunStarted,
    TaskEnded,
    TaskStarted,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attune_nb.events import Event, Key

__all__ = ["attempts_frame", "items_frame", "tasks_frame"]

TASK_COLUMNS = [
    "task", "visit", "status", "attempts", "items", "failed_items", "start", "end",
    "duration_ms", "error",
]  # fmt: skip
ITEM_COLUMNS = ["index", "item", "status", "attempts", "start", "duration_ms", "result", "error"]
ATTEMPT_COLUMNS = ["task", "visit", "index", "attempt", "worker", "start", "duration", "status"]


def _epoch(events: Sequence[Event]) -> float:
    return next((each.started_at for each in events if isinstance(each, RunStarted)), 0.0)


def _when(epoch: float, time: float | None) -> Any:
    return pd.NaT if time is None else pd.Timestamp(epoch + time, unit="s", tz="UTC")


def tasks_frame(events: Sequence[Event], names: Sequence[str]) -> pd.DataFrame:
    """Give one row a task execution; tasks that never started come last, as pending."""
    epoch = _epoch(events)
    rows: dict[Key, dict[str, Any]] = {}
    for event in events:
        if isinstance(event, TaskStarted):
            rows[event.task, event.visit] = _started(event, epoch)
        elif isinstance(event, AttemptsEnded):
            row = rows[event.task, event.visit]
            row["attempts"] += len(event.batch)
            if row["with_items"]:
                row["failed_items"] += len(event.batch.errors)
            if row["items"] is None and event.batch.total is not None:
                row["items"] = event.batch.total
        elif isinstance(event, RetriesPlanned) and rows[event.task, event.visit]["with_items"]:
            rows[event.task, event.visit]["failed_items"] -= event.count
        elif isinstance(event, TaskEnded):
            _ended(rows.setdefault((event.task, event.visit), _blank(event)), event, epoch)
    listed = [*rows.values()]
    begun = {row["task"] for row in listed}
    listed += [_pending(name) for name in names if name not in begun]
    frame = pd.DataFrame(listed, columns=TASK_COLUMNS)
    frame["start"] = pd.to_datetime(frame["start"], utc=True)
    frame["end"] = pd.to_datetime(frame["end"], utc=True)
    return frame


def _pending(name: str) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(TASK_COLUMNS)
    return row | {"task": name, "visit": 0, "status": "pending", "attempts": 0, "duration_ms": 0.0}


def _blank(event: TaskEnded) -> dict[str, Any]:
    return _pending(event.task) | {"visit": event.visit}


def _started(event: TaskStarted, epoch: float) -> dict[str, Any]:
    row = _pending(event.task)
    return row | {
        "visit": event.visit,
        "status": "running",
        "items": event.total if event.with_items else None,
        "failed_items": 0 if event.with_items else None,
        "with_items": event.with_items,
        "start": _when(epoch, event.time),
        "began": event.time,
    }


def _ended(row: dict[str, Any], event: TaskEnded, epoch: float) -> None:
    began = row.get("began", event.time)
    row["status"] = event.status
    row["end"] = _when(epoch, event.time)
    row["start"] = _when(epoch, began)
    row["duration_ms"] = (event.time - began) * 1000
    row["error"] = event.error.message if event.error else None


def items_frame(events: Sequence[Event], key: Key, items: Any) -> pd.DataFrame:
    """Give one row an item, in item order; an item's last attempt counts."""
    epoch = _epoch(events)
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
                epoch + (batch.start[at] if before is None else before[4] - epoch),
                batch.duration[at] * 1000,
                batch.results[at],
                error.message if error else None,
            )
    frame = pd.DataFrame([rows[index] for index in sorted(rows)], columns=ITEM_COLUMNS)
    frame["start"] = pd.to_datetime(frame["start"], unit="s", utc=True)
    return frame


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

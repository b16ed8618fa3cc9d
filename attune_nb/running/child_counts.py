"""The line of a run's summary about the runs within it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from attune_nb.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from attune_nb.running.child_views import ChildRow

__all__ = ["ChildCount", "count_by_task", "count_on_record", "describe_counts"]

_FAILED = ("failed", "timed_out")

# tasks that the line names
_MAX_TASKS = 5


class ChildCount(NamedTuple):
    """The runs that a task has begun.

    Attributes:
        task: The path of the task.
        total: How many there are.
        failed: How many of them failed.
        item: The lowest index of an item whose run failed; if none did, the lowest of all.
    """

    task: str
    total: int
    failed: int
    item: int


def count_on_record(store: Path, run_id: str) -> list[ChildCount]:
    """Return the counts of the runs within a run, by task; none if the record cannot be read."""
    from attune_nb.store import reading  # noqa: PLC0415 - SQLite is slow to import

    try:
        rows = reading.count_children_by_task(store, run_id)
    except StoreError:
        # the summary says so
        return []

    counts = []
    for task, total, failed, first_failed, first in rows:
        item = first_failed
        if item is None:
            item = first
        counts.append(ChildCount(task, total, failed, item))
    return counts


def count_by_task(rows: Sequence[ChildRow]) -> list[ChildCount]:
    """Return the counts of runs in memory, by task."""
    by_task: dict[str, list[ChildRow]] = {}
    for row in rows:
        by_task.setdefault(row.task, []).append(row)

    counts = []
    for task, task_rows in by_task.items():
        failed_rows = [row for row in task_rows if row.status in _FAILED]
        shown_rows = failed_rows
        if not shown_rows:
            shown_rows = task_rows
        item = min(row.index for row in shown_rows)
        counts.append(ChildCount(task, len(task_rows), len(failed_rows), item))
    return counts


def describe_counts(counts: Sequence[ChildCount]) -> list[str]:
    """Return a line about the runs within a run, and how to see one; no line without any."""
    if not counts:
        return []

    total = sum(count.total for count in counts)
    noun = "1 child run" if total == 1 else f"{total:,} child runs"
    tasks = ", ".join(map(_describe_task, counts[:_MAX_TASKS]))
    if len(counts) > _MAX_TASKS:
        tasks += " ..."

    shown = max(counts, key=lambda count: count.failed)
    index = f", index={shown.item}" if shown.item else ""
    opening = f'`run.child("{shown.task}"{index})` opens one'
    if shown.failed:
        opening = f"{opening} that failed"
    if total > 1:
        opening = f"`run.children()` lists them, {opening}"
    return [f"{noun}: {tasks}; {opening}"]


def _describe_task(count: ChildCount) -> str:
    text = f"`{count.task}` {count.total:,}"
    if count.failed:
        text += f" ({count.failed:,} failed)"
    return text

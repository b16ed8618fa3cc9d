"""The runs within a run, as a table and one by one."""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace
from typing import TYPE_CHECKING, Any

from attune_nb.errors import LookupFailed, nearest
from attune_nb.results.scaling import DurationHistory
from attune_nb.running.request import ObservationOptions, RunRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import pandas as pd

    from attune_nb.running.child_book import KeptChild

__all__ = ["ChildRow", "children_frame", "find_row", "list_children", "request_of", "scaling_of"]

_COLUMNS = [
    "task", "visit", "index", "attempt", "run_id", "workflow", "status", "duration_ms", "tasks",
    "failed",
]  # fmt: skip

# names in a message
_MAX_NAMES = 10


@dataclass(frozen=True)
class ChildRow:
    """A run within another one.

    Attributes:
        task: The path of the task that it is an attempt of.
        visit: The number of the execution of the task.
        index: The index of the item.
        attempt: The number of the attempt.
        run_id: Its id.
        workflow: The name of its workflow.
        status: Its status.
        duration_ms: How long it took, or has taken so far.
        tasks: How many executions of tasks it had.
        failed: How many of its items failed.
    """

    task: str
    visit: int
    index: int
    attempt: int
    run_id: str
    workflow: str
    status: str
    duration_ms: float
    tasks: int
    failed: int


def list_children(
    store: Path | None, run_id: str, kept_children: Iterable[KeptChild]
) -> list[ChildRow]:
    """Return the runs within a run, task by task, in the order of the items.

    Args:
        store: The file with the run's record.
        run_id: The run.
        kept_children: Those of them that this process keeps in memory.

    Raises:
        StoreError: The record cannot be read.
    """
    rows: dict[str, ChildRow] = {}
    if store is not None:
        from attune_nb.store import reading  # noqa: PLC0415 - SQLite is slow to import

        for stored in reading.children_of(store, run_id, texts=False):
            rows[stored.run_id] = ChildRow(
                task=stored.parent_task,
                visit=stored.parent_visit,
                index=stored.parent_item,
                attempt=stored.parent_attempt,
                run_id=stored.run_id,
                workflow=stored.workflow,
                status=stored.status,
                duration_ms=stored.duration * 1000,
                tasks=stored.tasks,
                failed=stored.failed,
            )
    for child in kept_children:
        rows[child.run_id] = _row_of(child)

    tasks = dict.fromkeys(row.task for row in rows.values())
    order = {task: number for number, task in enumerate(tasks)}
    return sorted(
        rows.values(), key=lambda row: (order[row.task], row.visit, row.index, row.attempt)
    )


def _row_of(child: KeptChild) -> ChildRow:
    state = child.driver.state
    events = child.driver.events
    duration = child.driver.clock()
    if state.ended or state.status == "paused":
        duration = events[-1].time if events else 0.0

    failed = 0
    for execution in state.executions.values():
        if execution.items is not None:
            failed += execution.failed

    attempt = child.attempt
    return ChildRow(
        task=attempt.task,
        visit=attempt.visit,
        index=attempt.index,
        attempt=attempt.attempt,
        run_id=child.run_id,
        workflow=child.workflow.name,
        status=state.status,
        duration_ms=duration * 1000,
        tasks=len(state.order),
        failed=failed,
    )


def children_frame(rows: Sequence[ChildRow]) -> pd.DataFrame:
    """Return the runs within a run as a table."""
    import pandas as pd  # noqa: PLC0415 - slow to import

    return pd.DataFrame(map(astuple, rows), columns=_COLUMNS)


def find_row(
    rows: Sequence[ChildRow], run_id: str, task: str, index: int, visit: int | None
) -> ChildRow:
    """Return the last run of an item.

    Args:
        rows: The runs within a run.
        run_id: That run, for the message.
        task: The path of the task.
        index: The index of the item.
        visit: The number of the execution of the task; None for the last one.

    Raises:
        LookupFailed: There is none.
    """
    if not rows:
        raise LookupFailed(
            f"run {run_id} has no child runs: none of its tasks has run a workflow, or an older "
            "version of attune_nb recorded it"
        )

    task_rows = [row for row in rows if row.task == task]
    if not task_rows:
        tasks = list(dict.fromkeys(row.task for row in rows))
        hint = nearest(task, tasks)
        if not hint:
            hint = f"; tasks with child runs: {', '.join(tasks[:_MAX_NAMES])}"
        raise LookupFailed(f"task `{task}` has no child runs{hint}")

    matches = [row for row in task_rows if row.index == index]
    place = f"index {index!r}"
    if visit is not None:
        matches = [row for row in matches if row.visit == visit]
        place += f", visit {visit!r}"
    if not matches:
        least = min(row.index for row in task_rows)
        largest = max(row.index for row in task_rows)
        raise LookupFailed(
            f"task `{task}` has no child run for {place}; there are {len(task_rows):,}, for the "
            f"indexes {least} to {largest}, which `run.children({task!r})` lists"
        )
    return max(matches, key=lambda row: (row.visit, row.attempt))


def request_of(child: KeptChild, parent: RunRequest, store: Path | None) -> RunRequest:
    """Return the request that a run within a run follows, to look at it or to repeat it alone.

    Args:
        child: The run.
        parent: The request of the run that it is part of.
        store: The file with its record.
    """
    bound = child.workflow.bound()
    return RunRequest(
        workflow=type(parent.workflow)(bound.workflow),
        parameters=child.prepared.parameters,
        options=replace(bound.options, depth=0),
        observation=ObservationOptions(store=store, name=child.workflow.name),
        code=bound.code,
    )


def scaling_of(child: KeptChild) -> Any:
    """Return the durations of the tasks of a run within a run: those of no other run."""
    return DurationHistory().of(child.workflow.name, {}, "")

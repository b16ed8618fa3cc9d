"""The items of a task of a run on record, without the rest of the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.running.history import recorded_workflow, replayed_state, with_kind
from attune_nb.store import reading

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_item_source"]


def read_item_source(path: Path, run_id: str, task: str, visit: int, started: int) -> Any:
    """Return the source of the items of an execution of a task, without secrets.

    Only the events up to the start of the execution are replayed.

    Args:
        path: The store.
        run_id: The whole id of the run.
        task: The path of the task.
        visit: The number of the execution.
        started: The number of the event with which it started.

    Returns:
        As `Execution.items`; None for a task without items.

    Raises:
        StoreError: The record cannot be read.
    """
    stored = reading.run_of(path, run_id)
    with reading.reading_record(run_id):
        workflow = recorded_workflow(stored)
        events = with_kind(reading.events_of(path, stored, last=started), stored)
        state = replayed_state(stored, workflow, events)

    execution = state.executions.get((task, visit))
    return None if execution is None else execution.items

"""The run of a store that a command is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune_nb.errors import StoreError
from attune_nb.running import history
from attune_nb.running.child_paths import split_path
from attune_nb.running.run_selection import RunSelection

if TYPE_CHECKING:
    from attune_nb.running.recorded_run import RecordedRun

__all__ = ["find_live_run", "last_interrupted_run", "open_named_run", "open_stored_run"]

_NO_ID = "the id of the run is empty; `attune-nb runs` lists the runs"


def open_stored_run(run_id: str | None, store: str | None) -> RecordedRun:
    """Return a run of a store; without an id, the latest one, and `/TASK` a run within that.

    Raises:
        LookupFailed: There is no such run within the run.
        StoreError: There is no such run, or the id is an empty text.
    """
    if run_id is None:
        run_id = ""
    elif not run_id:
        # such as that of a shell's variable that is not set
        raise StoreError(_NO_ID)
    own_id, path = split_path(run_id)
    if own_id or (run_id and not path):
        return history.open_run(run_id, store)

    rows = history.list_runs(store, RunSelection.read(limit=1))
    if not rows:
        raise StoreError("no run is on record here: name another record with `--store FILE`")
    return history.open_run(f"{rows[0]['run_id']}/{path}", store)


def open_named_run(run_id: str, store: str | None) -> RecordedRun:
    """Return a run of a store that a command changes: without its id there is none.

    Raises:
        LookupFailed: There is no such run within the run.
        StoreError: There is no such run, or the id is missing.
    """
    own_id, _ = split_path(run_id)
    if not own_id:
        raise StoreError(_NO_ID)
    return open_stored_run(run_id, store)


def find_live_run(run_id: str, store: str | None) -> RecordedRun | None:
    """Return a run that a process drives just now; None if the run waits for none, or has ended.

    Raises:
        LookupFailed: There is no such run within the run.
        StoreError: There is no such run.
    """
    run = open_named_run(run_id, store)
    return None if run.is_over() else run


def last_interrupted_run(store: str | None) -> str:
    """Return the id of the last run of a store whose process is gone.

    Raises:
        StoreError: There is none.
    """
    rows = history.list_runs(store, RunSelection.read(status="interrupted", limit=1))
    if not rows:
        raise StoreError("no run on record was interrupted; `attune-nb runs` lists the runs")
    return str(rows[0]["run_id"])

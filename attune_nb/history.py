"""Runs on record: what there is, and each as it stands."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from attune_nb.api import Run, loads
from attune_nb.conductor.machine import initial_state, replay
from attune_nb.errors import AttuneError, StoreError, WorkflowError
from attune_nb.language import declarations
from attune_nb.linking import mocked_whole
from attune_nb.recording import path_of
from attune_nb.results.growth import Record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

    import pandas as pd

    from attune_nb.events import Event
    from attune_nb.language import model

__all__ = ["open_run", "runs"]

_COLUMNS = ("run_id", "workflow", "status", "started", "duration_ms", "tasks", "items", "failed")


def runs(store: str | PathLike[str] | None = None) -> pd.DataFrame:
    """Give the runs of a store, the oldest first: one row a run.

    A run whose kernel is gone is "interrupted". `started` is in UTC.

    Args:
        store: Its file; by default the one that the environment's ATTUNE_NB_STORE names.

    Raises:
        StoreError: There is no store, or it cannot be read.
    """
    import pandas as pd  # noqa: PLC0415 - pandas is heavy

    from attune_nb.store import reading  # noqa: PLC0415 - SQLite takes its time too

    rows = [
        {
            "run_id": each.run_id,
            "workflow": each.workflow,
            "status": each.status,
            "started": datetime.fromtimestamp(each.started, UTC),
            "duration_ms": each.duration * 1000,
            "tasks": each.tasks,
            "items": each.items,
            "failed": each.failed,
        }
        for each in reading.runs_in(path_of(store))
    ]
    return pd.DataFrame(rows, columns=list(_COLUMNS))


def open_run(run_id: str, store: str | PathLike[str] | None = None) -> Run:
    """Open a run of a store, as it stands there, to be looked at.

    Args:
        run_id: Its id, or how it begins.
        store: As in `runs`.

    Raises:
        StoreError: There is no such run, or it cannot be read.
    """
    from attune_nb.store import reading  # noqa: PLC0415
    from attune_nb.store.values import from_plain  # noqa: PLC0415

    path = path_of(store)
    stored = reading.run_of(path, run_id)
    try:
        workflow = loads(stored.text, stored.source.name)
    except WorkflowError as error:
        raise StoreError(f"the workflow of run {stored.run_id} cannot be read: {error}") from None
    state = initial_state(
        mocked_whole(workflow, dict.fromkeys(stored.options["mock"])),
        from_plain(stored.options["config"]),
        dict.fromkeys(_keys_read(workflow), "***"),
        stored.options["concurrency"],
        secrets=dict.fromkeys(declarations.secrets(workflow.parameters), "***"),
        mocked=stored.options["mocked"],
    )
    events = reading.events_of(path, stored)
    state, _ = replay(state, events)
    names = [task.name for task in workflow.tasks]
    return Run(
        stored.run_id,
        stored.workflow,
        names,
        _Past(state, events),
        Record().of(stored.workflow, {}),
    )


class _Past:
    """Stands in for the engine of a run that is only looked at."""

    def __init__(self, state: Any, events: list[Event]) -> None:
        self.state, self.events = state, events
        self.ended = threading.Event()
        self.ended.set()

    def cancel(self, reason: str = "", *, force: bool = False) -> None:  # noqa: ARG002
        """Refuse: nobody carries the run here."""
        self._refuse("cancel")

    def pause(self) -> None:
        """Refuse, as `cancel` does."""
        self._refuse("pause")

    def resume(self) -> None:
        """Refuse, as `cancel` does."""
        self._refuse("resume")

    def answer(self, task: str, visit: int, value: Any, schema: Any = None) -> None:  # noqa: ARG002
        """Refuse, as `cancel` does."""
        self._refuse("answer")

    def rerun(self, task: str, visit: int, index: int) -> None:  # noqa: ARG002
        """Refuse, as `cancel` does."""
        self._refuse("run again")

    def settle(self, task: str, visit: int, index: int, attempt: int, result: Any) -> None:  # noqa: ARG002
        """Refuse, as `cancel` does."""
        self._refuse("decide")

    def _refuse(self, what: str) -> None:
        told = f"the run is on record, not under way here: there is nothing to {what}"
        raise AttuneError(told)


def _keys_read(workflow: model.Workflow) -> Iterator[str]:
    """Give the keys of the keystore that expressions read: no record holds their values."""
    templates = [each for _, task in workflow.walk() for each in task.templates()]
    templates += [each for _, each in workflow.vars]
    templates += [workflow.output_map] if workflow.output_map is not None else []
    for template in templates:
        for path, _ in template.references:
            if path[0] == "keystore" and len(path) > 1:
                yield path[1]

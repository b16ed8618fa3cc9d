"""Runs on record: what there is, and each as it stands."""

from __future__ import annotations

import platform
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.conductor.machine import initial_state, replay
from attune_nb.errors import AttuneError, StoreError, WorkflowError
from attune_nb.events import RunEnded, RunStarted
from attune_nb.language import export, parameter_specs
from attune_nb.results.scaling import Record
from attune_nb.running.bind_actions import mocked_whole
from attune_nb.running.prepare import Options
from attune_nb.running.record import path_of
from attune_nb.running.request import Begun, Manner
from attune_nb.running.workflow import Run, Workflow, load_file, loads

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike
    from pathlib import Path

    import pandas as pd

    from attune_nb.events import Event
    from attune_nb.language import model
    from attune_nb.store.reading import StoredRun

__all__ = ["code_of", "open_run", "options_of", "recorded_workflow", "runs"]

_COLUMNS = ("run_id", "workflow", "status", "started", "duration_ms", "tasks", "items", "failed")


def runs(store: str | PathLike[str] | None = None) -> pd.DataFrame:
    """Give the runs of a store, the oldest first: one row a run.

    A run whose kernel is gone is "interrupted". `started` is in UTC.

    Args:
        store: Its file; by default as in `Workflow.run`.

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
    from attune_nb.store.json_values import from_plain  # noqa: PLC0415

    path = path_of(store)
    stored = reading.run_of(path, run_id)
    workflow = recorded_workflow(stored)
    state = initial_state(
        mocked_whole(workflow, dict.fromkeys(stored.options["mock"])),
        from_plain(stored.options["config"]),
        dict.fromkeys(_keys_read(workflow), "***"),
        stored.options["concurrency"],
        secrets=dict.fromkeys(parameter_specs.secret_names(workflow.parameters), "***"),
        mocked=stored.options["mocked"],
    )
    events = reading.events_of(path, stored)
    state, _ = replay(state, events)
    ended = next((each for each in events if isinstance(each, RunEnded)), None)
    if ended is not None:  # whatever a replay makes of it without secrets and objects
        told = {name: getattr(ended, name) for name in ("status", "output", "error")}
        state = msgspec.structs.replace(state, **told)
    if stored.status == "interrupted":
        state = msgspec.structs.replace(state, status="interrupted")
    names = [task.name for task in workflow.tasks]
    run = Run(
        stored.run_id,
        stored.workflow,
        names,
        _Past(state, events),
        Record().of(stored.workflow, {}),
    )
    run.store = path
    run._begun = _begun(stored, workflow, events, path)  # noqa: SLF001 - as where one begins
    return run


def recorded_workflow(stored: StoredRun) -> Workflow:
    """Give the workflow that ran, from the text that a person wrote, where that still gives it.

    Raises:
        StoreError: It cannot be read.
    """
    first, _, rest = stored.source.text.partition("\n")
    above = first if first.startswith("%%") else ""
    try:
        found = loads(rest if above else stored.source.text, stored.source.name, above=above)
        if export.to_record(found, str) == stored.text:
            return found
    except WorkflowError:
        pass  # a secret's default was taken out, or it was never text
    try:
        return loads(stored.text, stored.source.name)
    except WorkflowError as error:
        raise StoreError(f"the workflow of run {stored.run_id} cannot be read: {error}") from None


def options_of(stored: StoredRun, **given: Any) -> Options:
    """Give the options that a run began with, as far as they are on record; and those given.

    An option that is None is as it was. That an action may be imported is nothing that a record
    can allow: its text names code, and anybody may have written it.
    """
    from attune_nb.store.json_values import from_plain  # noqa: PLC0415

    told = stored.options
    known = {name: told[name] for name in ("backend", "workers", "concurrency", "dry_run")}
    known["config"] = from_plain(told["config"])
    known |= {name: each for name, each in given.items() if each is not None}
    return Options(load=load_file, **{"actions": {}, **known})


def code_of(stored: StoredRun) -> dict[str, str]:
    """Give what tells the versions of a run's actions apart; nothing of another Python's."""
    same = stored.versions.get("python") == platform.python_version()
    found: dict[str, str] = stored.options.get("code", {}) if same else {}
    return found


def _begun(stored: StoredRun, workflow: Workflow, events: list[Event], path: Path) -> Begun:
    first = next((each for each in events if isinstance(each, RunStarted)), None)
    return Begun(
        workflow=workflow,
        parameters=dict(first.parameters) if first is not None else {},
        options=options_of(stored),
        manner=Manner(store=path, name=stored.workflow),
        code=code_of(stored),
        stored=stored,
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


def _keys_read(workflow: model.WorkflowSpec) -> Iterator[str]:
    """Give the keys of the keystore that expressions read: no record holds their values."""
    templates = [each for _, task in workflow.walk() for each in task.templates()]
    templates += [each for _, each in workflow.vars]
    templates += [workflow.output_map] if workflow.output_map is not None else []
    for template in templates:
        for path, _ in template.references:
            if path[0] == "keystore" and len(path) > 1:
                yield path[1]

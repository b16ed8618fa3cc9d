"""The runs of a store: a table of them, and each one opened."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.actions.fingerprint import join_code
from attune_nb.conductor.machine import initial_state, replay
from attune_nb.errors import LookupFailed, StoreError, WorkflowError
from attune_nb.events import RunEnded, RunStarted
from attune_nb.language import export, parameter_specs
from attune_nb.language.load import load_workflow
from attune_nb.results.scaling import DurationHistory
from attune_nb.running.bind_actions import replace_mocked_parallel_tasks
from attune_nb.running.child_paths import find_child, split_path
from attune_nb.running.latest import LATEST
from attune_nb.running.recorded_run import Record, RecordedRun, ReplayedRun
from attune_nb.running.request import ObservationOptions, RunOptions, RunRequest
from attune_nb.running.run import Run
from attune_nb.running.run_selection import RunSelection
from attune_nb.running.store_paths import store_path
from attune_nb.running.workflow import Workflow, load_file, loads

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from os import PathLike
    from pathlib import Path

    import pandas as pd

    from attune_nb.conductor.state import RunState
    from attune_nb.events import Event
    from attune_nb.language.model import WorkflowSpec
    from attune_nb.running.run_selection import Age
    from attune_nb.store.reading import StoredRun
    from attune_nb.templates.template import Template

__all__ = [
    "AnyRun",
    "last_run",
    "list_runs",
    "open_run",
    "recorded_code",
    "recorded_options",
    "recorded_workflow",
    "replayed_state",
    "runs",
    "with_kind",
]

AnyRun = Run | RecordedRun
"""A run of this process, or one opened from a store."""

_COLUMNS = (
    "run_id", "workflow", "status", "started", "duration_ms", "tasks", "items", "failed",
    "children", "questions", "attention", "kind",
)  # fmt: skip


def runs(
    store: str | PathLike[str] | None = None,
    *,
    status: str | Iterable[str] | None = None,
    workflow: str | None = None,
    since: Age | None = None,
    limit: int | None = None,
    children: bool = False,
) -> pd.DataFrame:
    """Return the runs of a store, the newest first: one row a run.

    A workflow that a task runs is a run within another one. `children` is the number of runs
    that the tasks of a run have begun; they have no rows of their own, unless they are asked for.

    A run whose process is gone is "interrupted"; one whose record is damaged is "unreadable", and
    `open_run` says why. `started` is in UTC. `kind` says how a run
    differs from an ordinary one: `dry run`, `mocked`, `fork of RUN`, `retry of RUN`.

    `attention` says why a run needs a person: "question" if some wait for an answer, "doubt" if
    attempts may or may not have run before a crash, "paused"; else it is empty. `questions` is the
    number of open questions, also of runs within the run.

    Args:
        store: Its file; by default as in `Workflow.run`.
        status: Only runs of this status, or of one of these.
        workflow: Only runs of the workflow of this name.
        since: Only runs that began since then: a date (in UTC, unless it names a time zone), a
            `timedelta`, or text: `2024-12-24`, `2024-12-24 18:30`, `90s`, `15m`, `3h`, `2d`.
        limit: The most runs, counted from the newest; by default all.
        children: Also list the runs within other runs. A column `parent` has the run, the task
            and the item that such a run is part of, as in `ab12cd34ef56/deploy[3]`.

    Raises:
        ParameterError: An argument cannot be used.
        StoreError: There is no store, or it cannot be read.
    """
    import pandas as pd  # noqa: PLC0415 - slow to import

    selection = RunSelection.read(status, workflow, since, limit)
    rows = list_runs(store, selection, children=children)

    columns = [*_COLUMNS, "parent"] if children else list(_COLUMNS)
    frame = pd.DataFrame(rows, columns=columns)
    frame["started"] = pd.to_datetime(frame["started"], utc=True).astype("datetime64[ns, UTC]")
    return frame


def list_runs(
    store: str | PathLike[str] | None, selection: RunSelection, *, children: bool = False
) -> list[dict[str, Any]]:
    """Return the rows of `runs`, without pandas; `started` is None if the record is damaged.

    Args:
        store: As in `runs`.
        selection: Which runs.
        children: As in `runs`.

    Raises:
        StoreError: There is no store, or it cannot be read.
    """
    from attune_nb.store import reading  # noqa: PLC0415 - SQLite is slow to import

    def is_selected(stored: StoredRun) -> bool:
        return selection.includes(
            status=stored.status, workflow=stored.workflow, started=stored.started
        )

    path = store_path(store)
    selected = reading.runs_in(path, is_selected, selection.limit, children=children)
    counts = reading.count_children(path, [stored.run_id for stored in selected])
    rows = []
    for stored in selected:
        row = {
            "run_id": stored.run_id,
            "workflow": stored.workflow,
            "status": stored.status,
            "started": _start_of(stored),
            "duration_ms": stored.duration * 1000,
            "tasks": stored.tasks,
            "items": stored.items,
            "failed": stored.failed,
            "children": counts.get(stored.run_id, 0),
            "questions": stored.questions,
            "attention": stored.attention,
            "kind": stored.kind,
            "parent": stored.place,
        }
        rows.append(row)
    return rows


def _start_of(stored: StoredRun) -> datetime | None:
    if stored.damage:
        return None
    return datetime.fromtimestamp(stored.started, UTC)


def open_run(run_id: str, store: str | PathLike[str] | None = None) -> RecordedRun:
    """Open a run of a store as it stands there, to read, control, fork or retry it.

    Its items, results and context are read when something of them is first looked at.

    Args:
        run_id: Its id, or the beginning of it. `RUN/TASK[INDEX]` is a run within it: that of an
            item of a task that runs a workflow, such as `ab12/deploy[3]`.
        store: As in `runs`.

    Raises:
        LookupFailed: There is no such run within the run.
        StoreError: There is no such run, or it cannot be read. The run raises this later if its
            events are damaged.
    """
    own_id, path = split_path(run_id)
    run: RecordedRun = find_child(_open_run(own_id, store), path)
    return run


def _open_run(run_id: str, store: str | PathLike[str] | None) -> RecordedRun:
    from attune_nb.store import reading  # noqa: PLC0415 - SQLite is slow to import
    from attune_nb.store.log_rows import StoredLogs  # noqa: PLC0415

    path = store_path(store)
    stored = reading.run_of(path, run_id)
    with reading.reading_record(stored.run_id):
        workflow = recorded_workflow(stored)
        request = _recorded_request(stored, workflow, path)
        last_event = reading.last_event_number(path, stored)

    def read() -> ReplayedRun:
        with reading.reading_record(stored.run_id):
            events = with_kind(reading.events_of(path, stored, last=last_event), stored)
            return ReplayedRun(replayed_state(stored, workflow, events), events)

    return RecordedRun(
        stored.run_id,
        Record(read),
        stored.status,
        request,
        DurationHistory().of(stored.workflow, {}),
        notes=stored.alerts,
        store=path,
        logs=StoredLogs(path, stored),
    )


def last_run() -> AnyRun:
    """Return the latest run of this process, also one that is in progress or was interrupted.

    A resumed, forked or retried run counts; a nested workflow does not, as it is a part of its
    run. A run that has ended and that no variable holds is opened from its record.

    Raises:
        LookupFailed: No workflow has run in this process, or the run is gone: no variable holds
            it, and it has no record.
        StoreError: Its record cannot be read.
    """
    reference = LATEST.reference
    if reference is None:
        raise LookupFailed(
            "no workflow has run in this process; `attune_nb.runs()` lists the runs on record"
        )

    run: Any = reference()
    if isinstance(run, Run):
        return run
    if LATEST.store is None:
        raise LookupFailed(
            "the latest run is gone: it has no record (the store is `none`), and no variable "
            "holds it"
        )
    return open_run(LATEST.run_id, LATEST.store)


def with_kind(events: list[Event], stored: StoredRun) -> list[Event]:
    """Return events whose start says what kind of run it is; older stores keep it elsewhere."""
    for number, event in enumerate(events):
        if isinstance(event, RunStarted):
            start = msgspec.structs.replace(
                event, dry_run=stored.options["dry_run"], mocked=bool(stored.options["mock"])
            )
            return [*events[:number], start, *events[number + 1 :]]
    return events


def recorded_workflow(stored: StoredRun) -> Workflow:
    """Return the workflow that ran; from the user's own text, if that still means the same.

    Raises:
        StoreError: It cannot be read.
    """
    source = stored.source
    workflow = _workflow_of_source(source.text, source.name, stored.text)
    if workflow is not None:
        return workflow

    try:
        return Workflow(load_workflow(stored.text, stored.source.name, is_recorded=True))
    except WorkflowError as error:
        raise StoreError(f"the workflow of run {stored.run_id} cannot be read: {error}") from None


# the child runs of a task have the same workflow
@lru_cache(maxsize=16)
def _workflow_of_source(text: str, name: str, recorded_text: str) -> Workflow | None:
    """Return the workflow of the user's own text; None if the recorded text means another one."""
    cell_magic = ""
    if text.startswith("%%"):
        cell_magic, _, text = text.partition("\n")

    try:
        workflow = loads(text, name, above=cell_magic)
        is_same = export.to_record(workflow.spec, str) == recorded_text
    except WorkflowError:
        return None  # the default of a secret was taken out, or the workflow was made by a program
    return workflow if is_same else None


def recorded_options(stored: StoredRun, **changes: Any) -> RunOptions:
    """Return the recorded options of a run, with changes.

    A change that is None changes nothing. `allow_imports` is never read from a record: a
    record names code, and anyone may have written it.
    """
    from attune_nb.store.json_values import from_plain  # noqa: PLC0415 - slow to import

    recorded: dict[str, Any] = {
        "actions": {},
        "backend": stored.options["backend"],
        "workers": stored.options["workers"],
        "concurrency": stored.options["concurrency"],
        "dry_run": stored.options["dry_run"],
        "config": from_plain(stored.options["config"]),
    }
    changed = {name: value for name, value in changes.items() if value is not None}
    return RunOptions(load=load_file, **(recorded | changed))


def recorded_code(stored: StoredRun) -> dict[str, str]:
    """Return the recorded fingerprints of a run's actions; none of another version of Python."""
    if stored.versions.get("python") != platform.python_version():
        return {}
    used = stored.options.get("uses", {})
    code = stored.options.get("code", {})
    return {path: join_code(own, used.get(path, "")) for path, own in code.items()}


def replayed_state(stored: StoredRun, workflow: Workflow, events: Sequence[Event]) -> RunState:
    """Return the state of a recorded run after its first events, or after all of them."""
    from attune_nb.store.json_values import from_plain  # noqa: PLC0415 - slow to import

    secret_names = parameter_specs.secret_names(workflow.parameters)
    state = initial_state(
        replace_mocked_parallel_tasks(workflow.spec, dict.fromkeys(stored.options["mock"])),
        from_plain(stored.options["config"]),
        dict.fromkeys(_keystore_names(workflow.spec), "***"),
        stored.options["concurrency"],
        secrets=dict.fromkeys(secret_names, "***"),
        mocked=stored.options["mocked"],
        unmade=stored.options.get("unmade", ()),
    )
    state, _ = replay(state, events)

    # without secrets and objects a replay may end in another way than the run did
    for event in events:
        if isinstance(event, RunEnded):
            state = msgspec.structs.replace(
                state, status=event.status, output=event.output, error=event.error
            )
            break
    if stored.status == "interrupted":
        state = msgspec.structs.replace(state, status="interrupted")
    return state


def _recorded_request(stored: StoredRun, workflow: Workflow, path: Path) -> RunRequest:
    return RunRequest(
        workflow=workflow,
        # the run reads them from its events
        parameters={},
        options=recorded_options(stored),
        observation=ObservationOptions(store=path, name=stored.workflow),
        code=recorded_code(stored),
        stored=stored,
    )


def _keystore_names(workflow: WorkflowSpec) -> Iterator[str]:
    """Yield the names in the keystore that expressions read; no record holds their values."""
    for template in _all_templates(workflow):
        for path in template.paths:
            if path[0] == "keystore" and len(path) > 1:
                yield path[1]


def _all_templates(workflow: WorkflowSpec) -> Iterator[Template]:
    for _, task in workflow.walk():
        yield from task.templates()
    for _, template in workflow.vars:
        yield template
    if workflow.output_map is not None:
        yield workflow.output_map

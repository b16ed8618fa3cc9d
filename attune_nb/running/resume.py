"""Continue a run whose process is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.actions.fingerprint import is_changed
from attune_nb.errors import ParameterError, StoreError
from attune_nb.events import RunStarted
from attune_nb.language import diff, export
from attune_nb.running.answers import (
    check_open_questions,
    check_secret_answers,
    restore_mask,
)
from attune_nb.running.child_answers import check_secrets_within
from attune_nb.running.history import recorded_code, recorded_options, recorded_workflow
from attune_nb.running.lost_results import refuse_lost_results
from attune_nb.running.open_packs import open_packs
from attune_nb.running.plan import RunPlan, open_session, with_prepared
from attune_nb.running.prepare import check_workflow, prepare_run, read_names, read_options
from attune_nb.running.record import check_nothing_missing
from attune_nb.running.replay_record import find_doubts, replay_record
from attune_nb.running.request import ObservationOptions, RunOptions, RunRequest
from attune_nb.running.run import Run, execute_plan
from attune_nb.running.store_paths import store_path
from attune_nb.running.workflow import loads
from attune_nb.values.describe import is_different
from attune_nb.values.frozen import describe_not_stored
from attune_nb.values.remote import read_stored

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from os import PathLike
    from pathlib import Path

    from attune_nb.backends.protocol import Backend
    from attune_nb.conductor.recovery import Recovered
    from attune_nb.events import Event
    from attune_nb.running.followers import RunFollower
    from attune_nb.running.open_packs import Packs
    from attune_nb.running.prepared_run import PreparedRun
    from attune_nb.running.request import Actions, EventReader, LogsOption, ProgressOption
    from attune_nb.running.workflow_view import WorkflowView
    from attune_nb.store.reading import StoredRun

__all__ = ["resume"]


def resume(
    run_id: str,
    store: str | PathLike[str] | None = None,
    *,
    parameters: Mapping[str, Any] | None = None,
    workflow: WorkflowView | None = None,
    backend: str | Backend | None = None,
    workers: int | None = None,
    concurrency: int | None = None,
    answers: Mapping[str, Any] | None = None,
    mock: Mapping[str, Any] | None = None,
    actions: Actions | None = None,
    allow_imports: bool = False,
    keystore: Mapping[str, Any] | None = None,
    packs: Packs = (),
    pass_env: Sequence[str] | None = None,
    keys: Mapping[str, Any] | None = None,
    progress: ProgressOption = "auto",
    readers: Sequence[EventReader | RunFollower] = (),
    background: bool = False,
    logs: LogsOption = None,
    attended: bool = False,
) -> Run:
    """Continue a run whose process is gone, from its record.

    Nothing that has ended runs again. Attempts that were running are made again. But those of
    an action with `idempotent=False` are not: the run pauses, and `run.in_doubt` lists them
    until `run.rerun` or `run.accept` decides each.

    Args:
        run_id: The run's id, or the beginning of it.
        store: The SQLite file; by default as in `Workflow.run`.
        parameters: Those that no record holds: secrets, and objects that are not plain data.
        workflow: The workflow, if its text contains a secret; it must be the one that ran.
        backend: As in `Workflow.run`, as are those that follow; by default as recorded.
        workers: The most threads for one task, or the number of worker processes.
        concurrency: Overrides every task's own.
        answers: Answers to questions that are open, or will be: `{"approve": True}`.
        mock: Made-up results; needed again if the run began with some.
        actions: Functions for this run, by name; or workflows.
        allow_imports: Whether an action may be `module:function`; never read from a record.
        keystore: The values of `keystore`; no record holds them.
        packs: The packs whose actions may run; never read from a record.
        pass_env: As in `Workflow.run`.
        keys: The values of the keys that actions of packs ask for; no record holds them.
        progress: Whether to show progress.
        readers: Called with lists of new events, in the engine's thread.
        background: Return at once.
        logs: As in `Workflow.run`.
        attended: As in `Workflow.run`.

    Raises:
        ParameterError: Something that no record holds must be passed again, or an answer does
            not fit its question.
        QuestionOpen: As in `Workflow.run`.
        StoreError: There is no such run; it has ended, or a process is running it; or its
            record does not suffice to continue it.
        WorkflowError: An action does not exist, or the workflow is another one.
    """
    from attune_nb.store import reading  # noqa: PLC0415 - SQLite is slow to import
    from attune_nb.store.claims import claim, release  # noqa: PLC0415

    path = store_path(store)
    parameters = read_names("parameters", parameters)
    check_workflow(workflow)
    stored = reading.run_of(path, run_id)
    _check_interrupted(stored, path)
    options = recorded_options(
        stored,
        backend=backend,
        workers=workers,
        concurrency=concurrency,
        answers=answers,
        mock=mock,
        actions=actions,
        allow_imports=allow_imports,
        keystore=keystore,
        packs=open_packs(packs),
        pass_env=pass_env,
        keys=keys,
    )
    options = open_session(read_options(options), stored.run_id, path)
    observation = ObservationOptions(
        progress=progress,
        readers=tuple(readers),
        background=background,
        store=path,
        name=stored.workflow,
        logs=logs,
        attended=attended,
    )

    new_parameters = {} if parameters is None else parameters
    recovery = _recover(stored, path, options, new_parameters, workflow)
    _check_answers(stored, path, recovery, options.answers)
    request = RunRequest(
        workflow=recovery.workflow,
        parameters=recovery.prepared.parameters,
        options=options,
        observation=observation,
    )
    changed = _changed_paths(stored, recovery)
    claimed = claim(path, stored.run_id, recovery.event_count)
    try:
        plan = RunPlan(
            run_id=stored.run_id,
            request=with_prepared(request, recovery.prepared),
            prepared=recovery.prepared,
            past=recovery.past,
            claim=claimed,
            notes=list(_describe_changed_code(changed)),
            record_alerts=stored.alerts,
            changed=changed,
            origin=stored.options.get("origin", ""),
        )
        return execute_plan(lambda: plan)
    except BaseException:
        release(claimed)
        raise


class _Recovery(msgspec.Struct, frozen=True, kw_only=True):
    """A recorded run, brought back to where its process left it."""

    workflow: WorkflowView
    prepared: PreparedRun
    past: Recovered
    event_count: int


def _recover(
    stored: StoredRun,
    path: Path,
    options: RunOptions,
    new_parameters: Mapping[str, Any],
    workflow: WorkflowView | None,
) -> _Recovery:
    """Read a run's events, and replay them with the secrets in their places.

    Raises:
        AttuneError: The record and the new arguments do not suffice, or contradict each other.
    """
    from attune_nb.store import reading  # noqa: PLC0415 - SQLite is slow to import

    events = reading.events_of(path, stored)
    parameters = {**_recorded_parameters(stored, events), **new_parameters}
    check_nothing_missing(stored, parameters, options, has_workflow=workflow is not None)

    used_workflow = workflow
    if used_workflow is None:
        with reading.reading_record(stored.run_id):
            used_workflow = recorded_workflow(stored)
    prepared = prepare_run(used_workflow.spec, parameters, options)
    if workflow is not None:
        _check_same_workflow(stored, export.to_record(workflow.spec, prepared.mask.text))
    mask = restore_mask(prepared.mask, events, options.answers)
    if mask:
        # only now are the secrets known that stand in the recorded values
        events = reading.events_of(path, stored, mask)
        parameters = {**_recorded_parameters(stored, events), **new_parameters}
        prepared = prepare_run(used_workflow.spec, parameters, options)
    _check_same_parameters(stored, _recorded_parameters(stored, events), new_parameters)

    check_secret_answers(stored.run_id, events)
    prepared.answers.drop_used(events)
    with reading.reading_record(stored.run_id):
        past = replay_record(prepared, events, stored)
        intents = reading.intents_of(path, stored)
        past = msgspec.structs.replace(past, in_doubt=tuple(find_doubts(past.state, intents)))
    refuse_lost_results(past)
    return _Recovery(workflow=used_workflow, prepared=prepared, past=past, event_count=len(events))


def _check_answers(
    stored: StoredRun, path: Path, recovery: _Recovery, answers: Mapping[str, Any]
) -> None:
    """Check answers against the open questions, and that no secret of a child run is missing.

    Raises:
        ParameterError: One does not fit, or is missing.
    """
    check_open_questions(recovery.past, answers)
    if recovery.prepared.has_children:
        # a child run without its secret would fail
        check_secrets_within(path, stored.run_id, answers)


def _changed_paths(stored: StoredRun, recovery: _Recovery) -> list[str]:
    """Return the tasks that made attempts with an action which has changed since."""
    before = recorded_code(stored)
    executions = recovery.past.state.executions.values()
    begun = {execution.task for execution in executions if execution.attempts}
    now = recovery.prepared.code
    compared = begun & before.keys() & now.keys()
    return [path for path in sorted(compared) if is_changed(before[path], now[path])]


def _describe_changed_code(changed: Sequence[str]) -> Iterator[str]:
    if changed:
        names = ", ".join(f"`{path}`" for path in changed)
        yield f"the action of {names} changed since; results from before the change are kept"


def _check_interrupted(stored: StoredRun, path: Path) -> None:
    """Check that a run has not ended and that no process is running it.

    Raises:
        StoreError: It has, or one is.
    """
    from attune_nb.store.claims import in_progress_message  # noqa: PLC0415 - SQLite is slow to import
    from attune_nb.store.reading import ENDED  # noqa: PLC0415

    if stored.status in ENDED:
        status = stored.status.replace("_", " ")
        raise StoreError(
            f"run {stored.run_id} has ended ({status}), so there is nothing to resume; "
            f"`open_run({stored.run_id!r}, {str(path)!r}).retry()` repeats the failed tasks"
        )
    if stored.status == "paused":
        raise StoreError(
            f"run {stored.run_id} is paused in process {stored.pid} on {stored.host}; "
            f"`open_run({stored.run_id!r}, {str(path)!r}).resume()` continues it there"
        )
    if stored.status != "interrupted":
        raise StoreError(in_progress_message(stored.run_id, stored.host, stored.pid))


def _recorded_parameters(stored: StoredRun, events: Sequence[Event]) -> Mapping[str, Any]:
    """Return the recorded parameters: all but the secret ones.

    Raises:
        StoreError: The record is empty.
    """
    for event in events:
        if isinstance(event, RunStarted):
            parameters: Mapping[str, Any] = event.parameters
            return parameters
    raise StoreError(f"the record of run {stored.run_id} is empty; run the workflow anew")


def _check_same_parameters(
    stored: StoredRun, recorded: Mapping[str, Any], parameters: Mapping[str, Any]
) -> None:
    """Check that parameters which were passed again equal the recorded ones.

    Raises:
        ParameterError: One does not.
    """
    for name, value in parameters.items():
        if name not in recorded or describe_not_stored(recorded[name]):
            continue
        if is_different(read_stored(recorded[name]), read_stored(value)):
            raise ParameterError(
                f"parameter `{name}` of run {stored.run_id} had another value; a run with other "
                "parameters is a fork: see `Run.fork`"
            )


def _check_same_workflow(stored: StoredRun, text: str) -> None:
    """Check that a workflow has the recorded text.

    Raises:
        StoreError: It does not.
    """
    if text != stored.text:
        changes = diff.describe_changes(loads(stored.text).spec, loads(text).spec)
        raise StoreError(
            f"run {stored.run_id} began with another workflow: {changes}; to run the new one "
            "from a task on, fork the run there"
        )

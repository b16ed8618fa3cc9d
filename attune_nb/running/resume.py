"""A run whose engine is gone, taken up again: `resume`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.conductor.recovery import Recovered, first_difference, recover
from attune_nb.errors import ParameterError, StoreError
from attune_nb.events import FINAL, RunStarted
from attune_nb.language import diff, export
from attune_nb.running.history import code_of, options_of, recorded_workflow
from attune_nb.running.lost_results import refuse_lost
from attune_nb.running.prepare import prepared, refuse_unless_map, refuse_unless_workflow
from attune_nb.running.record import path_of, refuse_missing
from attune_nb.running.request import Begun, Manner
from attune_nb.running.start import Run, carry
from attune_nb.running.workflow import loads
from attune_nb.values.describe import is_different
from attune_nb.values.frozen import describe_not_stored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from os import PathLike
    from pathlib import Path

    from attune_nb.backends.protocol import Backend
    from attune_nb.conductor.recovery import AttemptId
    from attune_nb.conductor.state import RunState
    from attune_nb.events import Event
    from attune_nb.running.request import Progress, Reader
    from attune_nb.running.workflow import Workflow
    from attune_nb.store.reading import StoredRun

__all__ = ["resume"]


def resume(
    run_id: str,
    store: str | PathLike[str] | None = None,
    *,
    parameters: Mapping[str, Any] | None = None,
    workflow: Workflow | None = None,
    backend: str | Backend | None = None,
    workers: int | None = None,
    concurrency: int | None = None,
    mock: Mapping[str, Any] | None = None,
    actions: Mapping[str, Callable[..., Any] | Workflow] | None = None,
    allow_imports: bool = False,
    keystore: Mapping[str, Any] | None = None,
    progress: Progress = "auto",
    readers: Sequence[Reader] = (),
    background: bool = False,
) -> Run:
    """Go on with a run whose kernel is gone, from what its record holds.

    What has ended is not run again. Attempts that were under way are made again; those of an
    action with `idempotent=False` are not: the run pauses, and `run.in_doubt` lists them until
    `run.rerun` or `run.accept` decides each.

    Args:
        run_id: The run's id, or how it begins.
        store: The SQLite file; by default as in `Workflow.run`.
        parameters: Those that no record holds: secrets, and objects that are no plain data.
        workflow: The workflow, where its text holds a secret; it must be the one that ran.
        backend: As in `Workflow.run`, as are those that follow; by default as the run began.
        workers: The most threads for one task, or worker processes.
        concurrency: Overrides every task's own.
        mock: Made-up results; needed again where the run began with some.
        actions: Functions for this run, by name; or workflows.
        allow_imports: Whether an action may be `module:function`; no record may say so.
        keystore: What `keystore` holds; no record holds it.
        progress: Whether to show how far it comes.
        readers: Called with the new events, in the engine's thread.
        background: Return at once.

    Raises:
        ParameterError: Something that no record holds is to be given again.
        StoreError: There is no such run; it has ended, or somebody is at it; or its record
            cannot be gone on with.
        WorkflowError: An action does not exist, or the workflow is another.
    """
    from attune_nb.store import reading  # noqa: PLC0415 - SQLite takes its time
    from attune_nb.store.claims import claim, disclaim  # noqa: PLC0415

    path = path_of(store)
    refuse_unless_map("parameters", parameters)
    refuse_unless_workflow(workflow)
    stored = reading.run_of(path, run_id)
    _refuse_unless_interrupted(stored, path)
    options = options_of(
        stored,
        backend=backend,
        workers=workers,
        concurrency=concurrency,
        mock=mock,
        actions=actions,
        allow_imports=allow_imports,
        keystore=keystore,
    )
    events = reading.events_of(path, stored)
    given = {**_parameters(stored, events), **(parameters or {})}
    refuse_missing(stored, given, options, has_workflow=workflow is not None)
    again = workflow if workflow is not None else recorded_workflow(stored)
    ready = prepared(again, given, options)
    if workflow is not None:
        _refuse_changed(stored, export.to_record(again, ready.mask.text))
    if ready.mask:  # once more, with the secrets in their places
        events = reading.events_of(path, stored, ready.mask)
        given = {**_parameters(stored, events), **(parameters or {})}
        ready = prepared(again, given, options)
    _refuse_others(stored, _parameters(stored, events), parameters or {})
    past = _recovered(ready.state, events, ready.parameters, stored)
    past = msgspec.structs.replace(
        past, in_doubt=tuple(_doubts(past.state, reading.intents_of(path, stored)))
    )
    refuse_lost(past)
    claimed = claim(path, stored.run_id, len(events))
    try:
        manner = Manner(
            progress=progress,
            readers=tuple(readers),
            background=background,
            store=path,
            name=stored.workflow,
        )
        begun = Begun(
            workflow=again,
            parameters=ready.given,
            options=options,
            manner=manner,
            code=ready.code,
        )
        told = _told_of_code(past, code_of(stored), ready.code)
        return carry(begun, stored.run_id, ready, past, claimed, [*told])
    except BaseException:
        disclaim(claimed)
        raise


def _told_of_code(
    past: Recovered, before: Mapping[str, str], now: Mapping[str, str]
) -> Iterator[str]:
    """Tell of the tasks that have done something with an action that is another now."""
    began = {key[0] for key, each in past.state.executions.items() if each.attempts}
    stale = [path for path in sorted(began) if before.get(path, "") != now.get(path, "")]
    if before and stale:
        names = ", ".join(f"`{path}`" for path in stale)
        yield f"the action of {names} changed since; what had ended before is what it gave then"


def _refuse_unless_interrupted(stored: StoredRun, path: Path) -> None:
    from attune_nb.store.claims import under_way  # noqa: PLC0415
    from attune_nb.store.reading import ENDED  # noqa: PLC0415

    if stored.status in ENDED:
        said = stored.status.replace("_", " ")
        raise StoreError(
            f"run {stored.run_id} has ended ({said}), so there is nothing to resume; "
            f"`open_run({stored.run_id!r}, {str(path)!r}).retry()` runs again what failed"
        )
    if stored.status != "interrupted":
        raise StoreError(under_way(stored.run_id, stored.host, stored.pid))


def _parameters(stored: StoredRun, events: Sequence[Event]) -> Mapping[str, Any]:
    """Give the parameters that are on record: all but the secret ones."""
    first = next((each for each in events if isinstance(each, RunStarted)), None)
    if first is None:
        raise StoreError(f"the record of run {stored.run_id} holds nothing: run it anew")
    known: Mapping[str, Any] = first.parameters
    return known


def _refuse_others(stored: StoredRun, known: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Refuse parameters that are given again and are others than on record."""
    for name, value in given.items():
        if (
            name in known
            and not describe_not_stored(known[name])
            and is_different(known[name], value)
        ):
            raise ParameterError(
                f"parameter `{name}` of run {stored.run_id} was another; a run with other "
                "parameters is a fork: see `Run.fork`"
            )


def _refuse_changed(stored: StoredRun, text: str) -> None:
    if text != stored.text:
        told = diff.describe_changes(loads(stored.text), loads(text))
        raise StoreError(
            f"run {stored.run_id} was begun with another workflow: {told}; to run the new one "
            "from a task on, fork the run there"
        )


def _recovered(
    state: RunState, events: list[Event], parameters: Mapping[str, Any], stored: StoredRun
) -> Recovered:
    """Fold the events, and hold what follows from them against what is on record.

    Raises:
        StoreError: It is another run by now: something that no record holds has changed.
    """
    before = [
        msgspec.structs.replace(each, parameters=parameters)
        if isinstance(each, RunStarted)
        else each
        for each in events
    ]
    past = recover(state, before)
    wrong = first_difference(before, past.events)
    if wrong is not None:
        task = getattr(wrong, "task", "")
        raise StoreError(
            f"run {stored.run_id} cannot be resumed: {f'task `{task}`' if task else 'it'} would "
            f"not go as it is recorded ({type(wrong).__name__} at {wrong.time:.3f} s); what was "
            "given again is not what the run began with, or this attune_nb works otherwise "
            f"(recorded: {stored.versions.get('attune_nb', '?')})"
        )
    return msgspec.structs.replace(past, events=[*before, *past.events[len(before) :]])


def _doubts(state: RunState, intents: Sequence[AttemptId]) -> Iterator[AttemptId]:
    """Give the announced attempts of which no end is on record."""
    for task, visit, index, attempt in intents:
        execution = state.executions.get((task, visit))
        if state.ended or execution is None or execution.outcome is not None:
            continue
        ended = execution.last_attempts[index] if index < len(execution.last_attempts) else 0
        if ended != FINAL and ended < attempt:
            yield task, visit, index, attempt

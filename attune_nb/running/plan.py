"""A run that was prepared and can be started."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from attune_nb.running.artifact_folders import ArtifactFolder
from attune_nb.running.new_run_id import choose_run_id
from attune_nb.running.prepare import prepare_run
from attune_nb.running.store_paths import resolve_store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from attune_nb.conductor.recovery import Recovered
    from attune_nb.events import Event
    from attune_nb.running.child_reuse import ChildReuse
    from attune_nb.running.prepared_run import PreparedRun
    from attune_nb.running.request import RunOptions, RunRequest
    from attune_nb.store.claims import Claim

__all__ = ["RunPlan", "open_session", "plan_run", "with_prepared"]


@dataclass(frozen=True, kw_only=True)
class RunPlan:
    """A run that can be started or continued.

    Attributes:
        request: The request; its parameters and code are those of `prepared`.
        past: The events and the state that the run begins with; None for a new run.
        claim: The right to write to an existing record.
        notes: Alerts that are known before the start.
        record_alerts: The alerts of the existing record.
        changed: The tasks with results from before a change, as in `RunResumed`.
        origin: The run that it is made from, as in `RunStarted`.
        child_reuse: The child runs of that run, whose results are reused; None for none.
    """

    run_id: str
    request: RunRequest
    prepared: PreparedRun
    past: Recovered | None = None
    claim: Claim | None = None
    notes: Sequence[str] = ()
    record_alerts: Sequence[str] = ()
    changed: Sequence[str] = ()
    origin: str = ""
    child_reuse: ChildReuse | None = None

    @property
    def recorded_events(self) -> Sequence[Event]:
        """The events of the past that the existing record holds already."""
        if self.past is None or self.claim is None:
            return []
        return self.past.events[: self.claim.written]


def plan_run(request: RunRequest) -> RunPlan:
    """Prepare a run of a workflow from its start.

    Raises:
        AttuneError: The workflow, its parameters or an option cannot be used.
    """
    observation = request.observation
    run_id = choose_run_id(observation.run_id, observation.store)
    options = open_session(request.options, run_id, observation.store)
    prepared = prepare_run(request.workflow.spec, request.parameters, options)
    return RunPlan(
        run_id=run_id,
        request=with_prepared(request, prepared),
        prepared=prepared,
    )


def open_session(options: RunOptions, run_id: str, store: str | PathLike[str] | None) -> RunOptions:
    """Return options with the session of their packs; without packs, the options as they are.

    Args:
        options: The options of a run.
        run_id: The run's id.
        store: As in `Workflow.run`; the artifacts are kept beside its file.
    """
    if not options.packs:
        return options

    from attune_nb.running.pack_session import PackSession  # noqa: PLC0415 - only runs with packs

    session = PackSession(
        pass_env=options.pass_env,
        keys=options.keys,
        keystore=options.keystore,
        artifact_folder=ArtifactFolder(resolve_store(store), run_id),
    )
    return replace(options, pack_session=session)


def with_prepared(request: RunRequest, prepared: PreparedRun) -> RunRequest:
    """Return a request with the parameters and the code of a run that was prepared."""
    return replace(request, parameters=prepared.parameters, code=prepared.code)

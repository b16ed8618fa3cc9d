"""The request for a run: the workflow, the parameters, the options."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

from attune_nb.display.log_output import read_limit
from attune_nb.packs.pack_set import PackSet
from attune_nb.running.new_run_id import check_run_id

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from os import PathLike
    from pathlib import Path

    from attune_nb.backends.protocol import Backend
    from attune_nb.conductor.state import RunState
    from attune_nb.display.log_output import LogOutput
    from attune_nb.display.outputs import Display
    from attune_nb.events import Event
    from attune_nb.running.followers import RunFollower
    from attune_nb.running.open_packs import Packs
    from attune_nb.running.pack_session import PackSession
    from attune_nb.running.workflow_view import WorkflowView
    from attune_nb.store.reading import StoredRun
    from attune_nb.values.secrets import Mask

    Actions = Mapping[str, Callable[..., Any] | WorkflowView]
    EventReader = Callable[[list[Event]], None]
    ProgressOption = bool | str | Callable[[], Display]
    # "all", "none" or a number; or a function of the tasks with items and the display
    LogsOption = str | int | Callable[[Collection[str], Display | None], LogOutput] | None

__all__ = [
    "OBSERVATION_NAMES",
    "EarlierRun",
    "FormOptions",
    "ObservationOptions",
    "RunChanges",
    "RunOptions",
    "RunRequest",
]

# options of a new run that are never those of the run that it is made from
OBSERVATION_NAMES = (
    "progress", "logs", "readers", "background", "store", "run_id", "attended",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """How a run does its work, as in `Workflow.run`. Nested workflows inherit most of it.

    Attributes:
        load: Reads a workflow from a file.
        pass_env: Names of variables of the environment that actions of packs get.
        keys: The values of the keys that actions of packs ask for.
        pack_session: The services of the outermost run for its packs; None in that run itself.
        depth: How deeply the workflow is nested in others; 0 for the outermost.
        packs: The packs whose actions and workflows it may use.
    """

    load: Callable[[Path], WorkflowView]
    actions: Actions
    mock: Mapping[str, Any] = field(default_factory=dict)
    dry_run: bool = False
    allow_imports: bool = False
    config: Mapping[str, Any] | None = None
    keystore: Mapping[str, Any] | None = None
    backend: str | Backend = "threads"
    workers: int | None = None
    concurrency: int | None = None
    answers: Mapping[str, Any] = field(default_factory=dict)
    pass_env: Sequence[str] = ()
    keys: Mapping[str, Any] | None = None
    pack_session: PackSession | None = None
    depth: int = 0
    packs: PackSet = field(default_factory=PackSet)


@dataclass(frozen=True, kw_only=True)
class ObservationOptions:
    """How a run is shown and recorded, as in `Workflow.run`."""

    progress: ProgressOption = "auto"
    readers: Sequence[EventReader | RunFollower] = ()
    background: bool = False
    store: str | PathLike[str] | None = None
    name: str | None = None
    logs: LogsOption = None
    run_id: str | None = None
    attended: bool = False

    def __post_init__(self) -> None:
        """Check `logs` and `run_id`.

        Raises:
            ParameterError: One cannot be used.
        """
        if not callable(self.logs):
            read_limit(self.logs)
        if self.run_id is not None:
            check_run_id(self.run_id)


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """Everything that a run was started with, so that another run can be made of it.

    Attributes:
        parameters: The parameters, with the secret ones.
        code: For each task the fingerprint of its action, which changes with the action's code.
        stored: The run's record, if the run is known from a store only.
    """

    workflow: WorkflowView
    parameters: Mapping[str, Any]
    options: RunOptions
    observation: ObservationOptions
    code: Mapping[str, str] = field(default_factory=dict)
    stored: StoredRun | None = None

    @property
    def name(self) -> str:
        """The name of the workflow in this run."""
        return self.observation.name or self.workflow.name


class _NewRunOptions(TypedDict, total=False):
    """Options that every new run may have, as in `Workflow.run`."""

    backend: str | Backend
    workers: int | None
    concurrency: int | None
    answers: Mapping[str, Any]
    mock: Mapping[str, Any]
    dry_run: bool
    actions: Actions
    allow_imports: bool
    packs: Packs
    pass_env: Sequence[str]
    keys: Mapping[str, Any]
    config: Mapping[str, Any]
    keystore: Mapping[str, Any]
    logs: LogsOption
    readers: Sequence[EventReader | RunFollower]
    store: str | PathLike[str] | None


class RunChanges(_NewRunOptions, total=False):
    """Options of a fork or a retry that replace those of the run it is made from."""

    progress: ProgressOption
    background: bool
    run_id: str | None
    attended: bool


class FormOptions(_NewRunOptions, total=False):
    """Options of the runs that a form starts, as in `Workflow.run`."""

    name: str | None


class EarlierRun(NamedTuple):
    """A run that another one is made from.

    Attributes:
        store: The file with its record.
        code: The fingerprints of its actions, as in `RunRequest`.
        read_events: Returns its events, with the secrets of a mask in their places.
        find_child: Returns the child run of a task, a visit and an item; None if there is none.
    """

    run_id: str
    state: RunState
    events: list[Event]
    store: Path | None
    code: Mapping[str, str]
    read_events: Callable[[Mask], Sequence[Event]]
    find_child: Callable[[str, int, int], EarlierRun | None]

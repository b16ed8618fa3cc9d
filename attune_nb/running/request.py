"""What a run is asked for: its options, its backend, its workflow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from os import PathLike
    from pathlib import Path

    from attune_nb.backends.protocol import Backend
    from attune_nb.conductor.state import RunState
    from attune_nb.display.outputs import Display
    from attune_nb.events import Event
    from attune_nb.language.model import WorkflowSpec
    from attune_nb.running.prepare import Options
    from attune_nb.store.reading import StoredRun

    Reader = Callable[[list[Event]], None]
    Progress = bool | str | Callable[[], Display]

__all__ = ["Begun", "Done", "Manner"]


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How a run is watched and kept, as `Workflow.run` was told."""

    progress: Progress = "auto"
    readers: Sequence[Reader] = ()
    background: bool = False
    store: str | PathLike[str] | None = None
    name: str | None = None


@dataclass(frozen=True, kw_only=True)
class Begun:
    """What a run was begun with, so that another can be made of it."""

    workflow: WorkflowSpec
    parameters: Mapping[str, Any]  # with the secret ones
    options: Options
    manner: Manner
    code: Mapping[str, str] = field(default_factory=dict)  # what tells versions of actions apart
    stored: StoredRun | None = None  # where it is known from a record only


class Changes(TypedDict, total=False):
    """What a run that is made of another may be begun with otherwise; as in `Workflow.run`."""

    backend: str | Backend
    workers: int | None
    concurrency: int | None
    mock: Mapping[str, Any]
    dry_run: bool
    actions: Mapping[str, Callable[..., Any] | WorkflowSpec]
    allow_imports: bool
    config: Mapping[str, Any]
    keystore: Mapping[str, Any]
    progress: Progress
    readers: Sequence[Reader]
    background: bool
    store: str | PathLike[str] | None


_MANNER = ("progress", "readers", "background", "store")


class Done(NamedTuple):
    """A run of which another one is made: its id, its state, its events, where they are kept."""

    run_id: str
    state: RunState
    events: list[Event]
    store: Path | None
    code: Mapping[str, str]

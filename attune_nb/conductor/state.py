"""The state of a run between two events, and the commands that a step gives.

Everything is immutable: the state before an event is still there after it, for free.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from pyrsistent import PMap, PVector, pmap, pvector

if TYPE_CHECKING:
    from attune_nb.context import Outcome, WorkflowContext
    from attune_nb.events import Batch, Key
    from attune_nb.language.model import Workflow

__all__ = ["Execution", "JoinState", "RetryItem", "RunState", "StartTask", "StopTask", "Token"]


class Token(msgspec.Struct, frozen=True):
    """A branch of the run on its way to a task: what it comes from, and its past.

    `visits` says how often each task has run on this way.
    """

    causes: tuple[Key, ...] = ()
    visits: PMap[str, int] = pmap()


class JoinState(msgspec.Struct, frozen=True):
    """The arrivals that a join has seen so far in one round."""

    arrived: PVector[str] = pvector()
    token: Token = Token()


class Execution(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a task. `status` is running, retrying, or how it ended."""

    task: str
    visit: int
    token: Token
    context: WorkflowContext  # as the task saw it when it started
    status: str = "running"
    items: Any = None  # the source of the items; None for a task without `with_items`
    total: int | None = 1
    done: int = 0
    failed: int = 0
    attempts: int = 0
    waiting: int = 0  # attempts to be made again
    started: float = 0.0
    batches: PVector[Batch] = pvector()
    outcome: Outcome | None = None

    @property
    def key(self) -> Key:
        """Which execution this is."""
        return self.task, self.visit


class RunState(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the conductor knows of a run."""

    workflow: Workflow
    context: WorkflowContext
    status: str = "pending"
    started_at: float = 0.0
    executions: PMap[Key, Execution] = pmap()
    order: PVector[Key] = pvector()  # executions as they came to be
    active: int = 0  # executions that have not ended
    joins: PMap[Key, JoinState] = pmap()
    failures: PVector[str] = pvector()  # why the run will end `failed`
    output: Any = None
    error: str | None = None

    @property
    def ended(self) -> bool:
        """Whether the run has come to its end."""
        return self.status in ("succeeded", "failed", "cancelled", "timed_out")


class StartTask(msgspec.Struct, frozen=True, kw_only=True):
    """Hand a task to the backend: one attempt, or one for each item."""

    key: Key
    context: WorkflowContext
    items: Any
    total: int | None
    concurrency: int


class RetryItem(msgspec.Struct, frozen=True, kw_only=True):
    """Make one more attempt `delay` seconds after the last one ended."""

    key: Key
    index: int
    attempt: int
    delay: float


class StopTask(msgspec.Struct, frozen=True, kw_only=True):
    """Start no more attempts of a task; `force` also gives up on those under way."""

    key: Key
    force: bool

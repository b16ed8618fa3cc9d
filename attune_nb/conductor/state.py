"""The state of a run between two events, and the commands that a step gives.

Everything is immutable: the state before an event is still there after it, for free.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from pyrsistent import PMap, PVector, pmap, pvector

if TYPE_CHECKING:
    from attune_nb.context import Outcome, WorkflowContext
    from attune_nb.events import AlarmKind, Batch, Key, RunEndStatus, RunStatus, TaskStatus
    from attune_nb.language.model import WorkflowSpec
    from attune_nb.values.frozen import FrozenDict

__all__ = [
    "ENDED",
    "Alarm",
    "Execution",
    "Hold",
    "JoinState",
    "RetryItem",
    "RunState",
    "StartTask",
    "StopTask",
    "Token",
]

ENDED: tuple[RunEndStatus, ...] = ("succeeded", "failed", "timed_out", "cancelled")
"""The statuses in which a run stays."""


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
    """One run of a task.

    `status` is pending (its delay), paused (until the run goes on), running, retrying, waiting
    (for an answer), or how it ended. `task` is a path: `parallel/name` within a parallel task.
    """

    task: str
    visit: int
    token: Token
    context: WorkflowContext  # as the task saw it when it started
    started: float
    status: TaskStatus = "running"
    parent: Key | None = None  # the parallel task that it is part of
    items: Any = None  # the source of the items; None for a task without `with_items`
    planned: int | None = 1  # how many items there are, None while unknown
    total: int | None = 1  # the same, or fewer where the task was stopped
    concurrency: int = 1
    done: int = 0
    failed: int = 0
    attempts: int = 0
    last_attempts: bytes = (
        b""  # for each item, its last attempt that ended; FINAL when it was the last
    )
    stopping: bool = False  # the run is to stop, and this task with it
    batches: PVector[Batch] = pvector()
    outcome: Outcome | None = None

    @property
    def key(self) -> Key:
        """Which execution this is."""
        return self.task, self.visit


class RunState(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the conductor knows of a run."""

    workflow: WorkflowSpec
    context: WorkflowContext
    concurrency: int | None = None  # overrides that of every task
    secrets: FrozenDict  # parameters that no event holds
    ask_tasks: frozenset[str] = frozenset()  # tasks that wait for a person
    status: RunStatus = "pending"
    timed_out: bool = False  # why it is cancelling
    reason: str = ""  # why someone asked it to stop
    started_at: float = 0.0
    executions: PMap[Key, Execution] = pmap()
    order: PVector[Key] = pvector()  # executions as they came to be
    active: int = 0  # executions that have not ended
    joins: PMap[Key, JoinState] = pmap()
    in_doubt: PMap[tuple[str, int, int], int] = pmap()  # attempts nobody knows of, by item
    failures: PVector[str] = pvector()  # why the run will end `failed`
    output: Any = None
    error: str | None = None

    @property
    def ended(self) -> bool:
        """Whether the run has come to its end."""
        return self.status in ENDED


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


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """Begin no attempts of any task, until told that it is over."""

    over: bool


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """Tell the conductor (`AlarmRang`) when so many seconds have passed."""

    kind: AlarmKind
    seconds: float
    key: Key = ("", 0)

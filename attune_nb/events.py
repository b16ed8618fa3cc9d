"""The one vocabulary between the engine and everything that reads a run.

A run is the list of its events. The *inputs* tell the conductor what has happened in the
world (a run was asked for, attempts ended, someone cancelled); the *facts* are what the
conductor concluded. Replaying the inputs gives the same facts, always.

Every `time` is in seconds since the start of the run, and never goes backwards.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from attune_nb.errors import Position  # noqa: TC001 - msgspec reads the annotations
from attune_nb.values.describe import preview

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attune_nb.values.secrets import Mask

__all__ = [
    "CANCELLED",
    "FAILED",
    "FINAL",
    "STATUS_CODES",
    "SUCCEEDED",
    "TIMED_OUT",
    "AlarmKind",
    "AlarmRang",
    "AskAnswered",
    "AskOpened",
    "AttemptsEnded",
    "Batch",
    "CancelRequested",
    "ErrorInfo",
    "Event",
    "Fact",
    "Input",
    "ItemStatus",
    "Key",
    "PauseRequested",
    "RerunRequested",
    "ResumeRequested",
    "RetriesPlanned",
    "RunEndStatus",
    "RunEnded",
    "RunResumed",
    "RunStarted",
    "RunStatus",
    "TaskEndStatus",
    "TaskEnded",
    "TaskStarted",
    "TaskStatus",
    "mask_event",
]

Key = tuple[str, int]
"""One execution of a task: its name, and how often it has run (1 the first time)."""

ItemStatus = Literal["succeeded", "failed", "timed_out", "cancelled"]
"""How an attempt ended, and how an item did with its last attempt."""

TaskEndStatus = Literal["succeeded", "failed", "timed_out", "cancelled", "skipped"]
"""How an execution of a task ended. It is skipped if its `when` is false."""

TaskStatus = Literal["pending", "paused", "running", "retrying", "waiting", TaskEndStatus]
"""The state of an execution of a task: pending (its delay), waiting (for an answer), ..."""

RunEndStatus = Literal["succeeded", "failed", "timed_out", "cancelled"]
"""How a run ended."""

RunStatus = Literal["pending", "running", "paused", "cancelling", "interrupted", RunEndStatus]
"""The state of a run. It is interrupted if the process that carried it is gone."""

AlarmKind = Literal["delay", "ask", "run"]
"""The reason for an alarm: a delay is over, or the time of a question or of the run is."""

STATUS_CODES: tuple[ItemStatus, ...] = ("succeeded", "failed", "timed_out", "cancelled")
"""A batch writes an attempt's status as the index in this tuple."""

SUCCEEDED, FAILED, TIMED_OUT, CANCELLED = range(len(STATUS_CODES))

FINAL = 255
"""Among the numbers of items' last attempts that ended: no more of that item are to be made."""


class ErrorInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Why an attempt failed, as plain data."""

    type: str
    message: str
    traceback: str = ""
    data: Any = None  # what the action gave before it failed
    retryable: bool = True  # false where the same input must fail the same way
    position: Position | None = None


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Attempts of one task execution that have ended, in columns of the same length.

    `start` is in seconds since the start of the run, `duration` in seconds. `results` is
    empty for attempts that did not succeed (None stands there); `errors` has their cause,
    by row. `items` holds the items where their source can be read only once, else None.
    `total` is the number of items, sent once a source of unknown length is exhausted.
    """

    index: array[int]
    attempt: array[int]
    worker: array[int]
    start: array[float]
    duration: array[float]
    status: bytes
    results: list[Any]
    errors: dict[int, ErrorInfo]
    items: list[Any] | None = None
    total: int | None = None

    def __len__(self) -> int:
        return len(self.index)

    @property
    def cancelled(self) -> int:
        """How many of the attempts were cut short because the run was to stop."""
        return self.status.count(CANCELLED)

    @property
    def failed(self) -> int:
        """How many of them failed, or had no more time; those that were cancelled have not."""
        return len(self) - self.status.count(SUCCEEDED) - self.cancelled

    def take(self, rows: Sequence[int]) -> Batch:
        """Return a batch of some of the rows; the same batch if these are all of them.

        Args:
            rows: The rows' numbers, in ascending order, each once.
        """
        if len(rows) == len(self):
            return self

        items = None
        if self.items is not None:
            items = [self.items[row] for row in rows]
        errors = {}
        for new_row, row in enumerate(rows):
            if row in self.errors:
                errors[new_row] = self.errors[row]

        return msgspec.structs.replace(
            self,
            index=array("q", [self.index[row] for row in rows]),
            attempt=array("q", [self.attempt[row] for row in rows]),
            worker=array("q", [self.worker[row] for row in rows]),
            start=array("d", [self.start[row] for row in rows]),
            duration=array("d", [self.duration[row] for row in rows]),
            status=bytes(self.status[row] for row in rows),
            results=[self.results[row] for row in rows],
            errors=errors,
            items=items,
        )

    def __repr__(self) -> str:
        cancelled = f", {self.cancelled:,} cancelled" if self.cancelled else ""
        return f"Batch({len(self):,} attempts, {self.failed:,} failed{cancelled})"


class Event(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Something that happened in a run."""

    time: float

    def __repr__(self) -> str:
        told = [f"{name}={_short(getattr(self, name))}" for name in self.__struct_fields__]
        return f"{type(self).__name__}({', '.join(told)})"


class Input(Event, frozen=True, kw_only=True, tag=True):
    """What the world told the conductor. `seed` is the luck of the evaluations it leads to."""

    seed: int = 0


class Fact(Event, frozen=True, kw_only=True, tag=True):
    """What the conductor concluded."""


class RunStarted(Input, frozen=True, kw_only=True, tag=True):
    """A run was asked for. `started_at` is in seconds since the epoch, UTC.

    `memory` is what the engine's process held then, in bytes.
    """

    run_id: str
    workflow: str
    started_at: float
    parameters: Any
    memory: int = 0


class RunResumed(Input, frozen=True, kw_only=True, tag=True):
    """The engine took up a run whose engine was gone, or one that goes on from another's past.

    The times of the run go on after its last event: `started_at` is when it would have started,
    had it run without a break (seconds since the epoch, UTC). `doubts` are attempts (task, visit,
    index, attempt) of which nobody knows whether they were made, and that must not be made
    twice: the run pauses until each is decided. `memory` is as in `RunStarted`.
    """

    started_at: float
    doubts: tuple[tuple[str, int, int, int], ...] = ()
    memory: int = 0


class RerunRequested(Input, frozen=True, kw_only=True, tag=True):
    """Someone decided that an attempt in doubt is to be made again."""

    task: str
    visit: int
    index: int


class AttemptsEnded(Input, frozen=True, kw_only=True, tag=True):
    """Attempts of a task execution came to their end.

    `memory` is what the engine's process holds now, in bytes; 0 where it was not read.
    """

    task: str
    visit: int
    batch: Batch
    memory: int = 0


class CancelRequested(Input, frozen=True, kw_only=True, tag=True):
    """Someone asked the run to stop. `force` gives up on the attempts under way."""

    reason: str = ""
    force: bool = False


class PauseRequested(Input, frozen=True, kw_only=True, tag=True):
    """Someone asked the run to begin nothing more; attempts under way go on to their end.

    `reason` is told where it was not a person: the place where attempts run is gone.
    """

    reason: str = ""


class ResumeRequested(Input, frozen=True, kw_only=True, tag=True):
    """Someone asked a paused run to go on."""


class AskAnswered(Input, frozen=True, kw_only=True, tag=True):
    """Someone answered the question of a `core.ask` task."""

    task: str
    visit: int
    value: Any


class AlarmRang(Input, frozen=True, kw_only=True, tag=True):
    """The time has come that an alarm of the conductor was set for.

    `kind` is "delay" (a task may begin), "ask" (a question had its time) or "run" (the whole
    run had its time; `task` is empty then).
    """

    kind: AlarmKind
    task: str = ""
    visit: int = 0


class AskOpened(Fact, frozen=True, kw_only=True, tag=True):
    """A task waits for an answer that fits `response_schema` (any answer without one)."""

    task: str
    visit: int
    prompt: str
    response_schema: Any


class TaskStarted(Fact, frozen=True, kw_only=True, tag=True):
    """A task was reached and is to run (after its delay, where it has one).

    `task` is the task's path: `parallel/name` within a parallel task. `total` is the number
    of items, 1 without items, None while unknown.

    `causes` are the executions whose transitions led here.
    """

    task: str
    visit: int
    total: int | None
    with_items: bool
    concurrency: int
    causes: tuple[Key, ...]


class RetriesPlanned(Fact, frozen=True, kw_only=True, tag=True):
    """Of the attempts that have just ended, `count` failed ones will be made again."""

    task: str
    visit: int
    count: int


class TaskEnded(Fact, frozen=True, kw_only=True, tag=True):
    """A task came to its end (also one that never started: skipped, or failed to render).

    `fired` are the numbers of the transitions that fired.
    """

    task: str
    visit: int
    status: TaskEndStatus
    attempts: int
    error: ErrorInfo | None
    fired: tuple[int, ...]
    handled: bool


class RunEnded(Fact, frozen=True, kw_only=True, tag=True):
    """The run came to its end."""

    status: RunEndStatus
    output: Any
    error: str | None


def _short(value: Any) -> str:
    plain = isinstance(value, dict | list | tuple | str)
    return preview(value, 200) if plain and value else repr(value)


_SHOWN = ("parameters", "value", "output", "response_schema")


def mask_event(event: Event, mask: Mask, *, named: bool = False) -> Event:
    """Give an event without the texts of secrets; the very event where it holds none.

    Args:
        event: The event.
        mask: Knows the secrets.
        named: Put texts in their places that know which secrets stood there.
    """
    hide = mask.named_value if named else mask.value
    changed = {name: hide(getattr(event, name)) for name in _SHOWN if hasattr(event, name)}
    if isinstance(event, AttemptsEnded):
        batch = event.batch
        changed["batch"] = msgspec.structs.replace(
            batch, results=hide(batch.results), items=hide(batch.items)
        )
    return msgspec.structs.replace(event, **changed) if changed else event

"""The events of a run: the only interface between the engine and all that reads a run.

A run is the list of its events. *Inputs* come from outside the conductor (a run was requested,
attempts ended, a user cancelled). *Facts* are the conclusions of the conductor. Replaying the
inputs always gives the same facts.

Every `time` is in seconds since the start of the run, and never decreases.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from attune_nb.errors import Position  # noqa: TC001 - msgspec reads the annotations
from attune_nb.values.describe import preview
from attune_nb.values.guard import repr_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attune_nb.values.secrets import Mask

__all__ = [
    "CANCELLED",
    "FAILED",
    "FINAL",
    "NO_WORKER",
    "SKIPPED",
    "STATUS_CODES",
    "SUCCEEDED",
    "TIMED_OUT",
    "VALUE_FIELDS",
    "AlarmKind",
    "AlarmRang",
    "AskAnswered",
    "AskOpened",
    "AttemptGroup",
    "AttemptsEnded",
    "Batch",
    "CancelRequested",
    "ErrorInfo",
    "Event",
    "Fact",
    "Input",
    "InquiryAwaited",
    "InquiryEnded",
    "InquiryOpened",
    "InquiryStatus",
    "ItemStatus",
    "Key",
    "KeyAdded",
    "MockMissing",
    "PauseRequested",
    "QuestionKey",
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
    "describe_kind",
    "mask_error",
    "mask_event",
    "secret_of",
]

Key = tuple[str, int]
"""An execution of a task: the task's path, and the visit (1 for the first execution)."""

QuestionKey = tuple[str, int, int]
"""A question: the task that asks and its visit; the id of the inquiry, or 0 for `core.ask`."""

InquiryStatus = Literal["pending", "responded", "timeout", "cancelled"]
"""The state of an inquiry, in the words of the Attune platform."""

ItemStatus = Literal["succeeded", "failed", "timed_out", "cancelled", "skipped"]
"""How an attempt ended; the status of an item is that of its last attempt.

An item is skipped if it never began, because too many others had failed.
"""

TaskEndStatus = Literal["succeeded", "failed", "timed_out", "cancelled", "skipped"]
"""How an execution of a task ended. It is skipped if its `when` is false."""

TaskStatus = Literal["pending", "paused", "running", "retrying", "waiting", TaskEndStatus]
"""The state of an execution of a task.

It is pending during its delay, and waiting while its question has no answer.
"""

RunEndStatus = Literal["succeeded", "failed", "timed_out", "cancelled"]
"""How a run ended."""

RunStatus = Literal[
    "pending", "running", "paused", "cancelling", "interrupted", "unreadable", RunEndStatus
]
"""The state of a run.

It is interrupted if the process that carried it is gone, and unreadable if its record is damaged.
"""

Attention = Literal["", "question", "doubt", "paused"]
"""Why a run needs a person: to answer a question, to decide about an attempt, to resume it."""

AlarmKind = Literal["delay", "ask", "inquiry", "run"]
"""The reason for an alarm: a task's delay, or the timeout of a question, an inquiry or the run."""

STATUS_CODES: tuple[ItemStatus, ...] = (
    "succeeded", "failed", "timed_out", "cancelled", "skipped",
)  # fmt: skip
"""The statuses of attempts. A batch holds the index of a status in this tuple, its code.

No attempt is skipped, so no batch holds the code of the last one.
"""

SUCCEEDED, FAILED, TIMED_OUT, CANCELLED, SKIPPED = range(len(STATUS_CODES))

FINAL = 255
"""Stands for the number of an item's last attempt if no more attempts will follow."""

NO_WORKER = 65_535
"""Stands for the number of the worker of an attempt that was cancelled before it began.

It is the largest number of a worker that a store can hold, and no worker has it. Such an attempt
is not counted, and its error does not replace that of an earlier attempt.
"""

# Characters of a value that the text of an event shows.
_SHOWN_CHARACTERS = 200

# The fields of events that may contain secrets, besides errors and the columns of a batch. Names of
# tasks and workflows are none: they stand in the workflow's text, and a run is found by them.
_MASKED_FIELDS = (
    "parameters", "value", "output", "response_schema",
    "prompt", "by", "reason", "message", "input_error", "notes", "assigned_to", "purpose",
)  # fmt: skip

VALUE_FIELDS = frozenset({"parameters", "value", "output", "response_schema"})
"""The fields of events with values of the workflow, which a resumed run needs again."""


class ErrorInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Why an attempt failed, as plain data.

    Attributes:
        type: The name of the error's type.
        message: The error's message.
        traceback: Where the error was raised.
        data: The values that the action had produced before it failed.
        retryable: Whether another attempt with the same input may succeed.
        position: The position in the workflow's text, if the error has one.
        bases: The names of the base classes of the error's type, the nearest first, without
            `Exception` and what is above it.
    """

    type: str
    message: str
    traceback: str = ""
    data: Any = None
    retryable: bool = True
    position: Position | None = None
    bases: tuple[str, ...] = ()

    def __repr__(self) -> str:
        fields = [f"{name}={repr_of(getattr(self, name))}" for name in self.__struct_fields__]
        return f"ErrorInfo({', '.join(fields)})"


class AttemptGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Attempts of a batch that ended alike, of which only the items are known.

    Attributes:
        attempt: The number of the attempt for these items, from 1.
        status: The status code, see `STATUS_CODES`.
        count: How many attempts they are.
        items: The indexes of their items, packed by `values.index_ranges`.
        start: When the first of them started, in seconds since the start of the run.
        end: When the last of them ended.
        seconds: How long they took, all together.
        retryable: Whether the task's `retry` repeats such an attempt.
        begun: Whether the attempts began; else they were cancelled before.
        message: The message of the last error of these attempts.
    """

    attempt: int
    status: int
    count: int
    items: bytes
    start: float
    end: float
    seconds: float
    retryable: bool = False
    begun: bool = True
    message: str = ""


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Ended attempts of one execution of a task, in columns of the same length.

    With `groups` these stand for all attempts, and the columns hold only some of them: the first
    failures, and a sample of the others, without results (`keep_results: none`).

    Attributes:
        index: The index of the item.
        attempt: The number of the attempt for this item, from 1.
        worker: The number of the worker; `NO_WORKER` if none made the attempt.
        start: When it started, in seconds since the start of the run.
        duration: How long it took, in seconds.
        status: The status code, see `STATUS_CODES`.
        results: The result, or None if it did not succeed.
        errors: The errors of those that did not succeed, by row.
        items: The items, if their source can be read only once; else None.
        total: The number of items of the task, as soon as a source of unknown length is
            exhausted or the task was stopped; else None.
        begun: The number of items that have begun, as soon as no more will because more have
            failed than `max_failures`; else None.
        groups: All attempts, if the columns do not hold all of them; else empty.
        stride: For how many attempts each one in the sample stands.
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
    begun: int | None = None
    groups: tuple[AttemptGroup, ...] = ()
    stride: int = 1

    def __len__(self) -> int:
        return len(self.index)

    @property
    def count(self) -> int:
        """The number of attempts, also of those that are in no row."""
        if self.groups:
            return sum(group.count for group in self.groups)
        return len(self.index)

    @property
    def made(self) -> int:
        """The number of attempts that began, without those cancelled before."""
        if self.groups:
            return sum(group.count for group in self.groups if group.begun)
        return len(self) - self.worker.count(NO_WORKER)

    @property
    def first_attempts(self) -> int:
        """The number of attempts that are the first of their items."""
        if self.groups:
            return sum(group.count for group in self.groups if group.attempt == 1)
        return self.attempt.count(1)

    def made_starts(self) -> Sequence[float]:
        """Return the starts of the attempts that began, as far as they are in rows."""
        begun = len(self) - self.worker.count(NO_WORKER)
        if begun == len(self):
            return self.start

        pairs = zip(self.worker, self.start, strict=True)
        return [start for worker, start in pairs if worker != NO_WORKER]

    @property
    def succeeded(self) -> int:
        """The number of attempts that succeeded."""
        return self._count_status(SUCCEEDED)

    @property
    def cancelled(self) -> int:
        """The number of attempts that were cancelled, also before they began."""
        return self._count_status(CANCELLED)

    @property
    def failed(self) -> int:
        """The number of attempts that failed or timed out, without those cancelled."""
        return self.count - self.succeeded - self.cancelled

    def _count_status(self, code: int) -> int:
        if self.groups:
            return sum(group.count for group in self.groups if group.status == code)
        return self.status.count(code)

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
        cancelled = ""
        if self.cancelled:
            cancelled = f", {self.cancelled:,} cancelled"
        return f"Batch({self.count:,} attempts, {self.failed:,} failed{cancelled})"


class Event(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """An event of a run.

    Attributes:
        time: When it happened, in seconds since the start of the run.
    """

    time: float

    def __repr__(self) -> str:
        fields = [f"{name}={_shorten(getattr(self, name))}" for name in self.__struct_fields__]
        return f"{type(self).__name__}({', '.join(fields)})"


class Input(Event, frozen=True, kw_only=True, tag=True):
    """An event that the conductor did not decide itself.

    Attributes:
        seed: The seed of all random values in expressions that are evaluated because of it.
    """

    seed: int = 0


class Fact(Event, frozen=True, kw_only=True, tag=True):
    """An event that the conductor concluded from inputs."""


class RunStarted(Input, frozen=True, kw_only=True, tag=True):
    """A run was requested.

    Attributes:
        run_id: The id of the run.
        workflow: The name of the workflow.
        started_at: When it was requested, in seconds since the epoch, UTC.
        parameters: The values of its parameters.
        memory: The memory of the engine's process, in bytes.
        dry_run: Whether it runs no action at all.
        mocked: Whether results of tasks are made up.
        origin: The run that it is made from: "fork of RUN" or "retry of RUN"; else empty.
    """

    run_id: str
    workflow: str
    started_at: float
    parameters: Any
    memory: int = 0
    dry_run: bool = False
    mocked: bool = False
    origin: str = ""

    @property
    def kind(self) -> str:
        """How it differs from an ordinary run, see `describe_kind`."""
        return describe_kind(dry_run=self.dry_run, mocked=self.mocked, origin=self.origin)


class RunResumed(Input, frozen=True, kw_only=True, tag=True):
    """A run whose engine was gone was resumed, or a fork starts from the past of another run.

    The run's time continues after its last event.

    Attributes:
        started_at: When the run would have started if it had run without a break, in seconds
            since the epoch, UTC.
        doubts: The attempts in doubt (task, visit, index, attempt). The run pauses until each
            is decided.
        memory: The memory of the engine's process, in bytes.
        changed: The tasks with results from before a change in their text or their code.
        notes: Alerts that were known at this time.
    """

    started_at: float
    doubts: tuple[tuple[str, int, int, int], ...] = ()
    memory: int = 0
    changed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class RerunRequested(Input, frozen=True, kw_only=True, tag=True):
    """A user decided that an attempt in doubt is repeated.

    Attributes:
        task: The task's path.
        visit: The number of the execution of the task.
        index: The index of the item.
        by: Who asked, if it was another process.
    """

    task: str
    visit: int
    index: int
    by: str = ""


class AttemptsEnded(Input, frozen=True, kw_only=True, tag=True):
    """Attempts of an execution of a task ended.

    Attributes:
        task: The task's path.
        visit: The number of the execution of the task.
        batch: The attempts.
        memory: The memory of the engine's process, in bytes; 0 if it was not read.
        input_error: In a dry run, why an input could not be evaluated, for want of a result
            that no action made. The attempt counts as one that succeeded.
        secrets: The names of the parts of each result's `data` that must not be shown.
        by: Who accepted the result of an attempt in doubt, if it was another process.
    """

    task: str
    visit: int
    batch: Batch
    memory: int = 0
    input_error: str = ""
    secrets: tuple[str, ...] = ()
    by: str = ""

    @property
    def secret_values(self) -> list[Any]:
        """The parts of the results that must not be shown."""
        values: list[Any] = []
        if not self.secrets:
            return values
        for result in self.batch.results:
            data = result.get("data") if isinstance(result, dict) else None
            if isinstance(data, dict):
                values += [data[name] for name in self.secrets if name in data]
        return values


class CancelRequested(Input, frozen=True, kw_only=True, tag=True):
    """The run was requested to stop.

    Attributes:
        reason: The reason given with the request.
        force: Whether attempts in flight are abandoned.
        by: Who asked, if it was another process.
    """

    reason: str = ""
    force: bool = False
    by: str = ""


class PauseRequested(Input, frozen=True, kw_only=True, tag=True):
    """The run was requested to start nothing more. Attempts in flight continue to their end.

    Attributes:
        reason: The reason, if the request is not a user's: the backend is gone.
        by: Who asked, if it was another process.
    """

    reason: str = ""
    by: str = ""


class ResumeRequested(Input, frozen=True, kw_only=True, tag=True):
    """A paused run was requested to continue.

    Attributes:
        by: Who asked, if it was another process.
    """

    by: str = ""


class InquiryOpened(Input, frozen=True, kw_only=True, tag=True):
    """An action asked a question while it ran. It does not wait for the answer itself.

    Attributes:
        task: The path of the task of the action.
        visit: The number of the execution of the task.
        inquiry: The id of the inquiry, from 1.
        prompt: The question.
        response_schema: The JSON Schema that the answer must fit; None for any answer.
        assigned_to: Who shall answer, as the action says it.
        timeout: The seconds until the inquiry times out; None for no limit.
        index: The index of the item.
        purpose: Distinguishes the inquiries of one item: another attempt that asks for the same
            purpose gets the same inquiry.
    """

    task: str
    visit: int
    inquiry: int
    prompt: str
    response_schema: Any = None
    assigned_to: Any = None
    timeout: float | None = None
    index: int = 0
    purpose: str = ""


class AskAnswered(Input, frozen=True, kw_only=True, tag=True):
    """A user answered the question of a `core.ask` task, or an inquiry.

    Attributes:
        task: The path of the task that asks.
        visit: The number of the execution of the task.
        value: The answer.
        by: Who answered: a user's name, and how, if the answer was passed in advance.
        secrets: The names of the properties that must not be shown; an empty name is the whole
            answer.
        inquiry: The id of the inquiry; 0 for `core.ask`.
    """

    task: str
    visit: int
    value: Any
    by: str = ""
    secrets: tuple[str, ...] = ()
    inquiry: int = 0

    @property
    def key(self) -> QuestionKey:
        """The question that it answers."""
        return self.task, self.visit, self.inquiry

    @property
    def secret_value(self) -> Any:
        """The part of the answer that must not be shown."""
        if "" in self.secrets or not isinstance(self.value, dict):
            return self.value
        return {name: self.value[name] for name in self.secrets if name in self.value}


class KeyAdded(Input, frozen=True, kw_only=True, tag=True):
    """A value that must not be shown, and was not known at the start.

    An action got or made a key, or has printed a secret parameter.

    Attributes:
        name: The ref of the key, or the path of the action's task.
        value: Its value. A record has `***` in place of its texts.
    """

    name: str
    value: Any


class AlarmRang(Input, frozen=True, kw_only=True, tag=True):
    """An alarm of the conductor is due.

    Attributes:
        kind: `delay` (a task may start), `ask` or `inquiry` (the timeout of a question), or
            `run` (the timeout of the run).
        task: The task's path; empty for `run`.
        visit: The number of the execution of the task.
        inquiry: The id of the inquiry; 0 for other kinds.
    """

    kind: AlarmKind
    task: str = ""
    visit: int = 0
    inquiry: int = 0


class AskOpened(Fact, frozen=True, kw_only=True, tag=True):
    """A task waits for an answer, or its action has opened an inquiry.

    Attributes:
        task: The path of the task that asks.
        visit: The number of the execution of the task.
        prompt: The question.
        response_schema: The JSON Schema that the answer must fit; None for any answer.
        inquiry: The id of the inquiry; 0 for `core.ask`.
    """

    task: str
    visit: int
    prompt: str
    response_schema: Any
    inquiry: int = 0

    @property
    def key(self) -> QuestionKey:
        """The question."""
        return self.task, self.visit, self.inquiry


class InquiryAwaited(Fact, frozen=True, kw_only=True, tag=True):
    """A task waits until an inquiry has ended, before it starts its work.

    Attributes:
        task: The path of the task that waits.
        visit: The number of the execution of the task.
        inquiry: The id of the inquiry.
    """

    task: str
    visit: int
    inquiry: int


class InquiryEnded(Fact, frozen=True, kw_only=True, tag=True):
    """An inquiry was answered, or it timed out. The tasks that wait for it go on.

    Attributes:
        task: The path of the task that asked.
        visit: The number of the execution of the task.
        inquiry: The id of the inquiry.
        status: How it ended.
    """

    task: str
    visit: int
    inquiry: int
    status: InquiryStatus

    @property
    def key(self) -> QuestionKey:
        """The question."""
        return self.task, self.visit, self.inquiry


class MockMissing(Fact, frozen=True, kw_only=True, tag=True):
    """In a dry run, an expression failed because it reads a result that no action made.

    Attributes:
        task: The path of the task with the expression; empty for the output of the run.
        visit: The number of the execution of the task; 0 for the output.
        missing: The tasks whose results are missing.
        message: The expression's error, and the mocks that avoid it.
    """

    task: str
    visit: int
    missing: tuple[str, ...]
    message: str


class TaskStarted(Fact, frozen=True, kw_only=True, tag=True):
    """A task was reached, and runs after its delay, if it has one.

    Attributes:
        task: The task's path: `parallel/name` within a parallel task.
        visit: The number of the execution of the task.
        total: The number of items, 1 without items, None while it is unknown.
        with_items: Whether the task has items.
        concurrency: The most attempts at the same time.
        causes: The executions whose transitions led here.
    """

    task: str
    visit: int
    total: int | None
    with_items: bool
    concurrency: int
    causes: tuple[Key, ...]


class RetriesPlanned(Fact, frozen=True, kw_only=True, tag=True):
    """Of the attempts that have just ended, `count` failed ones will be repeated."""

    task: str
    visit: int
    count: int


class TaskEnded(Fact, frozen=True, kw_only=True, tag=True):
    """A task ended. It may not have started: it was skipped, or an expression failed.

    Attributes:
        task: The task's path.
        visit: The number of the execution of the task.
        status: How it ended.
        attempts: The number of its attempts.
        error: Why it did not succeed.
        fired: The numbers of the transitions that fired.
        handled: Whether a transition leads on from it, so that its failure is not the run's.
    """

    task: str
    visit: int
    status: TaskEndStatus
    attempts: int
    error: ErrorInfo | None
    fired: tuple[int, ...]
    handled: bool


class RunEnded(Fact, frozen=True, kw_only=True, tag=True):
    """The run ended."""

    status: RunEndStatus
    output: Any
    error: str | None


def find_attention(status: RunStatus, questions: int, doubts: int) -> Attention:
    """Return why a run needs a person; an empty string if it needs none.

    Args:
        status: The status of the run.
        questions: The number of questions that wait for an answer, also of runs within the run.
        doubts: The number of attempts in doubt, also of those.
    """
    if status not in ("running", "paused"):
        return ""
    if questions:
        return "question"
    if doubts:
        return "doubt"
    return "paused" if status == "paused" else ""


def describe_kind(*, dry_run: bool, mocked: bool, origin: str) -> str:
    """Return how a run differs from an ordinary one, for people; else an empty string.

    It is made of `dry run`, `mocked`, and `fork of RUN` or `retry of RUN`.
    """
    words = []
    if dry_run:
        words.append("dry run")
    if mocked:
        words.append("mocked")
    if origin:
        words.append(origin)
    return ", ".join(words)


def mask_event(event: Event, mask: Mask, *, named: bool = False) -> Event:
    """Return an event without secrets; the same event if it has none.

    Args:
        event: The event.
        mask: The secrets.
        named: Whether each replaced text records which secrets it contained.
    """
    hide = mask.named_value if named else mask.value
    masked: dict[str, Any] = {}
    for name in _MASKED_FIELDS:
        if hasattr(event, name):
            value = getattr(event, name)
            # the texts of the engine itself stay plain texts in the store
            hides_value = named and name in VALUE_FIELDS
            masked[name] = hide(value) if hides_value else mask.value(value)

    error = getattr(event, "error", None)
    if isinstance(error, ErrorInfo):
        masked["error"] = mask_error(error, mask, named=named)
    elif isinstance(error, str):
        masked["error"] = mask.text(error)

    if isinstance(event, AttemptsEnded):
        batch = event.batch
        errors = {row: mask_error(error, mask, named=named) for row, error in batch.errors.items()}
        groups = tuple(
            msgspec.structs.replace(group, message=mask.text(group.message))
            for group in batch.groups
        )
        masked["batch"] = msgspec.structs.replace(
            batch,
            results=hide(batch.results),
            items=hide(batch.items),
            errors=errors,
            groups=groups,
        )

    if not masked:
        return event
    return msgspec.structs.replace(event, **masked)


def secret_of(event: Event) -> tuple[str, Any] | None:
    """Return the name and the value of the secret that an event brings; None if it brings none."""
    if isinstance(event, AskAnswered) and event.secrets:
        return f"answers.{event.task}", event.secret_value
    if isinstance(event, AttemptsEnded):
        values = event.secret_values
        if values:
            return f"results.{event.task}", values
    if isinstance(event, KeyAdded):
        return f"keys.{event.name}", event.value
    return None


def mask_error(error: ErrorInfo, mask: Mask, *, named: bool = False) -> ErrorInfo:
    """Return an error without secrets: in its message and type, its traceback and its data.

    Args:
        error: The error.
        mask: The secrets.
        named: Whether each replaced text in the data records which secrets it contained.
    """
    hide = mask.named_value if named else mask.value
    return msgspec.structs.replace(
        error,
        type=mask.text(error.type),
        message=mask.text(error.message),
        traceback=mask.text(error.traceback),
        data=hide(error.data),
        bases=tuple(map(mask.text, error.bases)),
    )


def _shorten(value: Any) -> str:
    if value and isinstance(value, dict | list | tuple | str):
        return preview(value, _SHOWN_CHARACTERS)
    return repr_of(value)

"""The state of a run between two events, and the commands that a step returns.

Everything is immutable: the state before an event still exists after it, at no cost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from pyrsistent import PMap, PVector, pmap, pvector

from attune_nb.values.paged_bytes import PagedBytes

if TYPE_CHECKING:
    from attune_nb.context import Outcome, WorkflowContext
    from attune_nb.events import (
        AlarmKind,
        Batch,
        InquiryStatus,
        Key,
        QuestionKey,
        RunEndStatus,
        RunStatus,
        TaskStatus,
    )
    from attune_nb.language.model import WorkflowSpec
    from attune_nb.values.frozen import FrozenDict

__all__ = [
    "ENDED",
    "Alarm",
    "Execution",
    "Inquiry",
    "JoinState",
    "RetryItem",
    "RunState",
    "SetPaused",
    "StartTask",
    "StopTask",
    "Token",
]

ENDED: tuple[RunEndStatus, ...] = ("succeeded", "failed", "timed_out", "cancelled")
"""The statuses of a run that has ended."""


class Token(msgspec.Struct, frozen=True):
    """A branch of the run on its way to a task.

    Attributes:
        causes: The executions whose transitions led here.
        visits: How often each task has run on this way.
    """

    causes: tuple[Key, ...] = ()
    visits: PMap[str, int] = pmap()


class JoinState(msgspec.Struct, frozen=True):
    """The arrivals at a join in one round.

    Attributes:
        arrived: The names of the tasks that branches have arrived from.
        token: These branches, merged into one.
    """

    arrived: PVector[str] = pvector()
    token: Token = Token()


class Execution(msgspec.Struct, frozen=True, kw_only=True):
    """One execution of a task.

    Attributes:
        task: The task's path: `parallel/name` within a parallel task.
        visit: The number of this execution of the task, from 1.
        token: The branch that reached the task.
        context: The context when the task started.
        started: When it started, in seconds since the start of the run.
        status: `pending` during its delay, `paused` until the run is resumed, `waiting` for an
            answer, `running`, `retrying`, or how it ended.
        parent: The parallel task that it is part of.
        items: The item source; None for a task without `with_items`.
        planned: The number of items, None while unknown.
        total: The same; fewer items if the task was stopped.
        concurrency: The most attempts at the same time.
        max_failures: How many items may fail until no more begin; None for any number.
        begun: How many items have begun, once no more will because of `max_failures`.
        done: How many items have ended.
        failed: How many of these failed.
        attempts: How many attempts have ended.
        last_attempts: For each item, the number of its last attempt that ended; `FINAL` if no
            more will follow.
        stopping: Whether the run stops, and this task with it.
        batches: The attempts that have ended; with `counts` only failures whose errors are kept.
        counts: How many items ended with each status, by its code, for a task that keeps no
            results; else None.
        latest: When the last attempt so far ended, if there are `counts`.
        listed_failures: How many rows `batches` has, if there are `counts`.
        inquiry: The id of the inquiry that it waits for, or has waited for; else 0.
        outcome: How it ended; None until then.
    """

    task: str
    visit: int
    token: Token
    context: WorkflowContext
    started: float
    status: TaskStatus = "running"
    parent: Key | None = None
    items: Any = None
    planned: int | None = 1
    total: int | None = 1
    concurrency: int = 1
    max_failures: int | None = None
    begun: int | None = None
    done: int = 0
    failed: int = 0
    attempts: int = 0
    last_attempts: PagedBytes = PagedBytes()
    stopping: bool = False
    batches: PVector[Batch] = pvector()
    counts: tuple[int, ...] | None = None
    latest: float = 0.0
    listed_failures: int = 0
    inquiry: int = 0
    outcome: Outcome | None = None

    @property
    def key(self) -> Key:
        """The task's path and the visit."""
        return self.task, self.visit


class Inquiry(msgspec.Struct, frozen=True, kw_only=True):
    """A question that an action has asked while it ran.

    Attributes:
        id: Its id, from 1.
        task: The path of the task that asked.
        visit: The number of the execution of the task.
        index: The index of the item that asked.
        purpose: Distinguishes the inquiries of one item.
        prompt: The question.
        response_schema: The JSON Schema that the answer must fit; None for any answer.
        assigned_to: Who shall answer, as the action says it.
        status: Its state.
        response: The answer; None until then.
        responded_by: Who answered; None until then.
        opened_at: When it was opened, in seconds since the epoch, UTC.
        responded_at: When it was answered, in the same unit; None until then.
        timeout: The seconds until it times out; None for no limit.
    """

    id: int
    task: str
    visit: int
    index: int = 0
    purpose: str = ""
    prompt: str
    response_schema: Any = None
    assigned_to: Any = None
    status: InquiryStatus = "pending"
    response: Any = None
    responded_by: str | None = None
    opened_at: float
    responded_at: float | None = None
    timeout: float | None = None

    @property
    def timeout_at(self) -> float | None:
        """When it times out, in seconds since the epoch, UTC; None for no limit."""
        if self.timeout is None:
            return None
        return self.opened_at + self.timeout


class RunState(msgspec.Struct, frozen=True, kw_only=True):
    """The whole state of a run.

    Attributes:
        workflow: The workflow that is run.
        context: The latest context.
        concurrency: Overrides the concurrency of every task.
        secrets: Parameters that no event contains.
        ask_tasks: The paths of the tasks that wait for an answer.
        waiting_tasks: The paths of the tasks that wait for an inquiry before they start.
        unmade: In a dry run, the paths of the tasks that have no mock, so no result.
        status: The status of the run.
        timed_out: Whether its timeout is the reason why it stops.
        reason: The reason that was given with a request to cancel.
        started_at: When it started, in seconds since the epoch, UTC.
        executions: All executions of tasks.
        order: Their keys, in the order in which they began.
        active: How many of them have not ended.
        joins: The joins that a branch has arrived at.
        inquiries: The questions that actions have asked, by id.
        in_doubt: The attempts in doubt: (task, visit, index) -> number of the attempt.
        failures: The reasons why the run will end `failed`.
        output: The output of a run that succeeded.
        error: Why a run did not succeed.
    """

    workflow: WorkflowSpec
    context: WorkflowContext
    concurrency: int | None = None
    secrets: FrozenDict
    ask_tasks: frozenset[str] = frozenset()
    waiting_tasks: frozenset[str] = frozenset()
    unmade: frozenset[str] = frozenset()
    status: RunStatus = "pending"
    timed_out: bool = False
    reason: str = ""
    started_at: float = 0.0
    executions: PMap[Key, Execution] = pmap()
    order: PVector[Key] = pvector()
    active: int = 0
    joins: PMap[Key, JoinState] = pmap()
    inquiries: PMap[int, Inquiry] = pmap()
    in_doubt: PMap[tuple[str, int, int], int] = pmap()
    failures: PVector[str] = pvector()
    output: Any = None
    error: str | None = None

    @property
    def ended(self) -> bool:
        """Whether the run has ended."""
        return self.status in ENDED

    @property
    def has_only_questions(self) -> bool:
        """Whether nothing runs, and questions wait for an answer."""
        if self.ended or not (self.ask_tasks or self.inquiries):
            return False

        statuses = set()
        for execution in self.executions.values():
            is_parallel = self.workflow.task(execution.task).type == "parallel"
            if execution.outcome is None and not is_parallel:
                statuses.add(execution.status)
        return statuses == {"waiting"}

    def is_open(self, question: QuestionKey) -> bool:
        """Return whether a question waits for its answer."""
        task, visit, inquiry_id = question
        if inquiry_id:
            inquiry = self.inquiries.get(inquiry_id)
            return not self.ended and inquiry is not None and inquiry.status == "pending"

        execution = self.executions.get((task, visit))
        return execution is not None and execution.status == "waiting"


class StartTask(msgspec.Struct, frozen=True, kw_only=True):
    """Command: start a task at the backend, with one attempt or one for each item."""

    key: Key
    context: WorkflowContext
    items: Any
    total: int | None
    concurrency: int
    max_failures: int | None = None


class RetryItem(msgspec.Struct, frozen=True, kw_only=True):
    """Command: make one more attempt, `delay` seconds after the last one ended."""

    key: Key
    index: int
    attempt: int
    delay: float


class StopTask(msgspec.Struct, frozen=True, kw_only=True):
    """Command: start no more attempts of a task; `force` also abandons those in flight."""

    key: Key
    force: bool


class SetPaused(msgspec.Struct, frozen=True, kw_only=True):
    """Command: start no attempts of any task while `paused`."""

    paused: bool


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """Command: feed the conductor an `AlarmRang` after so many seconds."""

    kind: AlarmKind
    seconds: float
    key: Key = ("", 0)
    inquiry: int = 0

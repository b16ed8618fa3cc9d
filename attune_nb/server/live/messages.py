"""The messages of the server: states of runs as JSON.

A client gets a `Snapshot` of a run first, then a `Delta` for each change. `apply_delta` has the
rules by which a client applies it. The list of runs is a `RunList` first, then a `ListDelta` for
each change. The descriptions of the API are made from these classes.

No message holds a parameter, an input, a result, or where the process of a run lives.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from attune_nb.events import (  # noqa: TC001 - msgspec reads the annotations
    Attention,
    RunStatus,
    TaskStatus,
)
from attune_nb.forms.entries import QuestionForm  # noqa: TC001 - msgspec reads the annotations
from attune_nb.store.commands import CommandKind  # noqa: TC001 - msgspec reads the annotations

__all__ = [
    "Ask",
    "Delta",
    "DoubtRow",
    "Gone",
    "ListDelta",
    "RunList",
    "RunRow",
    "Snapshot",
    "TaskRow",
    "apply_delta",
    "apply_list_delta",
    "encode",
    "order_of",
]


class RunRow(msgspec.Struct, frozen=True, kw_only=True):
    """A run in the list of runs.

    Attributes:
        id: The id of the run.
        workflow: The name of the workflow.
        name: The name for people: that of the workflow, and the item if it is a child run.
        kind: How it differs from an ordinary run: `dry run`, `fork of RUN`; else empty.
        status: Its status; "interrupted" if its process is gone.
        started: When it started, in seconds since the epoch, UTC; null if its record is damaged.
        duration: The seconds since its start, up to its end or its last sign of life.
        heard: The last sign of life of its process, in seconds since the epoch, UTC.
        tasks: The executions of tasks so far.
        items: The items that have ended for good, of tasks with items.
        failed: Those of them that have failed.
        questions: The open questions, with those of its child runs.
        attention: Why it needs a person.
        steerable: Whether its process takes commands of others: it is alive, and not too old.
        parent: The id of the run that it is part of; else empty.
        parent_task: The task of that run.
        parent_item: The index of the item of that task.
        children: The child runs directly within it.
        notebook: The path of the notebook that started it; else empty.
        kernel: The id of the kernel that started it; else empty.
        backend: The name of its backend.
        store: The name of its store, if the server reads several; else empty.
        damage: Why its record cannot be read; else empty.
    """

    id: str
    workflow: str
    name: str = ""
    kind: str = ""
    status: RunStatus
    started: float | None
    duration: float
    heard: float | None = None
    tasks: int = 0
    items: int = 0
    failed: int = 0
    questions: int = 0
    attention: Attention = ""
    steerable: bool = False
    parent: str = ""
    parent_task: str = ""
    parent_item: int = 0
    children: int = 0
    notebook: str = ""
    kernel: str = ""
    backend: str = ""
    store: str = ""
    damage: str = ""


class TaskRow(msgspec.Struct, frozen=True, kw_only=True):
    """A task of a run. It stands for all executions of the task: the counts are their sums.

    Times are in seconds since the start of the run.

    Attributes:
        task: The task's path, which identifies the row.
        number: Its place in the order in which the tasks began, from 0.
        visits: The executions so far.
        open: Those that have not ended.
        failed_visits: Those that failed or timed out.
        status: The status of the newest open execution; if none is open, of the last one.
        with_items: Whether the task has items.
        total: The items; null while their number is unknown.
        done: The items that have ended for good.
        failed: The items that have failed for good.
        cancelled: The items that were cancelled.
        skipped: The items that never began, because too many others failed.
        retrying: The items that wait for another attempt, or are in one.
        retried: The attempts that were, or will be, made again.
        attempts: The attempts that have ended.
        started: The start of the oldest open execution; if none is open, of the last one.
        ended: The end of the last execution; null while one is open.
        waiting: The start of the wait for an answer or an inquiry; null if it does not wait.
        error: The message of the last error, cut to 300 characters.
        children: The child runs that it has begun.
    """

    task: str
    number: int
    visits: int = 1
    open: int = 1
    failed_visits: int = 0
    status: TaskStatus = "running"
    with_items: bool = False
    total: int | None = 1
    done: int = 0
    failed: int = 0
    cancelled: int = 0
    skipped: int = 0
    retrying: int = 0
    retried: int = 0
    attempts: int = 0
    started: float = 0.0
    ended: float | None = None
    waiting: float | None = None
    error: str = ""
    children: int = 0


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """An open question. Task, visit and inquiry identify it, as the command `answer` takes them.

    Attributes:
        task: The path of the task that asks.
        visit: The number of the execution of the task.
        inquiry: The id of the inquiry; 0 for `core.ask`.
        prompt: The question.
        schema: The JSON Schema that the answer must fit; null for any answer.
        asked: When it was opened, in seconds since the start of the run.
        form: The form for the answer: buttons, or fields.
    """

    task: str
    visit: int
    inquiry: int = 0
    prompt: str
    schema: Any = None
    asked: float
    form: QuestionForm


class DoubtRow(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt that may have run before a crash, and must not run twice.

    Attributes:
        task: The path of the task.
        visit: The number of the execution of the task.
        index: The index of the item.
        attempt: The number of the attempt.
    """

    task: str
    visit: int
    index: int
    attempt: int


class Snapshot(msgspec.Struct, frozen=True, kw_only=True, tag="snapshot"):
    """The state of a run.

    Attributes:
        run: The id of the run.
        at: The number of the next event. A client that connects again sends it as `at`.
        workflow: The name of the workflow.
        name: The name for people: that of the workflow, and the item if it is a child run.
        kind: How it differs from an ordinary run: `dry run`, `fork of RUN`; else empty.
        status: Its status; "interrupted" if its process is gone.
        now: The time of the state, in seconds since the start of the run; it never decreases.
        started: When it started, in seconds since the epoch, UTC. For a resumed run, when it
            would have started without the break.
        heard: The last sign of life of its process, in seconds since the epoch, UTC.
        total: The items of all tasks with items so far; null while the number of one is unknown.
        done: Those that have ended for good.
        failed: Those that have failed for good.
        attempts: The attempts of all tasks that have ended.
        tasks: The tasks, in the order in which they began: at most 200.
        hidden: How many more there are.
        asks: The open questions, at most 100.
        doubts: The attempts in doubt, at most 100.
        questions: The number of open questions, with those of its child runs.
        in_doubt: The number of attempts in doubt.
        attention: Why it needs a person.
        reason: Why it is paused or cancelled, if that was given.
        error: Why it failed; else empty.
        handled: The failures of tasks that were handled.
        can: The commands that it takes now.
        parent: The id of the run that it is part of; else empty.
        parent_task: The task of that run.
        parent_item: The index of the item of that task.
        children: The child runs directly within it.
        output: Whether there is a file with all output of its process: a server has started it.
        notebook: The path of the notebook that started it; else empty.
        kernel: The id of the kernel that started it; else empty.
        backend: The name of its backend.
        store: The name of its store, if the server reads several; else empty.
    """

    run: str
    at: int
    workflow: str
    name: str = ""
    kind: str = ""
    status: RunStatus
    now: float
    started: float
    heard: float | None = None
    total: int | None = 0
    done: int = 0
    failed: int = 0
    attempts: int = 0
    tasks: list[TaskRow] = []
    hidden: int = 0
    asks: list[Ask] = []
    doubts: list[DoubtRow] = []
    questions: int = 0
    in_doubt: int = 0
    attention: Attention = ""
    reason: str = ""
    error: str = ""
    handled: int = 0
    can: list[CommandKind] = []
    parent: str = ""
    parent_task: str = ""
    parent_item: int = 0
    children: int = 0
    output: bool = False
    notebook: str = ""
    kernel: str = ""
    backend: str = ""
    store: str = ""


class Delta(msgspec.Struct, frozen=True, kw_only=True, tag="delta"):
    """The change of a run since the message before: fields that are left out are as before.

    Attributes:
        run: The id of the run.
        at: The number of the next event.
        now: The time of the state, in seconds since the start of the run.
        tasks: The rows that are new or have changed. The rows are ordered by `number`.
        dropped: The tasks whose rows are shown no longer, as others are more important.

    The other fields are those of `Snapshot`, as a whole.
    """

    run: str
    at: int
    now: float
    tasks: list[TaskRow] | UnsetType = UNSET
    dropped: list[str] | UnsetType = UNSET
    status: RunStatus | UnsetType = UNSET
    started: float | UnsetType = UNSET
    heard: float | UnsetType | None = UNSET
    total: int | UnsetType | None = UNSET
    done: int | UnsetType = UNSET
    failed: int | UnsetType = UNSET
    attempts: int | UnsetType = UNSET
    hidden: int | UnsetType = UNSET
    asks: list[Ask] | UnsetType = UNSET
    doubts: list[DoubtRow] | UnsetType = UNSET
    questions: int | UnsetType = UNSET
    in_doubt: int | UnsetType = UNSET
    attention: Attention | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    error: str | UnsetType = UNSET
    handled: int | UnsetType = UNSET
    can: list[CommandKind] | UnsetType = UNSET
    children: int | UnsetType = UNSET
    output: bool | UnsetType = UNSET


class RunList(msgspec.Struct, frozen=True, kw_only=True, tag="runs"):
    """Runs, the newest first.

    Attributes:
        runs: The runs.
        next: The value of `before` for the next page; empty if there are no more runs.
        problem: Why no runs can be read, such as a store of a newer version; else empty.
    """

    runs: list[RunRow] = []
    next: str = ""
    problem: str = ""


class ListDelta(msgspec.Struct, frozen=True, kw_only=True, tag="list"):
    """The change of the list of runs.

    Attributes:
        runs: The rows that are new or have changed. The list is ordered by `started`.
        dropped: The ids of the runs that are not in the list any more.
        next: The value of `before` for the runs that are older; left out if it has not changed.
        problem: Why no runs can be read; left out if that has not changed.
    """

    runs: list[RunRow] = []
    dropped: list[str] = []
    next: str | UnsetType = UNSET
    problem: str | UnsetType = UNSET


class Gone(msgspec.Struct, frozen=True, kw_only=True, tag="gone"):
    """The last message about a run, or about a store, that is there no longer.

    Attributes:
        reason: Why, for people.
    """

    reason: str


def encode(message: msgspec.Struct) -> bytes:
    """Return a message as JSON."""
    return msgspec.json.encode(message)


def apply_delta(snapshot: Snapshot, delta: Delta) -> Snapshot:
    """Return the state of a run after a change, as a client concludes it."""
    changes = {}
    for name in Delta.__struct_fields__:
        value = getattr(delta, name)
        if value is not UNSET and name not in ("tasks", "dropped"):
            changes[name] = value

    rows = {row.task: row for row in snapshot.tasks}
    if delta.dropped is not UNSET:
        for task in delta.dropped:
            rows.pop(task, None)
    if delta.tasks is not UNSET:
        for row in delta.tasks:
            rows[row.task] = row
    ordered = sorted(rows.values(), key=attrgetter("number"))
    return msgspec.structs.replace(snapshot, tasks=ordered, **changes)


def apply_list_delta(runs: RunList, delta: ListDelta) -> RunList:
    """Return the list of runs after a change, as a client concludes it."""
    rows = {row.id: row for row in runs.runs}
    for run_id in delta.dropped:
        rows.pop(run_id, None)
    for row in delta.runs:
        rows[row.id] = row

    problem = runs.problem
    if delta.problem is not UNSET:
        problem = delta.problem
    following = runs.next
    if delta.next is not UNSET:
        following = delta.next
    ordered = sorted(rows.values(), key=order_of, reverse=True)
    return RunList(runs=ordered, next=following, problem=problem)


def order_of(row: RunRow) -> tuple[float, str]:
    """Return the key by which runs are sorted, the oldest first; a damaged one comes before."""
    started = row.started
    if started is None:
        started = float("-inf")
    return started, row.id

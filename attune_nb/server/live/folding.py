"""The state of a run, folded from the rows of its events without their results.

A `FoldedRun` takes the rows one after another and makes snapshots. It has one row for a task,
however often the task runs, so its size depends on the text of the workflow and on the number of
open executions, not on the length of the run. Its figures are those of `results.progress.Progress`.
"""

from __future__ import annotations

from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from attune_nb.errors import StoreError
from attune_nb.events import CANCELLED, NO_WORKER, SUCCEEDED, find_attention
from attune_nb.forms.entries import form_of_question
from attune_nb.html import printable, shortened
from attune_nb.server.live.event_data import (
    AskData,
    AttemptsData,
    BatchData,
    CountData,
    ErrorData,
    IndexData,
    InquiryData,
    RequestData,
    ResumeData,
    RunEndData,
    StartData,
    TaskEndData,
    TaskStartData,
)
from attune_nb.server.live.messages import Ask, Delta, DoubtRow, Snapshot
from attune_nb.server.live.row_changes import changed_rows
from attune_nb.server.live.task_states import FAILED, OpenVisit, TaskState, add_totals
from attune_nb.store.event_rows import column_of, count_attempts
from attune_nb.store.json_values import from_plain, has_tag
from attune_nb.store.reading import ENDED
from attune_nb.values.frozen import thaw
from attune_nb.values.secrets import is_secret_schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from attune_nb.events import Key, QuestionKey, RunStatus
    from attune_nb.forms.entries import QuestionForm
    from attune_nb.server.live.messages import RunRow, TaskRow
    from attune_nb.store.commands import CommandKind
    from attune_nb.store.event_rows import EventRow

__all__ = ["FOLDED_KINDS", "MAX_TASKS", "FoldedRun", "catch_up", "difference"]

MAX_TASKS = 200
"""The rows of tasks in a snapshot."""

FOLDED_KINDS = frozenset(
    {
        "RunStarted",
        "RunResumed",
        "RunEnded",
        "CancelRequested",
        "PauseRequested",
        "ResumeRequested",
        "RerunRequested",
        "TaskStarted",
        "TaskEnded",
        "RetriesPlanned",
        "AttemptsEnded",
        "AskOpened",
        "InquiryAwaited",
        "InquiryEnded",
    }
)
"""The kinds of events whose data is read. Of others only the time counts."""

# questions and attempts in doubt in a snapshot
_MAX_ASKS = 100
_MAX_DOUBTS = 100

# characters of texts in a snapshot
_MAX_ERROR = 300
_MAX_PROMPT = 4_000

# bytes of a JSON Schema in a snapshot; a larger one is left out: the run checks the answer itself
_MAX_SCHEMA = 20_000

# the keys of a secret's schema with values that must not be shown
_VALUE_KEYS = frozenset({"default", "const", "enum", "examples"})

# the fields of a change that are sent as a whole
_CHANGED_FIELDS = tuple(
    name for name in Delta.__struct_fields__ if name not in ("run", "at", "now", "tasks", "dropped")
)

# the fields of a state that are those of the run in the list of runs
_RUN_FIELDS = (
    "workflow", "name", "kind", "heard", "parent", "parent_task", "parent_item", "children",
    "notebook", "kernel", "backend", "store",
)  # fmt: skip

_Data = TypeVar("_Data")


class FoldedRun:
    """The state of a run after the events so far.

    Attributes:
        at: The number of the next event.
        now: The time of the last event, in seconds since the run's start.
        status: The run's status by its events; a process that dies writes none.
    """

    def __init__(self) -> None:
        self.at = 0
        self.now = 0.0
        self.status: RunStatus = "pending"
        self._started = 0.0
        self._reason = ""
        self._error = ""
        self._handled = 0

        self._tasks: dict[str, TaskState] = {}
        self._asks: dict[QuestionKey, Ask] = {}
        self._doubts: dict[tuple[str, int, int], DoubtRow] = {}
        # the executions that wait for an inquiry, by its id
        self._awaited: dict[int, list[tuple[str, int]]] = {}

        self._rows: dict[str, TaskRow] = {}
        self._changed: set[str] = set()

    @property
    def has_ended(self) -> bool:
        """Whether the run has ended."""
        return self.status in ENDED

    def fold(self, number: int, row: EventRow) -> None:
        """Take the row of the next event; a kind that is not known changes nothing.

        Args:
            number: The number of the event.
            row: The row, with its data even if that is stored as a blob.

        Raises:
            StoreError: The row cannot be read.
        """
        try:
            self._fold_run(row)
            self._fold_task(row)
            self.now = max(self.now, row.time)
        except Exception as error:  # noqa: BLE001 - the bytes of a damaged row may mean anything
            raise StoreError(f"an event of kind {row.kind} cannot be read: {error}") from None
        self.at = number + 1

    def snapshot(
        self,
        run: RunRow,
        children: Mapping[str, int] | None = None,
        *,
        has_output: bool = False,
    ) -> Snapshot:
        """Return the state of the run.

        Args:
            run: The run in the list of runs.
            children: For each task the number of child runs that it has begun.
            has_output: Whether there is a file with all output of the run.
        """
        status = self._status_with(run)
        is_over = status in ("interrupted", *ENDED)
        asks: list[Ask] = []
        doubts: list[DoubtRow] = []
        questions = 0
        reason = ""
        if not is_over:
            reason = self._reason
            asks = list(self._asks.values())
            doubts = list(self._doubts.values())
            questions = max(len(asks), run.questions)

        # the attempts in doubt of child runs are only in the list of runs
        needs_decision = bool(doubts) or run.attention == "doubt"
        commands: list[CommandKind] = []
        if run.steerable:
            commands = _find_commands(status, len(asks), len(doubts), is_part=bool(run.parent))

        if children is None:
            children = {}
        rows = self._make_rows(children)
        shown = _most_important(rows)
        return Snapshot(
            run=run.id,
            at=self.at,
            status=status,
            now=self.now,
            started=self._find_start(run),
            tasks=shown,
            hidden=len(rows) - len(shown),
            asks=asks[:_MAX_ASKS],
            doubts=doubts[:_MAX_DOUBTS],
            questions=questions,
            in_doubt=len(doubts),
            attention=find_attention(status, questions, int(needs_decision)),
            reason=reason,
            error=self._error,
            handled=self._handled,
            can=commands,
            output=has_output,
            **_sum_rows(rows),
            **{name: getattr(run, name) for name in _RUN_FIELDS},
        )

    def _find_start(self, run: RunRow) -> float:
        """Return when the run started, in seconds since the epoch."""
        if self._started or run.started is None:
            return self._started
        return run.started

    def _status_with(self, run: RunRow) -> RunStatus:
        """Return the status: that in the list of runs if no event has it."""
        if self.has_ended:
            return self.status
        if run.status in ("interrupted", *ENDED) or not self.at:
            return run.status
        return self.status

    def _make_rows(self, children: Mapping[str, int]) -> list[TaskRow]:
        """Return the rows of all tasks. A row that has not changed is the same object."""
        for task in self._changed:
            self._rows[task] = self._tasks[task].row(children.get(task, 0))
        self._changed.clear()

        for task, count in children.items():
            row = self._rows.get(task)
            if row is not None and row.children != count:
                self._rows[task] = msgspec.structs.replace(row, children=count)
        # in the order in which the tasks began
        return [self._rows[task] for task in self._tasks]

    def _fold_run(self, row: EventRow) -> None:
        """Take an event of the run as a whole."""
        match row.kind:
            case "RunStarted":
                self._started = _decode(row, StartData).started_at
                self.status = "running"
            case "RunEnded":
                event = _decode(row, RunEndData)
                self.status = event.status
                self._error = _text(event.error, _MAX_ERROR)
                self._asks = {}
            case _ if self.has_ended:
                pass
            case "RunResumed":
                self._resume(_decode(row, ResumeData))
            case "CancelRequested":
                self.status = "cancelling"
                self._reason = _text(_decode(row, RequestData).reason, _MAX_ERROR)
                self._doubts = {}
            case "PauseRequested" if self.status == "running":
                self.status = "paused"
                self._reason = _text(_decode(row, RequestData).reason, _MAX_ERROR)
            case "ResumeRequested":
                self._continue()
            case "RerunRequested":
                self._decide(row, [_decode(row, IndexData).index])

    def _resume(self, event: ResumeData) -> None:
        if event.started_at:
            self._started = event.started_at
        self._doubts = {}
        for task, visit, index, attempt in event.doubts:
            doubt = DoubtRow(task=task, visit=visit, index=index, attempt=attempt)
            self._doubts[task, visit, index] = doubt

        self._continue()
        if self._doubts and self.status == "running":
            self.status = "paused"

    def _continue(self) -> None:
        """End a pause."""
        if self.status == "paused":
            self.status = "running"
            self._reason = ""

    def _decide(self, row: EventRow, indexes: Iterable[int]) -> None:
        """Drop doubts that were decided; with the last one the run continues."""
        had_doubts = bool(self._doubts)
        task, visit = _key_of(row)
        for index in indexes:
            self._doubts.pop((task, visit, index), None)

        if had_doubts and not self._doubts:
            self._continue()

    def _fold_task(self, row: EventRow) -> None:
        """Take an event of a task."""
        match row.kind:
            case "AttemptsEnded":
                self._end_attempts(row)
            case "RetriesPlanned":
                count = _decode(row, CountData).count
                state, visit = self._find(row)
                visit.retried += count
                state.retried += count
            case "TaskStarted":
                start = _decode(row, TaskStartData)
                state, visit = self._find(row)
                visit.planned = start.total
                state.with_items = start.with_items
            case "TaskEnded":
                self._end_task(row)
            case "AskOpened":
                self._open_ask(row)
            case "InquiryAwaited":
                inquiry = _decode(row, InquiryData).inquiry
                state, visit = self._find(row)
                visit.wait(row.time)
                waiting = self._awaited.setdefault(inquiry, [])
                waiting.append(_key_of(row))
            case "InquiryEnded":
                self._end_inquiry(row)

    def _find(self, row: EventRow, start: float | None = None) -> tuple[TaskState, OpenVisit]:
        """Return the task and the execution of a row; a new execution begins now, or earlier."""
        task, number = _key_of(row)
        state = self._tasks.get(task)
        if state is None:
            state = TaskState(task, len(self._tasks))
            self._tasks[task] = state
        self._changed.add(task)

        if start is None:
            start = row.time
        return state, state.find(number, start)

    def _is_open(self, row: EventRow) -> bool:
        """Return whether the execution of a row is known, and has not ended."""
        task, number = _key_of(row)
        state = self._tasks.get(task)
        return state is not None and number in state.open

    def _end_task(self, row: EventRow) -> None:
        event = _decode(row, TaskEndData)
        state, visit = self._find(row)
        task, number = _key_of(row)
        state.end(number, visit, row.time, event.status)
        if event.error is not None:
            state.error = _text(event.error.message, _MAX_ERROR)

        if event.handled and event.status in FAILED:
            self._handled += 1
        self._asks.pop((task, number, 0), None)

    def _open_ask(self, row: EventRow) -> None:
        event = _decode(row, AskData)
        _, visit = self._find(row)
        task, number = _key_of(row)
        if not event.inquiry:
            visit.wait(row.time)

        schema = _read_schema(event.response_schema, row.data)
        self._asks[task, number, event.inquiry] = Ask(
            task=task,
            visit=number,
            inquiry=event.inquiry,
            prompt=_lines(event.prompt, _MAX_PROMPT),
            schema=schema,
            asked=row.time,
            form=_make_form(schema),
        )

    def _end_inquiry(self, row: EventRow) -> None:
        inquiry = _decode(row, InquiryData).inquiry
        self._asks.pop((*_key_of(row), inquiry), None)
        for task, visit in self._awaited.pop(inquiry, []):
            self._tasks[task].stop_waiting(visit)
            self._changed.add(task)

    def _end_attempts(self, row: EventRow) -> None:
        batch = _decode(row, AttemptsData).batch
        columns = row.columns
        if columns is None:
            columns = b""

        start = None
        if not self._is_open(row) and count_attempts(columns):
            start = min(column_of(columns, "start"))
        state, visit = self._find(row, start)

        if batch.total is not None:
            visit.exhausted_total = batch.total
        if batch.begun is not None:
            visit.begun = batch.begun
        if batch.groups:
            _add_groups(state, visit, batch)
        else:
            _add_attempts(state, visit, columns)

        message = _last_message(batch, columns)
        if message:
            state.error = message
        if self._doubts:
            self._decide(row, column_of(columns, "index"))


def _add_groups(state: TaskState, visit: OpenVisit, batch: BatchData) -> None:
    """Count attempts of which the columns hold only some."""
    for group in batch.groups:
        if group.begun:
            state.attempts += group.count
        else:
            state.unbegun += group.count
        if visit.retried and group.attempt != 1:
            visit.repeated += group.count

        if group.status == CANCELLED:
            state.cancelled += group.count
        elif group.status != SUCCEEDED:
            state.failed_attempts += group.count


def _add_attempts(state: TaskState, visit: OpenVisit, columns: bytes) -> None:
    """Count attempts that are all in the columns."""
    statuses = column_of(columns, "status")
    count = len(statuses)
    cancelled = statuses.count(CANCELLED)
    unbegun = 0
    if cancelled:
        unbegun = column_of(columns, "worker").count(NO_WORKER)
    if visit.retried:
        visit.repeated += count - column_of(columns, "attempt").count(1)

    state.attempts += count - unbegun
    state.unbegun += unbegun
    state.cancelled += cancelled
    state.failed_attempts += count - cancelled - statuses.count(SUCCEEDED)


def _last_message(batch: BatchData, columns: bytes) -> str:
    """Return the message of the last attempt that failed; an empty string if none did."""
    message = ""
    if batch.errors:
        statuses = column_of(columns, "status")
        failed = [(row, error) for row, error in batch.errors if statuses[row] != CANCELLED]
        if failed:
            _, error = max(failed, key=itemgetter(0))
            message = _text(msgspec.json.decode(error, type=ErrorData).message, _MAX_ERROR)

    for group in batch.groups:
        if group.status == CANCELLED:
            continue
        group_message = _text(msgspec.json.decode(group.message), _MAX_ERROR)
        if group_message:
            message = group_message
    return message


def difference(before: Snapshot, after: Snapshot) -> Delta | None:
    """Return the change from a state of a run to a later one; None if nothing has changed."""
    changes: dict[str, Any] = {}
    for name in _CHANGED_FIELDS:
        value = getattr(after, name)
        if value != getattr(before, name):
            changes[name] = value
    changes |= _changed_rows(before, after)

    if not changes and (before.at, before.now) == (after.at, after.now):
        return None
    return Delta(run=after.run, at=after.at, now=after.now, **changes)


def catch_up(before: Snapshot, after: Snapshot) -> Delta:
    """Return the change for a client that has any of the states with the number of one.

    States with the same number have the same tasks, but for example another sign of life.

    Args:
        before: The first state with the number that the client has.
        after: The latest state.
    """
    changes = {name: getattr(after, name) for name in _CHANGED_FIELDS}
    changes |= _changed_rows(before, after)
    return Delta(run=after.run, at=after.at, now=after.now, **changes)


def _changed_rows(before: Snapshot, after: Snapshot) -> dict[str, Any]:
    """Return the fields of a change that have rows of tasks, as far as there are any."""
    rows, dropped = changed_rows(before.tasks, after.tasks, attrgetter("task"))
    changes: dict[str, Any] = {}
    if rows:
        changes["tasks"] = rows
    if dropped:
        changes["dropped"] = dropped
    return changes


def _sum_rows(rows: list[TaskRow]) -> dict[str, Any]:
    """Return the counts of a run: its attempts, and the items of tasks with items."""
    total: int | None = 0
    ended = 0
    failed = 0
    attempts = 0
    for row in rows:
        attempts += row.attempts
        if row.with_items:
            total = add_totals(total, row.total)
            ended += row.done
            failed += row.failed

    return {"total": total, "done": ended, "failed": failed, "attempts": attempts}


def _most_important(rows: list[TaskRow]) -> list[TaskRow]:
    """Return the rows to show, in their order: those that failed, are open, and are the newest."""
    if len(rows) <= MAX_TASKS:
        return rows
    shown = sorted(rows, key=_importance, reverse=True)[:MAX_TASKS]
    shown.sort(key=attrgetter("number"))
    return shown


def _importance(row: TaskRow) -> tuple[bool, bool, float]:
    has_failed = row.failed > 0 or row.failed_visits > 0
    return has_failed, row.open > 0, row.started


def _find_commands(
    status: RunStatus, asks: int, in_doubt: int, *, is_part: bool
) -> list[CommandKind]:
    """Return the commands that a run in a state takes; a child run is paused with its parent."""
    commands: list[CommandKind] = []
    if status in ("interrupted", *ENDED):
        return commands
    if status == "cancelling":
        # again by force
        return ["cancel"]

    if status == "running" and not is_part:
        commands.append("pause")
    if status == "paused" and not is_part:
        commands.append("resume")
    commands.append("cancel")
    if asks:
        commands.append("answer")
    if in_doubt:
        commands += ["rerun", "accept"]
    return commands


def _key_of(row: EventRow) -> Key:
    """Return the execution that an event is about; of an event of the run an empty one."""
    if row.task is None or row.visit is None:
        return "", 0
    return row.task, row.visit


def _decode(row: EventRow, kind: type[_Data]) -> _Data:
    return msgspec.json.decode(row.data, type=kind)


def _text(value: Any, most: int) -> str:
    """Return a text of a row on one line, cut to some characters."""
    return shortened(_string(value), most)


def _lines(value: Any, most: int) -> str:
    """Return a text of a row with its lines, cut to some characters."""
    text = printable(_string(value)).strip()
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _string(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        # an object in place of a text that UTF-8 cannot hold
        value = str(from_plain(value)).encode("utf-8", "replace").decode()
    return str(value)


def _read_schema(schema: Any, data: bytes) -> Any:
    """Return the JSON Schema of an answer, without values of secrets.

    It is None if it is too large, or if JSON cannot hold it: the run checks the answer in any case.
    """
    if schema is None:
        return None
    if has_tag(data):
        schema = thaw(from_plain(schema))

    try:
        encoded = msgspec.json.encode(_without_secrets(schema), enc_hook=str)
    except (UnicodeError, msgspec.MsgspecError):
        return None
    return None if len(encoded) > _MAX_SCHEMA else msgspec.json.decode(encoded)


def _without_secrets(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_without_secrets(part) for part in schema]
    if not isinstance(schema, dict):
        return schema

    is_secret = is_secret_schema(schema)
    parts = {}
    for name, part in schema.items():
        if not is_secret or name not in _VALUE_KEYS:
            parts[name] = _without_secrets(part)
    return parts


def _make_form(schema: Any) -> QuestionForm:
    """Return the form for an answer; a schema that is no object takes every answer."""
    if not isinstance(schema, dict):
        schema = None
    return form_of_question(schema)

"""The attempts of a run as packed columns, for the timeline of its page.

A chunk is the contribution of a span of a run's events to the timeline. It depends on these events
alone, so it never changes, and a client that asks for the events after those that it has gets all
of them once. It is read by SQL and packed by numpy; results are not decoded.

The body of a chunk is

- the number of bytes of the head, as 4 bytes, the lowest first;
- the head, a `ChunkHead` as JSON;
- the columns that the head names, one after another, each in planes of bytes: the lowest byte of
  all its numbers first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np

from attune_nb.events import FAILED, NO_WORKER, STATUS_CODES, TIMED_OUT
from attune_nb.explore.attempts import RETRIED, STATUSES
from attune_nb.explore.columns import ColumnType, pack_planes
from attune_nb.html import printable
from attune_nb.server.drawing.run_row import read_run_row
from attune_nb.store.blobs import load_data, load_texts
from attune_nb.store.database import connected
from attune_nb.store.json_values import from_plain
from attune_nb.store.reading import reading_record

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["Chunk", "ChunkHead", "ChunkRange", "find_range", "read_chunk", "unpack_columns"]

FORMAT = 1
"""The version of the body of a chunk."""

# bytes of an attempt in the columns of a batch, as the store has them: type and bytes of each
_STORED = (
    ("index", "<u4"),
    ("attempt", "<u1"),
    ("worker", "<u2"),
    ("start", "<f8"),
    ("duration", "<f8"),
    ("status", "<u1"),
)
_ROW_BYTES = sum(np.dtype(kind).itemsize for _, kind in _STORED)

# events of one chunk: of a loop with very many visits
_MOST_EVENTS = 20_000

# seconds: times are multiples of it, unless the chunk is too long for numbers of 4 bytes
_LEAST_TICK = 1e-6
_MOST_TICKS = 2**32 - 1

# different errors of a chunk; further ones have no message
_MOST_ERRORS = 1_000
_MAX_MESSAGE = 300
_MAX_TYPE = 200

# decimal places of a time in seconds: a microsecond
_PLACES = 6

# the key of tasks whose attempts are groups, in the text of a workflow
_GROUPS_KEY = "keep_results"

_FAILED_CODES = (FAILED, TIMED_OUT)

_SELECT_LENGTHS = """SELECT number, coalesce(length(columns), 0) FROM events
WHERE run = ? AND number > ? ORDER BY number LIMIT ?"""

# The data of a batch is read only if it may have errors or groups: it holds the results.
_SELECT_EVENTS = """SELECT number, kind, time, task, visit, columns,
    CASE WHEN kind != 'AttemptsEnded' THEN data END
FROM events WHERE run = ? AND number > ? AND number <= ? AND kind IN
('TaskStarted', 'TaskEnded', 'RetriesPlanned', 'AskOpened', 'InquiryAwaited', 'AttemptsEnded')
ORDER BY number"""
_SELECT_TEXTS = "SELECT text, source_text FROM runs WHERE number = ?"
_SELECT_DATA = "SELECT data FROM events WHERE run = ? AND number = ?"


class ChunkRange(NamedTuple):
    """The events of a chunk.

    Attributes:
        run_id: The id of the run.
        run: The number of the run in its store.
        after: The number of the event before the first one; -1 if there is none.
        last: The number of the last event.
        more: Whether there are further events, for which another chunk is needed.
    """

    run_id: str
    run: int
    after: int
    last: int
    more: bool


class Chunk(msgspec.Struct, frozen=True):
    """The contribution of a span of events to the timeline.

    Attributes:
        count: The number of its attempts.
        body: Its bytes, see the module.
    """

    count: int
    body: bytes


class _Column(msgspec.Struct, frozen=True):
    """A column of a chunk.

    Attributes:
        name: The name.
        type: The type of its numbers: unsigned, of 1, 2 or 4 bytes.
        differences: Whether each number is stored as its difference from the one before it, modulo
            2**32.
    """

    name: str
    type: ColumnType
    differences: bool


class _Error(msgspec.Struct, frozen=True):
    """The type and the message of an error."""

    type: str
    message: str


class _ExecutionPart(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The changes of an execution of a task in the events of a chunk.

    Attributes:
        task: The task's number in `ChunkHead.tasks`.
        visit: The number of the execution.
        seen: The time of its first event in the chunk, in seconds since the start of the run.
        started: When it started, if that was among these events.
        total: The number of its items; null while it is unknown.
        with_items: Whether it is over items.
        status: Its last status; null if no event changed it.
        ended: When it ended.
        error: The message of its error.
        attempts: The attempts that ended.
        failed: Those that failed, less the items that are attempted again.
    """

    task: int
    visit: int
    seen: float
    started: float | None = None
    total: int | None = None
    with_items: bool = False
    status: str | None = None
    ended: float | None = None
    error: str = ""
    attempts: int = 0
    failed: int = 0


class ChunkHead(msgspec.Struct, kw_only=True):
    """The head of a chunk.

    Attributes:
        format: The version of the format.
        after: The number of the event before the first one of the chunk.
        last: The number of its last event: `after` of the next chunk.
        more: Whether there are further events by now.
        count: The number of attempts.
        base: Seconds since the start of the run: to be added to all starts.
        tick: Seconds: the unit of the columns `start` and `duration`.
        statuses: The names of the codes of statuses.
        tasks: The paths of the tasks that the chunk is about.
        executions: The executions that it is about.
        runs: How many attempts follow each other of which execution: pairs of numbers.
        columns: `start`, `duration`, `index`, `attempt`, `worker`, `status`, and `error`: a number
            of `errors`, from 1, or 0.
        errors: The different errors of its attempts.
        spans: Sums of attempts of tasks that keep no results: arrays of the number of the
            execution, start, end, code of the status, how many ran at once on average, and count.
        fired: The transitions that fired: arrays of the number of the task, that of the transition
            in the task, and how often.
    """

    format: int = FORMAT
    after: int
    last: int
    more: bool
    count: int
    base: float
    tick: float
    statuses: tuple[str, ...] = STATUSES
    tasks: list[str]
    executions: list[_ExecutionPart]
    runs: list[tuple[int, int]]
    columns: list[_Column]
    errors: list[_Error]
    spans: list[tuple[int, float, float, int, float, int]]
    fired: list[tuple[int, int, int]]


class _StoredError(msgspec.Struct):
    """The parts of a stored error that a timeline shows."""

    type: Any
    message: Any


class _StartedData(msgspec.Struct):
    total: int | None
    with_items: bool


class _EndedData(msgspec.Struct):
    status: str
    error: _StoredError | None = None
    fired: tuple[int, ...] = ()


class _RetriesData(msgspec.Struct):
    count: int


class _AskData(msgspec.Struct):
    inquiry: int = 0


class _BatchPart(msgspec.Struct):
    """The data of a batch without its items and results, which are skipped."""

    errors: list[tuple[int, _StoredError]] = []
    groups: list[tuple[int, int, int, str, float, float, float, bool, bool, Any]] = []


class _AttemptsData(msgspec.Struct):
    batch: _BatchPart


_started_data = msgspec.json.Decoder(_StartedData)
_ended_data = msgspec.json.Decoder(_EndedData)
_retries_data = msgspec.json.Decoder(_RetriesData)
_ask_data = msgspec.json.Decoder(_AskData)
_attempts_data = msgspec.json.Decoder(_AttemptsData)


def find_range(path: Path, run_id: str, after: int, most: int) -> ChunkRange:
    """Return the events of the chunk that begins after an event.

    Args:
        path: The store.
        run_id: The whole id of the run.
        after: The number of the event before the first one; -1 for a chunk from the beginning.
        most: The number of attempts from which on no more events are added.

    Raises:
        StoreError: There is no such run, or the store cannot be read.
    """
    with connected(path) as connection:
        (run,) = read_run_row(connection, run_id)
        rows = connection.execute(_SELECT_LENGTHS, (run, after, _MOST_EVENTS + 1)).fetchall()

    count = 0
    last = after
    for place, (number, length) in enumerate(rows):
        if count >= most or place == _MOST_EVENTS:
            return ChunkRange(run_id, run, after, last, more=True)
        count += length // _ROW_BYTES
        last = number
    return ChunkRange(run_id, run, after, last, more=False)


def read_chunk(path: Path, span: ChunkRange) -> Chunk:
    """Return the chunk of some events.

    Args:
        path: The store.
        span: The events.

    Raises:
        StoreError: They cannot be read.
    """
    parts = _ChunkParts()
    with connected(path) as connection, reading_record(span.run_id):
        rows = connection.execute(_SELECT_EVENTS, (span.run, span.after, span.last)).fetchall()

        text, _ = load_texts(connection, *connection.execute(_SELECT_TEXTS, (span.run,)).fetchone())
        has_groups = _GROUPS_KEY in text

        for number, kind, time, task, visit, columns, data in rows:
            if kind == "AttemptsEnded":
                batch = _BatchPart()
                if has_groups or _has_failures(columns):
                    batch = _read_batch(connection, span.run, number)
                parts.add_attempts(task, visit, time, columns, batch)
            else:
                parts.add_fact(kind, time, task, visit, load_data(connection, data))

        return parts.finish(span)


def _has_failures(columns: bytes) -> bool:
    """Return whether an attempt of a batch did not succeed: its statuses are the last bytes."""
    count = len(columns) // _ROW_BYTES
    return any(columns[len(columns) - count :])


def _read_batch(connection: sqlite3.Connection, run: int, number: int) -> _BatchPart:
    """Return the errors and the groups of a batch; its items and results are skipped."""
    (data,) = connection.execute(_SELECT_DATA, (run, number)).fetchone()
    return _attempts_data.decode(load_data(connection, data)).batch


class _ChunkParts:
    """The parts of a chunk, to which events are added one after another."""

    def __init__(self) -> None:
        self._tasks: dict[str, int] = {}
        self._executions: dict[tuple[str, int], int] = {}
        self._parts: list[_ExecutionPart] = []
        self._runs: list[tuple[int, int]] = []

        self._columns: dict[str, list[NDArray[Any]]] = {name: [] for name, _ in _STORED}
        self._count = 0

        self._errors = _Errors()
        # the numbers of the errors, by the row of the attempt
        self._error_numbers: dict[int, int] = {}

        self._spans: list[tuple[int, float, float, int, float, int]] = []
        self._fired: dict[tuple[int, int], int] = {}

    def add_fact(self, kind: str, time: float, task: str, visit: int, data: bytes) -> None:
        """Add an event that is no batch of attempts."""
        part = self._parts[self._find(task, visit, time)]

        if kind == "TaskStarted":
            started = _started_data.decode(data)

            part.started = _round(time)
            part.total = started.total
            part.with_items = started.with_items
            part.status = "running"
        elif kind == "TaskEnded":
            ended = _ended_data.decode(data)

            part.ended = _round(time)
            part.status = ended.status
            if ended.error is not None:
                part.error = _cut(ended.error.message, _MAX_MESSAGE)

            for number in ended.fired:
                key = (part.task, number)
                self._fired[key] = self._fired.get(key, 0) + 1
        elif kind == "RetriesPlanned":
            part.failed -= _retries_data.decode(data).count
        elif kind == "InquiryAwaited" or not _ask_data.decode(data).inquiry:
            # a task whose action asks goes on
            part.status = "waiting"

    def add_attempts(
        self, task: str, visit: int, time: float, columns: bytes, batch: _BatchPart
    ) -> None:
        """Add a batch of attempts."""
        arrays = unpack_columns(columns)
        count = len(arrays["index"])
        begun = arrays["worker"] != NO_WORKER

        first = time
        if begun.any():
            first = float(arrays["start"][begun].min())
        execution = self._find(task, visit, min(first, time))

        rows = np.flatnonzero(begun)
        places = {}
        if batch.errors:
            numbers = np.full(count, -1)
            numbers[rows] = np.arange(len(rows)) + self._count
            places = {row: int(numbers[row]) for row, _ in batch.errors}
        for row, error in batch.errors:
            if places[row] >= 0:
                self._error_numbers[places[row]] = self._errors.number_of(error)

        for name, column in arrays.items():
            self._columns[name].append(column[rows])
        self._count += len(rows)
        if self._runs and self._runs[-1][0] == execution:
            self._runs[-1] = (execution, self._runs[-1][1] + len(rows))
        else:
            self._runs.append((execution, len(rows)))
        self._count_ends(execution, arrays["status"][rows], batch)

    def _count_ends(self, execution: int, status: NDArray[Any], batch: _BatchPart) -> None:
        """Count the attempts of a batch; of groups, add their sums."""
        part = self._parts[execution]
        if not batch.groups:
            part.attempts += len(status)
            part.failed += int(np.isin(status, _FAILED_CODES).sum())
            return

        for _, code, count, _, start, end, seconds, is_retryable, has_begun, _ in batch.groups:
            if not has_begun:
                continue
            is_failed = code in _FAILED_CODES
            part.attempts += count
            part.failed += count * is_failed
            if end > start:
                shown = RETRIED if is_failed and is_retryable else code
                running = _round(seconds / (end - start))
                span = (execution, _round(start), _round(end), shown, running, count)
                self._spans.append(span)

    def _find(self, task: str, visit: int, time: float) -> int:
        """Return the number of an execution; of a new one if no event was about it."""
        key = (task, visit)
        if key in self._executions:
            return self._executions[key]

        number = len(self._parts)
        self._executions[key] = number
        task_number = self._tasks.setdefault(task, len(self._tasks))
        self._parts.append(_ExecutionPart(task=task_number, visit=visit, seen=_round(time)))
        return number

    def finish(self, span: ChunkRange) -> Chunk:
        """Return the chunk."""
        columns = {}
        for name, kind in _STORED:
            columns[name] = np.concatenate([np.array([], kind), *self._columns[name]])
        base, tick = _choose_tick(columns["start"], columns["duration"])
        starts = np.rint((columns["start"] - base) / tick)
        ends = np.rint((columns["start"] - base + columns["duration"]) / tick)
        errors = np.zeros(self._count, np.int64)
        for row, number in self._error_numbers.items():
            errors[row] = number

        named, packed = _pack(
            {
                "start": starts,
                "duration": ends - starts,
                "index": columns["index"],
                "attempt": columns["attempt"],
                "worker": columns["worker"],
                "status": columns["status"],
                "error": errors,
            }
        )
        head = ChunkHead(
            after=span.after,
            last=span.last,
            more=span.more,
            count=self._count,
            base=base,
            tick=tick,
            tasks=list(self._tasks),
            executions=self._parts,
            runs=self._runs,
            columns=named,
            errors=self._errors.rows,
            spans=self._spans,
            fired=[(task, number, count) for (task, number), count in self._fired.items()],
        )
        encoded = msgspec.json.encode(head)
        return Chunk(self._count, b"".join([len(encoded).to_bytes(4, "little"), encoded, *packed]))


class _Errors:
    """The different errors of a chunk, by type and message.

    Attributes:
        rows: The errors.
    """

    def __init__(self) -> None:
        self.rows: list[_Error] = []
        self._numbers: dict[_Error, int] = {}

    def number_of(self, error: _StoredError) -> int:
        """Return the number of an error, from 1."""
        message = _cut(error.message, _MAX_MESSAGE)
        row = _Error(_cut(error.type, _MAX_TYPE), message)
        if row not in self._numbers and len(self.rows) >= _MOST_ERRORS:
            row = _Error(row.type, "")

        if row not in self._numbers:
            self.rows.append(row)
            self._numbers[row] = len(self.rows)
        return self._numbers[row]


def _cut(text: Any, most: int) -> str:
    """Return a stored text without secrets and control characters, at most so long.

    Raises:
        TypeError: It is no text.
    """
    text = from_plain(text)
    if not isinstance(text, str):
        raise TypeError("the text of an error is no string")
    if len(text) > most:
        text = f"{text[: most - 1]}…"
    return printable(text)


def _round(seconds: float) -> float:
    return round(seconds, _PLACES)


def unpack_columns(columns: bytes) -> dict[str, NDArray[Any]]:
    """Return the columns of a batch from those of its row.

    Raises:
        ValueError: The bytes are no columns, or have a status that does not exist.
    """
    count, surplus = divmod(len(columns), _ROW_BYTES)
    if surplus:
        raise ValueError(f"{len(columns)} bytes of a batch of attempts")

    arrays = {}
    offset = 0
    for name, kind in _STORED:
        arrays[name] = np.frombuffer(columns, kind, count, offset)
        offset += arrays[name].nbytes
    if count and arrays["status"].max() >= len(STATUS_CODES):
        raise ValueError("a batch has a status that does not exist")
    return arrays


def _choose_tick(start: NDArray[Any], duration: NDArray[Any]) -> tuple[float, float]:
    """Return the earliest start, and a unit of times by which all fit in 4 bytes.

    Raises:
        ValueError: A time is no number.
    """
    if not len(start):
        return 0.0, _LEAST_TICK

    base = float(start.min())
    length = float((start + duration).max()) - base
    if not np.isfinite(length):
        raise ValueError("a time of a batch is out of range")

    tick = _LEAST_TICK
    while length / tick > _MOST_TICKS:
        tick *= 10
    return base, tick


def _pack(
    columns: Mapping[str, NDArray[Any]], with_differences: Sequence[str] = ("start", "index")
) -> tuple[list[_Column], list[bytes]]:
    """Return the names and types of columns, and their bytes."""
    named = []
    packed = []

    for name, values in columns.items():
        differences = name in with_differences
        kind, planes = pack_planes(values, differences=differences)
        named.append(_Column(name, kind, differences))
        packed.append(planes)

    return named, packed

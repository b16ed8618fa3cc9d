"""The items of a task as rows with previews: those that failed first, a page at a time.

The statuses come from the packed columns of all attempts. Items, results and errors are decoded for
the rows of the page alone.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import msgspec
import numpy as np

from attune_nb.errors import StoreError
from attune_nb.events import FAILED, NO_WORKER, STATUS_CODES, TIMED_OUT
from attune_nb.explore.previews import preview_text
from attune_nb.html import printable
from attune_nb.server.drawing.attempt_chunks import unpack_columns
from attune_nb.server.drawing.run_row import read_run_row
from attune_nb.store.blobs import load_data
from attune_nb.store.database import connected
from attune_nb.store.json_values import from_plain
from attune_nb.store.reading import reading_record

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["ItemList", "ItemRow", "ItemRows", "ItemsQuery"]

# characters of an item, a result, and the message of an error
_MAX_PREVIEW = 2_000
_MAX_MESSAGE = 2_000
_MAX_TRACEBACK = 6_000
_MAX_TYPE = 200

# events before the start of a task, and bytes of them, that are replayed to find its items
_MOST_REPLAYED = 5_000
_MOST_REPLAYED_BYTES = 50_000_000

# bits of the index of an item, in a number that also holds the execution
_INDEX_BITS = 40

# sources of items that are used again
_MOST_SOURCES = 8

# the order of the statuses in a page
_ORDER = ("failed", "timed_out", "retrying", "cancelled", "succeeded")

_UNREADABLE = "<on record, but it cannot be read>"

_SELECT_VISITS = """SELECT coalesce(max(visit), 0) FROM events WHERE run = ? AND task = ?
AND kind IN ('TaskStarted', 'AttemptsEnded', 'TaskEnded')"""
_SELECT_EVENTS = """SELECT number, kind, visit, columns,
    CASE WHEN kind != 'AttemptsEnded' THEN data END
FROM events WHERE run = ? AND task = ? AND (? = 0 OR visit = ?)
AND kind IN ('TaskStarted', 'RetriesPlanned', 'AttemptsEnded', 'TaskEnded') ORDER BY number"""
_SELECT_DATA = "SELECT data FROM events WHERE run = ? AND number = ?"
_SELECT_SIZE = """SELECT count(*), coalesce(sum(length(data)), 0) FROM events
WHERE run = ? AND number <= ?"""
_SELECT_CHILDREN = """SELECT parent_visit, parent_item, run_id FROM runs WHERE parent = ?
AND parent_task = ? AND parent_item IN (SELECT value FROM json_each(?)) ORDER BY parent_attempt"""


class ItemsQuery(msgspec.Struct, frozen=True):
    """The parameters of the address of a page of items.

    Attributes:
        task: The path of the task.
        visit: Only items of this execution of the task; 0 for all of them.
        status: Only items of this status; empty for all.
        index: Only the item of this index; -1 for all.
        offset: The number of rows before the page.
        limit: The most rows of the page.
    """

    task: str
    visit: Annotated[int, msgspec.Meta(ge=0, le=2**53)] = 0
    status: str = ""
    index: Annotated[int, msgspec.Meta(ge=-1, le=2**53)] = -1
    offset: Annotated[int, msgspec.Meta(ge=0, le=2**53)] = 0
    limit: Annotated[int, msgspec.Meta(ge=0, le=500)] = 100


class ItemRow(msgspec.Struct, kw_only=True):
    """The last attempt of an item. Texts are cut to 2,000 characters, and have no secrets.

    Attributes:
        visit: The number of the execution of the task.
        index: The index of the item.
        status: The status of the attempt; `retrying` if another one will follow.
        attempts: The number of the attempt.
        start: When it started, in seconds since the start of the run.
        duration: How long it took, in seconds.
        worker: The number of its worker; null if it never began.
        item: The item; null if it is null or unknown.
        result: The result, or the data of the error; null if it is null.
        error_type: The type of the error; empty without one.
        error: The message of the error.
        traceback: Where the error was raised.
        child: The id of the run that the attempt made, if its task runs a workflow; else empty.
    """

    visit: int
    index: int
    status: str
    attempts: int
    start: float
    duration: float
    worker: int | None = None
    item: str | None = None
    result: str | None = None
    error_type: str = ""
    error: str = ""
    traceback: str = ""
    child: str = ""


class ItemList(msgspec.Struct, kw_only=True):
    """A page of the items of a task, of which an attempt has ended.

    Attributes:
        task: The path of the task.
        visits: The number of executions of the task.
        with_items: Whether the task is over items.
        counts: How many items have which status.
        matching: How many items the query selects.
        rows: The rows of the page: failures first, and in the order of the items.
    """

    task: str
    visits: int
    with_items: bool
    counts: dict[str, int]
    matching: int
    rows: list[ItemRow]


class _StartedData(msgspec.Struct):
    with_items: bool


class _RetriesData(msgspec.Struct):
    count: int


class _BatchValues(msgspec.Struct):
    """The values of a batch; the single ones are decoded on request."""

    results: list[msgspec.Raw] | None = None
    items: list[msgspec.Raw] | None = None
    errors: list[tuple[int, dict[str, Any]]] = []


class _AttemptsData(msgspec.Struct):
    batch: _BatchValues


_started_data = msgspec.json.Decoder(_StartedData)
_retries_data = msgspec.json.Decoder(_RetriesData)
_attempts_data = msgspec.json.Decoder(_AttemptsData)


class _Attempts(NamedTuple):
    """The attempts of a task, in the order in which they ended.

    Attributes:
        run: The number of the run.
        run_id: Its id.
        task: The path of the task.
        has_events: Whether any event is about the task.
        with_items: Whether the task is over items.
        started: The number of the event with which an execution started, by its visit.
        columns: The columns of the attempts; `visit` is the number of the execution.
        event: The number of the event of each attempt.
        place: The row of each attempt in its event.
        planned: How many of the failed attempts of an event will be made again, by its number.
            Those of executions that have ended are left out.
    """

    run: int
    run_id: str
    task: str
    has_events: bool
    with_items: bool
    started: Mapping[int, int]
    columns: Mapping[str, NDArray[Any]]
    event: NDArray[Any]
    place: NDArray[Any]
    planned: Mapping[int, int]


class ItemRows:
    """Reads items of runs, and keeps the sources of items. Threads may share it."""

    def __init__(self) -> None:
        self._sources: OrderedDict[tuple[Any, ...], Any] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, path: Path, run_id: str, query: ItemsQuery) -> ItemList:
        """Return a page of the items of a task.

        Args:
            path: The store.
            run_id: The whole id of the run.
            query: The task and the page.

        Raises:
            StoreError: There is no such run, or the store cannot be read.
            LookupError: No event of the run is about such a task.
        """
        with connected(path) as connection, reading_record(run_id):
            visits, attempts = _read_attempts(connection, run_id, query)
            items = _LastAttempts(attempts)
            selected = items.select(query.status, query.index)
            shown = selected[query.offset : query.offset + query.limit]
            rows = [items.row(place) for place in shown.tolist()]
            _add_values(connection, attempts, items, shown, rows)
            _add_children(connection, attempts, rows)

        if not attempts.has_events:
            visit = f" {query.visit}" if query.visit else ""
            raise LookupError(f"the run has no execution{visit} of a task `{query.task}`")
        if attempts.with_items:
            self._add_items(path, attempts, rows)
        return ItemList(
            task=attempts.task,
            visits=visits,
            with_items=attempts.with_items,
            counts=items.counts(),
            matching=len(selected),
            rows=rows,
        )

    def _add_items(self, path: Path, attempts: _Attempts, rows: Sequence[ItemRow]) -> None:
        """Add the items that are not on record, but follow from the expression of the task."""
        visits = sorted({row.visit for row in rows if row.item is None})

        # each of them is a replay
        for visit in visits[:_MOST_SOURCES]:
            source = self._find_source(path, attempts, visit)
            if source is None or not hasattr(source, "__getitem__"):
                continue

            for row in rows:
                if row.visit == visit and row.item is None:
                    row.item = _preview_at(source, row.index)

    def _find_source(self, path: Path, attempts: _Attempts, visit: int) -> Any:
        """Return the source of the items of an execution; None if it would take long to find."""
        if visit not in attempts.started:
            return None
        key = (path, attempts.run_id, attempts.task, visit)
        with self._lock:
            if key in self._sources:
                self._sources.move_to_end(key)
                return self._sources[key]

            source = _read_source(path, attempts, visit)
            self._sources[key] = source
            while len(self._sources) > _MOST_SOURCES:
                self._sources.popitem(last=False)
            return source


def _preview_at(source: Any, index: int) -> str | None:
    try:
        return preview_text(source[index], _MAX_PREVIEW)
    except Exception:  # noqa: BLE001 - an item is code of a user that may raise
        return _UNREADABLE


def _read_source(path: Path, attempts: _Attempts, visit: int) -> Any:
    started = attempts.started[visit]
    with connected(path) as connection:
        arguments = (attempts.run, started)
        count, size = connection.execute(_SELECT_SIZE, arguments).fetchone()
    if count > _MOST_REPLAYED or size > _MOST_REPLAYED_BYTES:
        return None

    # slow to import; only the items that no record holds need it
    from attune_nb.running.item_source import read_item_source  # noqa: PLC0415

    try:
        return read_item_source(path, attempts.run_id, attempts.task, visit, started)
    except StoreError:
        # the rows are shown without their items
        return None


def _read_attempts(
    connection: sqlite3.Connection, run_id: str, query: ItemsQuery
) -> tuple[int, _Attempts]:
    """Return how many executions a task has, and the attempts that the query is about."""
    (run,) = read_run_row(connection, run_id)
    (visits,) = connection.execute(_SELECT_VISITS, (run, query.task)).fetchone()
    arguments = (run, query.task, query.visit, query.visit)
    rows = connection.execute(_SELECT_EVENTS, arguments).fetchall()

    with_items = False
    started: dict[int, int] = {}
    # of each execution that has not ended, by the number of the event
    planned: dict[int, dict[int, int]] = {}
    latest: dict[int, int] = {}
    numbers = []
    batches = []
    for number, kind, visit, columns, data in rows:
        if kind == "AttemptsEnded":
            latest[visit] = number
            numbers.append(number)
            batch = unpack_columns(columns)
            batches.append({**batch, "visit": np.full(len(batch["index"]), visit)})
        elif kind == "RetriesPlanned":
            # it follows the event with the attempts
            count = _retries_data.decode(load_data(connection, data)).count
            planned.setdefault(visit, {})[latest[visit]] = count
        elif kind == "TaskStarted":
            started[visit] = number
            with_items |= _started_data.decode(load_data(connection, data)).with_items
        else:
            planned.pop(visit, None)

    lengths = [len(batch["index"]) for batch in batches]
    places = [np.arange(length) for length in lengths]
    planned_of_events: dict[int, int] = {}
    for counts in planned.values():
        planned_of_events |= counts

    all_columns = {}
    for name in ("visit", "index", "attempt", "worker", "start", "duration", "status"):
        parts = [np.array([], np.int64), *(batch[name] for batch in batches)]
        all_columns[name] = np.concatenate(parts)

    attempts = _Attempts(
        run=run,
        run_id=run_id,
        task=query.task,
        has_events=bool(rows),
        with_items=with_items,
        started=started,
        columns=all_columns,
        event=np.repeat(np.array(numbers, np.int64), lengths),
        place=np.concatenate([np.array([], np.int64), *places]),
        planned=planned_of_events,
    )
    return visits, attempts


class _LastAttempts:
    """The last attempt of each item of a task.

    Attributes:
        rows: Their rows in the columns of the task, in the order of executions and items.
        first_rows: Those of the first attempts of the same items.
        status: Their statuses, as numbers of `_ORDER`.
    """

    def __init__(self, attempts: _Attempts) -> None:
        self._attempts = attempts
        columns = attempts.columns

        item = (columns["visit"].astype(np.int64) << _INDEX_BITS) | columns["index"]
        _, self.first_rows = np.unique(item, return_index=True)
        _, rows = np.unique(item[::-1], return_index=True)
        self.rows = len(item) - 1 - rows

        # by the code of a status
        order = np.array([_ORDER.index(name) for name in STATUS_CODES[:-1]])
        self.status = order[columns["status"][self.rows].astype(np.int64)]
        self._find_retrying()

    def _find_retrying(self) -> None:
        """Mark the items whose last attempt failed, and will be made again."""
        if not self._attempts.planned:
            return

        columns = self._attempts.columns
        is_failed = np.isin(columns["status"][self.rows], (FAILED, TIMED_OUT))
        events = self._attempts.event[self.rows]

        for number, count in self._attempts.planned.items():
            places = np.flatnonzero(is_failed & (events == number))
            attempts = columns["attempt"][self.rows[places]]
            # items with fewer attempts are made again, if not all are
            earliest = places[np.argsort(attempts, kind="stable")]
            self.status[earliest[:count]] = _ORDER.index("retrying")

    def counts(self) -> dict[str, int]:
        """Return how many items have which status."""
        counts = Counter(self.status.tolist())
        return {name: counts[code] for code, name in enumerate(_ORDER) if counts[code]}

    def select(self, status: str, index: int) -> NDArray[np.intp]:
        """Return the places of items: failures first, and in the order of the items."""
        is_selected = np.ones(len(self.rows), bool)

        if status:
            codes = [code for code, name in enumerate(_ORDER) if name == status]
            is_selected &= np.isin(self.status, codes)
        if index >= 0:
            is_selected &= self._attempts.columns["index"][self.rows] == index

        places = np.flatnonzero(is_selected)
        return places[np.argsort(self.status[places], kind="stable")]

    def row(self, place: int) -> ItemRow:
        """Return the row of an item, without values."""
        columns = self._attempts.columns
        row = self.rows[place]
        worker: int | None = int(columns["worker"][row])
        if worker == NO_WORKER:
            worker = None

        return ItemRow(
            visit=int(columns["visit"][row]),
            index=int(columns["index"][row]),
            status=_ORDER[self.status[place]],
            attempts=int(columns["attempt"][row]),
            start=float(columns["start"][row]),
            duration=float(columns["duration"][row]),
            worker=worker,
        )


def _add_values(
    connection: sqlite3.Connection,
    attempts: _Attempts,
    items: _LastAttempts,
    shown: NDArray[np.intp],
    rows: Sequence[ItemRow],
) -> None:
    """Add items, results and errors, as far as the batches of the rows hold them."""
    last_rows = items.rows[shown]
    first_rows = items.first_rows[shown]
    needed = np.concatenate([last_rows, first_rows])
    batches = {}
    for number in np.unique(attempts.event[needed]).tolist():
        batches[number] = _read_values(connection, attempts.run, number)

    for row, last, first in zip(rows, last_rows.tolist(), first_rows.tolist(), strict=True):
        batch = batches[int(attempts.event[last])]
        place = int(attempts.place[last])
        if batch.results is not None:
            row.result = _decode(batch.results[place])

        error = dict(batch.errors).get(place)
        if error is not None:
            row.error_type = _text(error["type"], _MAX_TYPE)
            row.error = _text(error["message"], _MAX_MESSAGE)
            row.traceback = _end_of_text(error["traceback"], _MAX_TRACEBACK)
            row.result = _preview(error["data"])

        first_batch = batches[int(attempts.event[first])]
        if first_batch.items is not None:
            row.item = _decode(first_batch.items[int(attempts.place[first])])


def _read_values(connection: sqlite3.Connection, run: int, number: int) -> _BatchValues:
    (data,) = connection.execute(_SELECT_DATA, (run, number)).fetchone()
    return _attempts_data.decode(load_data(connection, data)).batch


def _decode(encoded: msgspec.Raw) -> str | None:
    return _preview(msgspec.json.decode(encoded))


def _preview(plain: Any) -> str | None:
    """Return a stored value as a short text without secrets; None for null."""
    try:
        return preview_text(from_plain(plain), _MAX_PREVIEW)
    except Exception:  # noqa: BLE001 - the bytes of a damaged value may mean anything
        return _UNREADABLE


def _text(plain: Any, most: int) -> str:
    """Return the beginning of a stored text."""
    text = from_plain(plain)
    if not isinstance(text, str):
        return ""
    if len(text) > most:
        text = f"{text[: most - 1]}…"
    return printable(text)


def _end_of_text(plain: Any, most: int) -> str:
    """Return the end of a stored text: the last lines of a traceback are the user's own."""
    text = from_plain(plain)
    if not isinstance(text, str):
        return ""
    if len(text) > most:
        text = f"…{text[1 - most :]}"
    return printable(text)


def _add_children(
    connection: sqlite3.Connection, attempts: _Attempts, rows: Sequence[ItemRow]
) -> None:
    """Add the runs that the attempts of items made: of each item the last one."""
    indexes = msgspec.json.encode([row.index for row in rows]).decode()
    arguments = (attempts.run_id, attempts.task, indexes)
    children = {}
    for visit, index, run_id in connection.execute(_SELECT_CHILDREN, arguments).fetchall():
        children[visit, index] = run_id
    for row in rows:
        row.child = children.get((row.visit, row.index), "")

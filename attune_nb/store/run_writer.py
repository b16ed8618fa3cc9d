"""The rows of one run in a store: written within the transactions of a recorder."""

from __future__ import annotations

import logging
import sqlite3
import time
from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.errors import StoreError
from attune_nb.events import (
    AskAnswered,
    AttemptsEnded,
    KeyAdded,
    RunEnded,
    RunStarted,
    find_attention,
    mask_event,
    secret_of,
)
from attune_nb.store.blobs import store_data, store_texts
from attune_nb.store.database import DamagedFileError
from attune_nb.store.event_rows import EventRow, column_text, drop_values, row_of, row_within
from attune_nb.store.files import file_identity
from attune_nb.store.json_values import has_tag, to_plain
from attune_nb.store.log_rows import insert_batches
from attune_nb.store.reading import FILE_TAGS
from attune_nb.store.run_figures import RunFigures
from attune_nb.store.tables.events import shows_tables
from attune_nb.store.tables.recording import TableRecorder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from attune_nb.events import Event
    from attune_nb.log_batches import RunLogs
    from attune_nb.store.claims import Claim
    from attune_nb.values.secrets import Mask

__all__ = ["ParentColumns", "RunRecord", "RunWriter"]

# bytes of a row beside the data of its event
_ROW_OVERHEAD = 10_000

# in the data of a row with a marker: of a table, perhaps, which is a file then
_MARKER_TAG = b'"$object"'

_log = logging.getLogger("attune_nb")


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The start of a run, as plain data without secrets.

    `text` is the workflow's canonical text; `source_name` and `source_text` are the text as
    written, which positions refer to.
    """

    run_id: str
    workflow: str
    text: str
    source_name: str
    source_text: str
    options: dict[str, Any]
    versions: dict[str, str]


class ParentColumns(msgspec.Struct, frozen=True, kw_only=True):
    """The columns of a run's row that name the attempt that the run is; see `StoredRun`."""

    parent: str = ""
    parent_task: str = ""
    parent_visit: int = 0
    parent_item: int = 0
    parent_attempt: int = 0


class RunWriter:
    """The record of one run.

    The thread of the recorder calls all methods.

    Attributes:
        number: The number of the run in its store; None until it has a row.
        alerts: Notes on values that the record lacks. The list only grows; the record holds it.
        path: The store.
        record: The start of the run.
        claim: The right to continue an existing record; None for a new one.
        new_events: The events that were not taken yet; the recorder guards them.
        has_new_lines: Whether log lines have come since they were last taken; guarded, too.
        figures: The figures of the run after the events that have rows.
        questions_within: The number of questions that wait for an answer in runs within this one.
        doubts_within: The number of attempts in doubt in runs within this one.
        measure: Returns the metrics of the run, which are recorded when it ends.

    Args:
        path: The store.
        record: The start of the run.
        mask: Masks the secrets in the events.
        claim: The right to continue an existing record.
        past: The events of that record.
        alerts: The alerts of that record.
        logs: The log lines of the run; those of that record are among them already.
        parent: The attempt that the run is.
    """

    def __init__(
        self,
        path: Path,
        record: RunRecord,
        mask: Mask,
        claim: Claim | None = None,
        past: Sequence[Event] = (),
        alerts: Sequence[str] = (),
        logs: RunLogs | None = None,
        parent: ParentColumns | None = None,
    ) -> None:
        self.number: int | None = None
        self.alerts: list[str] = [*alerts]
        self.record = record
        self.new_events: list[Event] = []
        self.has_new_lines = False
        self.questions_within = 0
        self.doubts_within = 0
        self.measure: Callable[[], Mapping[str, float]] | None = None

        self.path = path
        self._mask = mask
        self.claim = claim
        self._parent = ParentColumns() if parent is None else parent
        # all events, to write them again if the file is removed
        self._events: list[Event] = [*past]
        self._logs = logs
        self.begin()

    def begin(self) -> None:
        """Set the position in the record: after the events of a claim, or at the start."""
        self.number = None
        self._next_number = 0
        # the rows of the next events, and the tables that they refer to
        self._rows: list[EventRow] = []
        self._tables = TableRecorder(self.path)
        self._stored_alert_count = 0
        self._next_batch = 0
        self.figures = RunFigures()
        self._must_adopt = False
        if self.claim is None:
            return

        self._stored_alert_count = len(self.alerts)
        self._must_adopt = bool(self._parent.parent)
        self.number = self.claim.number
        self._next_number = self.claim.written
        self._next_batch = self.claim.batches
        for event in self._events[: self._next_number]:
            self.figures.add(event)

    def mask_text(self, text: str) -> str:
        """Return a text without the secrets of the run."""
        return self._mask.text(text)

    def has_finished(self) -> bool:
        """Return whether the run has ended, and all its events were taken; under the lock."""
        if self.new_events or not self._events:
            return False
        return isinstance(self._events[-1], RunEnded)

    def take_new(self) -> None:
        """Take the new events, under the lock of the recorder."""
        self._events += self.new_events
        self.new_events = []
        self.has_new_lines = False

    def begin_again(self) -> None:
        """Make all events new ones, for a file that was created again; under the lock."""
        self.new_events = self._events + self.new_events
        self._events = []
        self.claim = None

    def has_all_rows(self) -> bool:
        """Return whether all events that were taken are on the disk."""
        return self._next_number == len(self._events)

    def check_complete(self, connection: sqlite3.Connection) -> None:
        """Check that the file returns all events that were written to it.

        Raises:
            DamagedFileError: It does not: an index with flipped bytes hides rows.
        """
        statement = "SELECT count(*) FROM events WHERE run = ?"
        (count,) = connection.execute(statement, (self.number,)).fetchone()
        if count != self._next_number:
            message = f"the store {self.path} is damaged: it hides events that were just written"
            raise DamagedFileError(message, file_identity(self.path))

    def make_rows(self, connection: sqlite3.Connection, end: float) -> None:
        """Make the rows of events that have none yet, and write the tables in them.

        It stops after a time, so that the rows so far are soon on the disk.

        Args:
            connection: The store.
            end: When it stops, by the monotonic clock.
        """
        first = self._next_number + len(self._rows)
        for event in self._events[first:]:
            if self._rows and time.monotonic() > end:
                return

            self.figures.add(event)
            secret = secret_of(event)
            if secret is not None:
                # the events after it may contain the secret too
                self._mask = self._mask.with_secret(*secret)
            self._rows.append(self._make_row(event, connection))

    def has_rows_of_all(self) -> bool:
        """Return whether all events that were taken have a row, on the disk or for it."""
        return self._next_number + len(self._rows) == len(self._events)

    def write(self, connection: sqlite3.Connection, owner: Mapping[str, Any]) -> None:
        """Write all that the record lacks, within a transaction.

        Args:
            connection: The store.
            owner: The columns that identify the engine.
        """
        if self.number is None:
            if not self._rows:
                return
            self.insert(connection, owner)
        elif self._must_adopt:
            self._adopt(connection, owner)

        self._insert_events(connection)
        self.insert_lines(connection)
        if len(self.alerts) > self._stored_alert_count:
            self._store_alerts(connection)
        self._update_run(connection)

    def insert(self, connection: sqlite3.Connection, owner: Mapping[str, Any]) -> None:
        """Insert the row of the run.

        Args:
            connection: The store.
            owner: The columns that identify the engine.
        """
        record = self.record
        text = column_text(record.text)
        source_text = column_text(record.source_text)
        if self._parent.parent:
            # the same for many runs
            text = store_texts(connection, text, source_text)
            source_text = ""

        columns = {
            "number": _next_run_number(connection),
            "run_id": record.run_id,
            "workflow": column_text(record.workflow),
            "text": text,
            "source_name": column_text(record.source_name),
            "source_text": source_text,
            "options": _encode_options(record).decode(),
            "versions": msgspec.json.encode(record.versions).decode(),
            "started": time.time(),
            "status": "pending",
            "duration": 0.0,
            "tasks": 0,
            "items": 0,
            "failed": 0,
            **owner,
            **msgspec.structs.asdict(self._parent),
        }

        names = ", ".join(columns)
        marks = ", ".join("?" * len(columns))
        statement = f"INSERT INTO runs ({names}) VALUES ({marks})"  # noqa: S608 - constant names
        self.number = connection.execute(statement, [*columns.values()]).lastrowid

    def _adopt(self, connection: sqlite3.Connection, owner: Mapping[str, Any]) -> None:
        """Make an engine the owner of the row of a run that another engine began."""
        self._must_adopt = False
        settings = ", ".join(f"{name} = ?" for name in owner)
        connection.execute(
            f"UPDATE runs SET {settings} WHERE number = ?",  # noqa: S608 - constant names
            [*owner.values(), self.number],
        )

    def _insert_events(self, connection: sqlite3.Connection) -> None:
        """Insert the events that are not in the record yet."""
        rows = []
        for number, event_row in enumerate(self._rows, start=self._next_number):
            row = event_row._replace(data=store_data(connection, event_row.data))
            rows.append((self.number, number, *row))

        self._next_number += len(rows)
        self._rows = []
        connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        for file in self._tables.insert(connection, self.number):
            self.report(f"the record refers to a table whose file {file} is missing")

    def insert_lines(self, connection: sqlite3.Connection) -> None:
        """Insert the log lines that are not in the record yet.

        Lines come before the end of their attempt. So every attempt that has ended on record has
        its lines on record, too.
        """
        if self._logs is None or self.number is None:
            return
        batches = self._logs.batches(self._next_batch)
        if batches:
            insert_batches(connection, self.number, self._next_batch, batches)
            self._next_batch += len(batches)

    def _make_row(self, event: Event, connection: sqlite3.Connection) -> EventRow:
        """Return the row of an event, with markers for values that the store cannot hold."""
        most_bytes = connection.getlimit(sqlite3.SQLITE_LIMIT_LENGTH) - _ROW_OVERHEAD
        problem = f"the store holds at most {most_bytes:,} bytes of it"
        masked_event: Event | None = None
        try:
            masked_event = self._hide_secrets(event)
            has_tables = shows_tables(masked_event)
            if has_tables:
                masked_event = self._write_tables(masked_event)
            row = row_of(masked_event)
            if has_tag(row.data, _MARKER_TAG) and not has_tables:
                # a table may be deep in a value, in place of which there is a marker
                masked_event = self._write_tables(masked_event)
                row = row_of(masked_event)
            if has_tag(row.data, *FILE_TAGS):
                self._tables.add_references(masked_event)
            if len(row.data) <= most_bytes:
                return row
            del row
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - no value may end the record
            problem = f"it cannot be written ({type(error).__name__})"
        if masked_event is None:
            masked_event = drop_values(event)

        self.report(
            f"the record holds only a marker in place of {_describe_values(event)}: {problem}; "
            "let an action keep large data in a file and return its path"
        )
        return row_within(masked_event, most_bytes)

    def report(self, alert: str) -> None:
        """Add an alert to those of the run, and log it, once.

        Events are written again if the file was removed.
        """
        if alert not in self.alerts:
            self.alerts.append(alert)
            _log.warning("run %s: %s", self.record.run_id, alert)

    def _write_tables(self, event: Event) -> Event:
        """Write the tables of an event to files; return the event with references to them."""

        def report(reason: str) -> None:
            values = _describe_values(event)
            self.report(f"the record holds only a marker in place of {values}: {reason}")

        return self._tables.write_tables(event, self._mask, report)

    def _store_alerts(self, connection: sqlite3.Connection) -> None:
        """Add the alerts to the options of the run, which a resumed run has from its start."""
        statement = "SELECT options FROM runs WHERE number = ?"
        (text,) = connection.execute(statement, (self.number,)).fetchone()

        alerts = [self._mask.text(alert) for alert in self.alerts]
        options = msgspec.json.decode(text) | {"alerts": alerts}
        connection.execute(
            "UPDATE runs SET options = ? WHERE number = ?",
            (msgspec.json.encode(options).decode(), self.number),
        )
        self._stored_alert_count = len(self.alerts)

    def _hide_secrets(self, event: Event) -> Event:
        if not self._mask:
            return event
        return mask_event(event, self._mask, named=True)

    def _update_run(self, connection: sqlite3.Connection) -> None:
        """Update the figures of the run, and its sign of life."""
        figures = self.figures
        questions = figures.question_count + self.questions_within
        doubts = figures.doubt_count + self.doubts_within
        columns: dict[str, float | str] = {
            "started": figures.started,
            "status": figures.status,
            "duration": figures.duration,
            "tasks": figures.tasks,
            "items": figures.items,
            "failed": figures.failed,
            "questions": questions,
            "attention": find_attention(figures.status, questions, doubts),
            "beat": time.time(),
        }
        if figures.has_ended and self.measure is not None:
            columns["metrics"] = msgspec.json.encode(self._measure_safely(self.measure)).decode()

        settings = ", ".join(f"{name} = ?" for name in columns)
        connection.execute(
            f"UPDATE runs SET {settings} WHERE number = ?",  # noqa: S608 - constant names
            [*columns.values(), self.number],
        )

    def _measure_safely(self, measure: Callable[[], Mapping[str, float]]) -> Mapping[str, float]:
        """Return the metrics of the run, or none if they cannot be computed."""
        try:
            return measure()
        except Exception:  # noqa: BLE001 - a fault of one figure must not end the record
            _log.exception("the metrics of run %s are not on record", self.record.run_id)
            return {}


def _encode_options(record: RunRecord) -> bytes:
    """Return the options of a run as JSON, with its name if the column cannot hold that."""
    options = dict(record.options)
    if column_text(record.workflow) != record.workflow:
        options["name"] = to_plain(record.workflow, check_strings=True)
    try:
        return msgspec.json.encode(options)
    except ValueError:
        return msgspec.json.encode(to_plain(options, check_strings=True))


def _describe_values(event: Event) -> str:
    """Return how a message names the values of an event."""
    match event:
        case AttemptsEnded():
            return f"results of `{event.task}`"
        case KeyAdded():
            return f"the key `{event.name}`"
        case AskAnswered():
            return f"the answer to `{event.task}`"
        case RunStarted():
            return "parameters"
        case RunEnded():
            return "the output"
    return f"a value in {type(event).__name__}"


def _next_run_number(connection: sqlite3.Connection) -> int:
    """Return a number that no run has, nor any event that is left of a damaged run."""
    numbers = connection.execute(
        "SELECT (SELECT max(number) FROM runs), (SELECT max(run) FROM events)"
    ).fetchone()
    return 1 + max((number for number in numbers if isinstance(number, int)), default=0)

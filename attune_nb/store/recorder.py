"""The recorder: writes the events of a run to its store, in a thread of its own."""

from __future__ import annotations

import atexit
import logging
import sqlite3
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.errors import StoreError
from attune_nb.events import (
    AskAnswered,
    AttemptsEnded,
    CancelRequested,
    KeyAdded,
    PauseRequested,
    ResumeRequested,
    RetriesPlanned,
    RunEnded,
    RunResumed,
    RunStarted,
    TaskStarted,
    mask_event,
    secret_of,
)
from attune_nb.store.blobs import store_data
from attune_nb.store.claims import owner_columns
from attune_nb.store.database import (
    DamagedFileError,
    connected,
    create,
    delete_run,
    replace_damaged,
)
from attune_nb.store.event_rows import EventRow, column_text, drop_values, row_of, row_within
from attune_nb.store.files import file_identity
from attune_nb.store.json_values import has_tag, to_plain
from attune_nb.store.log_rows import insert_batches
from attune_nb.store.reading import FILE_TAGS, LIVE, is_alive
from attune_nb.store.tables.events import shows_tables
from attune_nb.store.tables.recording import TableRecorder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from attune_nb.events import Event, Key, RunStatus
    from attune_nb.log_batches import RunLogs
    from attune_nb.log_lines import LogLine
    from attune_nb.store.claims import Claim
    from attune_nb.store.files import FileIdentity
    from attune_nb.values.secrets import Mask

    # task, visit, index, attempt
    _Intent = tuple[str, int, int, int]

__all__ = ["Recorder", "RunRecord"]

MIN_INTERVAL = 0.05
"""Seconds between two commits, at least."""
BEAT_INTERVAL = 10.0
"""Seconds after which a run without new events gives a sign of life."""
MAX_TRIES = 12
"""Tries of 5 seconds to write while another program holds the file."""

LONGEST_WORK = 0.25
"""Seconds of work on large values after which the events so far are committed."""

# seconds that a program which ends waits for the last commit
_LAST_COMMIT = 5.0

# bytes of a row beside the data of its event
_ROW_OVERHEAD = 10_000

# in the data of a row with a marker: of a table, perhaps, which is a file then
_MARKER_TAG = b'"$object"'

# the recorders whose runs have not ended
_OPEN: weakref.WeakSet[Recorder] = weakref.WeakSet()

_log = logging.getLogger("attune_nb")

_STATUS_AFTER: dict[type[Event], RunStatus] = {
    RunStarted: "running",
    PauseRequested: "paused",
    ResumeRequested: "running",
    CancelRequested: "cancelling",
    RunResumed: "running",
}


class _ClaimLostError(StoreError):
    """Another engine has claimed the run, or its record was removed on purpose."""


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


class Recorder:
    """Writes the events of one run: at most 20 commits a second, the last before the run ends.

    An event is on the disk after at most 50 ms. If another program holds the file, the event
    follows as soon as the file is free. If the file is removed, it is created again with all
    events of the run; one that is damaged is renamed before. Any other failure to write ends the
    record, is logged once, and stops the run, since such a run could not be resumed.

    A value that the store cannot hold is replaced by a marker, and an alert says so.

    The driver's thread calls `read` and `read_lines`; workers' threads call `intend`. Fields that
    both they and the writing thread use are guarded by `_changed`.

    Attributes:
        alerts: Notes on values that the record lacks. The list only grows; the record holds it.

    Args:
        path: The store.
        record: The start of the run.
        mask: Masks the secrets in the events.
        claim: The right to continue an existing record.
        past: The events of that record.
        alerts: The alerts of that record.
        logs: The log lines of the run; those of that record are among them already.

    Raises:
        StoreError: The file cannot be used.
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
    ) -> None:
        create(path)
        self.path = path
        self.error: StoreError | None = None
        self.alerts: list[str] = [*alerts]
        self._record = record
        self._mask = mask
        self._claim = claim
        # the owner token in the record
        self._owner = ""
        self._failure_callbacks: list[Callable[[str], None]] = []

        self._changed = threading.Condition()
        self._new_events: list[Event] = []
        # all events, to write them again if the file is removed
        self._events: list[Event] = [*past]
        # intents that are not on the disk yet, and those that are
        self._new_intents: list[_Intent] = []
        self._stored_intents: list[_Intent] = []
        # how many intents there have been, and how many of them are on the disk
        self._intent_count = 0
        self._stored_intent_count = 0
        # how many events were read, and how many of them are on the disk
        self._read_count = 0
        self._stored_count = 0
        # whether a thread waits for them
        self._is_awaited = False
        self._logs = logs
        # whether lines have come since the last commit began
        self._has_new_lines = False
        self._is_ending = False
        self._is_cut = False
        self._run_ended = threading.Event()

        # tries in a row at which another program held the file
        self._failed_tries = 0
        self._thread = threading.Thread(target=self._write, name="attune store", daemon=True)

    def read(self, events: list[Event]) -> None:
        """Take new events; after the last one, return when all are on the disk.

        Raises:
            StoreError: The record has ended before the run.
        """
        is_last = any(isinstance(event, RunEnded) for event in events)
        if is_last:
            self._run_ended.set()

        with self._changed:
            if self._is_cut:
                return
            if self.error is not None:
                raise self.error
            self._new_events += events
            self._read_count += len(events)
            self._is_ending = is_last
            self._changed.notify_all()

        # started only now: a record without events is of no use
        if self._thread.ident is None:
            self._start()
        if is_last:
            self._thread.join()
            if self.error is not None:
                raise self.error

    def read_lines(self, _lines: Sequence[LogLine]) -> None:
        """Take note of new lines in the logs of the run; called after those have read them.

        Raises:
            StoreError: They came after the run's end, and cannot be written.
        """
        with self._changed:
            is_late = self._is_ending and not self._is_cut and self.error is None
            self._has_new_lines = True
            self._changed.notify_all()
        if is_late:
            self._write_late_lines()

    def _write_late_lines(self) -> None:
        """Write lines that came after the end of the run: the writing thread has ended.

        Raises:
            StoreError: They cannot be written.
        """
        with connected(self.path) as connection:
            connection.execute("BEGIN IMMEDIATE")
            if self._is_owner(connection):
                self._insert_lines(connection)
            connection.execute("COMMIT")

    def sync(self) -> None:
        """Return when all events that were read are on the disk, or none will be any more."""
        with self._changed:
            number = self._read_count
            if self._stored_count >= number:
                return

            self._is_awaited = True
            self._changed.notify_all()
            self._changed.wait_for(
                lambda: self._stored_count >= number or self.error or self._is_ending
            )

    def _start(self) -> None:
        """Start the writing thread.

        Raises:
            StoreError: The system provides none.
        """
        _OPEN.add(self)
        try:
            self._thread.start()
        except RuntimeError as error:
            _OPEN.discard(self)
            reason = f"the system provides no thread for the record ({error})"
            _log.warning("the run is not recorded: %s", reason)
            self._fail(StoreError(reason))
            raise StoreError(reason) from None

    def cut(self) -> None:
        """Write the events so far and no more: the program ends, and the run with it.

        Results of attempts that end from now on are ignored, since module globals that their
        actions use may be gone.
        """
        with self._changed:
            self._is_cut = True
            self._is_ending = True
            self._changed.notify_all()

        # no new attempts: they would run again after a resume
        self._report_failure("the program ends")
        self._run_ended.wait(_LAST_COMMIT)
        if self._thread.ident is not None:
            self._thread.join(_LAST_COMMIT)

    def on_failure(self, callback: Callable[[str], None]) -> None:
        """Call a function with the reason when the record cannot be continued."""
        self._failure_callbacks.append(callback)

    def _report_failure(self, reason: str) -> None:
        for callback in self._failure_callbacks:
            callback(reason)

    def intend(self, key: Key, index: int, attempt: int) -> None:
        """Record that an attempt is about to begin; return when that is on the disk.

        Raises:
            StoreError: It cannot be recorded, so the attempt must not begin.
        """
        with self._changed:
            self._new_intents.append((*key, index, attempt))
            self._intent_count += 1
            number = self._intent_count
            self._changed.notify_all()
            self._changed.wait_for(
                lambda: self._stored_intent_count >= number or self.error or self._is_ending
            )
            if self._stored_intent_count >= number:
                return

            reason = "the run has ended"
            if self.error is not None:
                reason = str(self.error)
        raise StoreError(f"the attempt was not made, since it cannot be recorded: {reason}")

    def _write(self) -> None:
        try:
            while self._write_to_file():
                self._write_all_again()
        except StoreError as error:
            _log.warning("the run is no longer recorded: %s", error)
            self._fail(error)
            self._report_failure(str(error))
        except Exception as error:  # noqa: BLE001 - a fault of the recorder must not end the run
            _log.exception("run %s continues without a record", self._record.run_id)
            self._fail(StoreError(f"the record cannot be written: {self._mask.text(repr(error))}"))
        finally:
            LIVE.discard(self._owner)
            _OPEN.discard(self)

    def _fail(self, error: StoreError) -> None:
        with self._changed:
            self.error = error
            self._changed.notify_all()

    def _write_all_again(self) -> None:
        """Make all events and intents new ones, for a file that was created again."""
        with self._changed:
            self._new_events = self._events + self._new_events
            self._events = []
            self._new_intents = self._stored_intents + self._new_intents
            self._stored_intent_count -= len(self._stored_intents)
            self._stored_intents = []
        self._claim = None

    def _write_to_file(self) -> bool:
        """Write until the run ends, or the file is removed or found to be damaged.

        Returns:
            Whether a new file has taken its place.
        """
        file = file_identity(self.path)
        try:
            was_removed = file is None or self._write_to_this_file(file)
        except DamagedFileError as error:
            replace_damaged(self.path, error)
            return True
        except _ClaimLostError:
            raise
        except StoreError:
            # an error that follows from the removal
            was_removed = file_identity(self.path) != file
            if not was_removed:
                raise

        if was_removed:
            _log.warning("the store %s was removed: it is created again", self.path)
            create(self.path)
        return was_removed

    def _write_to_this_file(self, file: FileIdentity) -> bool:
        """Write until the run ends or the file is removed; return whether it was removed.

        Args:
            file: The file that has the path. A removed one can still be written to.
        """
        with connected(self.path) as connection:
            self._begin()
            while True:
                with self._changed:
                    events = self._new_events
                    self._new_events = []
                    self._has_new_lines = False
                    read_count = self._read_count
                    is_ending = self._is_ending
                    intents = [*self._new_intents]

                self._events += events
                was_written = self._commit(connection, intents)
                if file_identity(self.path) != file:
                    return True
                if was_written and not self._has_all_rows():
                    continue
                if was_written:
                    self._confirm_events(read_count)
                if was_written and is_ending:
                    self._check_complete(connection)
                    return False
                self._wait()

    def _check_complete(self, connection: sqlite3.Connection) -> None:
        """Check that the file returns all events that were written to it.

        Raises:
            DamagedFileError: It does not: an index with flipped bytes hides rows.
        """
        statement = "SELECT count(*) FROM events WHERE run = ?"
        (count,) = connection.execute(statement, (self._run_number,)).fetchone()
        if count != self._next_number:
            message = f"the store {self.path} is damaged: it hides events that were just written"
            raise DamagedFileError(message, file_identity(self.path))

    def _has_all_rows(self) -> bool:
        """Return whether all events that were taken are on the disk."""
        return self._next_number == len(self._events)

    def _begin(self) -> None:
        """Set the position in the record: after the events of a claim, or at the start."""
        self._run_number: int | None = None
        self._next_number = 0
        # the rows of the next events, and the tables that they refer to
        self._rows: list[EventRow] = []
        self._tables = TableRecorder(self.path)
        self._stored_alert_count = 0
        self._next_batch = 0
        self._counts = _Counts()
        if self._claim is None:
            return

        self._stored_alert_count = len(self.alerts)
        self._run_number = self._claim.number
        self._owner = self._claim.owner
        self._next_number = self._claim.written
        self._next_batch = self._claim.batches
        for event in self._events[: self._next_number]:
            self._counts.add(event)

    def _wait(self) -> None:
        """Wait until there is something to write, at least `MIN_INTERVAL`, at most a beat."""
        earliest = time.monotonic() + MIN_INTERVAL
        with self._changed:
            self._changed.wait_for(self._has_work, BEAT_INTERVAL)
            # an intent, the end and events that a thread waits for are urgent
            self._changed.wait_for(
                lambda: self._is_ending or self._new_intents or self._is_awaited,
                earliest - time.monotonic(),
            )

    def _has_work(self) -> bool:
        return bool(
            self._new_events
            or self._is_ending
            or self._failed_tries
            or self._new_intents
            or self._has_new_lines
        )

    def _commit(self, connection: sqlite3.Connection, intents: list[_Intent]) -> bool:
        """Write new events and intents; return False if another program holds the file."""
        # large tables take long to write: no other program waits meanwhile
        self._make_rows(connection)
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            self._failed_tries += 1
            if "BUSY" not in error.sqlite_errorname or self._failed_tries > MAX_TRIES:
                raise
            _log.warning("another program holds the store %s: waiting for it", self.path)
            return False
        self._failed_tries = 0

        if self._run_number is None:
            self._remove_older_copy(connection)
            self._run_number = self._insert_run(connection)
        if not self._is_owner(connection):
            connection.execute("ROLLBACK")
            raise _ClaimLostError(self._loss_message(connection))
        self._insert_events(connection)
        self._insert_lines(connection)
        if not self._has_all_rows():
            # what caused an attempt is on the disk before the intent
            intents = []
        connection.executemany(
            "INSERT OR IGNORE INTO intents VALUES (?, ?, ?, ?, ?)",
            [(self._run_number, *intent) for intent in intents],
        )
        if len(self.alerts) > self._stored_alert_count:
            self._store_alerts(connection)
        self._update_run(connection)
        self._end_commit(connection)

        if intents:
            self._confirm(intents)
        return True

    def _end_commit(self, connection: sqlite3.Connection) -> None:
        """End the transaction; without a log it waits for other programs that read the file."""
        for attempt in range(1, MAX_TRIES + 1):
            try:
                connection.execute("COMMIT")
            except sqlite3.OperationalError as error:
                if "BUSY" not in error.sqlite_errorname or attempt == MAX_TRIES:
                    raise
                _log.warning("another program reads the store %s: waiting for it", self.path)
            else:
                return

    def _make_rows(self, connection: sqlite3.Connection) -> None:
        """Make the rows of events that have none yet, and write the tables in them.

        It stops when it has taken long, so that what is done is soon on the disk.
        """
        end = time.monotonic() + LONGEST_WORK
        first = self._next_number + len(self._rows)
        for event in self._events[first:]:
            if self._rows and time.monotonic() > end:
                return
            self._counts.add(event)
            secret = secret_of(event)
            if secret is not None:
                # the events after it may contain the secret too
                self._mask = self._mask.with_secret(*secret)
            self._rows.append(self._make_row(event, connection))

    def _insert_events(self, connection: sqlite3.Connection) -> None:
        """Insert the events that are not in the record yet."""
        rows = []
        for number, event_row in enumerate(self._rows, start=self._next_number):
            row = event_row._replace(data=store_data(connection, event_row.data))
            rows.append((self._run_number, number, *row))

        self._next_number += len(rows)
        self._rows = []
        connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        for file in self._tables.insert(connection, self._run_number):
            self.report(f"the record refers to a table whose file {file} is missing")

    def _insert_lines(self, connection: sqlite3.Connection) -> None:
        """Insert the log lines that are not in the record yet.

        They are among the logs before the end of their attempt is among the events. So whatever
        attempt has ended on record has its lines there, too.
        """
        if self._logs is None or self._run_number is None:
            return
        batches = self._logs.batches(self._next_batch)
        if batches:
            insert_batches(connection, self._run_number, self._next_batch, batches)
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
            _log.warning("run %s: %s", self._record.run_id, alert)

    def _write_tables(self, event: Event) -> Event:
        """Write the tables of an event to files; return the event with references to them."""

        def report(reason: str) -> None:
            values = _describe_values(event)
            self.report(f"the record holds only a marker in place of {values}: {reason}")

        return self._tables.write_tables(event, self._mask, report)

    def _store_alerts(self, connection: sqlite3.Connection) -> None:
        """Add the alerts to the options of the run, which a resumed run has from its start."""
        statement = "SELECT options FROM runs WHERE number = ?"
        (text,) = connection.execute(statement, (self._run_number,)).fetchone()

        alerts = [self._mask.text(alert) for alert in self.alerts]
        options = msgspec.json.decode(text) | {"alerts": alerts}
        connection.execute(
            "UPDATE runs SET options = ? WHERE number = ?",
            (msgspec.json.encode(options).decode(), self._run_number),
        )
        self._stored_alert_count = len(self.alerts)

    def _hide_secrets(self, event: Event) -> Event:
        if not self._mask:
            return event
        return mask_event(event, self._mask, named=True)

    def _update_run(self, connection: sqlite3.Connection) -> None:
        """Update the figures of the run, and its sign of life."""
        counts = self._counts
        connection.execute(
            "UPDATE runs SET started = ?, status = ?, duration = ?, tasks = ?, items = ?, "
            "failed = ?, beat = ? WHERE number = ?",
            (
                counts.started,
                counts.status,
                counts.duration,
                counts.tasks,
                counts.items,
                counts.failed,
                time.time(),
                self._run_number,
            ),
        )

    def _confirm_events(self, count: int) -> None:
        """Wake the thread that waits for events, of which so many are on the disk."""
        with self._changed:
            self._stored_count = count
            if self._is_awaited and count == self._read_count:
                self._is_awaited = False
                self._changed.notify_all()

    def _confirm(self, intents: list[_Intent]) -> None:
        """Wake the threads whose intents are on the disk."""
        with self._changed:
            del self._new_intents[: len(intents)]
            self._stored_intents += intents
            self._stored_intent_count += len(intents)
            self._changed.notify_all()

    def _is_owner(self, connection: sqlite3.Connection) -> bool:
        """Return whether no other engine has claimed the run; ask within a transaction."""
        statement = "SELECT owner FROM runs WHERE number = ?"
        row = connection.execute(statement, (self._run_number,)).fetchone()
        return bool(row == (self._owner,))

    def _loss_message(self, connection: sqlite3.Connection) -> str:
        """Return the message that another process has claimed the run, or removed it."""
        statement = "SELECT pid, host FROM runs WHERE number = ?"
        row = connection.execute(statement, (self._run_number,)).fetchone()
        if row is None:
            return f"run {self._record.run_id} was removed from the store by another program"
        pid, host = row
        return _describe_take_over(self._record.run_id, pid, host)

    def _remove_older_copy(self, connection: sqlite3.Connection) -> None:
        """Remove what a file that has taken the store's place holds of this run: a copy, say.

        Raises:
            StoreError: Another process is running it.
        """
        statement = "SELECT number, host, pid, born, beat, owner FROM runs WHERE run_id = ?"
        row = connection.execute(statement, (self._record.run_id,)).fetchone()
        if row is None:
            return

        number, host, pid, born, beat, owner = row
        if owner != self._owner and is_alive(host, pid, born, beat, owner):
            raise _ClaimLostError(_describe_take_over(self._record.run_id, pid, host))
        delete_run(connection, number)

    def _insert_run(self, connection: sqlite3.Connection) -> int | None:
        """Insert the run under a new owner token; return its number."""
        owner = owner_columns()
        LIVE.discard(self._owner)
        self._owner = str(owner["owner"])
        LIVE.add(self._owner)

        record = self._record
        columns = {
            "number": _next_run_number(connection),
            "run_id": record.run_id,
            "workflow": column_text(record.workflow),
            "text": column_text(record.text),
            "source_name": column_text(record.source_name),
            "source_text": column_text(record.source_text),
            "options": _encode_options(record).decode(),
            "versions": msgspec.json.encode(record.versions).decode(),
            "started": time.time(),
            "status": "pending",
            "duration": 0.0,
            "tasks": 0,
            "items": 0,
            "failed": 0,
            **owner,
        }
        names = ", ".join(columns)
        marks = ", ".join("?" * len(columns))
        statement = f"INSERT INTO runs ({names}) VALUES ({marks})"  # noqa: S608 - constant names
        return connection.execute(statement, [*columns.values()]).lastrowid


@atexit.register
def _cut_all() -> None:
    """End all records before the globals that actions use are gone."""
    for recorder in [*_OPEN]:
        recorder.cut()


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


def _describe_take_over(run_id: str, pid: int, host: str) -> str:
    return f"run {run_id} was taken over by process {pid} on {host}"


def _next_run_number(connection: sqlite3.Connection) -> int:
    """Return a number that no run has, nor any event that is left of a damaged run."""
    numbers = connection.execute(
        "SELECT (SELECT max(number) FROM runs), (SELECT max(run) FROM events)"
    ).fetchone()
    return 1 + max((number for number in numbers if isinstance(number, int)), default=0)


class _Counts:
    """The figures of a run, updated event by event."""

    def __init__(self) -> None:
        self.started = time.time()
        self.duration = 0.0
        self.status: RunStatus = "pending"
        self.tasks = 0
        self.items = 0
        self.failed = 0
        self._has_ended = False
        self._with_items: set[Key] = set()

    def add(self, event: Event) -> None:
        self.duration = event.time
        if not self._has_ended:
            self.status = _STATUS_AFTER.get(type(event), self.status)
        match event:
            case RunResumed() if event.doubts:
                self.status = "paused"
            case RunStarted():
                self.started = event.started_at
            case RunEnded():
                self.status = event.status
                self._has_ended = True
            case TaskStarted():
                self.tasks += 1
                if event.with_items:
                    self._with_items.add((event.task, event.visit))
            case AttemptsEnded() if (event.task, event.visit) in self._with_items:
                self.items += event.batch.count
                self.failed += event.batch.failed
            case RetriesPlanned() if (event.task, event.visit) in self._with_items:
                # the attempts to retry are no longer failed items
                self.items -= event.count
                self.failed -= event.count

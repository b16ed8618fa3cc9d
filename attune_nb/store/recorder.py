"""The recorder: writes the events of a run to its store, in a thread of its own."""

from __future__ import annotations

import atexit
import logging
import sqlite3
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any

from attune_nb.errors import StoreError
from attune_nb.events import (
    RunEnded,
)
from attune_nb.store.claims import owner_columns
from attune_nb.store.database import (
    DamagedFileError,
    connected,
    create,
    delete_run,
    replace_damaged,
)
from attune_nb.store.files import file_identity
from attune_nb.store.reading import LIVE, is_alive

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from attune_nb.events import Event, Key
    from attune_nb.log_lines import LogLine
    from attune_nb.store.files import FileIdentity
    from attune_nb.store.run_writer import RunWriter

    # the run, task, visit, index, attempt
    _Intent = tuple[RunWriter, str, int, int, int]

__all__ = ["ChildRecorder", "Recorder"]

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

# the recorders whose runs have not ended
_OPEN: weakref.WeakSet[Recorder] = weakref.WeakSet()

_log = logging.getLogger("attune_nb")


class _ClaimLostError(StoreError):
    """Another engine has claimed the run, or its record was removed on purpose."""


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
        path: The store.
        error: Why the record has ended before the run; else None.

    Args:
        run: The record of the run, whose store exists.
    """

    def __init__(self, run: RunWriter) -> None:
        self.path = run.path
        self.error: StoreError | None = None
        self._run = run
        # the runs within the run that have new rows, or may get some
        self._children: list[RunWriter] = []
        # the columns that identify this engine in the record
        self._owner: dict[str, Any] = {"owner": ""}
        if run.claim is not None:
            self._owner = {**owner_columns(), "owner": run.claim.owner}
        self._failure_callbacks: list[Callable[[str], None]] = []

        self._changed = threading.Condition()
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
        self._is_ending = False
        self._is_cut = False
        self._run_ended = threading.Event()

        # tries in a row at which another program held the file
        self._failed_tries = 0
        self._thread = threading.Thread(target=self._write, name="attune store", daemon=True)

    @property
    def owner(self) -> str:
        """The token of this engine in the record; empty before the run's first event."""
        owner: str = self._owner["owner"]
        return owner

    @property
    def alerts(self) -> list[str]:
        """Notes on values that the record lacks. The list only grows; the record holds it."""
        return self._run.alerts

    def report(self, alert: str) -> None:
        """Add an alert to those of the run, and log it, once."""
        self._run.report(alert)

    def read(self, events: list[Event]) -> None:
        """Take new events; after the last one, return when all are on the disk.

        Raises:
            StoreError: The record has ended before the run.
        """
        is_last = any(isinstance(event, RunEnded) for event in events)
        if is_last:
            self._run_ended.set()

        if not self.take_events(self._run, events, is_last=is_last):
            return

        # started only now: a record without events is of no use
        if self._thread.ident is None:
            self._start()
        if is_last:
            self._thread.join()
            if self.error is not None:
                raise self.error

    def take_events(self, run: RunWriter, events: list[Event], *, is_last: bool = False) -> bool:
        """Take new events of a run; return False if nothing is written any more.

        Raises:
            StoreError: The record has ended before the run.
        """
        with self._changed:
            if self._is_cut:
                return False
            if self.error is not None:
                raise self.error

            run.new_events += events
            self._read_count += len(events)
            if is_last:
                self._is_ending = True
            self._changed.notify_all()
        return True

    def read_lines(self, _lines: Sequence[LogLine]) -> None:
        """Take note of new lines in the logs of the run; called after those have read them.

        Raises:
            StoreError: They came after the run's end, and cannot be written.
        """
        self.note_lines(self._run)

    def note_lines(self, run: RunWriter) -> None:
        """Take note of new lines in the logs of a run, as `read_lines` does."""
        with self._changed:
            is_late = self._is_ending and not self._is_cut and self.error is None
            run.has_new_lines = True
            if run is not self._run and run not in self._children:
                # it has ended, and was forgotten
                self._children.append(run)
            self._changed.notify_all()

        if is_late:
            self._write_late_lines(run)

    def _write_late_lines(self, run: RunWriter) -> None:
        """Write lines that came after the end of the run: the writing thread has ended.

        Raises:
            StoreError: They cannot be written.
        """
        with connected(self.path, write=True) as connection:
            connection.execute("BEGIN IMMEDIATE")
            if self._is_owner(connection):
                run.insert_lines(connection)
            connection.execute("COMMIT")

    def open_child(self, run: RunWriter) -> ChildRecorder:
        """Record a run within the run, in the same transactions.

        The rows of a run are on the disk before those of the runs that were opened before it.
        """
        with self._changed:
            self._children.append(run)
        return ChildRecorder(self, run)

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

    def record_metrics(self, measure: Callable[[], Mapping[str, float]]) -> None:
        """Record the metrics of the run when it ends.

        Args:
            measure: Returns them; called once, in the thread of the recorder.
        """
        self._run.measure = measure

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
        self.intend_for(self._run, key, index, attempt)

    def intend_for(self, run: RunWriter, key: Key, index: int, attempt: int) -> None:
        """Record that an attempt of a run is about to begin, as `intend` does."""
        with self._changed:
            self._new_intents.append((run, *key, index, attempt))
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
            _log.exception("run %s continues without a record", self._run.record.run_id)
            reason = self._run.mask_text(repr(error))
            self._fail(StoreError(f"the record cannot be written: {reason}"))
        finally:
            LIVE.discard(self._owner["owner"])
            _OPEN.discard(self)

    def _fail(self, error: StoreError) -> None:
        with self._changed:
            self.error = error
            self._changed.notify_all()

    def _write_all_again(self) -> None:
        """Make all events and intents new ones, for a file that was created again."""
        with self._changed:
            for run in self._runs():
                run.begin_again()
            self._new_intents = self._stored_intents + self._new_intents
            self._stored_intent_count -= len(self._stored_intents)
            self._stored_intents = []

    def _runs(self) -> list[RunWriter]:
        """Return the runs in the order of writing: those within an attempt come before its end."""
        return [*reversed(self._children), self._run]

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
        with connected(self.path, write=True) as connection:
            for run in self._runs():
                run.begin()
            while True:
                with self._changed:
                    runs = self._runs()
                    for run in runs:
                        run.take_new()
                    read_count = self._read_count
                    is_ending = self._is_ending
                    intents = [*self._new_intents]

                was_written = self._commit(connection, runs, intents)
                if file_identity(self.path) != file:
                    return True
                if was_written and not all(run.has_all_rows() for run in runs):
                    continue
                if was_written:
                    self._confirm_events(read_count)
                    self._forget_ended()
                if was_written and is_ending:
                    self._run.check_complete(connection)
                    return False
                self._wait()

    def _forget_ended(self) -> None:
        """Forget the runs within the run that have ended, and that are on the disk."""
        with self._changed:
            self._children = [run for run in self._children if not run.has_finished()]

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
        if self._is_ending or self._failed_tries or self._new_intents:
            return True
        return any(run.new_events or run.has_new_lines for run in self._runs())

    def _commit(
        self, connection: sqlite3.Connection, runs: Sequence[RunWriter], intents: list[_Intent]
    ) -> bool:
        """Write new events and intents; return False if another program holds the file."""
        # large tables take long to write: no other program waits meanwhile
        ready = self._make_rows(connection, runs)
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            self._failed_tries += 1
            if "BUSY" not in error.sqlite_errorname or self._failed_tries > MAX_TRIES:
                raise
            _log.warning("another program holds the store %s: waiting for it", self.path)
            return False
        self._failed_tries = 0

        if self._run.number is None:
            self._remove_older_copy(connection)
            self._renew_owner()
            self._run.insert(connection, self._owner)
        if not self._is_owner(connection):
            connection.execute("ROLLBACK")
            raise _ClaimLostError(self._loss_message(connection))
        self._run.questions_within = sum(run.figures.question_count for run in self._children)
        self._run.doubts_within = sum(run.figures.doubt_count for run in self._children)
        for run in ready:
            run.write(connection, self._owner)
        if not all(run.has_all_rows() for run in runs):
            # what caused an attempt is on the disk before the intent
            intents = []
        connection.executemany(
            "INSERT OR IGNORE INTO intents VALUES (?, ?, ?, ?, ?)",
            [(run.number, *intent) for run, *intent in intents],
        )
        self._end_commit(connection)

        if intents:
            self._confirm(intents)
        return True

    def _make_rows(
        self, connection: sqlite3.Connection, runs: Sequence[RunWriter]
    ) -> list[RunWriter]:
        """Make rows of new events; return the runs whose rows may be written.

        It stops after a while, so that the rows so far are soon on the disk.
        """
        end = time.monotonic() + LONGEST_WORK
        ready = []
        for run in runs:
            run.make_rows(connection, end)
            ready.append(run)
            if not run.has_rows_of_all():
                # the new rows of the runs around it come later
                break

        if self._run not in ready:
            ready.append(self._run)
        return ready

    def _renew_owner(self) -> None:
        """Take a new token, for the row of a new file."""
        LIVE.discard(self._owner["owner"])
        self._owner = {**owner_columns()}
        LIVE.add(self._owner["owner"])

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
        row = connection.execute(statement, (self._run.number,)).fetchone()
        return bool(row == (self._owner["owner"],))

    def _loss_message(self, connection: sqlite3.Connection) -> str:
        """Return the message that another process has claimed the run, or removed it."""
        statement = "SELECT pid, host FROM runs WHERE number = ?"
        row = connection.execute(statement, (self._run.number,)).fetchone()
        if row is None:
            return f"run {self._run.record.run_id} was removed from the store by another program"
        pid, host = row
        return _describe_take_over(self._run.record.run_id, pid, host)

    def _remove_older_copy(self, connection: sqlite3.Connection) -> None:
        """Remove what a file that has taken the store's place holds of this run: a copy, say.

        Raises:
            StoreError: Another process is running it.
        """
        statement = "SELECT number, host, pid, born, beat, owner FROM runs WHERE run_id = ?"
        row = connection.execute(statement, (self._run.record.run_id,)).fetchone()
        if row is None:
            return

        number, host, pid, born, beat, owner = row
        if owner != self._owner["owner"] and is_alive(host, pid, born, beat, owner):
            raise _ClaimLostError(_describe_take_over(self._run.record.run_id, pid, host))
        delete_run(connection, number)


class ChildRecorder:
    """Writes the events of a run within another one; see `Recorder`.

    Args:
        recorder: The recorder of the outermost run.
        run: The record of this run.
    """

    def __init__(self, recorder: Recorder, run: RunWriter) -> None:
        self._recorder = recorder
        self._run = run

    @property
    def alerts(self) -> list[str]:
        """Notes on values that the record lacks; the list only grows."""
        return self._run.alerts

    def read(self, events: list[Event]) -> None:
        """Take new events.

        Raises:
            StoreError: The record has ended before the run.
        """
        self._recorder.take_events(self._run, events)

    def read_lines(self, _lines: Sequence[LogLine]) -> None:
        """Take note of new lines in the logs of the run; called after those have read them."""
        self._recorder.note_lines(self._run)

    def intend(self, key: Key, index: int, attempt: int) -> None:
        """Record that an attempt is about to begin, as `Recorder.intend` does."""
        self._recorder.intend_for(self._run, key, index, attempt)


@atexit.register
def _cut_all() -> None:
    """End all records before the globals that actions use are gone."""
    for recorder in [*_OPEN]:
        recorder.cut()


def _describe_take_over(run_id: str, pid: int, host: str) -> str:
    return f"run {run_id} was taken over by process {pid} on {host}"

"""A reader of a run that writes its events down, from a thread of its own."""

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
    AttemptsEnded,
    CancelRequested,
    PauseRequested,
    ResumeRequested,
    RetriesPlanned,
    RunEnded,
    RunResumed,
    RunStarted,
    TaskStarted,
    mask_event,
)
from attune_nb.store.blobs import kept
from attune_nb.store.claims import owner_columns
from attune_nb.store.database import connected, create
from attune_nb.store.event_rows import row_of
from attune_nb.store.reading import LIVE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from attune_nb.events import Event, Key
    from attune_nb.store.claims import Claim
    from attune_nb.values.secrets import Mask

    _Intent = tuple[str, int, int, int]

__all__ = ["Recorder", "RunRecord"]

EVERY = 0.05  # seconds between two commits, at least
BEAT = 10.0  # seconds after which a run that has nothing to say says that it lives
MOST_TRIES = 12  # of 5 seconds each, to write while another program holds the file
_LAST = 5.0  # seconds that a program which ends waits for a last commit
_OPEN: weakref.WeakSet[Recorder] = weakref.WeakSet()
_log = logging.getLogger("attune_nb")
_STATUS = {
    RunStarted: "running",
    PauseRequested: "paused",
    ResumeRequested: "running",
    CancelRequested: "cancelling",
    RunResumed: "running",
}


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What a run was begun with, as plain data without secrets.

    `text` is the workflow's canonical text; `source_name` and `source_text` are what a person
    wrote, which positions refer to.
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

    An event is on the disk 50 ms after it was told, at most, unless another program holds the
    file: then it follows once that lets go. A file that was removed is made again, with all that
    it held of the run. Any other failure to write ends the record, is told once, and stops the
    run: what nobody could resume is not gone on with.

    Args:
        path: The store.
        record: What the run was begun with.
        mask: Takes the secrets out of the events.
        claim: The right to go on with a record that is there.
        past: The events that it holds.

    Raises:
        StoreError: The file can be no store.
    """

    def __init__(
        self,
        path: Path,
        record: RunRecord,
        mask: Mask,
        claim: Claim | None = None,
        past: Sequence[Event] = (),
    ) -> None:
        create(path)
        self.path = path
        self.error: StoreError | None = None
        self._record, self._mask = record, mask
        self._told = threading.Condition()
        self._waiting: list[Event] = []
        self._events: list[Event] = [*past]  # all of them, for a file that was removed
        self._claim = claim
        self._owner = ""  # by which the record knows who writes
        self._failed: list[Callable[[str], None]] = []
        self._intents: list[_Intent] = []  # not on the disk yet
        self._announced: list[_Intent] = []  # on the disk
        self._intended = self._durable = 0  # how many there are, of both; and of the latter
        self._ending = False
        self._cut = False
        self._over = threading.Event()  # the run
        self._tries = 0  # commits in a row that another program stood in the way of
        self._thread = threading.Thread(target=self._write, name="attune store", daemon=True)

    def read(self, events: list[Event]) -> None:
        """Take new events; once the run has ended, come back when they are on the disk."""
        if any(isinstance(each, RunEnded) for each in events):
            self._over.set()
        with self._told:
            if self._cut or self.error:
                return
            self._waiting += events
            self._ending = any(isinstance(each, RunEnded) for each in events)
            self._told.notify_all()
        if self._thread.ident is None:
            _OPEN.add(self)
            self._thread.start()  # with something to write: a record without events is of no use
        if self._ending:
            self._thread.join()

    def cut(self) -> None:
        """Write what was told so far, and nothing more: the program ends, and with it the run.

        What its attempts come to from now on is no result: names that they use are gone.
        """
        with self._told:
            self._cut = self._ending = True
            self._told.notify_all()
        for told in self._failed:
            told("the program ends")  # what begins now would be made once more
        self._over.wait(_LAST)
        if self._thread.ident is not None:
            self._thread.join(_LAST)

    def on_failure(self, told: Callable[[str], None]) -> None:
        """Have a function called, with what is wrong, where the record cannot be gone on with."""
        self._failed.append(told)

    def intend(self, key: Key, index: int, attempt: int) -> None:
        """Write down that an attempt is about to be made; come back when that is on the disk.

        Raises:
            StoreError: It cannot be written down, so the attempt must not be made.
        """
        with self._told:
            self._intents.append((*key, index, attempt))
            self._intended += 1
            mine = self._intended
            self._told.notify_all()
            self._told.wait_for(lambda: self._durable >= mine or self.error or self._ending)
            if self._durable < mine:
                why = self.error or "the run has ended"
                raise StoreError(f"the attempt was not made, as nothing records it: {why}")

    def _write(self) -> None:
        try:
            while self._write_to_file():
                _log.warning("the store %s was removed: it is made again", self.path)
                create(self.path)
                with self._told:
                    self._waiting = self._events + self._waiting
                    self._events = []
                    self._intents = self._announced + self._intents
                    self._durable -= len(self._announced)
                    self._announced = []
                self._claim = None
        except StoreError as error:
            with self._told:
                self.error = error
                self._told.notify_all()
            _log.warning("the run is not recorded any more: %s", error)
            for told in self._failed:
                told(str(error))
        except Exception as error:  # noqa: BLE001 - a mistake of ours need not end the run
            with self._told:
                self.error = StoreError(f"the record cannot be written: {error!r}")
                self._told.notify_all()
            _log.exception("run %s is not recorded any more, and goes on", self._record.run_id)
        finally:
            LIVE.discard(self._owner)
            _OPEN.discard(self)

    def _write_to_file(self) -> bool:
        """Write until the run has ended, or the file was removed; tell whether it was."""
        with connected(self.path) as connection:
            file = self._file()
            self._number, self._next = None, 0
            self._counts = _Counts()
            if self._claim is not None:
                self._number, self._owner = self._claim.number, self._claim.owner
                self._next = self._claim.written
                for event in self._events[: self._next]:
                    self._counts.add(event)
            while True:
                with self._told:
                    events, self._waiting = self._waiting, []
                    ending = self._ending
                    intents = [*self._intents]
                self._events += events
                done = self._commit(connection, intents)
                if self._file() != file:
                    return True
                if done and ending:
                    return False
                self._wait()

    def _file(self) -> tuple[int, int] | None:
        """Tell which file stands at the path: one that was removed can still be written to."""
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _wait(self) -> None:
        """Wait until there is something to write, and long enough since the last commit."""
        until = time.monotonic() + EVERY
        with self._told:
            self._told.wait_for(
                lambda: self._waiting or self._ending or self._tries or self._intents, BEAT
            )
            self._told.wait_for(lambda: self._ending or self._intents, until - time.monotonic())

    def _commit(self, connection: sqlite3.Connection, intents: list[_Intent]) -> bool:
        """Write what has not been written; tell whether another program let us."""
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            self._tries += 1
            if "BUSY" not in error.sqlite_errorname or self._tries > MOST_TRIES:
                raise
            _log.warning("another program holds the store %s: it is waited for", self.path)
            return False
        self._tries = 0
        if self._number is None:
            self._number = self._begin(connection)
        if not self._is_mine(connection):
            connection.execute("ROLLBACK")
            raise StoreError(self._taken_over(connection))
        fresh = self._events[self._next :]
        rows = []
        for number, event in enumerate(fresh, start=self._next):
            self._counts.add(event)
            row = row_of(mask_event(event, self._mask, named=True) if self._mask else event)
            row = row._replace(data=kept(connection, row.data))
            rows.append((self._number, number, *row))
        self._next += len(fresh)
        counts = self._counts
        connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        connection.executemany(
            "INSERT OR IGNORE INTO intents VALUES (?, ?, ?, ?, ?)",
            [(self._number, *each) for each in intents],
        )
        connection.execute(
            "UPDATE runs SET started = ?, status = ?, duration = ?, tasks = ?, items = ?, "
            "failed = ?, beat = ? WHERE number = ?",
            (counts.started, counts.status, counts.duration, counts.tasks, counts.items,
             counts.failed, time.time(), self._number),
        )  # fmt: skip
        connection.execute("COMMIT")
        if intents:
            with self._told:
                del self._intents[: len(intents)]
                self._announced += intents
                self._durable += len(intents)
                self._told.notify_all()
        return True

    def _is_mine(self, connection: sqlite3.Connection) -> bool:
        """Tell whether nobody else has taken the run over, to be asked where nobody can now."""
        statement = "SELECT owner FROM runs WHERE number = ?"
        found = connection.execute(statement, (self._number,)).fetchone()
        return bool(found == (self._owner,))

    def _taken_over(self, connection: sqlite3.Connection) -> str:
        found = connection.execute(
            "SELECT pid, host FROM runs WHERE number = ?", (self._number,)
        ).fetchone()
        where = f"process {found[0]} on {found[1]}" if found else "somebody who removed it"
        return f"run {self._record.run_id} was taken over by {where}"

    def _begin(self, connection: sqlite3.Connection) -> int | None:
        record, owner = self._record, owner_columns()
        columns = {
            "run_id": record.run_id,
            "workflow": record.workflow,
            "text": record.text,
            "source_name": record.source_name,
            "source_text": record.source_text,
            "options": msgspec.json.encode(record.options).decode(),
            "versions": msgspec.json.encode(record.versions).decode(),
            "started": time.time(),
            "status": "pending",
            "duration": 0.0,
            "tasks": 0,
            "items": 0,
            "failed": 0,
            **owner,
        }
        LIVE.discard(self._owner)
        self._owner = str(owner["owner"])
        LIVE.add(self._owner)
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        statement = f"INSERT INTO runs ({names}) VALUES ({marks})"  # noqa: S608 - names of ours
        return connection.execute(statement, [*columns.values()]).lastrowid


@atexit.register
def _cut_all() -> None:
    """Leave the runs under way as they stand, before the names go that their actions use."""
    for each in [*_OPEN]:
        each.cut()


class _Counts:
    """The figures of a run, kept up event by event."""

    def __init__(self) -> None:
        self.started, self.duration, self.status = time.time(), 0.0, "pending"
        self.tasks = self.items = self.failed = 0
        self._fanned_out: set[Key] = set()

    def add(self, event: Event) -> None:
        self.duration = event.time
        self.status = _STATUS.get(type(event), self.status)
        if isinstance(event, RunResumed) and event.doubts:
            self.status = "paused"
        elif isinstance(event, RunStarted):
            self.started = event.started_at
        elif isinstance(event, RunEnded):
            self.status = event.status
        elif isinstance(event, TaskStarted):
            self.tasks += 1
            if event.with_items:
                self._fanned_out.add((event.task, event.visit))
        elif isinstance(event, AttemptsEnded) and (event.task, event.visit) in self._fanned_out:
            self.items += len(event.batch)
            self.failed += event.batch.failed
        elif isinstance(event, RetriesPlanned) and (event.task, event.visit) in self._fanned_out:
            self.items -= event.count
            self.failed -= event.count

"""Looks at a store: the states of the runs that are watched, and the list of runs.

All calls come from one thread, which has the connection. A look is one statement as long as no
process has written to the store, `PRAGMA data_version`; every second it also looks for processes
that have died. A store that stays locked is read at the next look.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple

from attune_nb.errors import StoreError
from attune_nb.server.live.folding import FOLDED_KINDS, FoldedRun
from attune_nb.server.live.messages import RunList
from attune_nb.server.live.run_rows import LiveList, count_by_task, read_row
from attune_nb.store.blobs import load_data
from attune_nb.store.database import connected
from attune_nb.store.event_rows import EventRow, column_text
from attune_nb.store.files import file_identity, is_writable
from attune_nb.store.output_files import output_path
from attune_nb.store.reading import ENDED
from attune_nb.store.sqlite_errors import is_busy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from attune_nb.server.live.messages import Snapshot

__all__ = ["News", "StoreReader"]

# seconds between two looks for changes that no commit shows, such as the death of a process
_SLOW = 1.0

# seconds between two looks at the list of runs, and at those of it that have ended
_LIST_EVERY = 0.3
_NEWEST_EVERY = 2.0

# runs that are watched no longer, but whose states are kept for clients that come back
_MAX_RECENT = 8

_SELECT_EVENTS = """
SELECT events.number, kind, time, task, visit, data, columns FROM events, runs
WHERE runs.run_id = ? AND events.run = runs.number AND events.number >= ? ORDER BY events.number
"""

_log = logging.getLogger("attune_nb")


class News(NamedTuple):
    """The news about a run, or about the list of runs.

    Attributes:
        run_id: The id of the run; empty for the list.
        state: Its new state; None if it is gone.
        is_last: Whether no more news will come.
        reason: Why it is gone.
    """

    run_id: str
    state: Snapshot | RunList | None
    is_last: bool = False
    reason: str = ""


class _WatchedRun:
    """A run that is watched, or was watched a short time ago.

    Attributes:
        folded: Its state by its events.
        state: The state that was reported last.
        children: For each task the number of child runs, as they were counted last.
        has_output: Whether there was a file with all its output.
        is_due: Whether its state must be reported even if it has not changed.
    """

    def __init__(self) -> None:
        self.folded = FoldedRun()
        self.state: Snapshot | None = None
        self.children: dict[str, int] = {}
        self.has_output = False
        self.is_due = True


class StoreReader:
    """The reader of one store.

    Args:
        path: The store, which need not exist.
        name: Its name in the list of runs, if the server has several stores.
        clock: Returns the seconds since any moment.
    """

    def __init__(
        self, path: Path, name: str = "", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.path = path
        self._name = name
        self._clock = clock
        self._runs: dict[str, _WatchedRun] = {}
        self._recent_runs: dict[str, _WatchedRun] = {}
        self._list: LiveList | None = None
        self._list_state: RunList | None = None
        self._is_list_due = False

        self._stack = ExitStack()
        self._connection: sqlite3.Connection | None = None
        self._identity: object = None
        self._tables = 0
        self._version: int | None = None
        self._fault = ""
        self._slow_time = float("-inf")
        self._list_time = float("-inf")
        self._newest_time = float("-inf")
        self._has_list_changed = False

    @property
    def is_watched(self) -> bool:
        """Whether there is anything to look at."""
        return bool(self._runs) or self._list is not None

    def watch_run(self, run_id: str) -> None:
        """Report the states of a run from now on, beginning with the present one."""
        run = self._runs.get(run_id)
        if run is None:
            run = self._recent_runs.pop(run_id, None)
        if run is None:
            run = _WatchedRun()
        run.is_due = True
        self._runs[run_id] = run

    def unwatch_run(self, run_id: str) -> None:
        """Report the states of a run no longer. Some are kept for clients that come back."""
        run = self._runs.pop(run_id, None)
        if run is not None:
            self._recent_runs[run_id] = run
        while len(self._recent_runs) > _MAX_RECENT:
            self._recent_runs.pop(next(iter(self._recent_runs)))

    def watch_list(self) -> None:
        """Report the list of runs from now on, beginning with the present one."""
        if self._list is None:
            self._list = LiveList(self._name)
        self._is_list_due = True

    def unwatch_list(self) -> None:
        """Report the list of runs no longer."""
        self._list = None
        self._list_state = None

    def close(self) -> None:
        """Close the file."""
        self._stack.close()
        self._connection = None
        self._version = None

    def look(self) -> list[News]:
        """Look at the store once, and return the news."""
        is_slow_look = self._clock() - self._slow_time >= _SLOW
        if is_slow_look:
            self._slow_time = self._clock()

        try:
            self._open_if_needed(is_slow_look=is_slow_look)
            if self._connection is None:
                return self._report_missing()

            version = _data_version(self._connection)
            if version != self._version and self._reopen_if_migrated(self._connection):
                version = _data_version(self._connection)
            return self._read(self._connection, version, is_slow_look=is_slow_look)
        except sqlite3.Error as error:
            if is_busy(error):
                self._make_all_due()
                return []
            return self._report_fault(self._close_after(error))
        except StoreError as error:
            self.close()
            return self._report_fault(column_text(str(error)))
        except Exception as error:  # noqa: BLE001 - bytes of a damaged store may mean anything
            _log.warning("the store %s cannot be watched", self.path, exc_info=True)
            self.close()
            return self._report_fault(f"{type(error).__name__}: {error}")

    def _open_if_needed(self, *, is_slow_look: bool) -> None:
        """Open the store; again if another file has its name, or if it could not be read."""
        identity = self._identify()
        is_same = identity == self._identity
        if self._connection is not None and is_same:
            return

        if self._identity is not None and not is_same:
            self._forget_states()
        self._identity = identity
        self.close()
        if identity is not None and (is_slow_look or not self._fault):
            self._connect()
            self._fault = ""

    def _reopen_if_migrated(self, connection: sqlite3.Connection) -> bool:
        """Open the store again if another process has changed its tables meanwhile.

        A connection to an older version shows the missing columns by views of its own.
        """
        if _tables_version(connection) == self._tables:
            return False
        self.close()
        self._connect()
        return True

    def _connect(self) -> None:
        self._connection = self._stack.enter_context(connected(self.path))
        self._tables = _tables_version(self._connection)

    def _identify(self) -> object:
        """Return a mark of the file, which differs once the file has to be opened again."""
        identity = file_identity(self.path)
        if identity is None or is_writable(self.path):
            return identity
        # a store in a folder that cannot be written may be read from a copy
        log = self.path.with_name(self.path.name + "-wal")
        parts = [file.stat() for file in (self.path, log) if file.exists()]
        return identity, tuple((part.st_mtime_ns, part.st_size) for part in parts)

    def _forget_states(self) -> None:
        """Forget all that was read: the file is another one."""
        self._recent_runs.clear()
        for run_id in self._runs:
            self._runs[run_id] = _WatchedRun()
        if self._list is not None:
            self._list = LiveList(self._name)
            self._is_list_due = True

    def _close_after(self, error: sqlite3.Error) -> str:
        """Close the file after an error, and return the error's message for people."""
        stack = self._stack
        self._stack = ExitStack()
        self._connection = None
        self._version = None

        try:
            stack.__exit__(type(error), error, error.__traceback__)
        except StoreError as store_error:
            return column_text(str(store_error))
        return str(error)

    def _make_all_due(self) -> None:
        """Report all states anew at the next look, as this one ended before it had read them."""
        for run in self._runs.values():
            run.is_due = True
        self._is_list_due = self._list is not None

    def _report_missing(self) -> list[News]:
        """Report that there is no store: an empty list, and no run."""
        if self._identity is not None:
            # it could not be read, which was reported
            return []
        return self._report_empty("", f"the store {self.path.name} was removed")

    def _report_fault(self, fault: str) -> list[News]:
        """Report that the store cannot be read."""
        self._fault = fault
        return self._report_empty(fault, fault)

    def _report_empty(self, problem: str, reason: str) -> list[News]:
        news = [News(run_id, None, is_last=True, reason=reason) for run_id in self._runs]
        self._runs.clear()
        self._recent_runs.clear()
        if self._list is not None:
            self._list = LiveList(self._name)
            news += self._report_list(RunList(problem=problem))
        return news

    def _report_list(self, state: RunList) -> list[News]:
        if state == self._list_state and not self._is_list_due:
            return []
        self._list_state = state
        self._is_list_due = False
        return [News("", state)]

    def _read(
        self, connection: sqlite3.Connection, version: int, *, is_slow_look: bool
    ) -> list[News]:
        """Read the runs that are watched and the list, as far as they may have changed."""
        has_changed = version != self._version
        self._has_list_changed |= has_changed
        must_read_all = has_changed or is_slow_look
        due_runs = [run_id for run_id, run in self._runs.items() if must_read_all or run.is_due]
        is_list_due = self._list is not None and self._must_read_list(is_slow_look=is_slow_look)
        if not due_runs and not is_list_due:
            return []

        news: list[News] = []
        for run_id in due_runs:
            news += self._read_run(connection, run_id, is_slow_look=is_slow_look)
        if is_list_due:
            news += self._read_list(connection)
        self._version = version
        return news

    def _must_read_list(self, *, is_slow_look: bool) -> bool:
        if self._is_list_due or is_slow_look:
            return True
        return self._has_list_changed and self._clock() - self._list_time >= _LIST_EVERY

    def _read_list(self, connection: sqlite3.Connection) -> list[News]:
        live_list = self._list
        if live_list is None:
            return []

        self._list_time = self._clock()
        is_newest_due = self._list_time - self._newest_time >= _NEWEST_EVERY
        if self._is_list_due:
            live_list.read_all(connection)
            self._has_list_changed = False
            self._newest_time = self._list_time
        elif is_newest_due and self._has_list_changed:
            self._has_list_changed = False
            live_list.read_newest(connection)
            live_list.read_changes(connection)
            self._newest_time = self._list_time
        else:
            live_list.read_changes(connection)

        return self._report_list(live_list.state)

    def _read_run(
        self, connection: sqlite3.Connection, run_id: str, *, is_slow_look: bool
    ) -> list[News]:
        """Read one run as far as it has changed."""
        run = self._runs[run_id]
        if is_slow_look or run.is_due:
            run.has_output = output_path(self.path, run_id).exists()

        try:
            state = self._read_state(connection, run_id, run, is_slow_look=is_slow_look)
            was_interrupted = run.state is not None and run.state.status == "interrupted"
            if state.status == "interrupted" and not was_interrupted:
                # its process may have ended it after the row was read
                state = self._read_state(connection, run_id, run, is_slow_look=is_slow_look)
        except StoreError as error:
            del self._runs[run_id]
            return [News(run_id, None, is_last=True, reason=column_text(str(error)))]

        if state == run.state and not run.is_due:
            return []

        run.state = state
        run.is_due = False
        is_last = state.status in ENDED
        if is_last:
            self.unwatch_run(run_id)
        return [News(run_id, state, is_last=is_last)]

    def _read_state(
        self,
        connection: sqlite3.Connection,
        run_id: str,
        run: _WatchedRun,
        *,
        is_slow_look: bool,
    ) -> Snapshot:
        """Return the state of a run. Its row and its events are of the same moment.

        Raises:
            StoreError: The run cannot be watched.
        """
        connection.execute("BEGIN")
        try:
            row = read_row(connection, run_id, self._name)
            if row is None:
                raise StoreError("the run was removed from the store")
            if row.damage:
                raise StoreError(f"the record of run {run_id} is damaged ({row.damage})")

            self._fold_events(connection, run_id, run.folded)
            if row.children and (is_slow_look or run.is_due):
                run.children = count_by_task(connection, run_id)
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        return run.folded.snapshot(row, run.children, has_output=run.has_output)

    def _fold_events(self, connection: sqlite3.Connection, run_id: str, folded: FoldedRun) -> None:
        """Fold the events that are new."""
        for number, *columns in connection.execute(_SELECT_EVENTS, (run_id, folded.at)):
            row = EventRow(*columns)
            if row.kind in FOLDED_KINDS:
                row = row._replace(data=load_data(connection, row.data))
            folded.fold(number, row)


def _data_version(connection: sqlite3.Connection) -> int:
    """Return a number that differs after another connection has changed the file."""
    (version,) = connection.execute("PRAGMA data_version").fetchone()
    return int(version)


def _tables_version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)

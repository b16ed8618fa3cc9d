"""Notices that a run has changed its state, for other extensions of Jupyter.

They are events of Jupyter: `/api/events/subscribe` sends them, and so do the handlers that
`c.EventLogger.handlers` names.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from attune_nb.errors import StoreError
from attune_nb.store.database import connected
from attune_nb.store.reading import ENDED, is_alive

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

    from attune_nb.server.stores import Stores

__all__ = ["RUN_STATE", "RunState", "StateWatch", "schema"]

RUN_STATE = "urn:attune-nb:events:run-state:v1"
"""The id of the schema of these events."""

# Every this many looks the processes of the runs are looked up, even if no record has changed.
_LOOKS_PER_CHECK = 10

# runs of one look, the newest
_MAX_RUNS = 1000

_SELECT = (
    "SELECT number, started, run_id, workflow, status, attention, host, pid, born, beat, owner "
    "FROM runs WHERE parent = ''"
)


class RunState(NamedTuple):
    """The state of a run that has changed.

    Attributes:
        run: The id of the run.
        workflow: The name of its workflow.
        status: Its status; "interrupted" if its process is gone.
        attention: Why it needs a person: `question`, `doubt`, `paused`; else empty.
    """

    run: str
    workflow: str
    status: str
    attention: str


def schema() -> dict[str, Any]:
    """Return the schema of the events, as Jupyter registers it."""
    return {
        "$id": RUN_STATE,
        "version": "1",
        "title": "The state of a run of attune_nb",
        "personal-data": False,
        "description": "A run began, ended, or needs a person, or its process is gone.",
        "type": "object",
        "required": ["run", "workflow", "status", "attention"],
        "properties": {
            "run": {"type": "string", "description": "the id of the run"},
            "workflow": {"type": "string", "description": "the name of its workflow"},
            "status": {
                "type": "string",
                "description": "such as running, paused, succeeded, failed, cancelled, interrupted",
            },
            "attention": {
                "enum": ["", "question", "doubt", "paused"],
                "description": "why it needs a person; empty if it does not",
            },
        },
    }


class StateWatch:
    """Finds the runs whose state has changed since the last look.

    A look at a record that has not changed costs two calls of the system.

    Args:
        stores: The stores.
    """

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._since = time.time()
        self._looks = 0
        self._watched: dict[Path, _WatchedStore] = {}

    def look(self) -> list[RunState]:
        """Return the runs that have changed since the look before.

        The first look at a store returns only runs that have begun since this object was made.
        """
        checks_processes = self._looks % _LOOKS_PER_CHECK == 0
        self._looks += 1

        changes = []
        for path in self._stores.paths():
            watched = self._watched.get(path)
            if watched is None:
                watched = _WatchedStore(path, self._since)
                self._watched[path] = watched
            changes += watched.changes(checks_processes=checks_processes)
        return changes


class _WatchedStore:
    """The states of the runs of one store at the last look.

    Args:
        path: The store.
        since: Runs that are met for the first time and have begun before are no changes, in
            seconds since the epoch.
    """

    def __init__(self, path: Path, since: float) -> None:
        self._path = path
        self._since = since
        self._stamp: tuple[Any, ...] = ()
        # of the runs that have not ended, by their numbers
        self._open: dict[int, RunState] = {}
        self._last = 0

    def changes(self, *, checks_processes: bool) -> list[RunState]:
        """Return the runs whose state is another one than at the last look.

        Args:
            checks_processes: Whether to look even if the files have not changed.
        """
        stamp = tuple(_stamps(self._path))
        has_changed = stamp != self._stamp
        if not has_changed and not (checks_processes and self._open):
            return []

        try:
            with connected(self._path) as connection:
                rows = self._read(connection)
        except StoreError:
            # it was removed, or is damaged: the page says so
            return []

        self._stamp = stamp
        before = self._open
        self._open = {}
        changes = []
        for number, started, state in rows:
            is_known = number in before or started < self._since
            if before.get(number, state) != state or not is_known:
                changes.append(state)
            if state.status not in ENDED:
                self._open[number] = state
            self._last = max(self._last, number)
        return changes

    def _read(self, connection: sqlite3.Connection) -> list[tuple[int, float, RunState]]:
        """Return the runs that may have changed: number, start (epoch), state."""
        (newest,) = connection.execute("SELECT coalesce(max(number), 0) FROM runs").fetchone()
        if newest < self._last:
            # another store has taken its place
            self._open.clear()
            self._last = 0

        numbers = ", ".join(str(number) for number in self._open)
        rows = connection.execute(
            f"{_SELECT} AND (number > ? OR number IN ({numbers})) ORDER BY number DESC LIMIT ?",
            (self._last, _MAX_RUNS),
        ).fetchall()

        states = []
        for number, started, run_id, workflow, status, attention, *process in reversed(rows):
            if status not in ENDED and not is_alive(*process):
                status = "interrupted"  # noqa: PLW2901 - the row has the status before
            states.append((number, started, RunState(run_id, workflow, status, attention)))
        return states


def _stamps(path: Path) -> Iterator[tuple[int, int, int]]:
    """Yield the identity, the time and the size of a store's file and of its log."""
    for suffix in ("", "-wal"):
        try:
            status = path.with_name(path.name + suffix).stat()
        except OSError:
            continue
        yield status.st_ino, status.st_mtime_ns, status.st_size

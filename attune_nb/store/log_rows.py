"""The log lines of runs in a store: a row for each batch, read on request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from attune_nb.errors import StoreError
from attune_nb.log_batches import LogBatch, LogCounts, unpack_lines
from attune_nb.store.blobs import load_data
from attune_nb.store.database import connected
from attune_nb.store.event_rows import EventRow, event_of
from attune_nb.store.reading import reading_record

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from pathlib import Path

    from attune_nb.events import Event
    from attune_nb.log_batches import LogColumns
    from attune_nb.store.reading import StoredRun

__all__ = ["StoredLogs", "count_lines", "insert_batches", "read_batches"]

# the option of a run's row that says that its lines are on record
_OPTION = "logs"

# of a run, and of the runs within it and within those
_COUNT_LINES = """WITH RECURSIVE family (number, run_id) AS (
    SELECT number, run_id FROM runs WHERE number = ?
    UNION SELECT runs.number, runs.run_id FROM runs, family
    WHERE runs.parent = family.run_id AND runs.parent != ''
) SELECT coalesce(sum(lines), 0), coalesce(sum(warnings), 0) FROM logs
WHERE run IN (SELECT number FROM family)"""

# the events by which the seconds of a run become dates
_SELECT_STARTS = """SELECT kind, time, task, visit, data, columns FROM events WHERE run = ?
AND kind IN ('RunStarted', 'RunResumed') ORDER BY number"""


def insert_batches(
    connection: sqlite3.Connection, run: int, first: int, batches: Sequence[LogBatch]
) -> None:
    """Insert batches, within a transaction.

    Args:
        connection: The store.
        run: The number of the run.
        first: The number of the first batch.
        batches: The batches, in order.
    """
    rows = [(run, number, *batch) for number, batch in enumerate(batches, start=first)]
    connection.executemany("INSERT INTO logs VALUES (?, ?, ?, ?, ?)", rows)


def read_batches(path: Path, run: int, first: int = 0) -> list[LogBatch]:
    """Return the batches of a run, from a number on.

    Raises:
        StoreError: They cannot be read.
    """
    statement = (
        "SELECT number, lines, warnings, data FROM logs WHERE run = ? AND number >= ? "
        "ORDER BY number"
    )
    with connected(path) as connection:
        rows = connection.execute(statement, (run, first)).fetchall()

    batches = []
    for expected, (number, *columns) in enumerate(rows, start=first):
        if number != expected:
            # an index with flipped bytes hides rows
            raise StoreError(f"the store is damaged: batch {expected} of log lines is missing")
        batches.append(msgspec.convert(tuple(columns), LogBatch))
    return batches


def count_lines(path: Path, run: int) -> LogCounts:
    """Return how many lines a run and its child runs have.

    Raises:
        StoreError: They cannot be read.
    """
    with connected(path) as connection:
        row = connection.execute(_COUNT_LINES, (run,)).fetchone()
        return msgspec.convert(row, LogCounts)


class StoredLogs:
    """The log lines of a run on record; also those that another process writes just now.

    Args:
        path: The store.
        run: The run.
    """

    def __init__(self, path: Path, run: StoredRun) -> None:
        self.path = path
        self._run = run

    def counts(self) -> LogCounts:
        """Return how many lines are on record, with those of child runs.

        Raises:
            StoreError: They cannot be read.
        """
        with reading_record(self._run.run_id):
            return count_lines(self.path, self._run.number)

    def read_from(self, first: int) -> tuple[LogColumns, int]:
        """Return the lines from a batch on, and the number of the batch that will come next.

        Raises:
            StoreError: They cannot be read.
        """
        with reading_record(self._run.run_id):
            batches = read_batches(self.path, self._run.number, first)
            return unpack_lines(batches), first + len(batches)

    def starts(self) -> list[Event]:
        """Return the events that say when the run started and was resumed.

        Raises:
            StoreError: They cannot be read.
        """
        with reading_record(self._run.run_id), connected(self.path) as connection:
            rows = connection.execute(_SELECT_STARTS, (self._run.number,)).fetchall()
            starts = []
            for columns in rows:
                row = EventRow(*columns)
                row = row._replace(data=load_data(connection, row.data))
                starts.append(event_of(row, self._run.source))
            return starts

    def explain_none(self) -> str:
        """Return why no lines are on record, if that is no matter of the actions."""
        if _OPTION in self._run.options:
            return ""
        return "it was recorded by an older version of attune_nb, which kept none"

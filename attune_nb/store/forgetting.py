"""Remove the records of runs, and give their space back to the disk."""

from __future__ import annotations

import glob
import sqlite3
from typing import TYPE_CHECKING, NamedTuple

from attune_nb.errors import StoreError
from attune_nb.store.claims import in_progress_message
from attune_nb.store.command_file import forget_commands
from attune_nb.store.database import connected, delete_run
from attune_nb.store.reading import ENDED, is_alive
from attune_nb.store.tables.folder import TableFolder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from attune_nb.store.reading import StoredRun

__all__ = ["RemovedRecords", "remove_runs"]

# The blobs that nothing refers to. An event's reference is `@` and 32 bytes; that of the text of a
# run within a run is `@` and 64 digits. The length is compared first, since SQLite knows it without
# reading the data.
_DELETE_UNUSED_BLOBS = """DELETE FROM blobs WHERE hash NOT IN (
    SELECT substr(data, 2) FROM events WHERE length(data) = 33 AND substr(data, 1, 1) = X'40'
) AND lower(hex(hash)) NOT IN (
    SELECT substr(text, 2) FROM runs WHERE parent != '' AND substr(text, 1, 1) = '@'
)"""


# milliseconds to wait for the readers of the file
_PATIENCE = 500


class RemovedRecords(NamedTuple):
    """The outcome of a removal.

    Attributes:
        run_ids: The runs that were removed.
        under_way: Runs that are under way, and were therefore left.
        bytes: How much smaller the file and the folder of its tables are now.
        reusable: Bytes within the file that new records use, since another program held it.
    """

    run_ids: list[str]
    under_way: list[str]
    bytes: int
    reusable: int


def remove_runs(path: Path, runs: Sequence[StoredRun], *, keep_open: bool) -> RemovedRecords:
    """Remove the records of runs, with the blobs and tables that no other run needs.

    Another kernel may write its own runs at the same time. It waits while the file is made
    smaller; if it holds the file itself for long, the space stays in the file for new records.

    Args:
        path: The store.
        runs: The runs.
        keep_open: Keep runs that are under way, instead of refusing to remove any.

    Raises:
        StoreError: A run is under way, or the file cannot be used. Nothing was removed.
    """
    with connected(path, write=True) as connection:
        size_before = _size(connection)
        connection.execute("BEGIN IMMEDIATE")
        try:
            tables_before = _files_of_tables(connection)
            removed, under_way = _remove(connection, runs, keep_open=keep_open)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

        table_bytes = 0
        if removed:
            forget_commands(path, removed)
            _shrink(connection)
            table_bytes = _remove_unused_tables(path, connection, tables_before)
        free_bytes = _pragma(connection, "freelist_count") * _pragma(connection, "page_size")
        freed = size_before - _size(connection) + table_bytes
        return RemovedRecords(removed, under_way, freed, free_bytes)


def _remove(
    connection: sqlite3.Connection, runs: Sequence[StoredRun], *, keep_open: bool
) -> tuple[list[str], list[str]]:
    """Remove runs within a transaction; return the ids of those removed and of those kept."""
    removed: list[str] = []
    under_way: list[str] = []
    for run in runs:
        row = connection.execute(
            "SELECT number, status, host, pid, born, beat, owner FROM runs WHERE number = ? "
            "AND (run_id = ? OR ?)",
            (run.number, run.run_id, bool(run.damage)),
        ).fetchone()
        if row is None:
            # another program has removed it meanwhile
            continue

        number, status, host, pid, *life = row
        if not run.damage and status not in ENDED and is_alive(host, pid, *life):
            if not keep_open:
                raise StoreError(f"{in_progress_message(run.run_id, host, pid)}; nothing removed")
            under_way.append(run.run_id)
            continue

        delete_run(connection, number)
        removed.append(run.run_id)

    if removed:
        connection.execute(_DELETE_UNUSED_BLOBS)
    return removed, under_way


def _files_of_tables(connection: sqlite3.Connection) -> set[str]:
    """Return the files that runs on record need."""
    rows = connection.execute("SELECT DISTINCT file FROM tables").fetchall()
    return {file for (file,) in rows}


def _remove_unused_tables(path: Path, connection: sqlite3.Connection, before: set[str]) -> int:
    """Remove the files of tables that no run needs any more; return their bytes.

    The rows of the removed runs are gone already: whatever ends this process, no run lacks a file.
    Meanwhile no other program can add a run that needs one.

    Args:
        path: The store.
        connection: Its connection.
        before: The files that were needed before. Others may be of events that a run under way
            has not written yet.
    """
    if any(path.parent.glob(f"{glob.escape(path.name)}.damaged-*")):
        # a damaged store beside this one may need them, if it is repaired
        return 0

    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        # another program holds the file: the tables go with one of the next runs
        return 0
    try:
        needed = _files_of_tables(connection)
        return TableFolder(path).remove(before - needed, needed)
    finally:
        connection.execute("ROLLBACK")


def _shrink(connection: sqlite3.Connection) -> None:
    """Give the free pages back to the disk, unless another program holds the file."""
    try:
        connection.execute("VACUUM")
        # In WAL mode the file itself shrinks only now; if another program reads it, with one of
        # its next checkpoints.
        connection.execute(f"PRAGMA busy_timeout = {_PATIENCE}")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except sqlite3.OperationalError as error:
        is_expected = any(word in error.sqlite_errorname for word in ("BUSY", "LOCKED", "FULL"))
        if not is_expected:
            raise


def _size(connection: sqlite3.Connection) -> int:
    """Return the bytes of the database."""
    return _pragma(connection, "page_count") * _pragma(connection, "page_size")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    number: int = connection.execute(f"PRAGMA {name}").fetchone()[0]
    return number

"""The file that holds the runs: opened with care, migrated where it is older, never guessed at."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from attune_nb.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["VERSION", "connected", "create"]

APPLICATION = 0x41544E42  # `ATNB`: what makes a file one of ours
VERSION = 2
_BUSY = 5000  # milliseconds that another program's lock is waited for

_MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (  # to version 1
        """CREATE TABLE runs (
            number INTEGER PRIMARY KEY,
            run_id TEXT NOT NULL UNIQUE,
            workflow TEXT NOT NULL,
            text TEXT NOT NULL,           -- canonical, to be loaded again
            source_name TEXT NOT NULL,
            source_text TEXT NOT NULL,    -- as written: what positions refer to
            options TEXT NOT NULL,        -- JSON
            versions TEXT NOT NULL,       -- JSON: of Python, and of what took part
            started REAL NOT NULL,        -- seconds since the epoch, UTC
            status TEXT NOT NULL,
            duration REAL NOT NULL,       -- seconds
            tasks INTEGER NOT NULL,
            items INTEGER NOT NULL,
            failed INTEGER NOT NULL,
            owner TEXT NOT NULL,          -- who writes: a token, and where it lives
            host TEXT NOT NULL,
            pid INTEGER NOT NULL,
            born REAL NOT NULL,           -- when that process began: a pid comes again
            beat REAL NOT NULL            -- when it last said that it lives (epoch, UTC)
        )""",
        """CREATE TABLE events (
            run INTEGER NOT NULL REFERENCES runs,
            number INTEGER NOT NULL,
            kind TEXT NOT NULL,
            time REAL NOT NULL,           -- seconds since the run began
            task TEXT,
            visit INTEGER,
            data BLOB NOT NULL,           -- JSON
            columns BLOB,                 -- packed numbers of a batch of attempts
            PRIMARY KEY (run, number)
        )""",
        "CREATE INDEX runs_started ON runs (started)",
    ),
    (  # to version 2
        # Attempts that must not be made twice are announced before they are made.
        """CREATE TABLE intents (
            run INTEGER NOT NULL REFERENCES runs,
            task TEXT NOT NULL,
            visit INTEGER NOT NULL,
            item INTEGER NOT NULL,
            attempt INTEGER NOT NULL,
            PRIMARY KEY (run, task, visit, item, attempt)
        ) WITHOUT ROWID""",
        # Large data is kept once, however many runs it is part of: parameters that are given
        # again, and what a fork reuses. An event refers to it by `@` and its SHA-256.
        "CREATE TABLE blobs (hash BLOB PRIMARY KEY, data BLOB NOT NULL)",
    ),
)
"""For each version the statements that make it of the one before."""


def create(path: Path) -> None:
    """Make the file where there is none, and bring one of an older version up to date.

    Raises:
        StoreError: It is no store, it is damaged, or of a newer version; it is left as it is.
    """
    if str(path.parent) not in ("", "."):
        try:
            if path.parent.name == ".attune" and not path.parent.exists():
                path.parent.mkdir(parents=True)
                (path.parent / ".gitignore").write_text("*\n")  # no one wants to publish it
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"the store {path} cannot be made: {error.strerror}") from None
    with connected(path, make=True) as connection:
        if _known_version(path, connection) < VERSION:
            _migrate(path, connection)


@contextmanager
def connected(path: Path, *, make: bool = False) -> Iterator[sqlite3.Connection]:
    """Open the file for as long as the block runs; what goes wrong in it is a `StoreError`.

    Args:
        path: The file.
        make: Whether it may be made.

    Raises:
        StoreError: With what is wrong with the file, and what to do.
    """
    new = not path.exists()
    if new and not make:
        raise StoreError(f"there is no store at {path}; a run makes one")
    try:
        if new:
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))  # it holds results
        with closing(_open(path)) as connection:
            if not make and _known_version(path, connection) < VERSION:
                _migrate(path, connection)
            yield connection
    except sqlite3.Error as error:
        raise StoreError(_told(path, error)) from None
    except OSError as error:
        raise StoreError(f"the store {path} cannot be opened: {error.strerror}") from None


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=_BUSY / 1000, isolation_level=None, check_same_thread=True
    )
    try:
        connection.execute(f"PRAGMA busy_timeout = {_BUSY}")
        connection.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        connection.close()
        raise
    return connection


def _migrate(path: Path, connection: sqlite3.Connection) -> None:
    """Bring the file from its version to ours; of two kernels that want to, one does."""
    if connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
        connection.execute("PRAGMA journal_mode = DELETE")  # a network's disk has no WAL
    connection.execute("BEGIN IMMEDIATE")
    for statements in _MIGRATIONS[_known_version(path, connection) :]:
        for statement in statements:
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION}")
    connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")


def _known_version(path: Path, connection: sqlite3.Connection) -> int:
    """Give the version of the store, 0 for a file that is still empty; refuse a newer one."""
    version = _version(path, connection)
    if version > VERSION:
        raise StoreError(
            f"the store {path} is of version {version}, and this attune_nb reads up to {VERSION}; "
            "upgrade attune_nb, or name another store"
        )
    return version


def _version(path: Path, connection: sqlite3.Connection) -> int:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application == APPLICATION:
        version: int = connection.execute("PRAGMA user_version").fetchone()[0]
        return version
    if tables or application:
        raise StoreError(f"{path} is a database of another program; name another file as store")
    return 0


def _told(path: Path, error: sqlite3.Error) -> str:
    told, code = str(error), getattr(error, "sqlite_errorname", "")
    if "NOTADB" in code or "CORRUPT" in code:
        return f"{path} is no store, or a damaged one ({told}); it is left as it is: name another"
    if "FULL" in code:
        return f"the disk is full: {path} cannot grow; free space, and resume the run"
    if "BUSY" in code or "LOCKED" in code:
        return f"the store {path} is locked by another program; close it, or name another store"
    return f"the store {path} cannot be used: {told}"

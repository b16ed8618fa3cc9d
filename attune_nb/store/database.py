"""The SQLite file of a store: create it, open it, bring an older one up to date."""

from __future__ import annotations

import logging
import sqlite3
import tempfile
import threading
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attune_nb.errors import StoreError
from attune_nb.store.files import (
    FileIdentity,
    alone_in,
    check_path,
    copy_files,
    create_empty,
    create_folder,
    file_identity,
    has_log,
    is_writable,
    restrict,
)
from attune_nb.store.sqlite_errors import error_name, is_busy

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "VERSION",
    "DamagedFileError",
    "connected",
    "create",
    "delete_run",
    "one_connection",
    "replace_damaged",
]

APPLICATION = 0x41544E42
"""`ATNB`: the application id of a store."""
VERSION = 5
"""The version of the tables."""

_log = logging.getLogger("attune_nb")

# the first bytes of a file of SQLite, and where its application id is
_SQLITE_HEADER = b"SQLite format 3\0"
_APPLICATION_OFFSET = 68

# how messages of SQLite begin if the tables are not those of a store
_DAMAGE_MESSAGES = (
    "no such table", "no such column", "table runs has", "table events has", "table intents has",
    "table blobs has", "table tables has", "table logs has", "table runs already", "malformed",
    "datatype mismatch",
)  # fmt: skip

# each fails if a column of its table has another name
_COLUMN_CHECKS = (
    """SELECT number, run_id, workflow, text, source_name, source_text, options, versions, started,
    status, duration, tasks, items, failed, owner, host, pid, born, beat, parent, parent_task,
    parent_visit, parent_item, parent_attempt, questions, attention, metrics, jupyter
    FROM runs LIMIT 0""",
    "SELECT run, number, kind, time, task, visit, data, columns FROM events LIMIT 0",
    "SELECT run, task, visit, item, attempt FROM intents LIMIT 0",
    "SELECT hash, data FROM blobs LIMIT 0",
    "SELECT run, file FROM tables LIMIT 0",
    "SELECT run, number, lines, warnings, data FROM logs LIMIT 0",
)

# milliseconds to wait while another program holds a lock
_BUSY = 5000

# tries to create a store while another program removes it
_MAX_TRIES = 3

# arguments of every connection
_CONNECTION: Any = {"timeout": _BUSY / 1000, "isolation_level": None, "check_same_thread": True}

# the path and the connection that a thread shares at the moment, as `shared`
_thread = threading.local()

# the columns of `runs` that a version has added, with their types and defaults
_NEW_COLUMNS = {
    # A run within another one names the attempt that it is: the id of the other run, and the task,
    # visit, item and number of the attempt. All other runs have an empty `parent`.
    4: (
        ("parent", "TEXT", "''"),
        ("parent_task", "TEXT", "''"),
        ("parent_visit", "INTEGER", "0"),
        ("parent_item", "INTEGER", "0"),
        ("parent_attempt", "INTEGER", "0"),
    ),
    # How many questions are open, and why the run needs a person, as `StoredRun.attention`. The
    # metrics, and the kernel and the notebook, are JSON.
    5: (
        ("questions", "INTEGER", "0"),
        ("attention", "TEXT", "''"),
        ("metrics", "TEXT", "'{}'"),
        ("jupyter", "TEXT", "'{}'"),
    ),
}


def _add_columns(version: int) -> tuple[str, ...]:
    """Return the statements that add the new columns of a version."""
    return tuple(
        f"ALTER TABLE runs ADD COLUMN {name} {kind} NOT NULL DEFAULT {default}"
        for name, kind, default in _NEW_COLUMNS[version]
    )


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
        # Attempts that must not run twice are recorded before they begin.
        """CREATE TABLE intents (
            run INTEGER NOT NULL REFERENCES runs,
            task TEXT NOT NULL,
            visit INTEGER NOT NULL,
            item INTEGER NOT NULL,
            attempt INTEGER NOT NULL,
            PRIMARY KEY (run, task, visit, item, attempt)
        ) WITHOUT ROWID""",
        # Large data, such as results that a fork reuses, is stored once for all runs.
        # An event refers to it by `@` and its SHA-256.
        "CREATE TABLE blobs (hash BLOB PRIMARY KEY, data BLOB NOT NULL)",
    ),
    (  # to version 3
        # Tables are files beside the store: those that the events of a run refer to.
        """CREATE TABLE tables (
            run INTEGER NOT NULL REFERENCES runs,
            file TEXT NOT NULL,
            PRIMARY KEY (run, file)
        ) WITHOUT ROWID""",
    ),
    (  # to version 4
        *_add_columns(4),
        "CREATE INDEX runs_parent ON runs (parent, parent_task, parent_visit, parent_item)",
        # The lines that actions have printed and logged: a row for each batch, so that they are
        # read only on request.
        """CREATE TABLE logs (
            run INTEGER NOT NULL REFERENCES runs,
            number INTEGER NOT NULL,      -- of the batch, from 0
            lines INTEGER NOT NULL,       -- how many it has
            warnings INTEGER NOT NULL,    -- how many of level WARNING or above
            data BLOB NOT NULL,           -- the columns of the lines: MessagePack, deflated
            PRIMARY KEY (run, number)
        )""",
    ),
    _add_columns(5),
)
"""For every version the statements that make it from the version before."""


class DamagedFileError(StoreError):
    """A store whose pages or tables SQLite cannot read.

    Attributes:
        identity: Which file it is, since another one may take its place.
    """

    def __init__(self, message: str, identity: FileIdentity | None) -> None:
        super().__init__(message)
        self.identity = identity


def create(path: Path) -> None:
    """Create the file if it is missing; bring an older version up to date.

    The file is for its owner only, also if it was not before. A damaged store is renamed, and a
    new one created in its place.

    Raises:
        StoreError: The file is no store, cannot be written, or has a newer version. It is not
            changed.
    """
    for attempt in range(1, _MAX_TRIES + 1):
        identity = file_identity(path)
        try:
            _create_once(path)
        except StoreError:
            # another program may have removed the file just now
            if attempt == _MAX_TRIES or file_identity(path) == identity:
                raise
        else:
            return


def _create_once(path: Path) -> None:
    exists = check_path(path)
    if str(path.parent) not in ("", "."):
        create_folder(path.parent)
    try:
        _create_file(path, exists=exists)
    except DamagedFileError as error:
        replace_damaged(path, error)


def replace_damaged(path: Path, error: DamagedFileError) -> None:
    """Rename a damaged store, which keeps all its bytes, and create a new one in its place.

    If another program has done so meanwhile, its new store is used.

    Args:
        path: The store.
        error: The fault, for the log, and which file has it.

    Raises:
        StoreError: Its first bytes are not those of a store: it may be any file. It is not
            changed.
    """
    with alone_in(path.parent):
        if file_identity(path) == error.identity:
            if not _is_store(path):
                raise error
            _rename_damaged(path, error)
    _create_file(path, exists=check_path(path))


def _rename_damaged(path: Path, error: DamagedFileError) -> None:
    now = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
    new_path = path.with_name(f"{path.name}.damaged-{now}")
    _log.warning(
        "the store %s is damaged; it was renamed %s, and a new one is used", path, new_path.name
    )
    try:
        # the log first: no other program may take it for that of the new file
        for suffix in ("-wal", "-shm", ""):
            old = path.with_name(path.name + suffix)
            if old.exists():
                old.rename(new_path.with_name(new_path.name + suffix))
    except OSError:
        raise error from None


def _is_store(path: Path) -> bool:
    """Return whether the first bytes of a file say that it is a store."""
    try:
        with path.open("rb") as file:
            header = file.read(100)
    except OSError:
        return False
    application = header[_APPLICATION_OFFSET : _APPLICATION_OFFSET + 4]
    return header.startswith(_SQLITE_HEADER) and application == APPLICATION.to_bytes(4)


def _create_file(path: Path, *, exists: bool) -> None:
    with connected(path, make=True) as connection:
        if exists and not is_writable(path):
            raise StoreError(_read_only_message(path))
        if _known_version(path, connection) < VERSION:
            _migrate(path, connection)
        # a name of a column may be damaged, too
        for statement in _COLUMN_CHECKS:
            connection.execute(statement)
        restrict(path)


@contextmanager
def connected(
    path: Path, *, write: bool = False, make: bool = False
) -> Iterator[sqlite3.Connection]:
    """Open the file while the block runs, and raise errors of SQLite as `StoreError`.

    A connection to read does not change the file: it has the tables of the present version also
    if the file has an older one, which the process that wrote it can then still use.

    Args:
        path: The file.
        write: Whether the block writes. An older version is brought up to date before. A file
            that the system does not let this process write is opened to read.
        make: Whether to create a missing file, to write it.

    Raises:
        StoreError: The file cannot be used; the message names the fault and the remedy.
    """
    is_new = not check_path(path)
    if is_new and not make:
        raise StoreError(f"there is no store at {path}; a run creates one")

    identity = file_identity(path)
    try:
        if is_new:
            create_empty(path)
        may_write = write or make
        with _open_or_reuse(path, write=may_write) as connection:
            if write and _known_version(path, connection) < VERSION and is_writable(path):
                _migrate(path, connection)
            yield connection
    except sqlite3.Error as error:
        message = _error_message(path, error)
        if _is_damage(error):
            raise DamagedFileError(message, identity) from None
        raise StoreError(message) from None
    except UnicodeDecodeError as error:
        # SQLite's own message quotes a damaged name of a table
        raise DamagedFileError(_describe_damage(path, error), identity) from None
    except OSError as error:
        raise StoreError(f"the store {path} cannot be opened: {error.strerror}") from None


@contextmanager
def one_connection(path: Path) -> Iterator[None]:
    """Let all calls of `connected` in the block that read use one connection, in this thread.

    Opening a connection takes longer than reading a few rows. If the file cannot be opened, these
    calls say why.

    Args:
        path: The file.
    """
    with ExitStack() as stack:
        shared = None
        with suppress(StoreError):
            shared = path, stack.enter_context(connected(path))
        previous = getattr(_thread, "shared", None)
        _thread.shared = shared
        try:
            yield
        finally:
            _thread.shared = previous


@contextmanager
def _open_or_reuse(path: Path, *, write: bool) -> Iterator[sqlite3.Connection]:
    shared = getattr(_thread, "shared", None)
    if write and is_writable(path):
        with closing(_open(path)) as connection:
            yield connection
    elif shared is not None and shared[0] == path:
        yield shared[1]
    else:
        with _open_as_allowed(path) as connection:
            _show_present_tables(path, connection)
            yield connection


@contextmanager
def _open_as_allowed(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a file to read it: in its place, or a copy if SQLite cannot read it there."""
    is_unlogged = not is_writable(path) and not has_log(path)
    # without a log no other program is writing the file
    mode = "mode=ro&immutable=1" if is_unlogged else "mode=ro"
    in_place = _open_in_place(path, mode)
    if in_place is not None:
        with closing(in_place) as connection:
            yield connection
        return

    if is_writable(path):
        # it was left in the middle of a write, which has to be undone
        with closing(_open(path)) as connection:
            yield connection
        return

    with tempfile.TemporaryDirectory(prefix="attune-") as folder:
        copy = copy_files(path, Path(folder))
        with closing(_open(copy)) as connection:
            yield connection


def _open_in_place(path: Path, mode: str) -> sqlite3.Connection | None:
    """Open a file where it is, writing nothing; return None if SQLite cannot read it so."""
    connection = None
    try:
        connection = _open_to_read(path, mode)
        _read_header(connection)
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        # the index of the log cannot be created, or a write was not finished
        code = getattr(error, "sqlite_errorname", None) or ""
        if "CANTOPEN" in code or "READONLY" in code:
            return None
        raise
    return connection


def _show_present_tables(path: Path, connection: sqlite3.Connection) -> None:
    """Let a connection read an older version as the present one, and write nothing.

    The tables and columns that the version lacks are temporary ones, empty or with defaults.
    """
    version = _known_version(path, connection)
    if version < VERSION:
        connection.execute("PRAGMA temp_store = MEMORY")
        for statements in _MIGRATIONS[version:]:
            for statement in statements:
                if statement.startswith("CREATE TABLE"):
                    connection.execute(statement.replace("CREATE TABLE", "CREATE TEMP TABLE", 1))
        _show_new_columns(version, connection)
    connection.execute("PRAGMA query_only = ON")


def _show_new_columns(version: int, connection: sqlite3.Connection) -> None:
    """Show the columns that `runs` of an older version lacks, with their defaults."""
    columns: list[tuple[str, str]] = []
    for added_in, new_columns in _NEW_COLUMNS.items():
        if added_in > version:
            columns += [(name, default) for name, _, default in new_columns]

    if version == 0:
        # a file without tables: another process is creating them
        for name, default in columns:
            connection.execute(f"ALTER TABLE temp.runs ADD COLUMN {name} DEFAULT {default}")
        return

    shown = ", ".join(f"{default} AS {name}" for name, default in columns)
    connection.execute(f"CREATE TEMP VIEW runs AS SELECT *, {shown} FROM main.runs")  # noqa: S608 - constants


def _open(path: Path) -> sqlite3.Connection:
    # not relative: SQLite takes `:memory:` for no file
    return _prepare(sqlite3.connect(path.absolute(), **_CONNECTION))


def _open_to_read(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?{mode}"
    return _prepare(sqlite3.connect(uri, uri=True, **_CONNECTION))


def _prepare(connection: sqlite3.Connection) -> sqlite3.Connection:
    """Set the options of a new connection; close it if that fails."""
    # a text with flipped bytes is read all the same: it concerns one run
    connection.text_factory = _decode
    try:
        connection.execute(f"PRAGMA busy_timeout = {_BUSY}")
        connection.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        connection.close()
        raise
    return connection


def delete_run(connection: sqlite3.Connection, number: int) -> None:
    """Delete all rows of a run and of the runs within it, within a transaction.

    The blobs stay, as other runs may need them.
    """
    children = connection.execute(
        "SELECT number FROM runs WHERE parent != '' "
        "AND parent = (SELECT run_id FROM runs WHERE number = ?)",
        (number,),
    ).fetchall()
    for table in ("events", "intents", "tables", "logs"):
        statement = f"DELETE FROM {table} WHERE run = ?"  # noqa: S608 - constant names
        connection.execute(statement, (number,))
    connection.execute("DELETE FROM runs WHERE number = ?", (number,))

    for (child,) in children:
        delete_run(connection, child)


def _migrate(path: Path, connection: sqlite3.Connection) -> None:
    """Bring the file to the present version; of two kernels at the same time only one does."""
    with alone_in(path.parent):
        if _known_version(path, connection) == VERSION:
            # another one has
            return

        if connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
            # network disks have no WAL
            connection.execute("PRAGMA journal_mode = DELETE")

        connection.execute("BEGIN IMMEDIATE")
        for statements in _MIGRATIONS[_known_version(path, connection) :]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")


def _known_version(path: Path, connection: sqlite3.Connection) -> int:
    """Return the version of the store, or 0 for an empty file.

    Raises:
        StoreError: The version is newer than `VERSION`, or the file is no store.
    """
    version = _version(path, connection)
    if version > VERSION:
        raise StoreError(
            f"the store {path} has version {version}, and this attune_nb reads up to {VERSION}; "
            "upgrade attune_nb, or name another store"
        )
    return version


def _version(path: Path, connection: sqlite3.Connection) -> int:
    application, version, tables = _read_header(connection)
    if application == APPLICATION:
        return version
    if tables or application:
        raise StoreError(f"{path} is a database of another program; name another file as store")
    return 0


def _read_header(connection: sqlite3.Connection) -> tuple[int, int, int]:
    """Return the application id, the version and the number of tables and indexes.

    All three are of one moment: another program may be creating the store.
    """
    is_own_transaction = not connection.in_transaction
    if is_own_transaction:
        connection.execute("BEGIN")
    try:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    finally:
        if is_own_transaction and connection.in_transaction:
            connection.execute("ROLLBACK")
    return application, version, tables


def _decode(text: bytes) -> str:
    return text.decode("utf-8", "replace")


def _is_damage(error: sqlite3.Error) -> bool:
    """Return whether an error says that the pages or tables of the file are damaged."""
    name = error_name(error)
    if "NOTADB" in name or "CORRUPT" in name or isinstance(error, sqlite3.IntegrityError):
        return True
    return str(error).startswith(_DAMAGE_MESSAGES)


def _error_message(path: Path, error: sqlite3.Error) -> str:
    """Return the message for an error of SQLite: the fault and the remedy."""
    name = error_name(error)
    if _is_damage(error):
        return _describe_damage(path, error)
    if "FULL" in name:
        return f"the disk is full: {path} cannot grow; free space, and resume the run"
    if is_busy(error):
        return f"the store {path} is locked by another program; close it, or name another store"
    if "READONLY" in name:
        return _read_only_message(path)
    return f"the store {path} cannot be used: {error}"


def _read_only_message(path: Path) -> str:
    return (
        f"the store {path} can be read, and not written: allow writing to it and to its folder, or "
        "name another store"
    )


def _describe_damage(path: Path, error: Exception) -> str:
    return f"{path} is no store, or it is damaged ({error}); it was not changed: name another file"

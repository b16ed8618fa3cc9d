"""The SQLite file with commands for runs: it lies beside a store, and may be deleted at any time.

The record of a run is written by the run's own process alone. So other processes put their
commands into this file, and that process takes them from it.

The file has no log (WAL): it is deleted while programs have it open, and SQLite would then remove
the log of the file that has taken its place. Without one it works on a network disk, too.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from attune_nb.errors import StoreError
from attune_nb.store.files import alone_in, create_empty, file_identity
from attune_nb.store.sqlite_errors import error_name, is_busy

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from attune_nb.store.files import FileIdentity

__all__ = [
    "CommandInbox",
    "CommandProgress",
    "CommandRow",
    "commands_path",
    "create_command_file",
    "delete_old_commands",
    "forget_commands",
    "insert_command",
    "open_command_file",
    "read_progress",
    "write_outcome",
]

# milliseconds to wait while another program holds a lock
_BUSY = 2000

# the same for a process that looks again soon
_SHORT_BUSY = 20

# numbers that are tried for a command
_MAX_NUMBERS = 100

# seconds after which an expired command is deleted
_DELETE_AFTER = 3600.0

_CREATE = """CREATE TABLE IF NOT EXISTS commands (
    number INTEGER PRIMARY KEY,   -- microseconds since the epoch: no file has it again
    run_id TEXT NOT NULL,
    owner TEXT NOT NULL,          -- the engine that it is for, as in the table of runs
    kind TEXT NOT NULL,
    data BLOB,                    -- JSON; NULL as soon as the command is taken or refused
    sender TEXT NOT NULL,         -- who asks
    expires REAL NOT NULL,        -- seconds since the epoch: later it is not carried out
    taken REAL,                   -- when the engine took it
    outcome TEXT                  -- `done`, or why it was not carried out
)"""


class CommandRow(NamedTuple):
    """A command as the file holds it.

    Attributes:
        number: Its number.
        run_id: The id of the run.
        owner: The token of the engine that it is for.
        kind: Its kind.
        data: Its data, as JSON.
        sender: Who asks.
        expires: When it is too late to carry it out, in seconds since the epoch.
    """

    number: int
    run_id: str
    owner: str
    kind: str
    data: bytes
    sender: str
    expires: float


class CommandProgress(NamedTuple):
    """The progress of a command.

    Attributes:
        run_id: The id of the run.
        owner: The token of the engine that it is for.
        kind: Its kind.
        is_taken: Whether an engine has taken it.
        outcome: `done`, or why it was not carried out; None if that is not known yet.
    """

    run_id: str
    owner: str
    kind: str
    is_taken: bool
    outcome: str | None


def commands_path(store: Path) -> Path:
    """Return the file with the commands for the runs of a store: `runs.commands.db`."""
    return store.with_name(f"{store.name.removesuffix('.db')}.commands.db")


def create_command_file(path: Path) -> None:
    """Create the file for its owner only, unless it exists. A damaged one is replaced.

    Raises:
        StoreError: It cannot be created or written.
    """
    identity = file_identity(path)
    try:
        _create(path)
    except sqlite3.DatabaseError as error:
        if not _is_damage(error):
            raise StoreError(_explain(path, error)) from None

        with alone_in(path.parent):
            if file_identity(path) == identity:
                path.unlink(missing_ok=True)
        with _errors_of_store(path):
            _create(path)
    except OSError as error:
        raise StoreError(_explain(path, error)) from None


def _create(path: Path) -> None:
    if not path.is_symlink() and not path.exists():
        create_empty(path)
        _give_to_user(path)
    with closing(_connect(path)) as connection:
        connection.execute(_CREATE)
        # another table of this name has no such columns
        connection.execute("SELECT number, owner, data, sender, taken FROM commands LIMIT 0")


@contextmanager
def open_command_file(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the file while the block runs, and raise errors of SQLite as `StoreError`.

    Raises:
        StoreError: There is no such file, or it cannot be used.
    """
    with _errors_of_store(path), closing(_connect(path)) as connection:
        yield connection


@contextmanager
def _errors_of_store(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise StoreError(_explain(path, error)) from None


def _give_to_user(path: Path) -> None:
    """Let a file that root has created belong to the user of its folder, who runs the workflow."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        folder = path.parent.stat()
        with suppress(OSError):
            os.chown(path, folder.st_uid, folder.st_gid)


def _check_file(path: Path) -> None:
    """Check that a file is one of this user: answers are written into it.

    Raises:
        OSError: There is no such file, or it is of another user, or no file.
    """
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError(0, "it is no file")
    if status.st_uid not in _allowed_users(path):
        raise OSError(0, "it belongs to another user")

    if stat.S_IMODE(status.st_mode) & 0o077:
        with suppress(OSError):
            path.chmod(0o600)


def _allowed_users(path: Path) -> set[int]:
    """Return the ids of the users who may own the file.

    On a network disk the files of a user may belong to another id, as the folder then does.
    """
    users = {path.parent.stat().st_uid}
    if hasattr(os, "geteuid"):
        users.add(os.geteuid())
    return users


def _connect(path: Path) -> sqlite3.Connection:
    """Open the file.

    Raises:
        OSError: It is not of this user.
        sqlite3.Error: It cannot be opened.
    """
    _check_file(path)
    # a missing file is not created: it would not be for its owner only
    uri = f"{path.absolute().as_uri()}?mode=rw"
    connection = sqlite3.connect(uri, uri=True, timeout=_BUSY / 1000, isolation_level=None)
    try:
        # commands are lost with the machine, like the processes that they are for
        connection.execute("PRAGMA synchronous = OFF")
        # an answer may be private: its bytes are overwritten
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA trusted_schema = OFF")
    except BaseException:
        connection.close()
        raise
    return connection


def insert_command(connection: sqlite3.Connection, row: CommandRow) -> int:
    """Insert a command; return its number, which is that of the row or a later one."""
    number = row.number
    for attempt in range(1, _MAX_NUMBERS + 1):
        try:
            connection.execute(
                "INSERT INTO commands (number, run_id, owner, kind, data, sender, expires) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                row._replace(number=number),
            )
        except sqlite3.IntegrityError:
            # another process has put one in the same microsecond
            if attempt == _MAX_NUMBERS:
                raise
            number += 1
        else:
            break
    return number


def _take(connection: sqlite3.Connection, owners: Sequence[str]) -> list[CommandRow]:
    """Take the new commands for some engines, the oldest first: no other process gets them.

    Their data is removed from the file.
    """
    marks = ", ".join("?" * len(owners))
    selection = f"FROM commands WHERE taken IS NULL AND outcome IS NULL AND owner IN ({marks})"
    if connection.execute(f"SELECT 1 {selection} LIMIT 1", owners).fetchone() is None:
        return []

    connection.execute("BEGIN IMMEDIATE")
    try:
        columns = ", ".join(CommandRow._fields)
        statement = f"SELECT {columns} {selection} ORDER BY number"
        rows = [CommandRow(*row) for row in connection.execute(statement, owners)]
        now = time.time()
        connection.executemany(
            "UPDATE commands SET taken = ?, data = NULL WHERE number = ?",
            [(now, row.number) for row in rows],
        )
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return rows


def write_outcome(
    connection: sqlite3.Connection, number: int, outcome: str, *, is_taken: bool
) -> bool:
    """Write the outcome of a command; return False if it was too late for that.

    Args:
        connection: The file.
        number: The number of the command.
        outcome: `done`, or why the command was not carried out.
        is_taken: Whether an engine has taken the command. If not, it is refused unless one has
            taken it meanwhile.
    """
    condition = "" if is_taken else "AND taken IS NULL "
    cursor = connection.execute(
        "UPDATE commands SET outcome = ?, data = NULL "  # noqa: S608 - constant conditions
        f"WHERE number = ? {condition}AND outcome IS NULL",
        (outcome, number),
    )
    return cursor.rowcount == 1


def read_progress(connection: sqlite3.Connection, number: int) -> CommandProgress | None:
    """Return the progress of a command; None if the file does not have it."""
    row = connection.execute(
        "SELECT run_id, owner, kind, taken IS NOT NULL, outcome FROM commands WHERE number = ?",
        (number,),
    ).fetchone()
    if row is None:
        return None
    run_id, owner, kind, is_taken, outcome = row
    return CommandProgress(run_id, owner, kind, bool(is_taken), outcome)


def delete_old_commands(connection: sqlite3.Connection) -> None:
    """Remove the data of commands that have expired, and the commands some time later."""
    now = time.time()
    expired = connection.execute("SELECT 1 FROM commands WHERE expires < ? LIMIT 1", (now,))
    if expired.fetchone() is None:
        # the usual case: writing takes longer
        return

    connection.execute(
        "UPDATE commands SET data = NULL WHERE expires < ? AND data IS NOT NULL", (now,)
    )
    connection.execute("DELETE FROM commands WHERE expires < ?", (now - _DELETE_AFTER,))


def forget_commands(store: Path, run_ids: Sequence[str]) -> None:
    """Remove the commands for runs whose records were removed, if there are any.

    If the file cannot be used they stay: their data is gone in any case.
    """
    path = commands_path(store)
    if not path.exists():
        return
    with suppress(StoreError), open_command_file(path) as connection:
        connection.executemany(
            "DELETE FROM commands WHERE run_id = ?", [(run_id,) for run_id in run_ids]
        )


def _is_damage(error: sqlite3.Error) -> bool:
    name = error_name(error)
    return "NOTADB" in name or "CORRUPT" in name or "no such column" in str(error)


def _explain(path: Path, error: Exception) -> str:
    reason = str(error)
    if isinstance(error, OSError) and error.strerror:
        reason = error.strerror
    if isinstance(error, sqlite3.Error) and is_busy(error):
        reason = "another program holds it"
    return (
        f"commands for runs cannot be put into {path}: {reason}; allow writing to it and to its "
        "folder, or remove it"
    )


class CommandInbox:
    """The commands beside a store, as a process that runs workflows takes them.

    It is used by one thread. There may be no file, and another one may take its place.

    Args:
        store: The store.
    """

    def __init__(self, store: Path) -> None:
        self._path = commands_path(store)
        self._identity: FileIdentity | None = None
        self._connection: sqlite3.Connection | None = None

        # the version of the file and the engines when the last commands were taken
        self._last_look: tuple[int, tuple[str, ...]] | None = None
        # the outcomes that another program has kept from being written, by the number
        self._unwritten: dict[int, str] = {}

    def take(self, owners: tuple[str, ...]) -> list[CommandRow]:
        """Take the new commands for some engines, the oldest first; most calls cost little.

        While another program holds the file there are none.

        Args:
            owners: The tokens of the engines.

        Raises:
            OSError: The file is of another user.
            sqlite3.Error: The file cannot be used; the next call opens it again.
        """
        identity = file_identity(self._path)
        if identity != self._identity:
            self.close()
            self._identity = identity
        if identity is None:
            return []

        try:
            return self._take_new(owners)
        except FileNotFoundError:
            # removed just now
            self.close()
            return []
        except sqlite3.OperationalError as error:
            if is_busy(error):
                return []
            self.close()
            raise
        except BaseException:
            self.close()
            raise

    def _take_new(self, owners: tuple[str, ...]) -> list[CommandRow]:
        if self._connection is None:
            self._connection = _connect(self._path)
            # the next look comes soon, and other stores wait meanwhile
            self._connection.execute(f"PRAGMA busy_timeout = {_SHORT_BUSY}")
            if _has_table(self._connection):
                delete_old_commands(self._connection)
        if self._unwritten:
            self._write_outcomes(self._connection)

        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        if (version, owners) == self._last_look:
            return []

        rows = []
        if _has_table(self._connection):
            rows = _take(self._connection, owners)
        self._last_look = (version, owners)
        return rows

    def put_outcome(self, number: int, outcome: str) -> None:
        """Write the outcome of a command that was taken, now or at one of the next calls.

        If the file was removed since, the sender finds that out.

        Raises:
            sqlite3.Error: It cannot be written.
        """
        self._unwritten[number] = outcome
        if self._connection is None:
            return

        try:
            self._write_outcomes(self._connection)
        except sqlite3.OperationalError as error:
            is_removed = file_identity(self._path) != self._identity
            if not is_removed and not is_busy(error):
                raise

    def _write_outcomes(self, connection: sqlite3.Connection) -> None:
        for number, outcome in [*self._unwritten.items()]:
            write_outcome(connection, number, outcome, is_taken=True)
            del self._unwritten[number]

    def close(self) -> None:
        """Close the file, until the next call opens it again."""
        self._identity = None
        self._last_look = None
        self._unwritten = {}
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _has_table(connection: sqlite3.Connection) -> bool:
    """Return whether the file has its table: another process may be creating it just now."""
    statement = "SELECT 1 FROM sqlite_master WHERE name = 'commands'"
    return connection.execute(statement).fetchone() is not None

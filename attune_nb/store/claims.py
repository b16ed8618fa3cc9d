"""Claims: only one engine at a time may write the record of a run."""

from __future__ import annotations

import os
import socket
import time
import uuid
from typing import TYPE_CHECKING

import msgspec

from attune_nb.errors import StoreError
from attune_nb.store.database import connected
from attune_nb.store.jupyter_place import find_jupyter_place
from attune_nb.store.reading import ENDED, LIVE, is_alive

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

__all__ = ["TAKES_COMMANDS", "Claim", "claim", "in_progress_message", "owner_columns", "release"]

TAKES_COMMANDS = "+commands"
"""The end of the token of an engine that takes commands from other processes."""

_ENDINGS = {
    "succeeded": "succeeded",
    "failed": "failed",
    "timed_out": "timed out",
    "cancelled": "been cancelled",
}


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """The right to write a run's record, until another engine claims it.

    Attributes:
        number: The number of the run in its store.
        owner: The token that identifies the writer in the record.
        written: Number of events in the record.
        batches: Number of batches of log lines in the record.
    """

    number: int
    owner: str
    written: int
    batches: int = 0


def owner_columns() -> dict[str, str | int | float]:
    """Return the columns that identify this engine in a record: a new token, and its place."""
    import psutil  # noqa: PLC0415 - slow to import, and only runs with a store need it

    return {
        "owner": uuid.uuid4().hex + TAKES_COMMANDS,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "born": psutil.Process().create_time(),
        "beat": time.time(),
        "jupyter": msgspec.json.encode(find_jupyter_place()).decode(),
    }


def claim(path: Path, run_id: str, written: int) -> Claim:
    """Claim a run whose engine is dead.

    Args:
        path: The store.
        run_id: The id of the run.
        written: Number of the run's events that the caller has read.

    Raises:
        StoreError: The run has ended, another engine is running it, or has run it meanwhile.
    """
    with connected(path, write=True) as connection:
        # an immediate transaction: of two claims at the same time one comes first
        connection.execute("BEGIN IMMEDIATE")
        try:
            new_claim = _claim(connection, run_id, written)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    LIVE.add(new_claim.owner)
    return new_claim


def in_progress_message(run_id: str, host: str, pid: int) -> str:
    """Return the message that another process is running a run."""
    return (
        f"run {run_id} is in progress in process {pid} on {host}; wait for it, or end it first: "
        f"`attune-nb cancel {run_id}`"
    )


def release(released: Claim) -> None:
    """Release the claim of a run that is not resumed after all."""
    LIVE.discard(released.owner)


def _claim(connection: sqlite3.Connection, run_id: str, read: int) -> Claim:
    row = connection.execute(
        "SELECT number, status, host, pid, born, beat, owner FROM runs WHERE run_id = ?", (run_id,)
    ).fetchone()
    if row is None:
        raise StoreError(f"run {run_id} was removed from the store by another program")
    number, status, host, pid, born, beat, owner = row
    if status in ENDED:
        raise StoreError(f"run {run_id} has {_ENDINGS[status]}: there is nothing to resume")
    if is_alive(host, pid, born, beat, owner):
        raise StoreError(in_progress_message(run_id, host, pid))

    columns = owner_columns()
    settings = ", ".join(f"{name} = ?" for name in columns)
    connection.execute(
        f"UPDATE runs SET {settings} WHERE number = ?",  # noqa: S608 - constant names
        [*columns.values(), number],
    )

    (written,) = connection.execute(
        "SELECT count(*) FROM events WHERE run = ?", (number,)
    ).fetchone()
    if written != read:
        raise StoreError(f"run {run_id} was continued just now; look at it, and try again")
    (batches,) = connection.execute("SELECT count(*) FROM logs WHERE run = ?", (number,)).fetchone()
    return Claim(number=number, owner=str(columns["owner"]), written=written, batches=batches)

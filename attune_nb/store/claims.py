"""Who may write to the record of a run: one engine at a time, wherever it lives."""

from __future__ import annotations

import os
import socket
import time
import uuid
from typing import TYPE_CHECKING

import msgspec

from attune_nb.errors import StoreError
from attune_nb.store.database import connected
from attune_nb.store.reading import ENDED, LIVE, is_alive

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

__all__ = ["Claim", "claim", "disclaim", "owner_columns", "under_way"]


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """The right to write to a run's record, for as long as nobody else has taken it.

    Attributes:
        number: The run's, in its store.
        owner: The token by which the record knows who writes.
        written: How many events it holds.
    """

    number: int
    owner: str
    written: int


def owner_columns() -> dict[str, str | int | float]:
    """Give what a record tells of the engine that writes to it: a token, and where it lives."""
    import psutil  # noqa: PLC0415 - no run, no need

    return {
        "owner": uuid.uuid4().hex,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "born": psutil.Process().create_time(),
        "beat": time.time(),
    }


def claim(path: Path, run_id: str, written: int) -> Claim:
    """Take over a run whose engine is gone.

    Args:
        path: The store.
        run_id: The run.
        written: How many of its events are known to whoever takes it over.

    Raises:
        StoreError: The run has ended; or somebody is at it, who is named, or just was.
    """
    with connected(path) as connection:
        connection.execute("BEGIN IMMEDIATE")  # of two that want to, one is first
        try:
            found = _claimed(connection, run_id, written)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
    LIVE.add(found.owner)
    return found


def under_way(run_id: str, host: str, pid: int) -> str:
    """Say who is at a run."""
    return f"run {run_id} is under way in process {pid} on {host}; wait for it, or end that first"


def disclaim(claimed: Claim) -> None:
    """Let go of a run that was not gone on with after all."""
    LIVE.discard(claimed.owner)


def _claimed(connection: sqlite3.Connection, run_id: str, known: int) -> Claim:
    number, status, host, pid, born, beat, owner = connection.execute(
        "SELECT number, status, host, pid, born, beat, owner FROM runs WHERE run_id = ?", (run_id,)
    ).fetchone()
    if status in ENDED:
        raise StoreError(f"run {run_id} has {_ENDS[status]}: there is nothing to resume")
    if is_alive(host, pid, born, beat, owner):
        raise StoreError(under_way(run_id, host, pid))
    columns = owner_columns()
    settings = ", ".join(f"{name} = ?" for name in columns)
    connection.execute(
        f"UPDATE runs SET {settings} WHERE number = ?",  # noqa: S608 - names of ours
        [*columns.values(), number],
    )
    (written,) = connection.execute(
        "SELECT count(*) FROM events WHERE run = ?", (number,)
    ).fetchone()
    if written != known:
        raise StoreError(f"run {run_id} was gone on with just now; look at it, and try again")
    return Claim(number=number, owner=str(columns["owner"]), written=written)


_ENDS = {
    "succeeded": "succeeded",
    "failed": "failed",
    "timed_out": "timed out",
    "cancelled": "been cancelled",
}

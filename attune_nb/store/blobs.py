"""Large data of events, kept once for all the runs that it is part of."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from attune_nb.errors import StoreError

if TYPE_CHECKING:
    import sqlite3

__all__ = ["LARGE", "kept", "whole"]

LARGE = 64_000  # bytes from which data is kept apart
_MARK = b"@"  # no JSON begins so


def kept(connection: sqlite3.Connection, data: bytes) -> bytes:
    """Give what stands for an event's data in its row: the data, or where it is kept."""
    if len(data) < LARGE:
        return data
    digest = hashlib.sha256(data).digest()
    connection.execute("INSERT OR IGNORE INTO blobs VALUES (?, ?)", (digest, data))
    return _MARK + digest


def whole(connection: sqlite3.Connection, data: bytes) -> bytes:
    """Give the data of an event again.

    Raises:
        StoreError: It is not there.
    """
    if not data.startswith(_MARK):
        return data
    statement = "SELECT data FROM blobs WHERE hash = ?"
    found = connection.execute(statement, (data[len(_MARK) :],)).fetchone()
    if found is None:
        raise StoreError("the store is damaged: it does not hold what an event refers to")
    large: bytes = found[0]
    return large

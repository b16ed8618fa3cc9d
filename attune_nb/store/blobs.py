"""Large data of events, stored once for all runs that contain it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from attune_nb.errors import StoreError

if TYPE_CHECKING:
    import sqlite3

__all__ = ["LARGE", "load_data", "load_texts", "store_data", "store_texts"]

LARGE = 64_000
"""Bytes from which the data of an event is stored as a blob."""

# no JSON text begins with it, and no text of a workflow
_MARK = b"@"
_TEXT_MARK = "@"


def store_data(connection: sqlite3.Connection, data: bytes) -> bytes:
    """Return the data for an event's row: the data itself, or a reference to its blob."""
    if len(data) < LARGE:
        return data
    digest = hashlib.sha256(data).digest()
    connection.execute("INSERT OR IGNORE INTO blobs VALUES (?, ?)", (digest, data))
    return _MARK + digest


def load_data(connection: sqlite3.Connection, data: bytes) -> bytes:
    """Return the data of an event from the data in its row.

    Raises:
        StoreError: The blob is missing or damaged, or the data is no bytes.
    """
    if not isinstance(data, bytes):
        raise StoreError("the store is damaged: the data of an event is no bytes")
    if not data.startswith(_MARK):
        return data
    digest = data[len(_MARK) :]
    row = connection.execute("SELECT data FROM blobs WHERE hash = ?", (digest,)).fetchone()
    if row is None:
        raise StoreError("the store is damaged: the blob of an event is missing")
    blob = row[0]
    if not isinstance(blob, bytes) or hashlib.sha256(blob).digest() != digest:
        raise StoreError("the store is damaged: the blob of an event has changed")
    return blob


def store_texts(connection: sqlite3.Connection, text: str, source_text: str) -> str:
    """Store the text of a workflow and its source once for all runs; return a reference to them."""
    data = msgspec.json.encode([text, source_text])
    digest = hashlib.sha256(data).digest()
    connection.execute("INSERT OR IGNORE INTO blobs VALUES (?, ?)", (digest, data))
    return _TEXT_MARK + digest.hex()


def load_texts(connection: sqlite3.Connection, text: str, source_text: str) -> tuple[str, str]:
    """Return the text of a workflow and its source from those in the row of a run.

    Raises:
        StoreError: The blob is missing or damaged.
    """
    if not text.startswith(_TEXT_MARK):
        return text, source_text
    try:
        data = load_data(connection, _MARK + bytes.fromhex(text[len(_TEXT_MARK) :]))
        texts = msgspec.json.decode(data, type=tuple[str, str])
    except ValueError:
        raise StoreError("the store is damaged: the text of a workflow cannot be read") from None
    return texts

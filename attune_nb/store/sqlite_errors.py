"""The kinds of errors of SQLite."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

__all__ = ["error_name", "is_busy"]


def error_name(error: sqlite3.Error) -> str:
    """Return the name of an error's code, such as `SQLITE_BUSY`; empty if it is not of SQLite.

    The module raises some errors itself, and they have no code.
    """
    name: str | None = getattr(error, "sqlite_errorname", None)
    return "" if name is None else name


def is_busy(error: sqlite3.Error) -> bool:
    """Return whether another program holds a lock of the file."""
    name = error_name(error)
    return "BUSY" in name or "LOCKED" in name

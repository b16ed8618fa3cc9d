"""The row of a run whose data is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.errors import StoreError

if TYPE_CHECKING:
    import sqlite3

__all__ = ["read_run_row"]


def read_run_row(
    connection: sqlite3.Connection, run_id: str, columns: str = "number"
) -> tuple[Any, ...]:
    """Return columns of the row of a run.

    Args:
        connection: The store.
        run_id: The whole id of the run.
        columns: The names of the columns, with commas between them.

    Raises:
        StoreError: There is no such run.
    """
    statement = f"SELECT {columns} FROM runs WHERE run_id = ?"  # noqa: S608 - constant names
    row: tuple[Any, ...] | None = connection.execute(statement, (run_id,)).fetchone()
    if row is None:
        raise StoreError(f"there is no run {run_id}")
    return row

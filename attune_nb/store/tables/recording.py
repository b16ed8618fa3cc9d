"""Write the tables of a run's events to files, and note for the run which ones it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.store.tables.events import replace_tables, stored_files, tables_in
from attune_nb.store.tables.folder import TableFolder
from attune_nb.store.tables.writer import TableWriter

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path

    from attune_nb.events import Event
    from attune_nb.values.secrets import Mask
    from attune_nb.values.stored import StoredValue

__all__ = ["TableRecorder"]


class TableRecorder:
    """Writes the tables of one run.

    A file is written before the transaction of its event, so that no other program waits. In the
    transaction it is looked for once more: `forget` in another process may have removed it, as no
    record needed it yet.

    Args:
        store: The file of the store.
    """

    def __init__(self, store: Path) -> None:
        self._folder = TableFolder(store)
        # the files that events without a row in the store refer to
        self._references: dict[str, StoredValue] = {}
        # the functions that write these files again
        self._again: dict[str, Callable[[], Any]] = {}

    def write_tables(self, event: Event, mask: Mask, report: Callable[[str], None]) -> Event:
        """Write the tables of an event; return the event with references in their place.

        Args:
            event: The event.
            mask: The secrets. A table that holds one is not written.
            report: Called with a reason for each table that stays in memory alone.

        Raises:
            StoreError: A file cannot be written.
        """
        writer = TableWriter(self._folder, mask, report)
        writer.write(tables_in(event))
        self._again |= writer.again
        return replace_tables(event, writer.replace)

    def add_references(self, event: Event) -> None:
        """Note the tables that an event refers to."""
        for reference in stored_files(event):
            self._references[reference.file] = reference

    def insert(self, connection: sqlite3.Connection, run: int | None) -> list[str]:
        """Insert which tables a run needs, in the transaction of its events.

        Returns:
            The files that are missing, so that the run may not be continued from some tasks.

        Raises:
            StoreError: A file cannot be written again.
        """
        if not self._references:
            return []

        missing = [ref.file for ref in self._references.values() if not self._ensure(ref)]
        rows = [(run, file) for file in self._references]
        connection.executemany("INSERT OR IGNORE INTO tables VALUES (?, ?)", rows)
        self._references = {}
        self._again = {}
        return missing

    def _ensure(self, reference: StoredValue) -> bool:
        """Return whether there is a file, if need be written again.

        The files of a fork are copied from the store of the other run.
        """
        if self._folder.has(reference):
            return True
        if reference.file in self._again:
            self._again[reference.file]()
            return True
        source = reference.source
        return isinstance(source, TableFolder) and self._folder.adopt(reference, source)

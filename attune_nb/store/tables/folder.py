"""The folder with the tables of a store.

A file is named by its SHA-256, so that equal tables of all runs are one file, and a file that was
cut or exchanged is noticed when it is read.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attune_nb.errors import StoreError
from attune_nb.store.tables.cells import CELLS
from attune_nb.values.frozen import freeze
from attune_nb.values.guard import count_rows, module_name
from attune_nb.values.stored_table import StoredTable
from attune_nb.values.tables.cells import TableError
from attune_nb.values.tables.files import read_table, write_table

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["TableFolder"]

# the name of a file that is being written
_UNFINISHED = ".part"

# seconds after which the process that wrote such a file is gone, however slow the disk
_ABANDONED = 24 * 3600.0


class TableFolder:
    """The folder beside a store that holds its tables.

    Args:
        store: The file of the store.
    """

    def __init__(self, store: Path) -> None:
        self.path = store.with_name(f"{store.name}.tables")

    def save(self, table: Any) -> StoredTable:
        """Write a table to its file; return a reference to it.

        Raises:
            TableError: It cannot be written so that it is read as an equal one.
            StoreError: The disk is full, or the folder cannot be written.
        """
        try:
            return self._save(table)
        except OSError as error:
            raise StoreError(
                f"a table cannot be written to {self.path}: {error.strerror}; free space or allow "
                "writing, and resume the run"
            ) from None

    def _save(self, table: Any) -> StoredTable:
        # readable for its owner only, as the store
        self.path.mkdir(mode=0o700, exist_ok=True)
        unfinished = self.path / f"{uuid.uuid4().hex}{_UNFINISHED}"
        try:
            file_format = write_table(table, unfinished, CELLS)
            size = unfinished.stat().st_size
            path = self.path / f"{_digest_of(unfinished)}.{file_format}"
            unfinished.chmod(0o600)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)

        kind = type(table)
        rows = None
        if getattr(table, "ndim", 1) != 0:
            rows = count_rows(table)
        return StoredTable(path.name, module_name(kind), rows, size, self)

    def has(self, reference: StoredTable) -> bool:
        """Return whether there is a file for a reference."""
        return (self.path / reference.file).exists()

    def adopt(self, reference: StoredTable, folder: TableFolder) -> None:
        """Copy the file of a reference from the folder of another store.

        Raises:
            StoreError: It cannot be copied.
        """
        source = folder.path / reference.file
        copy = self.path / f"{uuid.uuid4().hex}{_UNFINISHED}"
        try:
            self.path.mkdir(mode=0o700, exist_ok=True)
            shutil.copyfile(source, copy)
            copy.chmod(0o600)
            copy.replace(self.path / reference.file)
        except OSError as error:
            copy.unlink(missing_ok=True)
            raise StoreError(
                f"the table {source} cannot be copied to {self.path}: {error.strerror}"
            ) from None

    def load(self, reference: StoredTable) -> Any:
        """Return the frozen table of a reference.

        Raises:
            StoreError: Its file is missing or damaged, or cannot be read.
        """
        path = self.path / reference.file
        remedy = "put the file back from a copy, or fork the run at the task that made the table"
        try:
            digest = _digest_of(path)
        except FileNotFoundError:
            raise StoreError(f"the table {path} is missing; {remedy}") from None
        except OSError as error:
            raise StoreError(f"the table {path} cannot be read: {error.strerror}") from None
        name, _, file_format = reference.file.partition(".")
        if digest != name:
            raise StoreError(f"the table {path} has changed since it was recorded; {remedy}")

        try:
            return freeze(read_table(path, file_format, CELLS))
        except ImportError as error:
            raise StoreError(f"the table {path} cannot be read: {error}") from None
        except (TableError, OSError) as error:
            raise StoreError(f"the table {path} cannot be read ({error}); {remedy}") from None

    def remove_all_but(self, files: Collection[str]) -> int:
        """Remove the files that are not among some, and what dead processes left unfinished.

        Returns:
            The bytes that were given back to the disk.
        """
        removed = 0
        try:
            entries = list(os.scandir(self.path))
        except OSError:
            # no run of this store has a table
            return 0

        for entry in entries:
            # a file that another program uses stays until the next time
            with suppress(OSError):
                status = entry.stat(follow_symlinks=False)
                is_recent = time.time() - status.st_mtime < _ABANDONED
                if entry.name in files or (entry.name.endswith(_UNFINISHED) and is_recent):
                    continue
                Path(entry.path).unlink()
                removed += status.st_size

        # it may hold other tables
        with suppress(OSError):
            self.path.rmdir()
        return removed


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

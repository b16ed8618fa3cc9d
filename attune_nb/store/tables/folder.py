"""The folder with the tables of a store.

A file is named by its SHA-256, so that equal tables of all runs are one file, and a file that was
cut or exchanged is noticed when it is read.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import time
import uuid
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.errors import StoreError
from attune_nb.store.json_values import NO_SECRETS, from_plain
from attune_nb.store.tables.cells import CELLS
from attune_nb.values.frozen import freeze
from attune_nb.values.guard import count_rows, module_name
from attune_nb.values.remote import fetch, remote_references
from attune_nb.values.stored import StoredResult, StoredTable, StoredValue
from attune_nb.values.tables.cells import TableError
from attune_nb.values.tables.files import decode_table, encode_table, read_table, write_table

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from attune_nb.values.secrets import Mask

__all__ = ["TableFolder"]

_REMEDY = "put it back from a copy, or fork the run at the task that made it"

# the name of a file that is being written
_UNFINISHED = ".part"

# seconds after which no process is about to need a file, however slow the disk
_ABANDONED = 24 * 3600.0


class TableFolder:
    """The folder beside a store that holds its tables.

    Args:
        store: The file of the store.
        mask: The secrets by their names, for results that hold some.
    """

    def __init__(self, store: Path, mask: Mask = NO_SECRETS) -> None:
        self.path = store.with_name(f"{store.name}.tables")
        self._mask = mask
        # by file: time of the last change, and bytes, when its hash was checked
        self._checked: dict[str, tuple[int, int]] = {}

    def use_mask(self, mask: Mask) -> None:
        """Take over the secrets of the run, of which there are more now."""
        self._mask = mask

    def save(self, table: Any) -> StoredTable:
        """Write a table to its file; return a reference to it.

        Raises:
            TableError: It cannot be written so that it is read as an equal one.
            StoreError: The disk is full, or the folder cannot be written.
        """
        try:
            return self._save(table)
        except OSError as error:
            raise StoreError(_describe_full(self.path, error)) from None

    def _save(self, table: Any) -> StoredTable:
        with self._unfinished_file() as unfinished:
            file_format = write_table(table, unfinished, CELLS)
            size = unfinished.stat().st_size
            path = self.path / f"{_digest_of(unfinished)}.{file_format}"
            unfinished.replace(path)

        return StoredTable(path.name, module_name(type(table)), _rows_of(table), size, self)

    def pack(self, tables: list[Any]) -> tuple[list[StoredTable | TableError], bytes]:
        """Return references to many small tables in one file, and the bytes of the file.

        In place of a table that cannot be written there is its error.
        """
        parts: list[tuple[str, bytes] | TableError] = []
        for table in tables:
            try:
                parts.append(encode_table(table, CELLS))
            except TableError as error:
                parts.append(error)

        data = b"".join([part[1] for part in parts if isinstance(part, tuple)])
        name = _name_of(data, "pack")
        references: list[StoredTable | TableError] = []
        start = 0
        for table, part in zip(tables, parts, strict=True):
            if isinstance(part, TableError):
                references.append(part)
                continue
            file_format, encoded = part
            references.append(
                StoredTable(
                    name,
                    module_name(type(table)),
                    _rows_of(table),
                    len(encoded),
                    self,
                    start=start,
                    file_format=file_format,
                )
            )
            start += len(encoded)
        return references, data

    def write_file(self, data: bytes, suffix: str) -> str:
        """Write bytes to their file; return its name.

        Raises:
            StoreError: The disk is full, or the folder cannot be written.
        """
        name = _name_of(data, suffix)
        try:
            with self._unfinished_file() as unfinished:
                unfinished.write_bytes(data)
                unfinished.replace(self.path / name)
        except OSError as error:
            raise StoreError(_describe_full(self.path, error)) from None
        return name

    @contextmanager
    def _unfinished_file(self) -> Iterator[Path]:
        """Make an empty file in the folder, to be renamed when it is whole; else it is removed.

        It is readable for its owner only, as the store.
        """
        self.path.mkdir(mode=0o700, exist_ok=True)
        unfinished = self.path / f"{uuid.uuid4().hex}{_UNFINISHED}"
        unfinished.touch(mode=0o600)
        try:
            yield unfinished
        finally:
            with suppress(OSError):
                unfinished.unlink()

    def has(self, reference: StoredValue) -> bool:
        """Return whether there is a file for a reference."""
        return (self.path / reference.file).exists()

    def adopt(self, reference: StoredValue, folder: TableFolder) -> bool:
        """Copy the file of a reference from the folder of another store.

        Returns:
            Whether there is such a file.

        Raises:
            StoreError: It cannot be copied.
        """
        source = folder.path / reference.file
        try:
            with self._unfinished_file() as copy:
                shutil.copyfile(source, copy)
                copy.replace(self.path / reference.file)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise StoreError(
                f"the table {source} cannot be copied to {self.path}: {error.strerror}"
            ) from None
        return True

    def load(self, reference: StoredTable) -> Any:
        """Return the frozen table of a reference.

        Raises:
            StoreError: Its file is missing or damaged, or cannot be read.
        """
        path = self._check_file(reference)
        file_format = reference.file_format
        try:
            if reference.start is None:
                return freeze(read_table(path, file_format, CELLS))
            data = _read_part(path, reference.start, reference.size)
            return freeze(decode_table(data, file_format, CELLS))
        except ImportError as error:
            raise StoreError(f"the file {path} cannot be read: {error}") from None
        except (TableError, OSError) as error:
            raise StoreError(f"the file {path} cannot be read ({error}); {_REMEDY}") from None

    def save_results(self, texts: list[bytes]) -> list[StoredResult]:
        """Write the JSON of several results to one file; return their references.

        Raises:
            StoreError: The disk is full, or the folder cannot be written.
        """
        name = self.write_file(b"\n".join(texts), "json")
        references = []
        start = 0
        for text in texts:
            references.append(StoredResult(name, start, len(text), self))
            start += len(text) + 1
        return references

    def load_result(self, reference: StoredResult) -> Any:
        """Return the frozen value of a reference.

        Raises:
            StoreError: Its file is missing or damaged, or cannot be read.
        """
        path = self._check_file(reference)
        try:
            text = _read_part(path, reference.start, reference.size)
            value = from_plain(msgspec.json.decode(text), self._mask)
        except (OSError, ValueError) as error:
            raise StoreError(f"the file {path} cannot be read ({error}); {_REMEDY}") from None

        for part in remote_references(value):
            if isinstance(part, StoredTable):
                part.source = self
        return fetch(value)

    def _check_file(self, reference: StoredValue) -> Path:
        """Return the path of a file whose bytes are those that were recorded.

        A file that was not changed since it was last checked is not read again.

        Raises:
            StoreError: It is missing or damaged, or cannot be read.
        """
        path = self.path / reference.file
        try:
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):
                # to open a named pipe would wait without end
                raise StoreError(f"{path} is no file; {_REMEDY}")
            state = (status.st_mtime_ns, status.st_size)
            if self._checked.get(reference.file) == state:
                return path
            digest = _digest_of(path)
        except FileNotFoundError:
            raise StoreError(f"the file {path} is missing; {_REMEDY}") from None
        except OSError as error:
            raise StoreError(
                f"the file {path} cannot be read: {error.strerror}; {_REMEDY}"
            ) from None

        name, _, _ = reference.file.partition(".")
        if digest != name:
            raise StoreError(f"the file {path} has changed since it was recorded; {_REMEDY}")
        self._checked[reference.file] = state
        return path

    def remove(self, files: Collection[str], needed: Collection[str]) -> int:
        """Remove files, and those that dead processes left behind.

        Args:
            files: The names of files that no run needs any more.
            needed: The names of those that a run needs. Any other file is removed once it is a
                day old: a run under way may need it soon.

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
            if entry.name in needed:
                continue
            # a file that another program uses stays until the next time
            with suppress(OSError):
                status = entry.stat(follow_symlinks=False)
                is_recent = time.time() - status.st_mtime < _ABANDONED
                if entry.name in files or not is_recent:
                    Path(entry.path).unlink()
                    removed += status.st_size

        # it may hold other tables
        with suppress(OSError):
            self.path.rmdir()
        return removed


def _rows_of(table: Any) -> int | None:
    """Return the number of rows of a table; None for an array without dimensions."""
    if getattr(table, "ndim", 1) == 0:
        return None
    return count_rows(table)


def _read_part(path: Path, start: int, size: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(size)


def _name_of(data: bytes, suffix: str) -> str:
    return f"{hashlib.sha256(data).hexdigest()}.{suffix}"


def _describe_full(folder: Path, error: OSError) -> str:
    return (
        f"a table cannot be written to {folder}: {error.strerror}; free space or allow writing, "
        "and resume the run"
    )


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

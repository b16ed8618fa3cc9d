"""Write the tables in some values to files: large ones alone, many small ones together."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from attune_nb.store.tables.secrets import holds_secret
from attune_nb.values.guard import module_name
from attune_nb.values.tables.cells import TableError
from attune_nb.values.tables.files import is_table_type

if TYPE_CHECKING:
    from collections.abc import Callable

    from attune_nb.store.tables.folder import TableFolder
    from attune_nb.values.secrets import Mask
    from attune_nb.values.stored import StoredTable

__all__ = ["TableWriter"]

# small tables from which they share a file: an item may have one, and there may be very many items
_MANY = 16

# bytes of a small table
_SMALL = 64_000


class TableWriter:
    """Writes tables to the folder of a store.

    Attributes:
        references: By the `id` of a table its reference. Tables without one stay in memory alone.
        again: By the name of a file a function that writes it again.

    Args:
        folder: The folder.
        mask: The secrets. A table that holds one is not written.
        report: Called with a reason for each table that is not written.
    """

    def __init__(self, folder: TableFolder, mask: Mask, report: Callable[[str], None]) -> None:
        self.references: dict[int, StoredTable] = {}
        self.again: dict[str, Callable[[], Any]] = {}
        self._folder = folder
        self._mask = mask
        self._report = report

    def write(self, tables: list[Any]) -> None:
        """Write tables to files.

        Raises:
            StoreError: A file cannot be written.
        """
        tables = list({id(table): table for table in tables if self._is_known(table)}.values())
        if self._mask:
            tables = [table for table in tables if not self._holds_secret(table)]

        small = [table for table in tables if _count_bytes(table) <= _SMALL]
        if len(small) >= _MANY:
            self._write_pack(small)
            tables = [table for table in tables if _count_bytes(table) > _SMALL]
        for table in tables:
            self._write_table(table)

    def replace(self, table: Any) -> Any:
        """Return the reference to a table; the table itself if it has none."""
        return self.references.get(id(table), table)

    def _is_known(self, table: Any) -> bool:
        """Return whether a table is of a type that a file can hold."""
        if is_table_type(type(table)):
            return True
        self._report(
            f"a {module_name(type(table))} is of a type of its own; return a plain table of "
            "pandas, NumPy or Arrow"
        )
        return False

    def _holds_secret(self, table: Any) -> bool:
        if not holds_secret(table, self._mask):
            return False
        self._report(f"a {module_name(type(table))} holds a secret, which no file may hold")
        return True

    def _write_table(self, table: Any) -> None:
        try:
            reference = self._folder.save(table)
        except TableError as error:
            self._report_error(table, error)
            return
        self.references[id(table)] = reference
        self.again[reference.file] = partial(self._folder.save, table)

    def _write_pack(self, tables: list[Any]) -> None:
        references, data = self._folder.pack(tables)
        for table, reference in zip(tables, references, strict=True):
            if isinstance(reference, TableError):
                self._report_error(table, reference)
            else:
                self.references[id(table)] = reference
        if data:
            write = partial(self._folder.write_file, data, "pack")
            self.again[write()] = write

    def _report_error(self, table: Any, error: TableError) -> None:
        reason = self._mask.text(str(error))
        self._report(f"a {module_name(type(table))} cannot be written ({reason})")


def _count_bytes(table: Any) -> int:
    """Return about how many bytes a table takes; strings of Python are not counted."""
    size = getattr(table, "nbytes", None)
    if type(size) is int:
        return size
    return 8 * int(table.size)

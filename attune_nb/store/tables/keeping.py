"""Keep the results of a task on the disk instead of in memory (`keep_results: store`)."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.errors import StoreError
from attune_nb.store.json_values import has_tag, to_json, to_plain
from attune_nb.store.tables.events import replace_in_value
from attune_nb.store.tables.folder import TableFolder
from attune_nb.store.tables.writer import TableWriter
from attune_nb.values.frozen import freeze, may_hold_tables
from attune_nb.values.stored import StoredTable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from attune_nb.events import Batch
    from attune_nb.values.secrets import Mask

__all__ = ["ResultKeeper"]

_log = logging.getLogger("attune_nb")

# bytes of a result that takes no more memory than a reference to it
_SMALL = 200

_SCALARS = frozenset({int, float, bool, type(None)})

# in the JSON of a value that the store does not hold
_MARKER_TAG = b'"$object"'


class ResultKeeper:
    """Writes results to files, and gives references for them.

    Small results stay in memory, as a reference is no smaller; so do objects that no file can
    hold.

    Args:
        store: The file of the store.
        mask: The secrets of the run, which no file holds.
        report: Called with a message if files cannot be written.
    """

    def __init__(self, store: Path, mask: Mask, report: Callable[[str], None]) -> None:
        self._folder = TableFolder(store, mask)
        self._mask = mask
        self._report = report
        self._has_failed = False

    def keep(self, batch: Batch, mask: Mask) -> Batch:
        """Return a batch with references in place of its large results.

        Args:
            batch: The batch.
            mask: The secrets of the run as they are known now.
        """
        if mask is not self._mask:
            self._mask = mask
            self._folder.use_mask(mask)
        if _SCALARS.issuperset(map(type, batch.results)):
            return batch

        try:
            return msgspec.structs.replace(batch, results=self._keep(batch.results))
        except StoreError as error:
            if not self._has_failed:
                self._report(f"results with `keep_results: store` stay in memory: {error}")
            self._has_failed = True
            return batch

    def _keep(self, values: list[Any]) -> list[Any]:
        writer = self._write_tables(values)
        results = list(values)
        texts: list[bytes] = []
        rows: list[int] = []
        for row, value in enumerate(values):
            if type(value) in _SCALARS:
                continue
            if may_hold_tables(value):
                results[row] = freeze(replace_in_value(value, writer.replace))
            if type(results[row]) is StoredTable:
                continue
            text = self._encode(results[row])
            if len(text) > _SMALL:
                texts.append(text)
                rows.append(row)

        if texts:
            for row, reference in zip(rows, self._folder.save_results(texts), strict=True):
                results[row] = reference
        return results

    def _write_tables(self, values: list[Any]) -> TableWriter:
        """Write the tables in some values; return the writer, which has their references."""
        writer = TableWriter(self._folder, self._mask, _log.debug)
        tables: list[Any] = []
        for value in values:
            if may_hold_tables(value):
                replace_in_value(value, partial(_add, tables))

        writer.write(tables)
        for table_reference in writer.references.values():
            table_reference.is_lazy = True
        return writer

    def _encode(self, value: Any) -> bytes:
        """Return the JSON of a value; nothing if a file cannot hold it."""
        try:
            text = _encode_masked(self._mask.named_value(value))
        except Exception:  # noqa: BLE001 - a value's own code may raise anything
            return b""
        return b"" if has_tag(text, _MARKER_TAG) else text


def _encode_masked(value: Any) -> bytes:
    try:
        return msgspec.json.encode(to_json(value))
    except ValueError:
        # a surrogate, which UTF-8 cannot encode, or an integer of very many digits
        return msgspec.json.encode(to_plain(value, check_strings=True))


def _add(tables: list[Any], table: Any) -> Any:
    tables.append(table)
    return table

"""The items of a task as pandas DataFrames: all, those that failed, those that succeeded."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from attune_nb.events import FAILED, FINAL, SKIPPED, STATUS_CODES, SUCCEEDED, TIMED_OUT
from attune_nb.results.attempt_columns import AttemptColumns
from attune_nb.values.frozen import FrozenDict
from attune_nb.values.remote import fetch, read_stored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from attune_nb.events import Batch, ErrorInfo
    from attune_nb.results.clock import RunClock
    from attune_nb.values.paged_bytes import PagedBytes
    from attune_nb.values.secrets import Mask

__all__ = ["ItemTable", "failures_frame", "items_frame", "object_column", "successes_frame"]

# the column of the results
_RESULT = "result"

_OBJECT_TYPES = {dict, FrozenDict}

_FAILED_CODES = (FAILED, TIMED_OUT)

# the errors of tasks that were cancelled, and of those whose inner tasks failed
_NO_FAILURES = ("Cancelled", "ParallelFailed")


class ItemTable:
    """The last attempt of each item of one execution of a task, in the order of the items.

    Args:
        batches: The attempts of the execution that have ended.
        source: The source of its items. If it can be read only once, the batches hold them.
        mask: Removes secrets from items and results.
        last_attempts: For each item of an execution that has not ended the number of its last
            attempt, `FINAL` if no more will follow. None if the execution has ended.
        total: How many items there are, of an execution that ended before all of them began;
            else None.

    Attributes:
        failed: The places in this table of the items that have failed for good.
        succeeded: The places of the items that succeeded.
    """

    def __init__(
        self,
        batches: Sequence[Batch],
        source: Any,
        mask: Mask,
        last_attempts: PagedBytes | None = None,
        total: int | None = None,
    ) -> None:
        self._columns = AttemptColumns(batches)
        self._source = source
        self._mask = mask
        self._total = total
        self._first_rows = self._columns.first_rows()
        self._last_rows = self._columns.last_rows()
        self._codes = self._columns.code[self._last_rows]

        self._retrying = self._find_retrying(last_attempts)
        is_failed = np.isin(self._codes, _FAILED_CODES)
        is_failed[self._retrying] = False
        self.failed = np.flatnonzero(is_failed)
        self.succeeded = np.flatnonzero(self._codes == SUCCEEDED)

    def _find_retrying(self, last_attempts: PagedBytes | None) -> list[int]:
        """Return the places of the items whose last attempt failed and will be repeated."""
        if last_attempts is None:
            return []

        indexes = self._columns.index[self._last_rows]
        retrying = []
        for place in np.flatnonzero(self._codes).tolist():
            index = indexes[place]
            if index < len(last_attempts) and last_attempts[index] != FINAL:
                retrying.append(place)
        return retrying

    def skipped(self) -> tuple[list[int], list[Any]]:
        """Return the indexes and the values, without secrets, of the items that never began."""
        if self._total is None:
            return [], []

        has_begun = np.zeros(self._total, dtype=bool)
        has_begun[self._columns.index] = True
        indexes = np.flatnonzero(~has_begun).tolist()
        if not hasattr(self._source, "__getitem__"):
            return indexes, [None] * len(indexes)
        return indexes, self._mask.value([self._source[index] for index in indexes])

    def every_place(self) -> NDArray[np.intp]:
        """Return the places of all items."""
        return np.arange(len(self._last_rows))

    def indexes(self, places: NDArray[np.intp]) -> NDArray[np.int64]:
        """Return the indexes of the items at some places."""
        return self._columns.index[self._last_rows[places]]

    def items(self, places: NDArray[np.intp]) -> list[Any]:
        """Return the items at some places, without secrets."""
        rows = self._first_rows[places].tolist()
        column = read_stored(self._columns.items_at(rows, self._source))
        items: list[Any] = self._mask.value(column)
        return items

    def results(self, places: NDArray[np.intp], *, fetched: bool = False) -> list[Any]:
        """Return the results at some places, without secrets.

        The result of a failed item is the data of its error.

        Args:
            places: The places.
            fetched: Whether results that were kept on a cluster are fetched from there.

        Raises:
            BackendError: A result on a cluster is lost.
            StoreError: The file of a table is missing or damaged.
        """
        results = self._columns.results
        errors = self._columns.errors
        rows = self._last_rows[places].tolist()
        column = list(map(results.__getitem__, rows))
        if errors:
            for position, row in enumerate(rows):
                if row in errors:
                    column[position] = errors[row].data

        column = list(fetch(column) if fetched else read_stored(column))
        masked: list[Any] = self._mask.value(column)
        return masked

    def errors(self, places: NDArray[np.intp]) -> list[ErrorInfo | None]:
        """Return the errors at some places; None for an item that succeeded."""
        errors = self._columns.errors
        return list(map(errors.get, self._last_rows[places].tolist()))

    def attempts(self, places: NDArray[np.intp]) -> NDArray[np.int64]:
        """Return the numbers of the last attempts at some places."""
        return self._columns.attempt[self._last_rows[places]]

    def is_among_first(self, count: int) -> NDArray[np.bool_]:
        """Return for each item whether its last attempt is among the first ones that ended."""
        return self._last_rows < count

    def statuses(self) -> pd.Series:
        """Return the statuses of all items."""
        statuses = np.array(STATUS_CODES, dtype=object)[self._codes]
        statuses[self._retrying] = "retrying"
        return pd.Series(statuses, dtype="str")

    def times(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return start of the first attempt, end of the last one and its duration, in seconds."""
        starts = self._columns.start[self._first_rows]
        durations = self._columns.duration[self._last_rows]
        ends = self._columns.start[self._last_rows] + durations
        return starts, ends, durations


def items_frame(
    table: ItemTable, clock: RunClock, *, reused_attempts: int = 0, expand: bool = False
) -> pd.DataFrame:
    """Return one row for each item, in item order.

    Args:
        table: The items.
        clock: The dates of the run.
        reused_attempts: How many of the first attempts an earlier run made.
        expand: Whether to replace the column of results by a column for each of their keys.

    Raises:
        BackendError: A result that was kept on a cluster is lost (with `expand`).
    """
    places = table.every_place()
    starts, ends, durations = table.times()
    errors = table.errors(places)
    frame = pd.DataFrame(
        {
            "index": table.indexes(places),
            "item": object_column(table.items(places)),
            "status": table.statuses(),
            "attempts": table.attempts(places),
            "start": clock.dates(starts),
            "end": clock.dates(ends),
            "duration_ms": (ends - starts) * 1000,
            "attempt_ms": durations * 1000,
            _RESULT: object_column(table.results(places, fetched=expand)),
            "error": object_column([_message(error) for error in errors]),
            "error_type": object_column([_type_name(error) for error in errors]),
            "reused": table.is_among_first(reused_attempts),
        }
    )
    frame = _add_skipped(frame, table)
    return _expand(frame) if expand else frame


def _add_skipped(frame: pd.DataFrame, table: ItemTable) -> pd.DataFrame:
    """Return a frame with a row, in item order, for each item that never began."""
    indexes, items = table.skipped()
    if not indexes:
        return frame

    # the rows have the types of the frame's columns, and its empty value where they have none
    rows = frame.head(0).reindex(range(len(indexes)))
    rows["index"] = indexes
    rows["item"] = object_column(items)
    rows["status"] = STATUS_CODES[SKIPPED]
    rows["attempts"] = 0
    rows["reused"] = False
    for name in (_RESULT, "error", "error_type"):
        rows[name] = object_column([None] * len(indexes))

    rows = rows.astype(frame.dtypes.to_dict())
    return pd.concat([frame, rows]).sort_values("index", ignore_index=True)


def failures_frame(table: ItemTable, error: ErrorInfo | None = None) -> pd.DataFrame:
    """Return one row for each item that has failed for good, in item order.

    Args:
        table: The items.
        error: The error of their task. If no item failed, it has a row without an index.
    """
    places = table.failed
    if not len(places) and error is not None and error.type not in _NO_FAILURES:
        return _task_failure(error)

    errors = table.errors(places)
    return pd.DataFrame(
        {
            "index": pd.Series(table.indexes(places), dtype="Int64"),
            "item": object_column(table.items(places)),
            "error": object_column([_message(error) for error in errors]),
            "error_type": object_column([_type_name(error) for error in errors]),
            "attempts": table.attempts(places),
            _RESULT: object_column(table.results(places)),
        }
    )


def _task_failure(error: ErrorInfo) -> pd.DataFrame:
    """Return the row of a task that failed although no item of it did."""
    return pd.DataFrame(
        {
            "index": pd.Series([pd.NA], dtype="Int64"),
            "item": object_column([None]),
            "error": object_column([error.message]),
            "error_type": object_column([error.type]),
            "attempts": np.zeros(1, dtype=np.int64),
            _RESULT: object_column([None]),
        }
    )


def successes_frame(table: ItemTable) -> pd.DataFrame:
    """Return one row for each item that succeeded, in item order."""
    places = table.succeeded
    return pd.DataFrame(
        {
            "index": table.indexes(places),
            "item": object_column(table.items(places)),
            _RESULT: object_column(table.results(places)),
        }
    )


def object_column(values: Sequence[Any]) -> pd.Series:
    """Return values as they are: pandas would turn None into NaN, and integers into floats."""
    return pd.Series(values, dtype=object)


def _message(error: ErrorInfo | None) -> str | None:
    return None if error is None else error.message


def _type_name(error: ErrorInfo | None) -> str | None:
    return None if error is None else error.type


def _expand(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame with the keys of the results as columns in place of the results.

    A key that is the name of another column gets the prefix `result.`. Results that are no
    objects stay in the column of the results.
    """
    results = frame[_RESULT].tolist()
    contents = _columns_of_equal_keys(results)
    has_other_values = False
    if contents is None:
        contents = _columns_of_all_keys(results)
        has_other_values = any(
            result is not None and not isinstance(result, dict) for result in results
        )

    columns: dict[str, Any] = {}
    for name in frame.columns:
        if name != _RESULT:
            columns[name] = frame[name]
            continue
        for key, values in contents.items():
            column_name = f"{_RESULT}.{key}" if key in frame.columns else str(key)
            columns[column_name] = _typed_column(values)
        if has_other_values:
            others = [None if isinstance(result, dict) else result for result in results]
            columns[_RESULT] = object_column(others)
    return pd.DataFrame(columns)


def _columns_of_equal_keys(results: list[Any]) -> dict[Any, Sequence[Any]] | None:
    """Return a column for each key of results that are objects with the same keys; None if not.

    Those are the results of most tasks, and the columns of very many are made by loops of C.
    """
    if not set(map(type, results)) <= _OBJECT_TYPES or len(set(map(len, results))) != 1:
        return None

    keys = list(results[0])
    if not keys:
        return {}
    try:
        return {key: list(map(itemgetter(key), results)) for key in keys}
    except KeyError:
        return None


def _columns_of_all_keys(results: list[Any]) -> dict[Any, Sequence[Any]]:
    """Return a column for each key of the results that are objects; None where a key is missing."""
    keys: dict[Any, None] = {}
    for result in results:
        if isinstance(result, dict):
            keys.update(dict.fromkeys(result))

    objects = [result if isinstance(result, dict) else {} for result in results]
    return {key: [result.get(key) for result in objects] for key in keys}


def _typed_column(values: Sequence[Any]) -> pd.Series:
    """Return values as a column of numbers or booleans if they are such, else as objects."""
    kinds = set(map(type, values))
    is_complete = type(None) not in kinds
    kinds.discard(type(None))

    if kinds == {int}:
        return _as_type(values, "int64" if is_complete else "Int64")
    if kinds == {bool}:
        return _as_type(values, "bool" if is_complete else "boolean")
    if kinds and kinds <= {int, float}:
        return _as_type(values, "float64")
    return object_column(values)


def _as_type(values: Sequence[Any], kind: str) -> pd.Series:
    try:
        return pd.Series(values, dtype=kind)
    except OverflowError:
        # an integer of more than 64 bits
        return object_column(values)

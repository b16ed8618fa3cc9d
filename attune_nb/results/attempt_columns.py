"""The attempts of a run as columns of numbers, from which its frames are made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from attune_nb.events import NO_WORKER

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from attune_nb.events import Batch, ErrorInfo

__all__ = ["AttemptColumns"]


class AttemptColumns:
    """Attempts in the order in which they were reported.

    Args:
        batches: The batches of these attempts.

    Attributes:
        index: The index of the item.
        attempt: The number of the attempt, from 1. In the row of one that was cancelled before
            it began: how many attempts there were before.
        worker: The number of the worker; `NO_WORKER` for an attempt that did not begin.
        start: When it started, in seconds since the start of the run.
        duration: How long it took, in seconds.
        code: The status code, see `STATUS_CODES`.
        weight: For how many attempts each one stands, if they are a sample (`keep_results: none`).
        errors: The errors of those that did not succeed, by row. A retry that did not begin has
            that of the attempt before.
    """

    def __init__(self, batches: Sequence[Batch]) -> None:
        self._batches = batches
        self.index = _join([batch.index for batch in batches], np.int64)
        self.attempt = _join([batch.attempt for batch in batches], np.int64)
        self.worker = _join([batch.worker for batch in batches], np.int64)
        self.start = _join([batch.start for batch in batches], np.float64)
        self.duration = _join([batch.duration for batch in batches], np.float64)
        self.code = np.frombuffer(b"".join(batch.status for batch in batches), dtype=np.uint8)

        strides = [batch.stride for batch in batches]
        self.weight = np.repeat(np.array(strides, np.int64), [len(batch) for batch in batches])

        self.errors: dict[int, ErrorInfo] = {}
        offset = 0
        for batch in batches:
            for row, error in batch.errors.items():
                self.errors[offset + row] = error
            offset += len(batch)
        # failures are no part of the sample
        self.weight[list(self.errors)] = 1

        unbegun = np.flatnonzero(self.worker == NO_WORKER)
        if len(unbegun):
            self._restore_errors(unbegun.tolist())

    def _restore_errors(self, unbegun: Sequence[int]) -> None:
        """Give retries that were cancelled before they began the errors of the attempts before."""
        last_errors: dict[int, ErrorInfo] = {}
        unbegun_rows = set(unbegun)
        for row, index in enumerate(self.index.tolist()):
            if row not in unbegun_rows and row in self.errors:
                last_errors[index] = self.errors[row]
            elif row in unbegun_rows and index in last_errors:
                self.errors[row] = last_errors[index]

        self.attempt[unbegun] -= 1

    def __len__(self) -> int:
        return len(self.index)

    @property
    def results(self) -> list[Any]:
        """The results; None for an attempt that did not succeed."""
        results: list[Any] = []
        for batch in self._batches:
            results += batch.results
        return results

    def items_at(self, rows: Sequence[int], source: Any) -> list[Any]:
        """Return the items of some of the attempts; None for one that is unknown.

        Args:
            rows: The rows of the attempts.
            source: The source of the items. If it can be read only once, the batches hold them.
        """
        if any(batch.items is not None for batch in self._batches):
            items: list[Any] = []
            for batch in self._batches:
                batch_items = [None] * len(batch) if batch.items is None else batch.items
                items += batch_items
            return [items[row] for row in rows]

        if source is None or not hasattr(source, "__getitem__"):
            return [None] * len(rows)
        return [source[index] for index in self.index[rows].tolist()]

    def first_rows(self) -> NDArray[np.intp]:
        """Return the row of each item's first attempt, in the order of the items."""
        rows: NDArray[np.intp]
        _, rows = np.unique(self.index, return_index=True)
        return rows

    def last_rows(self) -> NDArray[np.intp]:
        """Return the row of each item's last attempt, in the order of the items."""
        rows: NDArray[np.intp]
        _, rows = np.unique(self.index[::-1], return_index=True)
        return len(self) - 1 - rows

    def error_messages(self, rows: Iterable[int]) -> list[str | None]:
        """Return the message of the error in each of some rows, or None."""
        errors = self.errors
        return [errors[row].message if row in errors else None for row in rows]

    def error_types(self, rows: Iterable[int]) -> list[str | None]:
        """Return the name of the type of the error in each of some rows, or None."""
        errors = self.errors
        return [errors[row].type if row in errors else None for row in rows]


def _join(columns: Sequence[Any], kind: type[np.generic]) -> NDArray[Any]:
    """Return the columns of several batches as one."""
    if not columns:
        return np.array([], dtype=kind)
    return np.concatenate([np.asarray(column, dtype=kind) for column in columns])

"""The attempts of a run in columns, in the order of their executions and of their starts."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from attune_nb.events import FAILED, NO_WORKER, STATUS_CODES, TIMED_OUT
from attune_nb.results.attempt_columns import AttemptColumns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from attune_nb.events import Batch, ErrorInfo, Key

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

__all__ = ["RETRIED", "STATUSES", "Attempts", "read_attempts"]

STATUSES = (*STATUS_CODES, "retried", "running", "retrying", "waiting", "paused", "pending")
"""The statuses of attempts and executions. The page gets the index of a status in this tuple."""

RETRIED = STATUSES.index("retried")
"""The code of an attempt that failed, and whose item was attempted again."""

# bits of the index of an item, in a number that also holds the execution
_INDEX_BITS = 40


@dataclasses.dataclass(frozen=True)
class Attempts:
    """Attempts in columns of the same length.

    Attributes:
        execution: The number of the execution, in the order of the keys.
        start: Seconds since the start of the run.
        duration: Seconds.
        index: The index of the item.
        attempt: The number of the attempt for its item, from 1.
        worker: The number of the worker.
        status: The code of the status, see `STATUSES`.
        weight: For how many attempts it stands (`keep_results: none`).
        errors: The errors of those that did not succeed, by row.
    """

    execution: Ints
    start: Floats
    duration: Floats
    index: Ints
    attempt: Ints
    worker: Ints
    status: Ints
    weight: Ints
    errors: dict[int, ErrorInfo]

    def __len__(self) -> int:
        return len(self.start)

    def take(self, rows: NDArray[np.intp]) -> Attempts:
        """Return some of the attempts, in the order of `rows`."""
        places = np.full(len(self), -1)
        places[rows] = np.arange(len(rows))
        errors = {int(places[row]): error for row, error in self.errors.items() if places[row] >= 0}
        columns = {
            field.name: getattr(self, field.name)[rows]
            for field in dataclasses.fields(self)
            if field.name != "errors"
        }
        return Attempts(errors=errors, **columns)


def read_attempts(batches: Mapping[Key, Sequence[Batch]], keys: Sequence[Key]) -> Attempts:
    """Return the attempts of some executions, ordered by execution and start.

    Attempts that were cancelled before they began are left out.

    Args:
        batches: The batches of each execution.
        keys: The executions.
    """
    all_batches: list[Batch] = []
    lengths = []
    for key in keys:
        own_batches = batches.get(key, ())
        all_batches += own_batches
        lengths.append(sum(map(len, own_batches)))

    columns = AttemptColumns(all_batches)
    execution = np.repeat(np.arange(len(keys), dtype=np.int64), lengths)
    attempts = Attempts(
        execution=execution,
        start=columns.start,
        duration=columns.duration,
        index=columns.index,
        attempt=columns.attempt,
        worker=columns.worker,
        status=_statuses(execution, columns),
        weight=columns.weight,
        errors=columns.errors,
    )

    order = np.lexsort((attempts.start, execution))
    return attempts.take(order[attempts.worker[order] != NO_WORKER])


def _statuses(execution: Ints, columns: AttemptColumns) -> Ints:
    """Return the status codes; a failed attempt that was followed by another one is retried."""
    status = columns.code.astype(np.int64)
    item = (execution << _INDEX_BITS) | columns.index
    _, last_rows = np.unique(item[::-1], return_index=True)
    is_last = np.zeros(len(status), dtype=bool)
    is_last[len(status) - 1 - last_rows] = True

    is_failed = np.isin(status, (FAILED, TIMED_OUT))
    status[is_failed & ~is_last] = RETRIED
    return status

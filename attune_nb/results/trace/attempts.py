"""An attempt as a trace shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.events import STATUS_CODES
from attune_nb.results.trace.executions import to_nanoseconds
from attune_nb.results.trace.trace_events import format_error

if TYPE_CHECKING:
    from attune_nb.events import Batch, ErrorInfo, ItemStatus

__all__ = ["TracedAttempt"]


class TracedAttempt(msgspec.Struct, gc=False):
    """A row of a batch. Times are in nanoseconds since the start of the run.

    Attributes:
        index: The index of the item.
        number: The number of the attempt of this item, from 1.
        worker: The number of the worker.
        start: Its start.
        end: Its end.
        status: How it ended.
        error: Its error, if it failed.
        failed_before: The end of the item's last attempt, if there was one.
    """

    index: int
    number: int
    worker: int
    start: int
    end: int
    status: ItemStatus
    error: ErrorInfo | None
    failed_before: int | None

    @classmethod
    def read(cls, batch: Batch, row: int, failed_before: int | None) -> TracedAttempt:
        """Return the attempt in a row of a batch."""
        start = max(to_nanoseconds(batch.start[row]), 0)
        end = to_nanoseconds(batch.start[row] + batch.duration[row])

        return cls(
            index=batch.index[row],
            number=batch.attempt[row],
            worker=batch.worker[row],
            start=start,
            end=max(end, start),
            status=STATUS_CODES[batch.status[row]],
            error=batch.errors.get(row),
            failed_before=failed_before,
        )

    def make_args(self, start: int) -> dict[str, Any]:
        """Return the arguments of the attempt's slice, which starts at `start`."""
        args: dict[str, Any] = {
            "index": self.index,
            "attempt": self.number,
            "status": self.status,
            "worker": self.worker,
        }

        if self.failed_before is not None:
            args["waited_ms"] = max(start - self.failed_before, 0) / 1e6
        if self.error is not None:
            args["error"] = format_error(self.error)
        return args

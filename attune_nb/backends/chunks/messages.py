"""The messages to worker processes and their reports."""

from __future__ import annotations

from array import array  # noqa: TC003 - msgspec reads the annotations
from typing import Any

import msgspec

from attune_nb.backends.chunks.serialize import PackedValues, pack, require_sent, unpack
from attune_nb.context import Moment  # noqa: TC001 - as above
from attune_nb.events import ErrorInfo  # noqa: TC001 - as above
from attune_nb.log_lines import LogLine  # noqa: TC001 - as above
from attune_nb.values.sizes import total_size

__all__ = [
    "ChunkMessage",
    "KeptResults",
    "LineMessage",
    "Report",
    "WrongProcessError",
    "line_topic",
]


class ChunkMessage(msgspec.Struct, frozen=True):
    """The items of a chunk, on their way to a worker.

    Attributes:
        index: The index of each item.
        attempt: The number of the attempt to make of each.
        items: Their values.
        moments: The time and seed of each, if the input uses the time or random numbers, so that
            all attempts of an item have the same input; else empty.
        budget: Seconds during which the worker starts attempts.
        concurrency: How many attempts run at once.
        process: The only process that may run it; empty for any.
        reports_partially: Whether the worker reports before all attempts have ended, and the
            sender then asks for the rest. Otherwise it may be probed by its name.
        merges: Whether it is merged into the part of an earlier chunk that is still running.
        name: Its name in probes.
        spacing: Seconds from the start of one attempt to the start of the next, at least.
        is_suspect: Whether a worker has died with its item. Then each line is sent immediately.
    """

    index: array[int]
    attempt: array[int]
    items: PackedValues
    moments: list[Moment]
    budget: float
    concurrency: int
    process: str = ""
    reports_partially: bool = False
    merges: bool = False
    name: str = ""
    spacing: float = 0.0
    is_suspect: bool = False


class LineMessage(msgspec.Struct, frozen=True, array_like=True):
    """Lines that attempts of a job have written in a worker process.

    A worker may send lines more than once: while their attempts run, and in reports until one is
    acknowledged. So the lines of a source have numbers.

    Attributes:
        source: A name of the part of the job that wrote them, and of no other.
        key: The key of the job.
        thread: The thread that runs the chunk.
        first: The number of the first line; the first of a source has 0.
        sent_at: When they were sent, in seconds since the epoch.
        lines: The lines. Their times are seconds since the epoch, and their workers are numbered
            as in `Report`.
    """

    source: str
    key: tuple[str, int]
    thread: str
    first: int
    sent_at: float
    lines: list[LogLine]


def line_topic(chunk_name: str) -> str:
    """Return the topic of the Dask events with the lines of a chunk: one for each backend."""
    prefix, backend_name, *_ = chunk_name.split("-")
    return f"{prefix}-{backend_name}-lines"


class Report(msgspec.Struct, frozen=True):
    """A worker's report about a chunk, in columns of the same length as those of `Batch`.

    Items in neither a row nor `running` were not started, and will not be.

    Attributes:
        started_at: When the worker started the chunk, in seconds since the epoch.
        elapsed: Seconds since then.
        covered_seconds: Seconds that this report covers.
        worker: The thread or coroutine of each attempt, numbered from 0 in this chunk.
        index: The index of each item.
        attempt: The number of each attempt.
        start: When each attempt began, in seconds since `started_at`.
        duration: Seconds that each attempt took.
        status: The status of each attempt.
        results: The results; none if they stay on the worker.
        errors: The error of each row that has one, without its data.
        data: The data of these errors, in the same order.
        unrendered: Rows whose input could not be rendered.
        running: Indexes of items that are still running; a later report covers them.
        descriptions: The kind of each result, if results stay on the worker.
        abandoned: How many functions are past their timeout and still run.
        thread: The thread that runs the chunk.
        sequence: The number of this report. It repeats the rows of earlier reports that were not
            acknowledged.
        lines: The lines that attempts have written and that were not acknowledged, each of
            `LineMessage` as bytes.
    """

    started_at: float
    elapsed: float
    covered_seconds: float
    worker: array[int]
    index: array[int]
    attempt: array[int]
    start: array[float]
    duration: array[float]
    status: bytes
    results: PackedValues
    errors: dict[int, ErrorInfo]
    data: PackedValues
    unrendered: list[int]
    running: list[int]
    descriptions: list[str]
    abandoned: int
    thread: str
    sequence: int
    lines: tuple[bytes, ...] = ()


class WrongProcessError(Exception):
    """A chunk has reached another process than the one it was sent to.

    That process has ended: before it started the chunk, while it ran it, or after it, and then the
    results are lost.
    """


class KeptResults:
    """The results of a chunk that stay on their worker, with the report about the chunk.

    When they are sent to another process, a result that cannot be pickled or unpickled fails by
    itself: Dask would otherwise try again and again to fetch all of them.
    """

    def __init__(self, report: bytes, values: list[Any]) -> None:
        self.report = report
        self._values = values

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpack_results, (self.report, pack(self._values))

    def __getitem__(self, row: int) -> Any:
        return require_sent(self._values[row])

    def pack_row(self, row: int) -> PackedValues:
        """Return one result, packed by itself."""
        return pack([self._values[row]])

    def __sizeof__(self) -> int:
        return object.__sizeof__(self) + total_size(self._values)


def _unpack_results(report: bytes, values: PackedValues) -> KeptResults:
    return KeptResults(report, unpack(values))

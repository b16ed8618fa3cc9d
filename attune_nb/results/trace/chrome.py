"""A run's events in Chrome's trace format, for Perfetto and chrome://tracing.

No input and no result is shown, only names, times, statuses and the texts of errors. Secrets
were masked when the events were made.
"""

from __future__ import annotations

import gzip
import itertools
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import msgspec

from attune_nb.events import RunStarted
from attune_nb.html import printable
from attune_nb.results.trace.slices import TraceEvents

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from os import PathLike

    from attune_nb.events import Event

__all__ = ["chrome_trace", "write_chrome_trace"]

# trace events between two writes
_EVENTS_IN_WRITE = 2_000

_COMPRESSION = 6


def chrome_trace(events: Sequence[Event]) -> dict[str, Any]:
    """Return a run's trace as one object; `ts` and `dur` are in microseconds from its start.

    Executions in progress last until the last event.

    Args:
        events: The run's events, oldest first.
    """
    return {**_make_head(events), "traceEvents": list(TraceEvents(events))}


def write_chrome_trace(path: str | PathLike[str], events: Sequence[Event]) -> Path:
    """Write a run's trace piece by piece, so that a million attempts need no second copy.

    Args:
        path: The file. If it ends in `.gz`, it is compressed; Perfetto opens that as well.
        events: The run's events, oldest first.

    Returns:
        The file's path. If this raises, there is no new file.

    Raises:
        OSError: The file cannot be written.
    """
    path = Path(path)
    part = path.with_name(path.name + ".part")
    lines = map(msgspec.json.encode, TraceEvents(events))

    try:
        with _open(part, compressed=path.suffix == ".gz") as file:
            head = msgspec.json.encode(_make_head(events))
            file.write(head.removesuffix(b"}") + b',"traceEvents":[')
            _write_lines(file, lines)
            file.write(b"\n]}\n")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)

    return path


def _open(path: Path, *, compressed: bool) -> IO[bytes] | gzip.GzipFile:
    if compressed:
        return gzip.open(path, "wb", _COMPRESSION)

    return path.open("wb")


def _write_lines(file: IO[bytes] | gzip.GzipFile, lines: Iterator[bytes]) -> None:
    """Write the elements of an array, each on a line of its own."""
    separator = b"\n"
    while chunk := list(itertools.islice(lines, _EVENTS_IN_WRITE)):
        file.write(separator + b",\n".join(chunk))
        separator = b",\n"


def _make_head(events: Sequence[Event]) -> dict[str, Any]:
    """Return the trace without its events."""
    data = {"producer": "attune_nb"}
    for event in events:
        if isinstance(event, RunStarted):
            data["workflow"] = printable(event.workflow)
            data["run_id"] = event.run_id
            data["started"] = datetime.fromtimestamp(event.started_at, UTC).isoformat()
            break

    return {"displayTimeUnit": "ms", "otherData": data}

"""A run's events in the Chrome Trace Event format, as Perfetto and chrome://tracing open it.

Of the events, no input and no result is shown: what stands here are names, times, statuses and
the texts of errors, from which secrets are gone since they were made.
"""

from __future__ import annotations

import gzip
import itertools
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.events import RunStarted
from attune_nb.html import printable
from attune_nb.results.trace.slices import Slices

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from attune_nb.events import Event

__all__ = ["chrome_trace", "write_chrome_trace"]

_AT_ONCE = 2_000  # trace events between two writes


def chrome_trace(events: Sequence[Event]) -> dict[str, Any]:
    """Give a run's trace as one object; `ts` and `dur` are in microseconds from its start.

    What is under way lasts until the last event.

    Args:
        events: The run's events, oldest first.
    """
    return {**_head(events), "traceEvents": list(Slices(events))}


def write_chrome_trace(path: str | PathLike[str], events: Sequence[Event]) -> Path:
    """Write a run's trace piece by piece, so that a million attempts need no second copy.

    Args:
        path: The file; one that ends in `.gz` is compressed, which Perfetto opens as well.
        events: The run's events, oldest first.

    Returns:
        The file's path. If this raises, there is no new file.

    Raises:
        OSError: The file cannot be written.
    """
    path = Path(path)
    part = path.with_name(path.name + ".part")
    lines = map(msgspec.json.encode, Slices(events))
    try:
        with gzip.open(part, "wb", 6) if path.suffix == ".gz" else part.open("wb") as file:
            file.write(msgspec.json.encode(_head(events))[:-1] + b',"traceEvents":[')
            between = b"\n"
            while some := list(itertools.islice(lines, _AT_ONCE)):
                file.write(between + b",\n".join(some))
                between = b",\n"
            file.write(b"\n]}\n")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def _head(events: Sequence[Event]) -> dict[str, Any]:
    told = {"producer": "attune_nb"}
    first = next((each for each in events if isinstance(each, RunStarted)), None)
    if first is not None:
        told["workflow"], told["run_id"] = printable(first.workflow), first.run_id
        told["started"] = datetime.fromtimestamp(first.started_at, UTC).isoformat()
    return {"displayTimeUnit": "ms", "otherData": told}

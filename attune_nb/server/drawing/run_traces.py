"""A run as a trace for Perfetto, read from its record without its results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET, UnsetType

from attune_nb.errors import Source, StoreError
from attune_nb.results.trace.chrome import write_chrome_trace
from attune_nb.server.drawing.run_row import read_run_row
from attune_nb.store.blobs import load_data
from attune_nb.store.database import connected
from attune_nb.store.event_rows import EventRow, event_of
from attune_nb.store.reading import reading_record

if TYPE_CHECKING:
    from pathlib import Path

    from attune_nb.events import Event

__all__ = ["write_run_trace"]


# without the events that no trace shows, some of which hold large values
_SELECT_EVENTS = """SELECT kind, time, task, visit, data, columns FROM events
WHERE run = ? AND kind NOT IN ('AskAnswered', 'KeyAdded') ORDER BY number"""


class _BatchData(msgspec.Struct):
    """The data of a batch without its items and results, which are skipped."""

    count: int
    total: int | None
    begun: int | UnsetType = UNSET
    errors: msgspec.Raw | UnsetType = UNSET
    groups: msgspec.Raw | UnsetType = UNSET
    stride: int | UnsetType = UNSET


class _AttemptsData(msgspec.Struct):
    batch: _BatchData


class _StartedData(msgspec.Struct):
    """The start of a run without its parameters."""

    run_id: str
    workflow: Any
    started_at: float
    parameters: dict[str, Any] = {}

    def __post_init__(self) -> None:
        """Leave out the parameters."""
        self.parameters = {}


class _EndedData(msgspec.Struct):
    """The end of a run without its output."""

    status: str
    error: Any = None
    output: Any = None

    def __post_init__(self) -> None:
        """Leave out the output."""
        self.output = None


_DECODERS: dict[str, Any] = {
    "AttemptsEnded": msgspec.json.Decoder(_AttemptsData),
    "RunEnded": msgspec.json.Decoder(_EndedData),
    "RunStarted": msgspec.json.Decoder(_StartedData),
}


def write_run_trace(path: Path, run_id: str, file: Path) -> None:
    """Write the trace of a run; if the file's name ends in `.gz`, it is compressed.

    Args:
        path: The store.
        run_id: The whole id of the run.
        file: The file.

    Raises:
        StoreError: There is no such run, or it cannot be read.
        OSError: The file cannot be written.
    """
    write_chrome_trace(file, _read_events(path, run_id))


def _read_events(path: Path, run_id: str) -> list[Event]:
    # a trace shows no positions
    source = Source("<text>", "")
    events = []
    with connected(path) as connection, reading_record(run_id):
        number = read_run_row(connection, run_id)
        for columns in connection.execute(_SELECT_EVENTS, number).fetchall():
            row = EventRow(*columns)
            data = load_data(connection, row.data)
            if row.kind in _DECODERS:
                data = msgspec.json.encode(_DECODERS[row.kind].decode(data))
            try:
                events.append(event_of(row._replace(data=data), source))
            except StoreError as error:
                raise StoreError(f"the record of run {run_id} is damaged ({error})") from None
    return events

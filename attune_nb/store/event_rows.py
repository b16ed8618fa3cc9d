"""Events to rows of the store and back.

What every event has stands in columns of its own; the rest is one JSON text. The attempts of a
batch are one row, however many they are: their numbers as packed columns, 24 bytes an attempt,
their results and errors as JSON.
"""

from __future__ import annotations

import sys
from array import array
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from attune_nb import events as vocabulary
from attune_nb.errors import Position, StoreError
from attune_nb.events import AttemptsEnded, Batch, ErrorInfo, Event
from attune_nb.store.json_values import NOBODY, from_plain, to_plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from attune_nb.errors import Source
    from attune_nb.values.secrets import Mask

__all__ = ["EventRow", "event_of", "row_of"]

_KINDS: dict[str, type[Event]] = {
    name: kind
    for name in vocabulary.__all__
    if isinstance(kind := getattr(vocabulary, name), type) and issubclass(kind, Event)
}
_VALUES = frozenset({"parameters", "value", "output", "response_schema"})  # of a user's own
_NONE = frozenset({type(None)})
_APART = frozenset({"time", "task", "visit", "batch"})
_PACKED = (("index", "I", "q"), ("attempt", "B", "q"), ("worker", "H", "q"),
           ("start", "d", "d"), ("duration", "d", "d"))  # fmt: skip


class EventRow(NamedTuple):
    """An event as the store holds it."""

    kind: str
    time: float
    task: str | None
    visit: int | None
    data: bytes
    columns: bytes | None


def row_of(event: Event) -> EventRow:
    """Give the row of an event whose secrets are masked."""
    try:
        return _row_of(event, to_plain)
    except UnicodeEncodeError:  # a text of Python's may hold what no UTF-8 can
        return _row_of(event, partial(to_plain, texts=True))


def _row_of(event: Event, plain: Callable[[Any], Any]) -> EventRow:
    data: dict[str, Any] = {}
    for name in event.__struct_fields__:
        if name in _APART:
            continue
        value = getattr(event, name)
        if isinstance(value, ErrorInfo):
            value = _error_to_plain(value, plain)
        data[name] = plain(value) if name in _VALUES else value
    columns = None
    if isinstance(event, AttemptsEnded):
        data["batch"], columns = _batch_to_plain(event.batch, plain)
    return EventRow(
        type(event).__name__,
        event.time,
        getattr(event, "task", None),
        getattr(event, "visit", None),
        msgspec.json.encode(data),
        columns,
    )


def event_of(row: EventRow, source: Source, mask: Mask = NOBODY) -> Event:
    """Give the event again.

    Args:
        row: As the store holds it.
        source: The text that positions refer to.
        mask: Knows the secrets; one that it does not know is `***`.

    Raises:
        StoreError: The row cannot be read.
    """
    try:
        kind = _KINDS[row.kind]
        data = msgspec.json.decode(row.data)
        data = {
            key: from_plain(each, mask) if key in _VALUES else each for key, each in data.items()
        }
        if data.get("error") is not None and kind is vocabulary.TaskEnded:
            data["error"] = _error_of(data["error"], source)
        if kind is AttemptsEnded:
            data["batch"] = _batch_of(data["batch"], row.columns or b"", source, mask)
        for key in ("causes", "fired", "doubts"):
            if key in data:
                data[key] = tuple(tuple(x) if isinstance(x, list) else x for x in data[key])
        place = {"task": row.task, "visit": row.visit}
        data |= {key: each for key, each in place.items() if key in kind.__struct_fields__}
        return kind(time=row.time, **data)
    except (KeyError, TypeError, ValueError, msgspec.MsgspecError) as error:
        raise StoreError(f"an event of kind {row.kind} cannot be read: {error}") from None


def _batch_to_plain(batch: Batch, plain: Callable[[Any], Any]) -> tuple[dict[str, Any], bytes]:
    packed = b"".join(
        _in_order(array(small, getattr(batch, name))).tobytes() for name, small, _ in _PACKED
    )
    told: dict[str, Any] = {"count": len(batch), "total": batch.total}
    if not _NONE.issuperset(map(type, batch.results)):  # to compare with None asks the results
        told["results"] = plain(batch.results)
    if batch.errors:
        told["errors"] = [[row, _error_to_plain(each, plain)] for row, each in batch.errors.items()]
    if batch.items is not None:
        told["items"] = plain(batch.items)
    return told, packed + batch.status


def _batch_of(told: dict[str, Any], packed: bytes, source: Source, mask: Mask) -> Batch:
    count, at = told["count"], 0
    columns: dict[str, Any] = {}
    for name, small, wide in _PACKED:
        column = array(small)
        end = at + count * column.itemsize
        column.frombytes(packed[at:end])
        columns[name], at = array(wide, _in_order(column)), end
    if len(packed) != at + count:
        raise ValueError(f"{len(packed)} bytes for {count} attempts")
    results = from_plain(told["results"], mask) if "results" in told else [None] * count
    return Batch(
        **columns,
        status=packed[at:],
        results=list(results),
        errors={row: _error_of(each, source) for row, each in told.get("errors", ())},
        items=list(from_plain(told["items"], mask)) if "items" in told else None,
        total=told["total"],
    )


def _in_order(column: array[Any]) -> array[Any]:
    """Turn a column from this machine's order of bytes to the store's, or back."""
    if sys.byteorder == "big":
        column.byteswap()
    return column


def _error_to_plain(error: ErrorInfo, plain: Callable[[Any], Any]) -> dict[str, Any]:
    place = error.position
    return {
        "type": error.type,
        "message": plain(error.message),
        "traceback": plain(error.traceback),
        "data": plain(error.data),
        "retryable": error.retryable,
        "position": None if place is None else [place.line, place.column],
    }


def _error_of(told: dict[str, Any], source: Source) -> ErrorInfo:
    place = told["position"]
    return ErrorInfo(
        type=told["type"],
        message=from_plain(told["message"]),
        traceback=from_plain(told["traceback"]),
        data=from_plain(told["data"]),
        retryable=told["retryable"],
        position=None if place is None else Position(source, *place),
    )

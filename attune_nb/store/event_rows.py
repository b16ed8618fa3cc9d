"""Events to rows of the store and back.

The fields that all events share are columns of their own; the others are one JSON text. The
attempts of a batch are one row, however many they are: their numbers as packed columns, 24 bytes
an attempt, and their results and errors as JSON.
"""

from __future__ import annotations

import math
import sys
from array import array
from base64 import b64decode, b64encode
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from attune_nb import events as event_types
from attune_nb.errors import Position, StoreError
from attune_nb.events import (
    VALUE_FIELDS,
    AttemptGroup,
    AttemptsEnded,
    Batch,
    ErrorInfo,
    Event,
)
from attune_nb.store.json_values import NO_SECRETS, from_plain, has_tag, to_json, to_plain
from attune_nb.values.describe import describe
from attune_nb.values.frozen import FrozenDict, FrozenList, NotStored
from attune_nb.values.guard import error_text
from attune_nb.values.index_ranges import unpack_ranges

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from attune_nb.errors import Source
    from attune_nb.values.secrets import Mask

__all__ = [
    "EventRow",
    "column_of",
    "column_text",
    "count_attempts",
    "drop_values",
    "event_of",
    "plain_or_marker",
    "row_of",
    "row_within",
]


def _event_classes() -> Iterator[type[Event]]:
    for name in event_types.__all__:
        value = getattr(event_types, name)
        if isinstance(value, type) and issubclass(value, Event):
            yield value


_EVENT_CLASSES = {event_class.__name__: event_class for event_class in _event_classes()}

# fields with tuples, which JSON turns into arrays
_TUPLE_FIELDS = ("causes", "fired", "doubts", "changed", "notes", "missing", "secrets")

# fields that older stores do not have; written only if they are not empty, so that a fork of an
# older run shares its large rows
_ADDED_FIELDS = frozenset(
    {
        "dry_run",
        "mocked",
        "origin",
        "changed",
        "notes",
        "input_error",
        "by",
        "secrets",
        "inquiry",
    }
)

# fields with columns of their own
_COLUMN_FIELDS = frozenset({"time", "task", "visit", "batch"})

# for how many attempts one of a sample can stand
_MOST_STRIDE = 1 << 40

# seconds: no event of a run is so late
_LATEST_TIME = 9.2e9

# the packed columns of a batch: field, type code in the store, type code in memory
_PACKED = (
    ("index", "I", "q"),
    ("attempt", "B", "q"),
    ("worker", "H", "q"),
    ("start", "d", "d"),
    ("duration", "d", "d"),
)

# bytes of an attempt in these columns, with its status
_ROW_BYTES = 1 + sum(array(stored_type).itemsize for _, stored_type, _ in _PACKED)

_NONE_TYPE = frozenset({type(None)})

LARGEST_VALUE = 100_000_000
"""Bytes of a value of the configuration that the record of a run holds."""

# containers whose parts are looked at one by one
_ARRAYS = frozenset({list, FrozenList})
_OBJECTS = frozenset({dict, FrozenDict})

# in the data of a row that has strings with surrogates
_TEXT_TAG = b'"$text"'

# bytes of a value that no marker would make smaller
_ALWAYS_STORED = 200


class EventRow(NamedTuple):
    """An event as a row of the store."""

    kind: str
    time: float
    task: str | None
    visit: int | None
    data: bytes
    columns: bytes | None


def row_of(event: Event) -> EventRow:
    """Return the row of an event whose secrets are masked.

    Raises:
        Exception: A value cannot be encoded; `row_within` makes a row in any case.
    """
    try:
        return _row_of(event, to_json)
    except ValueError:
        # a surrogate, which UTF-8 cannot encode, or an integer of very many digits
        return _row_of(event, partial(to_plain, check_strings=True))


def row_within(event: Event, most_bytes: int) -> EventRow:
    """Return a row of an event that is not too large, with markers for the largest values.

    A value that cannot be encoded is replaced by a marker, too.

    Args:
        event: The event, whose secrets are masked.
        most_bytes: The bytes of data that a row can hold.
    """
    most_of_value = most_bytes
    while True:
        # from half the row down to nothing: few values are replaced if few are large
        most_of_value //= 2
        row = _row_of(event, partial(plain_or_marker, most_bytes=most_of_value))
        if len(row.data) <= most_bytes or not most_of_value:
            return row


def drop_values(event: Event) -> Event:
    """Return an event with a marker in place of each value of the workflow."""
    marker = NotStored("value that cannot be written")
    changes: dict[str, Any] = {}
    for name in VALUE_FIELDS.intersection(event.__struct_fields__):
        changes[name] = marker
    if isinstance(event, event_types.RunStarted):
        # each parameter is named
        changes["parameters"] = dict.fromkeys(event.parameters, marker)
    if isinstance(event, AttemptsEnded):
        batch = event.batch
        items = None
        if batch.items is not None:
            items = [marker] * len(batch)
        errors = {}
        for row, error in batch.errors.items():
            errors[row] = msgspec.structs.replace(error, message="", traceback="", data=None)
        groups = tuple(msgspec.structs.replace(group, message="") for group in batch.groups)
        changes["batch"] = msgspec.structs.replace(
            batch, results=[marker] * len(batch), items=items, errors=errors, groups=groups
        )
    if not changes:
        return event
    return msgspec.structs.replace(event, **changes)


def plain_or_marker(value: Any, most_bytes: int = LARGEST_VALUE) -> Any:
    """Return a value as JSON can hold it, with markers for parts that it cannot hold.

    Of an array, such as the results of a batch, and of an object, such as the parameters, each
    part is looked at by itself.
    """
    kind = type(value)
    if kind in _ARRAYS:
        return [_plain_part(element, most_bytes) for element in value]
    if kind in _OBJECTS and all(type(key) is str for key in value):
        parts = {key: _part_or_marker(part, most_bytes) for key, part in value.items()}
        return to_plain(parts, check_strings=True)
    return _plain_part(value, most_bytes)


def _plain_part(value: Any, most_bytes: int) -> Any:
    return to_plain(_part_or_marker(value, most_bytes), check_strings=True)


def _part_or_marker(value: Any, most_bytes: int) -> Any:
    size = None
    try:
        size = len(msgspec.json.encode(to_plain(value, check_strings=True)))
    except Exception:  # noqa: BLE001 - whatever is wrong with one value, the others are stored
        return NotStored(_describe_large(value, size))

    if size <= max(most_bytes, _ALWAYS_STORED):
        return value
    return NotStored(_describe_large(value, size))


def _describe_large(value: Any, size: int | None) -> str:
    """Return the noun for a value in place of which a marker is stored."""
    noun = describe(value).removeprefix("a ").removeprefix("an ")
    if size is None:
        return noun
    return f"large {noun} ({size:,} bytes)"


def _row_of(event: Event, plain: Callable[[Any], Any]) -> EventRow:
    is_exact = plain is to_json
    data: dict[str, Any] = {}
    for name in event.__struct_fields__:
        if name in _COLUMN_FIELDS:
            continue
        value = getattr(event, name)
        if name in _ADDED_FIELDS and not value:
            continue
        if isinstance(value, ErrorInfo):
            value = _error_to_plain(value, plain)
        elif name in VALUE_FIELDS:
            value = plain(value)
        elif not is_exact:
            value = _texts_to_plain(value)
        data[name] = value

    columns = None
    if isinstance(event, AttemptsEnded):
        data["batch"] = _batch_to_plain(event.batch, plain)
        columns = _pack(event.batch)

    return EventRow(
        type(event).__name__,
        event.time,
        getattr(event, "task", None),
        getattr(event, "visit", None),
        msgspec.json.encode(data),
        columns,
    )


def _texts_to_plain(value: Any) -> Any:
    """Return the value of an event's own field with its strings as UTF-8 can hold them."""
    if isinstance(value, tuple):
        return [_texts_to_plain(element) for element in value]
    if isinstance(value, str):
        return to_plain(value, check_strings=True)
    return value


def column_text(text: str) -> str:
    r"""Return a text as a column of SQLite can hold it: a lone surrogate becomes `\udce9`."""
    return text.encode("utf-8", "backslashreplace").decode()


def event_of(row: EventRow, source: Source, mask: Mask = NO_SECRETS) -> Event:
    """Return the event of a row.

    Args:
        row: The row.
        source: The text that positions refer to.
        mask: The secrets by their names; one that it does not hold becomes `***`.

    Raises:
        StoreError: The row cannot be decoded.
    """
    try:
        return _event_of(row, source, mask)
    except Exception as error:  # noqa: BLE001 - the bytes of a damaged row may mean anything
        reason = f"{type(error).__name__}: {error_text(error)}"
        raise StoreError(f"an event of kind {row.kind} cannot be read: {reason}") from None


def _event_of(row: EventRow, source: Source, mask: Mask) -> Event:
    event_class = _EVENT_CLASSES[row.kind]
    data = msgspec.json.decode(row.data)
    # most rows have no tags, and to look for them in each value takes longer than to decode it
    read = partial(from_plain, mask=mask, has_tags=has_tag(row.data))
    for name in VALUE_FIELDS & data.keys():
        data[name] = read(data[name])
    if has_tag(row.data, _TEXT_TAG):
        _restore_texts(event_class, data)

    if event_class is event_types.TaskEnded and data.get("error") is not None:
        data["error"] = _error_of(data["error"], source)
    if event_class is AttemptsEnded:
        columns = b""
        if row.columns is not None:
            columns = row.columns
        data["batch"] = _batch_of(data["batch"], columns, source, read)

    for name in _TUPLE_FIELDS:
        if name in data:
            data[name] = tuple(map(_as_tuple, data[name]))

    if "task" in event_class.__struct_fields__:
        data["task"] = row.task
    if "visit" in event_class.__struct_fields__:
        data["visit"] = row.visit
    event = event_class(time=row.time, **data)
    _check_types(event)
    return event


def _check_types(event: Event) -> None:
    """Check the fields of an event that was read.

    Raises:
        msgspec.ValidationError: A field has another type than its events have.
    """
    if not -_LATEST_TIME < event.time < _LATEST_TIME:
        raise ValueError("the time of an event is out of range")
    if isinstance(event, AttemptsEnded):
        fields = {name: getattr(event, name) for name in ("time", "task", "visit", "seed")}
        msgspec.convert(fields, _AttemptsFields)
        _check_batch(event.batch)
        return

    fields = {}
    for name in event.__struct_fields__:
        value = getattr(event, name)
        if isinstance(value, ErrorInfo):
            _check_error(value)
            fields[name] = None
        elif name not in VALUE_FIELDS:
            fields[name] = value
        elif name == "parameters" and not isinstance(value, dict):
            raise TypeError("the parameters are no object")
        else:
            fields[name] = None
    if isinstance(event, event_types.AlarmRang):
        # the conductor ignores an alarm of an unknown kind
        fields["kind"] = "delay"
    msgspec.convert(fields, type(event))


class _AttemptsFields(msgspec.Struct):
    """The fields of `AttemptsEnded` beside its batch."""

    time: float
    task: str
    visit: int
    seed: int


class _BatchFields(msgspec.Struct):
    """The fields of a batch that are no columns."""

    total: int | None
    begun: int | None
    stride: int


_GroupFields = tuple[int, int, int, str, float, float, float, bool, bool]
"""The fields of a group of attempts as JSON, up to its message."""


class _ErrorFields(msgspec.Struct):
    """The fields of an error whose types are known."""

    type: str
    message: str
    traceback: str
    retryable: bool
    bases: tuple[str, ...]


def _check_batch(batch: Batch) -> None:
    """Check the fields of a batch beside its packed columns.

    Raises:
        ValueError: The columns differ in their lengths, or a code or row does not exist.
        msgspec.ValidationError: A field has a wrong type.
    """
    fields = {"total": batch.total, "begun": batch.begun, "stride": batch.stride}
    msgspec.convert(fields, _BatchFields)
    if not 1 <= batch.stride <= _MOST_STRIDE:
        raise ValueError("a batch is a sample of a number that is out of range")
    count = len(batch)
    if len(batch.results) != count or (batch.items is not None and len(batch.items) != count):
        raise ValueError("the columns of a batch differ in their lengths")
    if batch.status and max(batch.status) >= len(event_types.STATUS_CODES):
        raise ValueError("a batch has a status that does not exist")
    for column in (batch.start, batch.duration):
        # with a NaN in it, the sum is one; each step is a loop in C
        is_finite = math.isfinite(sum(column))
        if not is_finite or max(map(abs, column), default=0) > _LATEST_TIME:
            raise ValueError("a time of a batch is out of range")

    for row, error in batch.errors.items():
        if type(row) is not int or not 0 <= row < count:
            raise ValueError(f"a batch has an error for row {row!r}, which it does not have")
        _check_error(error)


def _check_error(error: ErrorInfo) -> None:
    """Check the fields of an error.

    Raises:
        msgspec.ValidationError: A field has a wrong type.
    """
    names = _ErrorFields.__struct_fields__
    msgspec.convert({name: getattr(error, name) for name in names}, _ErrorFields)
    if error.position is not None:
        msgspec.convert([error.position.line, error.position.column], list[int])


def _restore_texts(event_class: type[Event], data: dict[str, Any]) -> None:
    """Restore the strings with surrogates in the fields of an event."""
    names = data.keys() - VALUE_FIELDS
    if event_class in (AttemptsEnded, event_types.TaskEnded):
        # their errors are decoded by a function of their own
        names -= {"batch", "error"}
    for name in names:
        data[name] = from_plain(data[name])


def _as_tuple(value: Any) -> Any:
    """Return an array as a tuple, and any other value as it is."""
    if isinstance(value, list):
        return tuple(value)
    return value


def _batch_to_plain(batch: Batch, plain: Callable[[Any], Any]) -> dict[str, Any]:
    """Return the part of a batch that is stored as JSON."""
    data: dict[str, Any] = {"count": len(batch), "total": batch.total}
    if batch.begun is not None:
        data["begun"] = batch.begun
    # types are compared, since a comparison of results with None could run their code
    if not _NONE_TYPE.issuperset(map(type, batch.results)):
        data["results"] = plain(batch.results)
    if batch.errors:
        data["errors"] = [
            [row, _error_to_plain(error, plain)] for row, error in batch.errors.items()
        ]
    if batch.items is not None:
        data["items"] = plain(batch.items)
    if batch.groups:
        data["groups"] = [_group_to_plain(group, plain) for group in batch.groups]
        data["stride"] = batch.stride
    return data


def _group_to_plain(group: AttemptGroup, plain: Callable[[Any], Any]) -> list[Any]:
    return [
        group.attempt,
        group.status,
        group.count,
        b64encode(group.items).decode(),
        group.start,
        group.end,
        group.seconds,
        group.retryable,
        group.begun,
        plain(group.message),
    ]


def _group_of(data: Any) -> AttemptGroup:
    """Return a group that was stored.

    Raises:
        ValueError: A field is out of range, or the indexes of the items are damaged.
        msgspec.ValidationError: A field has a wrong type.
    """
    *fields, message = data
    *_, items, start, end, seconds, is_retryable, has_begun = msgspec.convert(fields, _GroupFields)
    attempt, status, count = fields[:3]
    is_status = 0 <= status < len(event_types.STATUS_CODES)
    if not is_status or not 1 <= attempt < event_types.FINAL or count < 1:
        raise ValueError("a group of attempts has a field that is out of range")
    if not max(map(abs, (start, end, seconds))) <= _LATEST_TIME:
        raise ValueError("a time of a group of attempts is out of range")

    packed = b64decode(items, validate=True)
    unpack_ranges(packed, count)
    return AttemptGroup(
        attempt=attempt,
        status=status,
        count=count,
        items=packed,
        start=start,
        end=end,
        seconds=seconds,
        retryable=is_retryable,
        begun=has_begun,
        message=msgspec.convert(from_plain(message), str),
    )


def count_attempts(packed: bytes) -> int:
    """Return the number of attempts in the packed columns of a row.

    Raises:
        ValueError: The columns differ in their lengths.
    """
    count, remainder = divmod(len(packed), _ROW_BYTES)
    if remainder:
        raise ValueError(f"{len(packed)} bytes are no columns of attempts")
    return count


def column_of(packed: bytes, name: str) -> array[Any] | bytes:
    """Return one of the packed columns of a row: numbers, or the codes of the statuses.

    Args:
        packed: The columns.
        name: The name of the column, as of the field of `Batch`.

    Raises:
        ValueError: The columns differ in their lengths.
    """
    count = count_attempts(packed)
    offset = 0
    for packed_name, stored_type, _ in _PACKED:
        column = array(stored_type)
        end = offset + count * column.itemsize
        if packed_name == name:
            column.frombytes(packed[offset:end])
            _swap_bytes_if_needed(column)
            return column
        offset = end
    # the last column
    return packed[offset:]


def _pack(batch: Batch) -> bytes:
    """Return the numbers of a batch as packed columns."""
    parts = []
    for name, stored_type, _ in _PACKED:
        column = array(stored_type, getattr(batch, name))
        _swap_bytes_if_needed(column)
        parts.append(column.tobytes())
    return b"".join(parts) + batch.status


def _batch_of(
    data: dict[str, Any], packed: bytes, source: Source, read: Callable[[Any], Any]
) -> Batch:
    count = data["count"]
    # before anything of this length is made
    if type(count) is not int or len(packed) != count * _ROW_BYTES:
        raise ValueError(f"{len(packed)} bytes for {count!r} attempts")

    columns: dict[str, Any] = {}
    offset = 0
    for name, stored_type, memory_type in _PACKED:
        column = array(stored_type)
        end = offset + count * column.itemsize
        column.frombytes(packed[offset:end])
        _swap_bytes_if_needed(column)
        columns[name] = array(memory_type, column)
        offset = end
    results: list[Any] = [None] * count
    if "results" in data:
        results = list(read(data["results"]))
    items = None
    if "items" in data:
        items = list(read(data["items"]))
    errors = {row: _error_of(error, source) for row, error in data.get("errors", ())}
    groups = tuple(map(_group_of, data.get("groups", ())))
    return Batch(
        **columns,
        status=packed[offset:],
        results=results,
        errors=errors,
        items=items,
        total=data["total"],
        begun=data.get("begun"),
        groups=groups,
        stride=data.get("stride", 1),
    )


def _swap_bytes_if_needed(column: array[Any]) -> None:
    """Convert a column between this machine's byte order and the store's, little-endian."""
    if sys.byteorder == "big":
        column.byteswap()


def _error_to_plain(error: ErrorInfo, plain: Callable[[Any], Any]) -> dict[str, Any]:
    position = None
    if error.position is not None:
        position = [error.position.line, error.position.column]
    data = {
        "type": plain(error.type),
        "message": plain(error.message),
        "traceback": plain(error.traceback),
        "data": plain(error.data),
        "retryable": error.retryable,
        "position": position,
    }
    if error.bases:
        data["bases"] = [plain(name) for name in error.bases]
    return data


def _error_of(data: dict[str, Any], source: Source) -> ErrorInfo:
    position = None
    if data["position"] is not None:
        position = Position(source, *data["position"])
    return ErrorInfo(
        type=from_plain(data["type"]),
        message=from_plain(data["message"]),
        traceback=from_plain(data["traceback"]),
        data=from_plain(data["data"]),
        retryable=data["retryable"],
        bases=tuple(map(from_plain, data.get("bases", ()))),
        position=position,
    )

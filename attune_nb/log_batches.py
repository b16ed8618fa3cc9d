"""Log lines in batches: packed as columns, compressed, and counted.

A batch holds the lines that the engine has passed on in one turn. It stays packed, in memory as in
a store, until a view asks for its lines.
"""

from __future__ import annotations

import logging
import threading
import zlib
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import msgspec

from attune_nb.log_lines import LogLine

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "STREAMS",
    "LogBatch",
    "LogColumns",
    "LogCounts",
    "LogSource",
    "RunLogs",
    "join_columns",
    "pack_lines",
    "severity",
    "unpack_lines",
]

STREAMS = ("stdout", "stderr")
"""The levels of lines that were printed, not logged."""

# bytes of the lines of a batch: a record that claims more is damaged
_MAX_BYTES = 1 << 30

# the fastest: these lines become a fifth of their size, and no other level halves that
_LEVEL = 1

_FIELDS = LogLine.__struct_fields__
_GETTERS = tuple(map(attrgetter, _FIELDS))

_encode = msgspec.msgpack.Encoder().encode

# how `logging` names a level without a name
_NUMBERED = "Level "


class LogCounts(NamedTuple):
    """The number of lines, and of those of level WARNING or above."""

    lines: int = 0
    warnings: int = 0


class LogBatch(NamedTuple):
    """Lines that were passed on together.

    Attributes:
        lines: The number of lines.
        warnings: The number of those of level WARNING or above.
        data: The columns of the lines, as MessagePack, deflated.
    """

    lines: int
    warnings: int
    data: bytes


class LogColumns(msgspec.Struct, frozen=True, array_like=True):
    """The fields of log lines, one list for each: see `LogLine`."""

    time: list[float]
    task: list[str]
    visit: list[int]
    index: list[int]
    attempt: list[int]
    worker: list[int]
    level: list[str]
    text: list[str]

    def __len__(self) -> int:
        return len(self.time)

    def pick(self, rows: Sequence[int]) -> LogColumns:
        """Return the lines of some rows, in the order of these rows."""
        columns = []
        for name in _FIELDS:
            column = getattr(self, name)
            columns.append([column[row] for row in rows])
        return LogColumns(*columns)

    def last(self, count: int) -> LogColumns:
        """Return the last lines, at most `count`."""
        first = max(len(self) - count, 0)
        return LogColumns(*(getattr(self, name)[first:] for name in _FIELDS))

    def rows(self) -> Iterable[LogLine]:
        """Return the lines."""
        return map(LogLine, *(getattr(self, name) for name in _FIELDS))


class LogSource(Protocol):
    """Where a view of a run finds its log lines."""

    def counts(self) -> LogCounts:
        """Return how many lines there are so far, with those of child runs."""

    def read_from(self, first: int) -> tuple[LogColumns, int]:
        """Return the lines from a batch on, and the number of the batch that will come next."""

    def explain_none(self) -> str:
        """Return why there are no lines, as the end of a sentence; empty if none was printed."""


def severity(level: str) -> int:
    """Return the number of a logging level, such as 30 for WARNING; 0 for a printed line."""
    number = logging.getLevelNamesMapping().get(level)
    if number is not None:
        return number

    digits = level.removeprefix(_NUMBERED)
    is_numbered = digits != level and digits.isascii() and digits.isdigit()
    return int(digits) if is_numbered else 0


def pack_lines(lines: Sequence[LogLine]) -> LogBatch:
    """Return lines as a batch."""
    columns = [list(map(getter, lines)) for getter in _GETTERS]
    try:
        packed = _encode(columns)
    except UnicodeEncodeError:
        # lone surrogates, as in the names of files that are no UTF-8
        packed = _encode([list(map(_encodable, column)) for column in columns])

    levels = columns[_FIELDS.index("level")]
    warnings = 0
    for level in set(levels):
        if severity(level) >= logging.WARNING:
            warnings += levels.count(level)
    return LogBatch(len(lines), warnings, zlib.compress(packed, _LEVEL))


def _encodable(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    return value


def unpack_lines(batches: Iterable[LogBatch]) -> LogColumns:
    """Return the lines of batches, the oldest first.

    Raises:
        ValueError: The data of one is damaged.
    """
    return join_columns([_unpack(batch) for batch in batches])


def join_columns(parts: Iterable[LogColumns]) -> LogColumns:
    """Return the lines of all parts, one part after the other."""
    joined: list[list[Any]] = [[] for _ in _FIELDS]
    for part in parts:
        for name, column in zip(_FIELDS, joined, strict=True):
            column.extend(getattr(part, name))
    return LogColumns(*joined)


def _unpack(batch: LogBatch) -> LogColumns:
    try:
        inflater = zlib.decompressobj()
        packed = inflater.decompress(batch.data, _MAX_BYTES)
        if not inflater.eof:
            raise ValueError("the lines of a batch do not end")
        columns = msgspec.msgpack.decode(packed, type=LogColumns)
    except (zlib.error, msgspec.MsgspecError, TypeError) as error:
        raise ValueError(f"the lines of a batch cannot be read: {error}") from None

    if any(len(getattr(columns, name)) != batch.lines for name in _FIELDS):
        raise ValueError("the columns of a batch differ in length")
    return columns


class RunLogs:
    """The log lines of a run of this process; they only grow, so any thread may read them.

    Args:
        past: The batches of a resumed run's record.
        past_counts: How many lines that record has, with those of its child runs.
        outer: The lines of the run that this one is within, which counts these too.
    """

    def __init__(
        self,
        past: Sequence[LogBatch] = (),
        past_counts: LogCounts | None = None,
        outer: RunLogs | None = None,
    ) -> None:
        self._batches: list[LogBatch] = list(past)
        if past_counts is None:
            past_counts = LogCounts(
                sum(batch.lines for batch in past), sum(batch.warnings for batch in past)
            )
        self._counts = past_counts
        self._outer = outer
        self._lock = threading.Lock()

    def read(self, lines: Sequence[LogLine]) -> None:
        """Take new lines; called in the engine's thread."""
        if not lines:
            return
        batch = pack_lines(lines)
        with self._lock:
            self._batches.append(batch)
        self._count(batch)

    def _count(self, batch: LogBatch) -> None:
        with self._lock:
            self._counts = LogCounts(
                self._counts.lines + batch.lines, self._counts.warnings + batch.warnings
            )
        if self._outer is not None:
            self._outer._count(batch)  # noqa: SLF001 - of the same class

    def counts(self) -> LogCounts:
        """Return how many lines there are so far, with those of child runs."""
        return self._counts

    def batches(self, first: int = 0) -> Sequence[LogBatch]:
        """Return the batches so far, from a number on."""
        return self._batches[first:]

    def read_from(self, first: int) -> tuple[LogColumns, int]:
        """Return the lines from a batch on, and the number of the batch that will come next."""
        batches = self.batches(first)
        return unpack_lines(batches), first + len(batches)

    def explain_none(self) -> str:
        """Return an empty text: all lines are kept."""
        return ""

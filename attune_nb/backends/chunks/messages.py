"""What goes to a worker process, and what comes back."""

from __future__ import annotations

from array import array  # noqa: TC003 - msgspec reads the annotations
from typing import Any

import msgspec

from attune_nb.backends.chunks.serialize import Packed, pack, taken, unpack
from attune_nb.context import Moment  # noqa: TC001 - as above
from attune_nb.events import ErrorInfo  # noqa: TC001 - as above
from attune_nb.values.frozen import size_of

__all__ = ["Chunk", "Kept", "OtherProcessError", "Report"]


class Chunk(msgspec.Struct, frozen=True):
    """Some items of a task, each with the number of the attempt to make.

    `moments` are the times and seeds of those whose input tells the time or draws lots, so that
    each attempt of an item is made with the same input. Work is begun for `budget` seconds, on
    `share` items at once. `process`, where it is given, is the only one that may make them. In
    `parts` it is told of before all has ended, and the sender asks for the rest; else it may be
    asked about by its `name`. It `joins` what goes on of an earlier chunk.
    """

    index: array[int]
    attempt: array[int]
    items: Packed
    moments: list[Moment]
    budget: float
    share: int
    process: str = ""
    parts: bool = False
    joins: bool = False
    name: str = ""


class Report(msgspec.Struct, frozen=True):
    """What became of a chunk, in columns of the same length as `Batch` has them.

    `began` is in seconds since the epoch, `start` in seconds since `began`, `spent` are the seconds
    since then, and `lately` those that this report is of.
    `unrendered` are the rows whose input could not be rendered, `going` the items of which another
    report will come: what is neither there nor in a row was not begun. `data` is what the errors
    gave, one after the other. `about` tells what the results are, where they do not come along.
    It is the `part` of that number, and tells again of what earlier ones told that did not come.
    `abandoned` counts functions that are past their time and still run. `place` is the thread that
    it was made in.
    """

    began: float
    spent: float
    lately: float
    worker: array[int]
    index: array[int]
    attempt: array[int]
    start: array[float]
    duration: array[float]
    status: bytes
    results: Packed
    errors: dict[int, ErrorInfo]
    data: Packed
    unrendered: list[int]
    going: list[int]
    about: list[str]
    abandoned: int
    place: str
    part: int


class OtherProcessError(Exception):
    """A chunk has come to another process than the only one that may make it.

    That one has ended: before it began, amid it, or after it, and the results with it.
    """


class Kept:
    """The results of a chunk, which stay where they are, and the report of it.

    It goes to where they are needed, and then what cannot go, or not be made again there, fails
    alone: Dask would try for ever to fetch what it cannot.
    """

    def __init__(self, report: bytes, values: list[Any]) -> None:
        self.report, self._values = report, values

    def __reduce__(self) -> tuple[Any, ...]:
        return _arrived, (self.report, pack(self._values))

    def __getitem__(self, row: int) -> Any:
        return taken(self._values[row])

    def packed(self, row: int) -> Packed:
        """Give a result for whoever asks for it alone."""
        return pack([self._values[row]])

    def __sizeof__(self) -> int:
        return object.__sizeof__(self) + sum(map(size_of, self._values))


def _arrived(report: bytes, values: Packed) -> Kept:
    return Kept(report, unpack(values))

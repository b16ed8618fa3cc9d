"""What was sent to a worker, and what its report says of it: rows as the run records them."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Collection  # noqa: TC003 - msgspec reads the annotations
from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.backends.chunks.messages import Chunk, Report  # noqa: TC001 - as above
from attune_nb.backends.chunks.serialize import NotSent, Packed, unpack
from attune_nb.events import FAILED, Batch, ErrorInfo
from attune_nb.values.frozen import freeze

if TYPE_CHECKING:
    from attune_nb.backends.attempt.job import Job
    from attune_nb.values.secrets import Mask

    Lane = Callable[[str, int], int]

__all__ = ["Entry", "Sent", "reported"]

LONGEST = 500  # characters of what says why something could not be sent


class Entry(msgspec.Struct, frozen=True):
    """An attempt that is to be made."""

    index: int
    attempt: int
    item: Any


class Known(msgspec.Struct):
    """What a worker has told of a chunk that it is asked about.

    `asked` is when it was asked last, `begun` whether it has begun, `part` which report of it came
    last, and `heard` which one the worker knows to have come.
    """

    asked: float = 0.0
    begun: bool = False
    part: int = 0
    heard: int = 0


class Sent(msgspec.Struct, eq=False):
    """A chunk that is under way.

    `keep` gives what stands for a result that stays elsewhere. `alone`: nothing is to wait behind
    it, as it may end its worker. `goes_on`: it is what was left of a chunk when its time was over,
    and nothing has joined it. `since` is when it was sent, or its worker came to it, in monotonic
    time. `abandoned` counts the functions in it that are past their time and still run.
    """

    entries: list[Entry]
    chunk: Chunk
    keep: Callable[[int, str], Any] | None = None
    alone: bool = False
    goes_on: bool = False
    since: float = msgspec.field(default_factory=time.monotonic)
    abandoned: int = 0
    known: Known = msgspec.field(default_factory=Known)

    def left(self, going: Collection[int]) -> Sent:
        """Give what of it goes on, by the items' numbers: another report will come of that."""
        entries = [each for each in self.entries if each.index in going]
        chunk = msgspec.structs.replace(
            self.chunk,
            index=array("q", [each.index for each in entries]),
            attempt=array("q", [each.attempt for each in entries]),
            items=Packed(),
            moments=[],
            joins=False,
        )
        return Sent(entries, chunk, goes_on=True, since=self.since, known=self.known)

    def joined(self, left: Sent) -> Sent:
        """Give it together with what goes on of an earlier chunk, where it is sent to."""
        also = {"joins": True, "parts": left.chunk.parts, "name": left.chunk.name}
        chunk = msgspec.structs.replace(self.chunk, **also)
        return Sent([*left.entries, *self.entries], chunk, known=left.known)


def reported(job: Job, sent: Sent, report: Report, lane: Lane) -> Batch:
    """Give what a report says as a batch: at the run's times, of the run's workers, all frozen.

    Args:
        job: The job.
        sent: The chunk that the report is of.
        report: What the worker told.
        lane: Gives the number of a worker: of a place, and of one of several there.
    """
    entries = {each.index: each for each in sent.entries}
    mask = job.spec.call.context.mask
    results, status = _results(sent, report, mask), bytearray(report.status)
    errors = _errors(job, report, entries)
    for row, result in enumerate(results):
        if isinstance(result, NotSent):
            results[row] = None
            if not status[row]:
                status[row] = FAILED
                told = _cut(mask.text(f"the result: {result.message}"))
                errors[row] = ErrorInfo(type="NotSendable", message=told, retryable=False)
    began = _began(job, report)
    batch = Batch(
        index=report.index,
        attempt=report.attempt,
        worker=array("q", [lane(report.place, each) for each in report.worker]),
        start=array("d", [began + each for each in report.start]),
        duration=report.duration,
        status=bytes(status),
        results=results,
        errors=errors,
        items=[entries[at].item if at in entries else None for at in report.index]
        if job.source.lazy
        else None,
    )
    if not sent.known.part:  # nothing was told of it before
        return batch
    pairs = zip(report.index, report.attempt, strict=True)
    known = {(each.index, each.attempt) for each in sent.entries}
    return batch.take([row for row, pair in enumerate(pairs) if pair in known])


def _began(job: Job, report: Report) -> float:
    """Give when a chunk began in the run: the worker's clock is another."""
    now = job.spec.clock()
    return min(max(0.0, now - (time.time() - report.began)), max(0.0, now - report.spent))


def _results(sent: Sent, report: Report, mask: Mask) -> list[Any]:
    if sent.keep is None:
        return [_frozen(each) for each in unpack(report.results)]
    kept = enumerate(zip(report.about, report.status, strict=True))
    return [None if code else sent.keep(row, mask.text(about)) for row, (about, code) in kept]


def _errors(job: Job, report: Report, entries: dict[int, Entry]) -> dict[int, ErrorInfo]:
    """Give the error of each row that has one, without secrets.

    What an expression fails with is said by the whole context: it knows the names nearby.
    """
    errors = {}
    told = zip(report.errors.items(), unpack(report.data), strict=True)
    for (row, error), data in told:
        index = report.index[row]
        if row in report.unrendered and error.type != "NotSendable":
            try:
                job.spec.call.render(entries[index].item, index)
            except Exception as here:  # noqa: BLE001 - this is what it is rendered for
                errors[row] = job.spec.call.describe(here)[1]
                continue
        errors[row] = _told(error, _frozen(data), job.spec.call.context.mask)
    return errors


def _told(error: ErrorInfo, data: Any, mask: Mask) -> ErrorInfo:
    refused = error.type == "NotSendable"
    message = mask.text(error.message)
    if isinstance(data, NotSent):
        message += _cut(mask.text(f" (without its data: {data.message})"))
        data = None
    return msgspec.structs.replace(
        error,
        message=_cut(message) if refused else message,
        traceback=mask.text(error.traceback),
        data=freeze(mask.value(data)),
        retryable=error.retryable and not refused,
    )


def _cut(told: str) -> str:
    return told if len(told) <= LONGEST else f"{told[: LONGEST - 1]}…"


def _frozen(value: Any) -> Any:
    try:
        return freeze(value)
    except ValueError as error:
        return NotSent(str(error))

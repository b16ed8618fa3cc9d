"""What was sent to a worker, and what its report says of it: rows as the run records them."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Collection  # noqa: TC003 - msgspec reads the annotations
from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.backends.chunks.messages import ChunkMessage, Report  # noqa: TC001 - as above
from attune_nb.backends.chunks.serialize import NotSent, PackedValues, unpack
from attune_nb.events import FAILED, Batch, ErrorInfo
from attune_nb.values.frozen import freeze

if TYPE_CHECKING:
    from attune_nb.backends.attempt.job import Job
    from attune_nb.values.secrets import Mask

    Lane = Callable[[str, int], int]

__all__ = ["InFlightChunk", "PendingAttempt", "read_report"]

LONGEST = 500  # characters of what says why something could not be sent


class PendingAttempt(msgspec.Struct, frozen=True):
    """An attempt that is to be made."""

    index: int
    attempt: int
    item: Any


class ProbeState(msgspec.Struct):
    """The progress of a chunk, as far as its worker has reported it.

    Attributes:
        probed_at: When its worker was last probed about it, in monotonic time.
        has_started: Whether the worker has started it.
        sequence: The number of the last report that was received.
        acknowledged: The number of the last report whose receipt the worker was sent.
    """

    probed_at: float = 0.0
    has_started: bool = False
    sequence: int = 0
    acknowledged: int = 0


class InFlightChunk(msgspec.Struct, eq=False):
    """A chunk that was sent to a worker and is not fully reported.

    Attributes:
        attempts: The attempts in it, with their items.
        message: The message that the worker was sent.
        make_reference: Returns the remote reference for the result in a row, described in words,
            if results stay on the worker.
        is_quarantined: Whether it may end its worker, so that no other chunk waits behind it.
        is_remainder: Whether it is the part of a chunk that was still running when the chunk's
            time was over, and no other chunk was merged into it.
        since: When it was sent or its worker started it, in monotonic time.
        abandoned: How many functions in it are past their timeout and still run.
        probe_state: Its progress, as far as the worker has reported it.
    """

    attempts: list[PendingAttempt]
    message: ChunkMessage
    make_reference: Callable[[int, str], Any] | None = None
    is_quarantined: bool = False
    is_remainder: bool = False
    since: float = msgspec.field(default_factory=time.monotonic)
    abandoned: int = 0
    probe_state: ProbeState = msgspec.field(default_factory=ProbeState)

    def remainder(self, going: Collection[int]) -> InFlightChunk:
        """Give what of it goes on, by the items' numbers: another report will come of that."""
        entries = [each for each in self.attempts if each.index in going]
        chunk = msgspec.structs.replace(
            self.message,
            index=array("q", [each.index for each in entries]),
            attempt=array("q", [each.attempt for each in entries]),
            items=PackedValues(),
            moments=[],
            merges=False,
        )
        return InFlightChunk(
            entries, chunk, is_remainder=True, since=self.since, probe_state=self.probe_state
        )

    def merge(self, left: InFlightChunk) -> InFlightChunk:
        """Give it together with what goes on of an earlier chunk, where it is sent to."""
        also = {
            "merges": True,
            "reports_partially": left.message.reports_partially,
            "name": left.message.name,
        }
        chunk = msgspec.structs.replace(self.message, **also)
        return InFlightChunk([*left.attempts, *self.attempts], chunk, probe_state=left.probe_state)


def read_report(job: Job, sent: InFlightChunk, report: Report, lane: Lane) -> Batch:
    """Give what a report says as a batch: at the run's times, of the run's workers, all frozen.

    Args:
        job: The job.
        sent: The chunk that the report is of.
        report: What the worker told.
        lane: Gives the number of a worker: of a place, and of one of several there.
    """
    entries = {each.index: each for each in sent.attempts}
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
        worker=array("q", [lane(report.thread, each) for each in report.worker]),
        start=array("d", [began + each for each in report.start]),
        duration=report.duration,
        status=bytes(status),
        results=results,
        errors=errors,
        items=[entries[at].item if at in entries else None for at in report.index]
        if job.source.lazy
        else None,
    )
    if not sent.probe_state.sequence:  # nothing was told of it before
        return batch
    pairs = zip(report.index, report.attempt, strict=True)
    known = {(each.index, each.attempt) for each in sent.attempts}
    return batch.take([row for row, pair in enumerate(pairs) if pair in known])


def _began(job: Job, report: Report) -> float:
    """Give when a chunk began in the run: the worker's clock is another."""
    now = job.spec.clock()
    return min(max(0.0, now - (time.time() - report.started_at)), max(0.0, now - report.elapsed))


def _results(sent: InFlightChunk, report: Report, mask: Mask) -> list[Any]:
    if sent.make_reference is None:
        return [_frozen(each) for each in unpack(report.results)]
    kept = enumerate(zip(report.descriptions, report.status, strict=True))
    return [
        None if code else sent.make_reference(row, mask.text(about)) for row, (about, code) in kept
    ]


def _errors(job: Job, report: Report, entries: dict[int, PendingAttempt]) -> dict[int, ErrorInfo]:
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
                errors[row] = job.spec.call.describe_error(here)[1]
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

"""The chunks that were sent to workers, and the attempts in the reports about them."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Collection  # noqa: TC003 - msgspec reads the annotations
from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.backends.chunks.messages import ChunkMessage, Report  # noqa: TC001 - as above
from attune_nb.backends.chunks.serialize import NotSent, PackedValues, unpack
from attune_nb.events import FAILED, Batch, ErrorInfo, mask_error
from attune_nb.values.frozen import freeze
from attune_nb.values.guard import cut_text, type_name

if TYPE_CHECKING:
    from attune_nb.backends.attempt.job import Job
    from attune_nb.values.secrets import Mask

    # returns the number of a worker: from its thread, and its number within the chunk
    NumberWorker = Callable[[str, int], int]

__all__ = ["InFlightChunk", "PendingAttempt", "read_report"]

# characters of a message that says why something could not be sent
MAX_MESSAGE = 500


class PendingAttempt(msgspec.Struct, frozen=True):
    """An attempt that waits or is in flight."""

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

    def remainder(self, running: Collection[int]) -> InFlightChunk:
        """Return the part of it that is still running, by the indexes of its items."""
        attempts = [attempt for attempt in self.attempts if attempt.index in running]
        message = msgspec.structs.replace(
            self.message,
            index=array("q", [attempt.index for attempt in attempts]),
            attempt=array("q", [attempt.attempt for attempt in attempts]),
            items=PackedValues(),
            moments=[],
            merges=False,
        )
        return InFlightChunk(
            attempts, message, is_remainder=True, since=self.since, probe_state=self.probe_state
        )

    def merge(self, remainder: InFlightChunk) -> InFlightChunk:
        """Return it together with the part of an earlier chunk that is still running."""
        message = msgspec.structs.replace(
            self.message,
            merges=True,
            reports_partially=remainder.message.reports_partially,
            name=remainder.message.name,
        )
        attempts = [*remainder.attempts, *self.attempts]
        return InFlightChunk(attempts, message, probe_state=remainder.probe_state)


def read_report(
    job: Job, chunk: InFlightChunk, report: Report, number_worker: NumberWorker
) -> Batch:
    """Return the attempts of a report: at the run's times, of the run's workers, all frozen.

    Args:
        job: The job.
        chunk: The chunk that the report is about.
        report: The report.
        number_worker: Returns the number of a worker.
    """
    mask = job.spec.call.context.mask
    attempts = {attempt.index: attempt for attempt in chunk.attempts}
    results = _read_results(chunk, report, mask)
    errors = _read_errors(job, report, attempts)
    status = bytearray(report.status)

    for row, result in enumerate(results):
        if not isinstance(result, NotSent):
            continue
        results[row] = None
        if not status[row]:
            status[row] = FAILED
            message = _cut(mask.text(f"the result: {result.message}"))
            errors[row] = ErrorInfo(type="NotSendable", message=message, retryable=False)

    items = None
    if job.source.lazy:
        items = [attempts[index].item if index in attempts else None for index in report.index]

    started_at = _to_run_time(job, report)
    batch = Batch(
        index=report.index,
        attempt=report.attempt,
        worker=array("q", [number_worker(report.thread, worker) for worker in report.worker]),
        start=array("d", [started_at + start for start in report.start]),
        duration=report.duration,
        status=bytes(status),
        results=results,
        errors=errors,
        items=items,
    )
    if not chunk.probe_state.sequence:
        return batch

    return _drop_known_rows(batch, chunk)


def _drop_known_rows(batch: Batch, chunk: InFlightChunk) -> Batch:
    """Return the rows of a batch that an earlier report of the chunk did not have."""
    unreported = {(attempt.index, attempt.attempt) for attempt in chunk.attempts}
    pairs = zip(batch.index, batch.attempt, strict=True)
    return batch.take([row for row, pair in enumerate(pairs) if pair in unreported])


def _to_run_time(job: Job, report: Report) -> float:
    """Return when a chunk was started, in seconds since the start of the run.

    The worker's clock may differ from ours: the time is not before the run, nor so late that the
    chunk would end after now.
    """
    now = job.spec.clock()
    by_wall_clock = now - (time.time() - report.started_at)
    latest = now - report.elapsed
    return min(max(0.0, by_wall_clock), max(0.0, latest))


def _read_results(chunk: InFlightChunk, report: Report, mask: Mask) -> list[Any]:
    """Return the results of a report, or the remote references for them."""
    if chunk.make_reference is None:
        return [_freeze(result) for result in unpack(report.results)]

    references: list[Any] = []
    pairs = zip(report.descriptions, report.status, strict=True)
    for row, (description, code) in enumerate(pairs):
        reference = None
        if not code:
            reference = chunk.make_reference(row, mask.text(description))
        references.append(reference)

    return references


def _read_errors(
    job: Job, report: Report, attempts: dict[int, PendingAttempt]
) -> dict[int, ErrorInfo]:
    """Return the error of each row that has one, without secrets.

    If an input could not be rendered, the error is made here, from the whole context: its message
    can then suggest names that the worker does not have.
    """
    errors = {}
    data_of_errors = unpack(report.data)
    for (row, error), data in zip(report.errors.items(), data_of_errors, strict=True):
        local_error = None
        attempt = attempts.get(report.index[row])  # None if an earlier report had this row
        if attempt is not None and row in report.unrendered and error.type != "NotSendable":
            local_error = _render_error(job, attempt)

        if local_error is None:
            local_error = _mask_error(error, _freeze(data), job.spec.call.context.mask)
        errors[row] = local_error

    return errors


def _render_error(job: Job, attempt: PendingAttempt) -> ErrorInfo | None:
    """Return the error of rendering an input in the whole context; None if that succeeds."""
    try:
        job.spec.call.render(attempt.item, attempt.index)
    except Exception as error:  # noqa: BLE001 - a template may raise anything
        return job.spec.call.describe_error(error)[1]

    return None


def _mask_error(error: ErrorInfo, data: Any, mask: Mask) -> ErrorInfo:
    """Return an error with its data, without secrets."""
    is_unsendable = error.type == "NotSendable"
    error = mask_error(error, mask)
    message = cut_text(error.message)
    if isinstance(data, NotSent):
        message += _cut(mask.text(f" (without its data: {data.message})"))
        data = None
    if is_unsendable:
        message = _cut(message)

    return msgspec.structs.replace(
        error,
        message=message,
        traceback=cut_text(error.traceback),
        data=freeze(mask.value(data)),
        retryable=error.retryable and not is_unsendable,
    )


def _cut(message: str) -> str:
    if len(message) <= MAX_MESSAGE:
        return message

    return f"{message[: MAX_MESSAGE - 1]}…"


def _freeze(value: Any) -> Any:
    """Return a value frozen; a `NotSent` if it cannot be frozen."""
    try:
        return freeze(value)
    except ValueError as error:
        return NotSent(str(error))
    except Exception as error:  # noqa: BLE001 - the parts of a value may raise anything
        return NotSent(f"the value cannot be read: {type_name(type(error))}")

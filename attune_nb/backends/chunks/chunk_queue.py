"""The items of one job that wait to be sent to workers in chunks, and the reports about them.

A chunk holds as many items as take about a target time, which follows from the reports. The
attempts of a chunk whose worker died go into quarantine.
"""

from __future__ import annotations

import math
import pickle
import time
from array import array
from math import inf
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from attune_nb.backends.attempt.attempt import not_sendable_error, worker_lost_error
from attune_nb.backends.chunks.attempt_queue import AttemptQueue, MomentCache
from attune_nb.backends.chunks.in_flight import InFlightChunk, PendingAttempt, read_report
from attune_nb.backends.chunks.messages import ChunkMessage, Report
from attune_nb.backends.chunks.quarantine import MAX_DEATHS, Quarantine
from attune_nb.backends.chunks.serialize import pack
from attune_nb.backends.chunks.sizing import MAX_ITEMS, ChunkSizer
from attune_nb.events import FAILED, SUCCEEDED, Batch, ErrorInfo

if TYPE_CHECKING:
    from collections.abc import Callable

    from attune_nb.backends.attempt.failure_limit import FailureLimit
    from attune_nb.backends.attempt.job import Job
    from attune_nb.backends.attempt.unrecorded import UnrecordedLimit
    from attune_nb.backends.chunks.in_flight import NumberWorker

__all__ = ["ChunkQueue"]


class ChunkQueue:
    """The items of one job that wait to be sent in chunks.

    Only the driver's thread may use it.

    Args:
        job: The job.
        worker_count: How many workers there are.
        target: Seconds that a chunk should take.
        wake: Called in another thread when items are ready again.
        describe_missing: Returns a message if an item needs a result that is lost, else None.
        partial_reports: Whether workers report about a chunk before all of it has ended.
        list_in_flight: Returns the chunks in flight of a queue. It is only called for a job that
            limits how many items may fail, or how many attempts may be off the record.
        receive_lines: Called with the lines in a report, and a function that returns a worker's
            number.

    Attributes:
        job: The job.
        worker_count: How many workers there are.
        in_flight: How many chunks are in flight.
        is_cancelled: Whether the job was stopped by force, so that reports are ignored.
    """

    def __init__(
        self,
        job: Job,
        worker_count: int,
        target: float,
        wake: Callable[[], None],
        describe_missing: Callable[[Any], str | None] | None = None,
        *,
        partial_reports: bool = False,
        list_in_flight: Callable[[ChunkQueue], list[InFlightChunk]] = lambda _: [],
        receive_lines: Callable[[bytes, NumberWorker], None] = lambda _lines, _number: None,
    ) -> None:
        self.job = job
        self.worker_count = worker_count
        self.in_flight = 0
        self.is_cancelled = False
        self._sizer = ChunkSizer(target)
        self._describe_missing = describe_missing
        self._partial_reports = partial_reports
        self._attempts = AttemptQueue(job, wake)
        self._quarantine = Quarantine()
        self._moments = MomentCache(job)
        self._list_in_flight = list_in_flight
        self._receive_lines = receive_lines
        # the part of a chunk that still runs, while a new chunk is to be merged into it
        self._growing: list[InFlightChunk] = []
        self._has_report = False
        if job.limit is not None:
            job.limit.is_settled = self._has_settled

    @property
    def max_workers(self) -> int:
        """How many workers may run chunks of this job at once."""
        return min(self.job.spec.concurrency, self.worker_count)

    @property
    def is_idempotent(self) -> bool:
        """Whether an attempt may run again if it is not known whether it ran."""
        return self.job.spec.announce is None and self.job.spec.call.action.idempotent

    @property
    def is_slow(self) -> bool:
        """Whether no chunk should wait behind one of this job: an item may take long."""
        if not self.is_idempotent or self.job.source.is_single or self._quarantine:
            return True
        if self.job.limit is not None:
            # what waits at a worker begins there without being asked
            return True

        return not 0 < self._sizer.seconds_per_item <= self._sizer.target

    @property
    def is_ready(self) -> bool:
        """Whether there is an item to send, or the end of the items to notice."""
        if self.is_cancelled or self.job.stopped:
            return False
        if self.job.is_limited and not self._may_send():
            return False
        if self.waits_for_record:
            return False

        return bool(self._quarantine) or self._attempts.is_ready

    @property
    def waits_for_record(self) -> bool:
        """Whether nothing is sent until attempts of this job are on record."""
        return self.job.unrecorded is not None and self._count_room(self.job.unrecorded) <= 0

    def _count_room(self, unrecorded: UnrecordedLimit) -> int:
        """Return how many more attempts may be sent before others are on record.

        All that was collected is on record: the driver sees to that before it polls again.
        """
        unrecorded_count = self._count_in_flight() + self.job.results.count_uncollected()
        return unrecorded.most - unrecorded_count

    def _count_in_flight(self) -> int:
        """Return how many attempts workers have, or are about to have."""
        chunks = self._list_in_flight(self) + self._growing
        return sum(len(chunk.attempts) for chunk in chunks)

    def _has_settled(self) -> bool:
        """Return whether no item may still be given back by a worker."""
        return not self.in_flight and not self._quarantine

    def _may_send(self) -> bool:
        """Return whether the limits of the job allow one more attempt now."""
        job = self.job
        if job.is_closed:
            self._drop_unbegun()
        if self.seconds_until_due() > 0:
            return False

        return job.limit is None or self._count_spare(job.limit) > 0 or not self._has_unstarted()

    def _drop_unbegun(self) -> None:
        """Drop what waits of items that must not begin."""
        if self.job.limit is not None:
            self._attempts.keep(self.job.limit.may_begin)
            self._quarantine.keep(self.job.limit.may_begin)

    def seconds_until_due(self) -> float:
        """Return the seconds until the pace of the job allows a chunk; 0 or less if it does."""
        if self.job.pace is None:
            return 0.0
        return self.job.pace.seconds_until_due(self._count_waiting())

    def _count_spare(self, limit: FailureLimit) -> int:
        """Return how many more items may be sent so that the limit holds even if all fail."""
        return limit.most - limit.failed - self._count_in_flight()

    def _has_unstarted(self) -> bool:
        """Return whether a worker may hold items that it has not started."""
        return any(
            len(chunk.attempts) > chunk.message.concurrency and not chunk.is_remainder
            for chunk in self._list_in_flight(self)
        )

    @property
    def can_run_anywhere(self) -> bool:
        """Whether Dask may choose the worker, and choose another if that one dies."""
        return self.job.source.is_single and self.is_idempotent and not self._quarantine

    def _count_waiting(self) -> int:
        """Return how many attempts wait; of lazy items, an estimate."""
        return self._attempts.count() + len(self._quarantine)

    def estimate_threads(
        self, within: float, default_seconds: float, in_flight: list[InFlightChunk]
    ) -> int:
        """Return how many threads would end all items within a time.

        Args:
            within: The time, in seconds.
            default_seconds: Seconds that an item is taken to need before any was reported.
            in_flight: The chunks that are in flight.
        """
        if self.job.source.is_single or self.job.stopped:
            return 0

        now = time.monotonic()
        count = self._count_waiting()
        seconds_per_item = self._sizer.seconds_per_item
        if not seconds_per_item:
            seconds_per_item = default_seconds

        for chunk in in_flight:
            count += len(chunk.attempts)
            seconds_so_far = (now - chunk.since) / len(chunk.attempts)
            seconds_per_item = max(seconds_per_item, seconds_so_far)

        threads = math.ceil(count * seconds_per_item / within)
        return min(count, self.job.spec.concurrency, threads)

    def take_chunk(
        self, concurrency: int, process: str = "", free_slots: int = 0
    ) -> InFlightChunk | None:
        """Return the next chunk to send; None if there is nothing to send.

        Args:
            concurrency: How many of its attempts may run at once, if the action is async.
            process: The process that it is sent to, if another may take that one's place unseen.
            free_slots: How much of the concurrency is free, if it is merged into another chunk.
        """
        if not self.job.spec.call.is_async:
            concurrency = 1

        is_quarantined = bool(self._quarantine)
        if is_quarantined:
            attempts = self._take_quarantined()
        else:
            attempts = self._attempts.take(self._next_size(concurrency, free_slots))

        if self._describe_missing is not None:
            attempts = [attempt for attempt in attempts if self._has_inputs(attempt)]
        if self.job.spec.announce is not None:
            attempts = [attempt for attempt in attempts if self._can_announce(attempt)]
        if not attempts:
            return None

        self._sizer.record_size(len(attempts))
        self.in_flight += 1
        message = self._build_message(attempts, concurrency, process)
        if is_quarantined and len(attempts) == 1:
            message = replace(message, is_suspect=True)
        return InFlightChunk(attempts, message, is_quarantined=is_quarantined)

    def _take_quarantined(self) -> list[PendingAttempt]:
        attempts = self._quarantine.take_piece()
        if not self.job.is_limited:
            return attempts
        return [attempt for attempt in attempts if self.job.try_begin(attempt.index)]

    def _next_size(self, concurrency: int, free_slots: int) -> int:
        if not self.is_idempotent:
            return 1

        # the last chunks are small, so that all workers end at about the same time
        limit = None
        if not self.job.source.lazy:
            limit = -(-self._count_waiting() // (2 * self.max_workers))

        size = self._sizer.next_size(concurrency, limit)
        if free_slots:
            size = max(free_slots, size * free_slots // concurrency)

        if self.job.is_limited:
            size = self._limit_size(size, free_slots, concurrency)
        if self.job.unrecorded is not None:
            size = min(size, self._limit_unrecorded(self.job.unrecorded, concurrency))
        return size

    def _limit_size(self, size: int, free_slots: int, concurrency: int) -> int:
        """Return the size of the next chunk within the limits of the job.

        A worker must hold an item that it has not started only if the limit would not be exceeded
        even if all items in flight failed: then none of them can begin too late.

        Args:
            size: The size without limits.
            free_slots: How much of the concurrency is free, if it is merged into another chunk.
            concurrency: How many items the worker starts at once, if it is a chunk of its own.
        """
        slots = concurrency
        if free_slots:
            slots = free_slots

        limit = self.job.limit
        if limit is not None:
            spare = self._count_spare(limit)
            size = min(size, max(slots, spare // self.max_workers))
            if self._has_unstarted():
                size = min(size, spare)

        if self.job.pace is not None:
            size = min(size, self.job.pace.count_due())
        return size

    def _limit_unrecorded(self, unrecorded: UnrecordedLimit, concurrency: int) -> int:
        """Return the largest size of the next chunk that its job's record allows.

        Each worker has room for two chunks: one that it runs, and one that waits.
        """
        share = unrecorded.most // (2 * self.max_workers)
        size = min(unrecorded.every * concurrency, max(concurrency, share))
        return min(size, self._count_room(unrecorded))

    def _has_inputs(self, attempt: PendingAttempt) -> bool:
        """Return whether the results that an item needs are there; record a failure if not."""
        if self._describe_missing is None:
            return True

        message = self._describe_missing(attempt.item)
        if message is not None:
            self.record_failure(attempt, 0, not_sendable_error(message))

        return message is None

    def _can_announce(self, attempt: PendingAttempt) -> bool:
        """Announce an attempt that must not run twice; record a failure if that cannot be done."""
        spec = self.job.spec
        if spec.announce is None:
            return True

        try:
            spec.announce(spec.key, attempt.index, attempt.attempt)
        except Exception as error:  # noqa: BLE001 - an attempt that is not on record must not run
            code, cause = spec.call.describe_error(error)
            self.record_failure(attempt, 0, cause, code)
            return False

        return True

    def _build_message(
        self, attempts: list[PendingAttempt], concurrency: int, process: str
    ) -> ChunkMessage:
        index = array("q", [attempt.index for attempt in attempts])
        if self.is_idempotent and not self.job.spec.keep_results:
            process = ""
        spacing = 0.0
        if self.job.pace is not None:
            spacing = self.job.pace.spacing

        return ChunkMessage(
            index=index,
            attempt=array("q", [attempt.attempt for attempt in attempts]),
            items=pack([attempt.item for attempt in attempts]),
            moments=self._moments.take(index),
            budget=2 * self._sizer.target,
            concurrency=concurrency,
            process=process,
            reports_partially=self._partial_reports and len(attempts) > 1,
            spacing=spacing,
        )

    def put_back(self, chunk: InFlightChunk) -> None:
        """Put back the attempts of a chunk that no worker has started."""
        self.in_flight -= 1
        self._put_back_attempts(chunk.attempts)

    def _put_back_attempts(self, attempts: list[PendingAttempt]) -> None:
        if self.is_cancelled:
            return

        if self.job.stopped:
            self._cancel_unbegun(attempts)
        else:
            self._attempts.put_back(attempts)

    def requeue_lost(self, chunk: InFlightChunk, worker: int, reason: str, deaths: int = 1) -> None:
        """Send the attempts of a chunk again whose worker died before it reported them.

        An item that was alone in its chunk fails if it must not run twice, or after the third
        death.

        Args:
            chunk: The chunk.
            worker: The worker's number.
            reason: Why the worker died, as far as it is known.
            deaths: How many workers in a row died with this chunk.
        """
        self.in_flight -= 1
        attempts = chunk.attempts
        if self.is_cancelled:
            return

        if self.job.stopped:
            self._cancel_attempts(attempts, chunk.since)
            return

        if len(attempts) > 1:
            self._quarantine_chunk(attempts)
            return

        [attempt] = attempts
        deaths = self._quarantine.count_deaths(attempt.index, deaths)
        if deaths < MAX_DEATHS and self.is_idempotent:
            self._quarantine.add_attempt(attempt)
            return

        self._quarantine.forget_deaths(attempt.index)
        cause = worker_lost_error(deaths, reason, idempotent=self.is_idempotent)
        self.record_failure(attempt, worker, cause, since=chunk.since)

    def _quarantine_chunk(self, attempts: list[PendingAttempt]) -> None:
        if not self.job.is_limited:
            # pieces of several items could exceed the number of attempts off the record
            size = 0 if self.job.unrecorded is None else 1
            self._quarantine.add_chunk(attempts, size)
            return

        # it is not known which of them have begun
        self.job.give_back([(attempt.index, attempt.attempt) for attempt in attempts])
        self._quarantine.add_chunk(attempts, size=1)

    def requeue_interrupted(self, chunk: InFlightChunk, reason: str) -> None:
        """Send a chunk again that was lost through no fault of its items.

        Items that must not run twice fail.
        """
        if self.is_idempotent or self.is_cancelled or self.job.stopped:
            self.put_back(chunk)
            return

        self.in_flight -= 1
        cause = worker_lost_error(1, reason, idempotent=False)
        for attempt in chunk.attempts:
            self.record_failure(attempt, 0, cause, since=chunk.since)

    def record_failure(
        self,
        attempt: PendingAttempt,
        worker: int,
        cause: ErrorInfo,
        code: int = FAILED,
        since: float = inf,
    ) -> None:
        """Record that an attempt failed without a report of its worker.

        Args:
            attempt: The attempt.
            worker: The worker's number.
            cause: The error.
            code: The status.
            since: When it was sent, in monotonic time; by default it was not sent.
        """
        self._keep_for_retry(attempt, code)

        mask = self.job.spec.call.context.mask
        cause = replace(cause, message=mask.text(cause.message))
        start = self._to_run_time(since)
        self.job.results.record_failure(
            worker, attempt.index, attempt.attempt, start, attempt.item, code, cause
        )

    def fail_chunk(self, chunk: InFlightChunk, worker: int, message: str) -> None:
        """Record that none of a chunk could be attempted."""
        self.in_flight -= 1
        if self.is_cancelled:
            return

        for attempt in chunk.attempts:
            self.record_failure(attempt, worker, not_sendable_error(message))

    def fail_next(self, message: str) -> None:
        """Record that the next items could not be attempted."""
        # the failure of one item may keep the others from beginning
        size = 1 if self.job.is_limited else MAX_ITEMS
        for attempt in self._attempts.take(size):
            self.record_failure(attempt, 0, not_sendable_error(message))

    def stop(self, *, force: bool, in_flight: list[InFlightChunk]) -> None:
        """Send no more chunks; with `force`, also cancel those in flight."""
        if self.job.is_closed:
            self._drop_unbegun()
        if not self.job.stopped:
            self.job.stop()
            self.job.cancel_waiting()

        waiting = [*self._attempts.clear_returned(), *self._quarantine.clear()]
        self._cancel_unbegun(waiting)
        self.close()

        if force and not self.is_cancelled:
            self.is_cancelled = True
            for chunk in in_flight:
                self._cancel_attempts(chunk.attempts, chunk.since)

    def close(self) -> None:
        """Read no more items."""
        self._attempts.close()

    def _cancel_attempts(self, attempts: list[PendingAttempt], since: float) -> None:
        for attempt in attempts:
            start = self._to_run_time(since)
            self.job.results.record_cancelled(
                attempt.index, attempt.attempt, 0, start, attempt.item
            )

    def _cancel_unbegun(self, attempts: list[PendingAttempt]) -> None:
        for attempt in attempts:
            self.job.results.record_unbegun(attempt.index, attempt.attempt, attempt.item)

    def _to_run_time(self, moment: float) -> float:
        """Return a monotonic time as seconds since the start of the run, now at the latest."""
        return self.job.spec.clock() - max(0.0, time.monotonic() - moment)

    def handle_report(
        self,
        chunk: InFlightChunk,
        number_worker: NumberWorker,
        packed: bytes,
        *,
        can_extend: bool = False,
    ) -> InFlightChunk | None:
        """Record a report; return the part of the chunk that is still running, or None.

        For `async` actions a new chunk may be merged into it (`message.merges`).

        Args:
            chunk: The chunk.
            number_worker: Returns the number of a worker.
            packed: The pickled report; None if the chunk was not started, or a string that says
                why it could not be.
            can_extend: Whether a new chunk may be merged.
        """
        report: Report | str | None
        batch = None
        try:
            report = pickle.loads(packed)  # noqa: S301 - packed by a worker of ours
            if isinstance(report, Report):
                for lines in report.lines:
                    self._receive_lines(lines, number_worker)
                batch = read_report(self.job, chunk, report, number_worker)
        except Exception as error:  # noqa: BLE001 - a value's own code may raise anything
            report = f"the worker's report cannot be read ({error!r})"

        if isinstance(report, Report) and batch is not None:
            return self._handle_batch(chunk, report, batch, can_extend=can_extend)

        if isinstance(report, str):
            self.fail_chunk(chunk, 0, report)
        else:
            self.put_back(chunk)

        return None

    def _handle_batch(
        self, chunk: InFlightChunk, report: Report, batch: Batch, *, can_extend: bool
    ) -> InFlightChunk | None:
        """Record the attempts of a report; return the part that is still running, or None."""
        chunk.abandoned = report.abandoned
        if self.is_cancelled or not report.running:
            self.in_flight -= 1
        if self.is_cancelled:
            return None

        self._sizer.update(chunk, report)
        if self.job.spec.retries:
            attempts = {attempt.index: attempt for attempt in chunk.attempts}
            for index, code in zip(batch.index, batch.status, strict=True):
                self._keep_for_retry(attempts[index], code)

        if self.job.pace is not None and not self._has_report and len(batch):
            self._has_report = True
            self.job.pace.restart(max(batch.start))
        if len(batch):
            self.job.results.add_batch(batch)
        chunk.probe_state.sequence = report.sequence

        # the worker did not start the others, or a chunk to merge came too late
        started = {*batch.index, *report.running}
        unstarted = [attempt for attempt in chunk.attempts if attempt.index not in started]
        self._put_back_attempts(unstarted)

        if not report.running:
            return None

        return self._extend(chunk, report, can_extend=can_extend)

    def _extend(self, chunk: InFlightChunk, report: Report, *, can_extend: bool) -> InFlightChunk:
        """Return the part of a chunk that is still running, perhaps merged with a new chunk."""
        remainder = chunk.remainder({*report.running})
        if not self.job.spec.call.is_async:
            return remainder

        concurrency = chunk.message.concurrency
        free_slots = concurrency - len(report.running)
        if not can_extend or free_slots <= 0 or not self.is_ready or self._quarantine:
            return remainder

        self._growing = [remainder]
        new_chunk = self.take_chunk(concurrency, chunk.message.process, free_slots)
        self._growing = []
        if new_chunk is None:
            return remainder

        self.in_flight -= 1  # the two count as one
        return new_chunk.merge(remainder)

    def _keep_for_retry(self, attempt: PendingAttempt, code: int) -> None:
        """Keep an item, its time and its seed, as long as there may be one."""
        if code == SUCCEEDED:
            self._moments.drop(attempt.index)
        elif self.job.source.lazy and self.job.spec.retries:
            self.job.source.remember(attempt.index, attempt.item)

"""The near side of one task's items that are worked on elsewhere: handed out, and taken in.

Items go in chunks that take about as long as is asked, found out as they come back. What a worker
that was lost held goes out again in small pieces, then item by item: so that an item which ends
its worker each time is found, fails alone, and keeps none of the others from their end.
"""

from __future__ import annotations

import math
import pickle
import time
from array import array
from collections import deque
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from attune_nb.backends.attempt.attempt import not_sendable_error, worker_lost_error
from attune_nb.backends.chunks.in_flight import InFlightChunk, PendingAttempt, read_report
from attune_nb.backends.chunks.messages import ChunkMessage, Report
from attune_nb.backends.chunks.prefetch import Prefetcher
from attune_nb.backends.chunks.serialize import pack
from attune_nb.backends.chunks.sizing import MAX_ITEMS, ChunkSizer
from attune_nb.events import FAILED, SUCCEEDED, Batch, ErrorInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from attune_nb.backends.attempt.job import Job
    from attune_nb.backends.chunks.in_flight import Lane
    from attune_nb.context import Moment
    from attune_nb.events import Key

__all__ = ["ChunkQueue"]

PIECES = 64  # that a chunk is cut into when its worker was lost
DEATHS = 3  # of workers that held nothing but this item, until it is given up
_DRAWING = ("now", "uuid")  # functions that give another value each time


class ChunkQueue:
    """One job, handed out in chunks.

    Args:
        job: The job.
        worker_count: How many workers there are.
        target: Seconds that a chunk is to take.
        wake: Called, in another thread, when there are items again that were waited for.
        missing: Says of an item what it needs that is not there any more.
        parts: Whether chunks are told of in parts.
    """

    def __init__(
        self,
        job: Job,
        lanes: int,
        target: float,
        wake: Callable[[], None],
        missing: Callable[[Any], str | None] | None = None,
        *,
        parts: bool = False,
    ) -> None:
        self.job = job
        self.in_flight = 0  # chunks
        self.worker_count = lanes
        self.is_cancelled = False  # given up on: what comes back is of no interest
        self._sizer = ChunkSizer(target)
        self._missing = missing
        self._parts = parts
        self._back: deque[PendingAttempt] = deque()  # taken, but not begun
        self._pieces: deque[list[PendingAttempt]] = deque()  # held by a worker that was lost
        self._deaths: dict[int, int] = {}
        self._moments: dict[int, Moment] = {}
        draws = any(name in _DRAWING for name, _ in job.spec.call.template.calls)
        self._draw = job.spec.call.context.moments if draws else None
        self._ahead: Prefetcher | None = None
        if job.source.lazy:
            job.source.replace_iterator(partial(self._read_ahead, wake))

    def _read_ahead(
        self, wake: Callable[[], None], source: Iterator[tuple[int, Any]]
    ) -> Iterator[tuple[int, Any]]:
        self._ahead = Prefetcher(source, self.job.spec.key[0], wake)
        return self._ahead

    @property
    def max_workers(self) -> int:
        """How many workers may be at it at once."""
        return min(self.job.spec.concurrency, self.worker_count)

    @property
    def is_slow(self) -> bool:
        """Whether an item takes so long, or does so much, that none is to wait behind another."""
        alone = not self.is_idempotent or self.job.source.is_single or bool(self._pieces)
        return alone or not 0 < self._sizer.seconds_per_item <= self._sizer.target

    @property
    def is_ready(self) -> bool:
        """Whether there is something to hand out, or to find out that there is no more."""
        job = self.job
        taken_back = bool(self._pieces or self._back or job.retry_queue)
        return not self.is_cancelled and not job.stopped and (taken_back or self._there)

    @property
    def _there(self) -> bool:
        """Whether an item can be read, or the end, without waiting for it."""
        return not self.job.source.exhausted and (self._ahead is None or self._ahead.is_ready)

    def take_chunk(self, share: int, process: str = "", room: int = 0) -> InFlightChunk | None:
        """Take what is to be done next, or None where there is nothing.

        Args:
            share: How many items of it may be under way at once, where they wait for each other.
            process: Which one it goes to, where another may come in its place unseen.
            room: How much of the share is left by what it joins, if it does.
        """
        share = share if self.job.spec.call.is_async else 1
        alone = bool(self._pieces)
        entries = self._pieces.popleft() if alone else self._gather(self._next_size(share, room))
        if self._missing is not None:
            entries = [each for each in entries if self._whole(each, self._missing(each.item))]
        if self.job.spec.announce is not None:
            entries = [each for each in entries if self._announced(each, self.job.spec.announce)]
        if not entries:
            return None
        self._sizer.record_size(len(entries))
        self.in_flight += 1
        return InFlightChunk(entries, self._chunk(entries, share, process), is_quarantined=alone)

    def _whole(self, entry: PendingAttempt, missing: str | None) -> bool:
        """Fail an attempt of which a part is missing; tell whether it is whole."""
        if missing is not None:
            self.record_failure(entry, 0, not_sendable_error(missing))
        return missing is None

    def _announced(self, entry: PendingAttempt, announce: Callable[[Key, int, int], None]) -> bool:
        """Tell of an attempt that must be told of before it is made; give whether that was done."""
        try:
            announce(self.job.spec.key, entry.index, entry.attempt)
        except Exception as error:  # noqa: BLE001 - what is not told of must not be made
            code, cause = self.job.spec.call.describe_error(error)
            self.record_failure(entry, 0, cause, code)
            return False
        return True

    def _chunk(self, entries: list[PendingAttempt], share: int, process: str) -> ChunkMessage:
        index = array("q", [each.index for each in entries])
        moments: list[Moment] = []
        if self._draw is not None:
            moments = [self._moments.get(at) or self._draw() for at in index]
            if self.job.spec.retries:
                self._moments.update(zip(index, moments, strict=True))
        return ChunkMessage(
            index=index,
            attempt=array("q", [each.attempt for each in entries]),
            items=pack([each.item for each in entries]),
            moments=moments,
            budget=2 * self._sizer.target,
            concurrency=share,
            process=process if not self.is_idempotent or self.job.spec.keep_results else "",
            reports_partially=self._parts and len(entries) > 1,
        )

    def _next_size(self, share: int, room: int) -> int:
        if not self.is_idempotent:
            return 1
        # the last chunks are small, so that all workers end together
        left = None if self.job.source.lazy else -(-self._left // (2 * self.max_workers))
        size = self._sizer.next_size(share, left)
        return max(room, size * room // share) if room else size

    @property
    def _left(self) -> int:
        """How many attempts wait; of a source that does not tell, as many as there were."""
        source = self.job.source
        whole = 2 * source.started if source.lazy else len(source.items)
        more = 0 if source.exhausted else whole - source.started
        return more + len(self.job.retry_queue) + len(self._back) + sum(map(len, self._pieces))

    def estimate_threads(self, within: float, unknown: float, sent: list[InFlightChunk]) -> int:
        """Give how many threads would end all items in a time.

        Args:
            within: The time, in seconds.
            unknown: Seconds that an item is taken for of which nothing is known.
            sent: The chunks that are under way.
        """
        if self.job.source.is_single or self.job.stopped:
            return 0
        now = time.monotonic()
        each = max(
            [
                self._sizer.seconds_per_item or unknown,
                *((now - at.since) / len(at.attempts) for at in sent),
            ]
        )
        count = self._left + sum(len(at.attempts) for at in sent)
        return min(count, self.job.spec.concurrency, math.ceil(count * each / within))

    def _gather(self, size: int) -> list[PendingAttempt]:
        job, entries = self.job, list[PendingAttempt]()
        source = job.source
        try:
            while len(entries) < size and not job.stopped:
                if self._back:
                    entries.append(self._back.popleft())
                elif job.retry_queue:
                    index, attempt = job.retry_queue.popleft()
                    if index in source.unavailable:
                        self._not_there(index, attempt)
                    else:
                        entries.append(PendingAttempt(index, attempt, source.item(index)))
                else:
                    pair = source.read_next() if self._there else None
                    if pair is None:
                        break
                    entries.append(PendingAttempt(pair[0], 1, pair[1]))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - the items' own code raised
            job.record_source_failure(0, error)
        if self._ahead is not None:
            self._ahead.set_limit(2 * size)  # this much again, and what another worker asks for
        return entries

    def _not_there(self, index: int, attempt: int) -> None:
        try:
            self.job.render_input(index, attempt, None)
        except Exception as error:  # noqa: BLE001 - this is what it is asked for
            code, cause = self.job.spec.call.describe_error(error)
            self.job.results.record_failure(
                0, index, attempt, self.job.spec.clock(), None, code, cause
            )

    def put_back(self, sent: InFlightChunk) -> None:
        """Take back a chunk that was never begun."""
        self.in_flight -= 1
        self._take_back(sent.attempts)

    def _take_back(self, entries: list[PendingAttempt]) -> None:
        if self.is_cancelled:
            return
        if self.job.stopped:
            self._give_up(entries)
        else:
            self._back.extendleft(reversed(entries))

    @property
    def can_run_anywhere(self) -> bool:
        """Whether it may go to any worker, and from one that is lost to another, unseen."""
        return self.job.source.is_single and self.is_idempotent and not self._pieces

    def requeue_lost(self, sent: InFlightChunk, worker: int, why: str, deaths: int = 1) -> None:
        """Take in that a chunk's worker ended before it had told anything.

        Args:
            sent: The chunk.
            worker: The worker's number.
            why: What is known of its end.
            deaths: How many workers in a row did so.
        """
        self.in_flight -= 1
        entries, job = sent.attempts, self.job
        if self.is_cancelled:
            return
        if job.stopped:
            self._give_up(entries)
            return
        if len(entries) > 1:
            size = len(entries) // PIECES or 1
            self._pieces.extend(entries[at : at + size] for at in range(0, len(entries), size))
            return
        [entry] = entries
        self._deaths[entry.index] = deaths = self._deaths.get(entry.index, 0) + deaths
        if deaths < DEATHS and self.is_idempotent:
            self._pieces.append(entries)
            return
        del self._deaths[entry.index]
        cause = worker_lost_error(deaths, why, idempotent=self.is_idempotent)
        self.record_failure(entry, worker, cause, since=sent.since)

    def requeue_interrupted(self, sent: InFlightChunk, why: str) -> None:
        """Take in that a chunk is lost through no fault of its items."""
        if not self.is_idempotent and not self.is_cancelled and not self.job.stopped:
            self.in_flight -= 1
            for each in sent.attempts:
                self.record_failure(
                    each, 0, worker_lost_error(1, why, idempotent=False), since=sent.since
                )
        else:
            self.put_back(sent)

    @property
    def is_idempotent(self) -> bool:
        """Whether an attempt may run again if it is not known whether it ran."""
        return self.job.spec.announce is None and self.job.spec.call.action.idempotent

    def record_failure(
        self,
        entry: PendingAttempt,
        worker: int,
        cause: ErrorInfo,
        code: int = FAILED,
        since: float = inf,
    ) -> None:
        """Record that an attempt failed, of which its worker tells nothing.

        Args:
            entry: The attempt.
            worker: The worker's number.
            cause: Why it failed.
            code: How it ended.
            since: When it was sent, in monotonic time; by default it never was.
        """
        self._remember(entry, code)
        job = self.job
        cause = replace(cause, message=job.spec.call.context.mask.text(cause.message))
        start = self._when(since)
        job.results.record_failure(
            worker, entry.index, entry.attempt, start, entry.item, code, cause
        )

    def _when(self, since: float) -> float:
        """Give a monotonic time that is not to come as one of the run's."""
        return self.job.spec.clock() - max(0.0, time.monotonic() - since)

    def fail_chunk(self, sent: InFlightChunk, worker: int, message: str) -> None:
        """Record that a chunk could not be worked on at all."""
        self.in_flight -= 1
        for each in () if self.is_cancelled else sent.attempts:
            self.record_failure(each, worker, not_sendable_error(message))

    def fail_next(self, message: str) -> None:
        """Record of the next items that none can be worked on."""
        for each in self._gather(MAX_ITEMS):
            self.record_failure(each, 0, not_sendable_error(message))

    def close(self) -> None:
        """Read no more items."""
        if self._ahead is not None:
            self._ahead.close()

    def stop(self, *, force: bool, in_flight: list[InFlightChunk]) -> None:
        """Hand out no more; `force` gives up on the chunks under way."""
        job = self.job
        if not job.stopped:
            job.stop()
            job.cancel_waiting()
        waiting = [*self._back, *(each for piece in self._pieces for each in piece)]
        self._back.clear()
        self._pieces.clear()
        self._give_up(waiting)
        self.close()
        if force and not self.is_cancelled:
            self.is_cancelled = True
            for each in in_flight:
                self._give_up(each.attempts, each.since)

    def _give_up(self, entries: list[PendingAttempt], since: float = inf) -> None:
        for each in entries:
            self.job.results.record_cancelled(
                each.index, each.attempt, 0, self._when(since), each.item
            )

    def handle_report(
        self, sent: InFlightChunk, lane: Lane, packed: bytes, *, can_extend: bool = False
    ) -> InFlightChunk | None:
        """Take in a report of a chunk; give what of it goes on, if anything does.

        Of `async` actions that may be together with a new chunk, which `joins` it.

        Args:
            sent: The chunk.
            lane: Gives the number of a worker: of a place, and of one of several there.
            packed: What the worker gave.
            can_extend: Whether the worker may be given more.
        """
        try:
            told = pickle.loads(packed)  # noqa: S301 - our own worker's
            batch = read_report(self.job, sent, told, lane) if isinstance(told, Report) else None
        except Exception as error:  # noqa: BLE001 - a value's own code may raise anything
            told, batch = f"the worker's report cannot be read ({error!r})", None
        if batch is not None:
            return self._take_in(sent, told, batch, more=can_extend)
        if told is None:
            self.put_back(sent)
        else:
            self.fail_chunk(sent, 0, told)
        return None

    def _take_in(
        self, sent: InFlightChunk, report: Report, batch: Batch, *, more: bool
    ) -> InFlightChunk | None:
        sent.abandoned = report.abandoned
        if self.is_cancelled or not report.running:
            self.in_flight -= 1
        if self.is_cancelled:
            return None
        self._sizer.update(sent, report)
        if self.job.spec.retries:
            entries = {each.index: each for each in sent.attempts}
            for index, code in zip(batch.index, batch.status, strict=True):
                self._remember(entries[index], code)
        if len(batch):
            self.job.results.add_batch(batch)
        sent.probe_state.sequence = report.sequence
        # what was not begun goes back, also what was to join it and came too late
        begun = {*batch.index, *report.running}
        self._take_back([each for each in sent.attempts if each.index not in begun])
        return self._left_of(sent, report, more=more) if report.running else None

    def _left_of(self, sent: InFlightChunk, report: Report, *, more: bool) -> InFlightChunk | None:
        left, share = sent.remainder({*report.running}), sent.message.concurrency
        room = share - len(report.running) if self.job.spec.call.is_async else 0
        if more and room > 0 and self.is_ready and not self._pieces:
            new = self.take_chunk(share, sent.message.process, room)
            if new is not None:
                self.in_flight -= 1  # the two are one
                return new.merge(left)
        return left

    def _remember(self, entry: PendingAttempt, code: int) -> None:
        """Keep what another attempt of an item needs, as long as there may be one."""
        if code == SUCCEEDED:
            self._moments.pop(entry.index, None)
        elif self.job.source.lazy and self.job.spec.retries:
            self.job.source.remember(entry.index, entry.item)

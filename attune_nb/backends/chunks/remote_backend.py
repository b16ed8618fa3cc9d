"""What backends have in common whose attempts run in other processes."""

from __future__ import annotations

import abc
import os
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from attune_nb.backends.chunks.chunk_queue import ChunkQueue
from attune_nb.backends.chunks.task_spec import TaskSpec
from attune_nb.backends.threads.backend import ThreadBackend

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from attune_nb.backends.attempt.job import Job
    from attune_nb.backends.chunks.in_flight import InFlightChunk
    from attune_nb.events import Batch, Key

__all__ = ["RemoteBackend", "RemoteWorker", "count_cores", "find_free_workers"]

_Place = TypeVar("_Place", bound="RemoteWorker")

DEPTH = 2  # chunks for each thread of a worker: one that it is at, one that waits


def count_cores() -> int:
    """Give how many cores this process may use."""
    found = getattr(os, "sched_getaffinity", None)
    return len(found(0)) if found is not None else os.cpu_count() or 1


class RemoteWorker(abc.ABC):
    """A worker, by the chunks that it has. It works on as many at once as it has `threads`."""

    threads = 1

    @abc.abstractmethod
    def chunks(self) -> list[tuple[ChunkQueue, InFlightChunk]]:
        """Give the chunks that it has, each with its job."""

    def concurrency_by_chunk(self, feed: ChunkQueue) -> list[int]:
        """Give how many items each of its chunks of a job may be at, at once; the most first."""
        return sorted(
            (at.message.concurrency for each, at in self.chunks() if each is feed), reverse=True
        )

    def accepts(self, feed: ChunkQueue, *, behind: bool) -> bool:
        """Tell whether one more chunk of a job may go here, perhaps to wait behind others."""
        return not self.is_full(behind=behind and not feed.is_slow)

    def is_full(self, *, behind: bool) -> bool:
        """Tell whether no chunk may go here, be it to wait behind others or not."""
        held = self.chunks()
        if any(sent.is_quarantined for _, sent in held):
            return True
        behind = behind and not any(each.is_slow or sent.is_remainder for each, sent in held)
        return len(held) >= self.threads * (DEPTH if behind else 1)


def find_free_workers(
    feed: ChunkQueue, places: Collection[_Place], *, behind: bool
) -> list[tuple[_Place, int]]:
    """Give the workers that one more chunk of a job may go to, within its concurrency.

    Args:
        feed: The job.
        places: All workers.
        behind: Whether it may wait behind other chunks.

    Returns:
        Each with the number of items that the chunk may be at, at once: what is left of the
        concurrency is shared with the others that have nothing of the job.
    """
    shares = {place: place.concurrency_by_chunk(feed) for place in places}
    left = feed.job.spec.concurrency - sum(
        sum(each[: place.threads]) for place, each in shares.items()
    )
    # of the chunks of one worker, which ones it is at is not known: perhaps the largest
    rooms = {
        place: left + sum(each[place.threads - 1 : place.threads]) for place, each in shares.items()
    }
    found = [place for place in places if rooms[place] >= 1 and place.accepts(feed, behind=behind)]
    idle = sum(max(0, place.threads - len(shares[place])) for place in found) or 1
    return [(place, -(-rooms[place] // idle)) for place in found]


class RemoteBackend(abc.ABC):
    """Hands out the chunks of jobs, and takes in what becomes of them.

    All of it happens in the driver's thread, which pumps; what ends elsewhere is only noted by
    other threads. Actions that belong to this process (made-up results) run in threads here.

    Args:
        lanes: How many workers there are.
        target: Seconds that a chunk is to take.
        leaves: What becomes of a plain function that is past its time.
        missing: Says of an item what it needs that is not there any more.
        parts: Whether chunks are told of in parts.
    """

    def __init__(
        self,
        lanes: int,
        target: float,
        leaves: str,
        missing: Callable[[Any], str | None] | None = None,
        *,
        parts: bool = False,
    ) -> None:
        self._worker_count = lanes
        self._target = target
        self._leaves = leaves
        self._missing = missing
        self._parts = parts
        self._threads = ThreadBackend()
        self._queues: dict[Key, ChunkQueue] = {}
        self._task_specs: dict[Key, TaskSpec] = {}
        self._notices: deque[Any] = deque()  # noted by other threads
        self._paused = self._closed = False
        self._met: dict[tuple[str, int], int] = {}

    def start(self, job: Job) -> None:
        """Begin to make the attempts of a job."""
        self._closed = False
        spec = job.spec
        call = spec.call
        if call.action.local:
            self._threads.start(job)
            return
        self._task_specs[spec.key] = TaskSpec(
            spec.key, call.action, call.template, call.slice_context(), spec.timeout, self._leaves
        )
        self._queues[spec.key] = ChunkQueue(
            job,
            self._worker_count,
            self._target,
            self._threads.wake,
            self._missing,
            parts=self._parts,
        )

    def retry(self, key: Key, index: int, attempt: int) -> None:
        """Make one more attempt, with the same rendered input."""
        feed = self._queues.get(key)
        if feed is None:
            self._threads.retry(key, index, attempt)
        elif feed.job.stopped:
            feed.job.results.record_cancelled(index, attempt, 0, feed.job.spec.clock(), None)
        else:
            feed.job.retry_queue.append((index, attempt))

    def stop(self, key: Key, *, force: bool) -> None:
        """Start no more attempts of a job; `force` gives up on those under way."""
        self._threads.stop(key, force=force)
        if key in self._queues:
            feed = self._queues[key]
            feed.stop(force=force, in_flight=self._chunks_in_flight(feed))
            if force:
                self._cancel_chunks(feed)

    def set_paused(self, *, paused: bool) -> None:
        """Begin no attempts of any job, or begin them again."""
        self._paused = paused
        self._threads.set_paused(paused=paused)

    def release(self, key: Key) -> None:
        """Let go of a job whose task has ended."""
        self._threads.release(key)
        feed = self._queues.pop(key, None)
        if feed is not None:
            feed.close()
            self._drop_task_spec(self._task_specs.pop(key))

    def poll(self, timeout: float) -> None:
        """Hand out work and take in what has ended, for about `timeout` seconds.

        What somebody waits for (the end of a task, a failure that may be tried again) is taken in
        at once; what is one of many may wait for the others.

        Raises:
            BackendError: There is nobody to do the work.
        """
        until = time.monotonic() + timeout
        while True:
            if not self._paused:
                self._send_chunks()
            if any(
                each.job.results.count_rows() and not each.in_flight
                for each in self._queues.values()
            ):
                return  # what could not be handed out
            left = min(until - time.monotonic(), self._check_workers())
            if not self._notices:
                self._threads.poll(max(0.0, left))
            urgent = self._threads.has_results()
            while self._notices:
                self._handle_notice(self._notices.popleft())
                urgent = True
            finished = urgent and any(not each.in_flight for each in self._queues.values())
            if finished or time.monotonic() >= until:
                break
        if not self._paused:
            self._send_chunks()

    def collect(self) -> list[tuple[Key, Batch]]:
        """Give what has ended since the last call."""
        found = [(key, feed.job.collect()) for key, feed in list(self._queues.items())]
        return [*self._threads.collect(), *((key, each) for key, each in found if each is not None)]

    def close(self) -> None:
        """Let go of everything."""
        self._threads.close()
        for each in self._queues.values():
            each.close()
        self._queues.clear()
        self._task_specs.clear()
        self._closed = True
        self._notices.clear()

    def _notify(self, what: Any) -> None:
        """Note that something has ended, from any thread; what comes too late is let go of."""
        self._notices.append(what)
        self._threads.wake()
        if self._closed:  # looked at after it was noted, as it is closed before that is let go of
            with suppress(ValueError):  # it was let go of
                self._notices.remove(what)

    def _number_worker(self, place: str, number: int) -> int:
        """Give the number of a worker that was met somewhere."""
        return self._met.setdefault((place, number), len(self._met))

    def _send_chunks(self) -> None:
        """Send chunks to the workers that may have one.

        The jobs take turns, those first that have the fewest chunks under way. Where one has none
        and finds no worker, nothing goes to wait at a worker until it has one.
        """
        sending = any(each.is_ready for each in self._queues.values()) and self._can_send()
        while sending:
            sending, behind = False, True
            ready = [each for each in self._queues.values() if each.is_ready]
            ready.sort(key=lambda each: each.in_flight)
            for feed in ready:
                if all(each.is_full(behind=behind) for each in self._list_workers()):
                    return
                if self._send_next(feed, behind=behind):
                    sending = True
                elif not feed.in_flight:
                    behind = False

    def _can_extend(self, feed: ChunkQueue) -> bool:
        """Tell whether a worker that is at a job already may be given more of it at once."""
        others = (each for each in self._queues.values() if each is not feed)
        return not self._paused and not any(each.is_ready for each in others)

    @abc.abstractmethod
    def _list_workers(self) -> Collection[RemoteWorker]:
        """Give the workers."""

    @abc.abstractmethod
    def _can_send(self) -> bool:
        """Tell whether there is anybody to send chunks to."""

    @abc.abstractmethod
    def _send_next(self, feed: ChunkQueue, *, behind: bool) -> bool:
        """Send a chunk of a job, if a worker may have one; tell whether one went out."""

    @abc.abstractmethod
    def _handle_notice(self, what: Any) -> None:
        """Take in what was noted."""

    @abc.abstractmethod
    def _check_workers(self) -> float:
        """End what takes too long; give the seconds until the next look."""

    @abc.abstractmethod
    def _chunks_in_flight(self, feed: ChunkQueue) -> list[InFlightChunk]:
        """Give the chunks of a feed that are with the workers."""

    @abc.abstractmethod
    def _cancel_chunks(self, feed: ChunkQueue) -> None:
        """Give up on the chunks of a feed that are with the workers."""

    @abc.abstractmethod
    def _drop_task_spec(self, definition: TaskSpec) -> None:
        """Have the workers let go of a definition."""

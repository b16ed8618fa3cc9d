"""The base of backends whose attempts run in other processes."""

from __future__ import annotations

import abc
import os
import time
from collections import deque
from contextlib import suppress
from math import inf
from typing import TYPE_CHECKING, Any, TypeVar

from attune_nb.backends.chunks.chunk_queue import ChunkQueue
from attune_nb.backends.chunks.remote_lines import RemoteLines
from attune_nb.backends.chunks.task_spec import TaskSpec
from attune_nb.backends.threads.backend import ThreadBackend

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from attune_nb.backends.attempt.job import Job
    from attune_nb.backends.chunks.in_flight import InFlightChunk
    from attune_nb.events import Batch, Key

__all__ = ["RemoteBackend", "RemoteWorker", "count_cores", "find_free_workers"]

_Worker = TypeVar("_Worker", bound="RemoteWorker")

# chunks for each thread of a worker: one that runs, one that waits
DEPTH = 2


def count_cores() -> int:
    """Return how many cores this process may use."""
    get_affinity = getattr(os, "sched_getaffinity", None)
    if get_affinity is not None:
        return len(get_affinity(0))

    cores = os.cpu_count()
    return 1 if cores is None else cores


class RemoteWorker(abc.ABC):
    """A worker, by its chunks in flight.

    Attributes:
        threads: How many chunks it runs at once.
    """

    threads = 1

    @abc.abstractmethod
    def chunks(self) -> list[tuple[ChunkQueue, InFlightChunk]]:
        """Return its chunks in flight, each with the queue of its job."""

    def concurrency_by_chunk(self, queue: ChunkQueue) -> list[int]:
        """Return the concurrency of each of its chunks of a job, the highest first."""
        concurrencies = []
        for chunk_queue, chunk in self.chunks():
            if chunk_queue is queue:
                concurrencies.append(chunk.message.concurrency)

        return sorted(concurrencies, reverse=True)

    def accepts(self, queue: ChunkQueue, *, behind: bool) -> bool:
        """Return whether one more chunk of a job may be sent to it.

        Args:
            queue: The queue of the job.
            behind: Whether the chunk may wait behind others.
        """
        return not self.is_full(behind=behind and not queue.is_slow)

    def is_full(self, *, behind: bool) -> bool:
        """Return whether no more chunk may be sent to it.

        Args:
            behind: Whether the chunk may wait behind others.
        """
        chunks = self.chunks()
        limit = self.threads * DEPTH if behind else self.threads

        for queue, chunk in chunks:
            if chunk.is_quarantined:
                return True
            if queue.is_slow or chunk.is_remainder:
                limit = self.threads

        return len(chunks) >= limit


def find_free_workers(
    queue: ChunkQueue, workers: Collection[_Worker], *, behind: bool
) -> list[tuple[_Worker, int]]:
    """Return the workers that one more chunk of a job may be sent to, within its concurrency.

    Args:
        queue: The queue of the job.
        workers: All workers.
        behind: Whether the chunk may wait behind others.

    Returns:
        Each worker with the concurrency of the chunk: the free part of the job's concurrency is
        shared with the other workers that have no chunk of the job.
    """
    concurrencies = {worker: worker.concurrency_by_chunk(queue) for worker in workers}
    free_slots = queue.job.spec.concurrency
    for worker, in_use in concurrencies.items():
        free_slots -= sum(in_use[: worker.threads])

    free_workers = []
    idle_threads = 0
    for worker, in_use in concurrencies.items():
        # which of its chunks a worker runs is not known: perhaps the largest. One that waits
        # starts when another has ended, perhaps the smallest of these.
        limit = free_slots + sum(in_use[worker.threads - 1 : worker.threads])
        if limit >= 1 and worker.accepts(queue, behind=behind):
            free_workers.append((worker, limit))
            idle_threads += max(0, worker.threads - len(in_use))

    sharers = max(1, idle_threads)
    return [(worker, -(-limit // sharers)) for worker, limit in free_workers]


class RemoteBackend(abc.ABC):
    """Sends the chunks of jobs to workers, and handles the reports.

    All of it happens in the driver's thread, which polls. Other threads only call `_notify`.
    Actions that must run in this process (mocked results) run in threads here.

    Args:
        worker_count: How many workers there are.
        target: Seconds that a chunk should take.
        timeout_effect: What happens to a plain function at its timeout, for the error's message.
        describe_missing: Returns a message if an item needs a result that is lost, else None.
        partial_reports: Whether workers report about a chunk before all of it has ended.
    """

    def __init__(
        self,
        worker_count: int,
        target: float,
        timeout_effect: str,
        describe_missing: Callable[[Any], str | None] | None = None,
        *,
        partial_reports: bool = False,
    ) -> None:
        self._worker_count = worker_count
        self._target = target
        self._timeout_effect = timeout_effect
        self._describe_missing = describe_missing
        self._partial_reports = partial_reports
        self._threads = ThreadBackend()
        self._queues: dict[Key, ChunkQueue] = {}
        self._task_specs: dict[Key, TaskSpec] = {}
        self._lines = RemoteLines()
        self._notices: deque[Any] = deque()  # other threads append to it
        self._paused = False
        self._closed = False
        # the number of a worker in the record, by its thread and its number in the chunk
        self._worker_numbers: dict[tuple[str, int], int] = {}

    def start(self, job: Job) -> None:
        """Begin the attempts of a job."""
        self._closed = False
        spec = job.spec
        call = spec.call
        if call.action.local:
            self._threads.start(job)
            return

        self._lines.add_job(job)
        log = ""
        if spec.lines is not None:
            log = spec.lines.name
        self._task_specs[spec.key] = TaskSpec(
            spec.key,
            call.action,
            call.template,
            call.slice_context(),
            spec.timeout,
            self._timeout_effect,
            drops_results=spec.drops_results,
            log=log,
        )
        self._queues[spec.key] = ChunkQueue(
            job,
            self._worker_count,
            self._target,
            self._threads.wake,
            self._describe_missing,
            partial_reports=self._partial_reports,
            list_in_flight=self._chunks_in_flight,
            receive_lines=self._lines.receive,
        )

    def retry(self, key: Key, index: int, attempt: int) -> None:
        """Make one more attempt, with the same rendered input."""
        queue = self._queues.get(key)
        if queue is None:
            self._threads.retry(key, index, attempt)
            return

        job = queue.job
        if job.stopped:
            job.results.record_unbegun(index, attempt, None)
        else:
            job.retry_queue.append((index, attempt))

    def stop(self, key: Key, *, force: bool) -> None:
        """Begin no more attempts of a job; with `force`, cancel those that run."""
        self._threads.stop(key, force=force)
        queue = self._queues.get(key)
        if queue is None:
            return

        queue.stop(force=force, in_flight=self._chunks_in_flight(queue))
        if force:
            self._cancel_chunks(queue)

    def set_paused(self, *, paused: bool) -> None:
        """Begin no attempts of any job, or begin them again."""
        self._paused = paused
        self._threads.set_paused(paused=paused)

    def release(self, key: Key) -> None:
        """Release a job whose task has ended."""
        self._threads.release(key)
        queue = self._queues.pop(key, None)
        if queue is not None:
            queue.close()
            self._drop_task_spec(self._task_specs.pop(key))

    def poll(self, timeout: float) -> None:
        """Send chunks and handle reports, for about `timeout` seconds.

        Results that unblock something (the end of a task, a failure to retry) are processed at
        once; others are batched.

        Raises:
            BackendError: There are no workers.
        """
        until = time.monotonic() + timeout
        while True:
            if not self._paused:
                self._send_chunks()
            if self._has_unsent_failures():
                return

            wait = min(until - time.monotonic(), self._check_workers(), self._seconds_until_due())
            if not self._notices:
                self._threads.poll(max(0.0, wait))

            has_ended = self._threads.has_results()
            while self._notices:
                self._handle_notice(self._notices.popleft())
                has_ended = True

            if has_ended and (self._is_any_idle() or self._waits_for_record()):
                break
            if time.monotonic() >= until:
                break

        if not self._paused:
            self._send_chunks()

    def _seconds_until_due(self) -> float:
        """Return the seconds until a job that waits for its pace may send a chunk."""
        nearest = inf
        for queue in self._queues.values():
            if queue.job.pace is None or self._paused:
                continue

            seconds = queue.seconds_until_due()
            # if it is due already, it waits for a worker
            if seconds > 0:
                nearest = min(nearest, seconds)
        return nearest

    def _has_unsent_failures(self) -> bool:
        """Return whether a job has nothing in flight but attempts that could not be sent."""
        return any(
            queue.job.results.count_rows() and not queue.in_flight
            for queue in self._queues.values()
        )

    def _is_any_idle(self) -> bool:
        """Return whether a job has nothing in flight."""
        return any(not queue.in_flight for queue in self._queues.values())

    def _waits_for_record(self) -> bool:
        """Return whether a job begins no attempts until others are on record."""
        is_waiting = any(queue.waits_for_record for queue in self._queues.values())
        return is_waiting or self._threads.waits_for_record()

    def collect(self) -> list[tuple[Key, Batch]]:
        """Return the attempts that have ended since the last call."""
        batches = self._threads.collect()
        for key, queue in list(self._queues.items()):
            batch = queue.job.collect()
            if batch is not None:
                batches.append((key, batch))

        return batches

    def close(self) -> None:
        """Release all jobs."""
        self._threads.close()
        for queue in self._queues.values():
            queue.close()

        self._queues.clear()
        self._task_specs.clear()
        self._lines.close()
        self._closed = True
        self._notices.clear()

    def _notify(self, notice: Any) -> None:
        """Note from any thread that something has ended; drop the notice if closed."""
        self._notices.append(notice)
        self._threads.wake()

        # `close` sets the flag before it clears the notices, so this one is dropped by either
        if self._closed:
            with suppress(ValueError):
                self._notices.remove(notice)

    def _number_worker(self, thread: str, number: int) -> int:
        """Return the number of a worker in the record."""
        return self._worker_numbers.setdefault((thread, number), len(self._worker_numbers))

    def _send_chunks(self) -> None:
        """Send chunks to the workers that may have one.

        The jobs take turns, those with the fewest chunks in flight first. If one of them has none
        and finds no worker, chunks of the others are not queued at workers until it has one.
        """
        is_sending = any(queue.is_ready for queue in self._queues.values()) and self._can_send()
        while is_sending:
            is_sending = False
            behind = True
            ready = [queue for queue in self._queues.values() if queue.is_ready]
            ready.sort(key=lambda queue: queue.in_flight)

            for queue in ready:
                if all(worker.is_full(behind=behind) for worker in self._list_workers()):
                    return

                if self._send_next(queue, behind=behind):
                    is_sending = True
                elif not queue.in_flight:
                    behind = False

    def _can_extend(self, queue: ChunkQueue) -> bool:
        """Return whether a chunk of a job may be extended: no other job waits for a worker."""
        if self._paused:
            return False

        ready = [waiting for waiting in self._queues.values() if waiting.is_ready]
        return all(waiting is queue for waiting in ready)

    @abc.abstractmethod
    def _list_workers(self) -> Collection[RemoteWorker]:
        """Return the workers."""

    @abc.abstractmethod
    def _can_send(self) -> bool:
        """Return whether there are workers to send chunks to."""

    @abc.abstractmethod
    def _send_next(self, queue: ChunkQueue, *, behind: bool) -> bool:
        """Send a chunk of a job if a worker may have one; return whether one was sent."""

    @abc.abstractmethod
    def _handle_notice(self, notice: Any) -> None:
        """Handle a notice that `_notify` was called with."""

    @abc.abstractmethod
    def _check_workers(self) -> float:
        """End chunks that take too long; return the seconds until the next check."""

    @abc.abstractmethod
    def _chunks_in_flight(self, queue: ChunkQueue) -> list[InFlightChunk]:
        """Return the chunks of a job that are in flight."""

    @abc.abstractmethod
    def _cancel_chunks(self, queue: ChunkQueue) -> None:
        """Cancel the chunks of a job that are in flight."""

    @abc.abstractmethod
    def _drop_task_spec(self, task_spec: TaskSpec) -> None:
        """Make the workers drop a task spec."""

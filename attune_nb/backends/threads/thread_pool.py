"""The workers of one job in this process: threads, or coroutines of an event loop."""

from __future__ import annotations

import abc
import itertools
import threading
from math import inf
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from attune_nb.backends.attempt.attempt import timeout_error
from attune_nb.events import TIMED_OUT

if TYPE_CHECKING:
    from attune_nb.backends.attempt.job import Job
    from attune_nb.events import ErrorInfo

__all__ = ["Cancellable", "RunningAttempt", "WorkerPool"]

# seconds after which an attempt that waits for the record looks again
RECORD_WAIT = 1.0


class Cancellable(Protocol):
    """A handle that cancels one attempt."""

    def cancel(self) -> None:
        """Cancel the attempt, from any thread."""


class RunningAttempt(msgspec.Struct, gc=False):
    """A running attempt. The thread that removes it from `running` must record how it ended.

    Attributes:
        index: The index of the item.
        attempt: The number of the attempt.
        start: When it began, in seconds since the start of the run.
        item: The item.
        token: Cancels it at its timeout, if it has one and the action can be cancelled.
        due: When it is overdue; infinite until its input is rendered.
        stopping: Whether the token was cancelled because it was overdue.
    """

    index: int
    attempt: int
    start: float
    item: Any
    token: Cancellable | None = None
    due: float = inf
    stopping: bool = False


class WorkerPool(abc.ABC):
    """The workers of one job, which each take attempts from it until none is left.

    The driver's thread calls the public methods. The workers call the others, which take the
    lock.

    Args:
        job: The job.
        wake: Set when the driver should look for results.
        max_workers: How many workers run at once, at most.
    """

    def __init__(self, job: Job, wake: threading.Event, max_workers: int) -> None:
        self.job = job
        self.wake = wake
        self.lock = threading.Lock()
        self.size = min(job.spec.concurrency, max_workers)
        self.timeout = inf if job.spec.timeout is None else job.spec.timeout  # seconds
        self.grace = job.spec.call.grace  # seconds
        self.free_workers = set(range(self.size))  # numbers of the workers that do not run
        self.running: dict[int, RunningAttempt] = {}  # by worker
        self.forced = False
        self.paused = True  # until `set_paused` is first called
        # held by the worker that waits until its attempt may start; only if attempts must ask
        self._turn = threading.Lock()
        self._wait_ended = threading.Event()

        # A counter's `next` is atomic under the GIL, so items with a length need no lock: a
        # lock that is taken for each item makes the threads queue for it.
        source = job.source
        self.next_index = itertools.count(source.started)
        self.end = 0 if source.lazy else len(source.items)

    def set_paused(self, *, paused: bool) -> None:
        """Let the workers end after their current attempts, or start them again."""
        # a worker that ends because of it frees its number under this lock
        with self.lock:
            self.paused = paused
        self._wait_ended.set()
        if paused:
            return

        spec = self.job.spec
        count = spec.concurrency if spec.total is None else spec.total
        self.start_workers(count)

    def start_workers(self, count: int) -> None:
        """Start as many more workers as that, as far as there are free ones."""
        if self.paused:
            return  # `set_paused` starts them

        with self.lock:
            count = min(count, len(self.free_workers))
            workers = [self.free_workers.pop() for _ in range(count)]

        if workers:
            self._start_workers(sorted(workers))

    @abc.abstractmethod
    def _start_workers(self, workers: list[int]) -> None:
        """Start the workers of these numbers."""

    def confirm_recorded(self) -> None:
        """Take the attempts that were collected to be on record: as many may begin."""
        if self.job.unrecorded is not None and self.job.unrecorded.confirm_recorded():
            self._end_wait()

    def _end_wait(self) -> None:
        """Let the worker that waits until its attempt may start look again."""
        self._wait_ended.set()

    def stop(self, *, force: bool) -> None:
        """Begin no more attempts; with `force`, also cancel those that run."""
        job = self.job
        cancelled: dict[int, RunningAttempt] = {}
        with self.lock:
            if not job.stopped:
                job.stop()
                if not job.source.lazy:
                    self.end = min(next(self.next_index), self.end)
                    job.source.close(self.end)
            job.cancel_waiting()
            self._wait_ended.set()

            if force:
                self.forced = True
                cancelled = self.running
                self.running = {}
                for worker, attempt in cancelled.items():
                    job.results.record_cancelled(
                        attempt.index, attempt.attempt, worker, attempt.start, attempt.item
                    )

        if force:
            job.cancel_token.cancel()
            _cancel_all(cancelled)

    def recall(self) -> list[tuple[int, int]]:
        """Remove and return the attempts in the retry queue."""
        with self.lock:
            waiting = list(self.job.retry_queue)
            self.job.retry_queue.clear()

        return waiting

    def abandon(self) -> None:
        """Cancel the attempts that run and let the workers end; their results are not read."""
        self.job.stop()
        self._wait_ended.set()
        self.job.cancel_token.cancel()
        _cancel_all(dict(self.running))

    def end_overdue(self) -> float:
        """End the attempts that are overdue; return the seconds until the next may be."""
        now = self.job.spec.clock()
        nearest = inf
        for worker, attempt in list(self.running.items()):
            if attempt.due <= now and attempt.token is not None and not attempt.stopping:
                attempt.stopping = True
                attempt.due = now + self.grace
                attempt.token.cancel()

            if attempt.due <= now:
                self._record_overdue(worker, attempt, self.job.spec.timeout_effect)
            else:
                nearest = min(nearest, attempt.due - now)

        return nearest

    def _record_overdue(self, worker: int, attempt: RunningAttempt, effect: str) -> None:
        """Record a timeout, and start another worker in place of the one that is still busy.

        Args:
            worker: The worker.
            attempt: Its attempt.
            effect: The fate of the attempt, for the message.
        """
        job = self.job
        with self.lock:
            if self.running.get(worker) is not attempt:
                return  # it has ended just now
            del self.running[worker]
            self.free_workers.add(worker)

        job.count_abandoned()
        cause = timeout_error(self.timeout, effect)
        job.results.record_failure(
            worker, attempt.index, attempt.attempt, attempt.start, attempt.item, TIMED_OUT, cause
        )
        self.wake.set()
        self.start_workers(1)

    def _record_end(
        self,
        worker: int,
        attempt: RunningAttempt,
        end: tuple[int, Any, ErrorInfo | None],
        error: BaseException | None,
    ) -> bool:
        """Record how an attempt has ended; return False if another thread has recorded it.

        Args:
            worker: The worker that made it.
            attempt: The attempt.
            end: Its status, its result and its error.
            error: The exception that it raised.
        """
        job = self.job
        with self.lock:
            if self.running.get(worker) is not attempt:
                return False
            del self.running[worker]

        code, result, cause = end
        if attempt.stopping:
            code = TIMED_OUT
            result = None
            cause = job.spec.call.describe_timeout(self.timeout, error)

        job.results.record(
            attempt.index, attempt.attempt, worker, attempt.start, attempt.item, code, result, cause
        )
        if code:
            self.wake.set()

        return True

    def _update_input(self, index: int, rendered: Any, *, failed: bool) -> None:
        """Keep the input of an item that failed for its next attempt, or drop it."""
        if failed:
            self.job.keep_input(index, rendered)
            self.wake.set()
        else:
            self.job.drop_input(index)

    def _take_attempt(self) -> tuple[int, int, Any] | None:
        """Return index, attempt and item of the next attempt; None if there is none."""
        job = self.job
        source = job.source
        if job.retry_queue:
            with self.lock:
                if job.retry_queue:
                    index, attempt = job.retry_queue.popleft()
                    return index, attempt, source.item(index)

        if source.lazy:
            pair = source.pull()
            return None if pair is None else (pair[0], 1, pair[1])

        index = next(self.next_index)
        if job.stopped:
            with self.lock:  # `stop` may be changing the end
                return (index, 1, source.items[index]) if index < self.end else None

        return (index, 1, source.items[index]) if index < self.end else None

    def _take_limited(self) -> tuple[int, int, Any] | None:
        """Return the next attempt of a job whose attempts must ask, when it may start.

        The workers take turns: the others wait for the one that waits until its attempt is due.
        """
        job = self.job
        with self._turn:
            while job.retry_queue or not job.is_closed:
                taken = self._take_attempt()
                if taken is None:
                    return None

                while (wait := self._wait_of(taken)) > 0:
                    self._wait_ended.wait(wait)
                    self._wait_ended.clear()
                if self._give_back_if_held(*taken):
                    return None
                if job.try_begin(taken[0]):
                    return taken

        return None

    def _wait_of(self, taken: tuple[int, int, Any]) -> float:
        """Return the seconds until an attempt is due; 0 or less if there is nothing to wait for."""
        job = self.job
        if job.stopped or self.paused:
            return 0.0
        if job.limit is not None and not job.limit.may_begin(taken[0]):
            return 0.0

        wait = 0.0
        if job.pace is not None:
            wait = job.pace.seconds_until_due()
        if job.unrecorded is not None and job.unrecorded.is_reached:
            if job.results.count_rows():
                # the driver collects them, and records them
                self.wake.set()
            wait = max(wait, RECORD_WAIT)
        return wait

    def _give_back_if_held(self, index: int, attempt: int, item: Any) -> bool:
        """Put an attempt back if none may start any more, or now; return whether that was so."""
        job = self.job
        with self.lock:
            if not (job.stopped or self.paused):
                return False

            if job.limit is not None and not job.limit.may_begin(index):
                return True
            if job.stopped:
                job.results.record_unbegun(index, attempt, item)
            else:
                job.retry_queue.appendleft((index, attempt))
                if job.source.lazy:
                    job.source.remember(index, item)
            return True

    def _may_end(self, worker: int, *, was_paused: bool) -> bool:
        """Return whether a worker that found no attempt may end; free its number then.

        Args:
            worker: The worker.
            was_paused: Whether it looked for none because the pool was paused.
        """
        with self.lock:
            # the pool may have been resumed while this number was not free
            if not self.paused and (was_paused or self.job.retry_queue):
                return False

            self.free_workers.add(worker)
            return True


def _cancel_all(attempts: dict[int, RunningAttempt]) -> None:
    for attempt in attempts.values():
        if attempt.token is not None:
            attempt.token.cancel()

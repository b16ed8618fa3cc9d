"""How the workers of one job share it: what is next, what is under way, what is overdue."""

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

__all__ = ["GRACE", "Cancellable", "RunningAttempt", "WorkerPool"]

GRACE = 2.0  # seconds that a stopped action has to say what it got done


class Cancellable(Protocol):
    """What an attempt is told through that it is to end."""

    def cancel(self) -> None:
        """Tell it."""


class RunningAttempt(msgspec.Struct, gc=False):
    """An attempt that a worker is at. Whoever takes it out of `busy` records its end."""

    index: int
    attempt: int
    start: float
    item: Any
    token: Cancellable | None = None  # its own, where it has a timeout and can be stopped
    due: float = inf  # when it must have ended; known once its input is rendered
    stopping: bool = False  # the token was raised, because it was due


class WorkerPool(abc.ABC):
    """What works on one job: threads or coroutines, each pulling its items from it.

    Args:
        job: The job.
        wake: Set when something has ended that somebody may wait for.
        size: How many pull at once, at most.
    """

    def __init__(self, job: Job, wake: threading.Event, most: int) -> None:
        self.job = job
        self.wake = wake
        self.lock = threading.Lock()
        self.size = min(job.spec.concurrency, most)
        self.free_workers = set(range(self.size))  # numbers of the workers that do not run
        self.running: dict[int, RunningAttempt] = {}  # worker -> what it is at
        self.forced = False
        self.paused = True  # until it is first let go
        # A counter's `next` is atomic under the GIL, so items with a length need no lock: a
        # lock that is taken for each item makes the threads queue for it.
        self.next_index = itertools.count(job.source.started)
        self.end = len(job.source.items) if not job.source.lazy else 0

    def set_paused(self, *, paused: bool) -> None:
        """Let the workers end after their current attempts, or start them again."""
        with self.lock:  # a worker that stops for it frees its number under this lock
            self.paused = paused
        if not paused:
            spec = self.job.spec
            self.start_workers(spec.total if spec.total is not None else spec.concurrency)

    def start_workers(self, wanted: int) -> None:
        """Have as many more attempts made at once, within the bound."""
        if self.paused:
            return  # all are begun when it is over
        with self.lock:
            numbers = [self.free_workers.pop() for _ in range(min(wanted, len(self.free_workers)))]
        if numbers:
            self._start_workers(sorted(numbers))

    @abc.abstractmethod
    def _start_workers(self, numbers: list[int]) -> None:
        """Begin to pull, as the workers of these numbers."""

    def stop(self, *, force: bool) -> None:
        """Begin no more attempts; `force` also gives up on those under way."""
        job = self.job
        with self.lock:
            if not job.stopped:
                job.stop()
                if not job.source.lazy:
                    self.end = min(next(self.next_index), self.end)
                    job.source.close(self.end)
            job.cancel_waiting()
            if force:
                self.forced = True
                given_up, self.running = self.running, {}
                for worker, at in given_up.items():
                    job.results.record_cancelled(at.index, at.attempt, worker, at.start, at.item)
        if force:
            job.cancel_token.cancel()
            for at in given_up.values():
                if at.token is not None:
                    at.token.cancel()

    def recall(self) -> list[tuple[int, int]]:
        """Give the attempts that wait, and forget about them."""
        with self.lock:
            waiting = list(self.job.retry_queue)
            self.job.retry_queue.clear()
        return waiting

    def abandon(self) -> None:
        """Let the threads end with what they are at; nobody reads what they record."""
        self.job.stop()
        self.job.cancel_token.cancel()
        for at in list(self.running.values()):
            if at.token is not None:
                at.token.cancel()

    def end_overdue(self) -> float:
        """End the attempts that take too long; give the seconds until the next may do so."""
        now, nearest = self.job.spec.clock(), inf
        for worker, at in list(self.running.items()):
            if at.due <= now and at.token is not None and not at.stopping:
                at.stopping, at.due = True, now + GRACE
                at.token.cancel()
            if at.due <= now:
                self._record_overdue(worker, at)
            else:
                nearest = min(nearest, at.due - now)
        return nearest

    def _record_overdue(self, worker: int, at: RunningAttempt) -> None:
        job = self.job
        with self.lock:
            if self.running.get(worker) is not at:
                return  # it has ended just now
            del self.running[worker]
            self.free_workers.add(worker)
        job.count_abandoned()
        cause = timeout_error(job.spec.timeout or 0.0, job.spec.timeout_effect)
        job.results.record_failure(
            worker, at.index, at.attempt, at.start, at.item, TIMED_OUT, cause
        )
        self.wake.set()
        self.start_workers(1)

    def _record_end(
        self,
        worker: int,
        at: RunningAttempt,
        end: tuple[int, Any, ErrorInfo | None],
        error: BaseException | None,
    ) -> bool:
        """Record how an attempt has ended, unless somebody has recorded that it took too long.

        Args:
            worker: Who made it.
            at: The attempt.
            end: Its status, its result and its error.
            error: What it raised.
        """
        job = self.job
        with self.lock:
            if self.running.get(worker) is not at:
                return False
            del self.running[worker]
        code, result, cause = end
        if at.stopping:
            code, result = TIMED_OUT, None
            cause = timeout_error(job.spec.timeout or 0.0, error=error)
        job.results.record(at.index, at.attempt, worker, at.start, at.item, code, result, cause)
        if code:
            self.wake.set()
        return True

    def _update_input(self, index: int, rendered: Any, *, wanted: bool) -> None:
        """Keep an input for the attempts to come, or let go of it after the last."""
        if wanted:
            self.job.keep_input(index, rendered)
            self.wake.set()
        else:
            self.job.drop_input(index)

    def _take_attempt(self) -> tuple[int, int, Any] | None:
        """Give the next attempt to make: its index, its number and its item."""
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
            with self.lock:  # the end may be moving just now
                return (index, 1, source.items[index]) if index < self.end else None
        return (index, 1, source.items[index]) if index < self.end else None

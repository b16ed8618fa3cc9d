"""Attempts in threads of this process: each thread pulls from the job's one iterator.

What waits in a loop (an `async` action) shares one thread.
"""

from __future__ import annotations

import contextvars
import threading
from typing import TYPE_CHECKING, Any

from attune_nb.actions.cancel import CancelToken
from attune_nb.backends.attempt.remote_inputs import fetch_inputs
from attune_nb.backends.threads.thread_pool import RunningAttempt, WorkerPool
from attune_nb.errors import BackendError
from attune_nb.events import SUCCEEDED

if TYPE_CHECKING:
    from collections.abc import Callable

    from attune_nb.backends.attempt.job import Job
    from attune_nb.backends.threads.async_pool import EventLoop
    from attune_nb.events import Batch, Key

__all__ = ["ThreadBackend"]

MOST_THREADS = 512  # for one task


class ThreadBackend:
    """Daemon threads, as many for a job as its concurrency (and at most `workers`).

    The attempts of `async` actions run as coroutines of one loop, in a thread of its own: there
    the job's concurrency is the only bound.

    The threads are our own and not a pool of the standard library's, whose threads are
    joined when the interpreter exits: an action that never returns would never let it.

    Args:
        workers: How many threads for a job, at most.
        loop: Runs the coroutines, also those of others, and is not closed; else one of its own.
    """

    def __init__(
        self, workers: int | None = None, *, loop: Callable[[], EventLoop] | None = None
    ) -> None:
        self._most = min(workers or MOST_THREADS, MOST_THREADS)
        self._jobs: dict[Key, WorkerPool] = {}
        self._wake = threading.Event()
        self._paused = False
        self._loop: EventLoop | None = None
        self._lent = loop

    def start(self, job: Job) -> None:
        """Begin to make the attempts of a job."""
        fetch_inputs(job)
        pullers = (
            self._awaiting(job)
            if job.spec.call.is_async
            else _ThreadPool(job, self._wake, self._most)
        )
        self._jobs[job.spec.key] = pullers
        pullers.set_paused(paused=self._paused)

    def _awaiting(self, job: Job) -> WorkerPool:
        # asyncio is a tenth of what importing this package takes
        from attune_nb.backends.threads.async_pool import CoroutinePool, EventLoop  # noqa: PLC0415

        if self._lent is not None:
            return CoroutinePool(job, self._wake, self._lent())
        if self._loop is None:
            self._loop = EventLoop()
        return CoroutinePool(job, self._wake, self._loop)

    def retry(self, key: Key, index: int, attempt: int) -> None:
        """Make one more attempt, with the same rendered input."""
        job = self._jobs[key].job
        if job.stopped:
            job.results.record_cancelled(index, attempt, 0, job.spec.clock(), None)
        else:
            self.make_attempts(key, [(index, attempt)])

    def make_attempts(self, key: Key, pairs: list[tuple[int, int]]) -> None:
        """Make attempts of items that are known by their numbers: each index, and which attempt."""
        pullers = self._jobs[key]
        pullers.job.retry_queue.extend(pairs)
        pullers.start_workers(len(pairs))

    def stop(self, key: Key, *, force: bool) -> None:
        """Start no more attempts of a job; `force` gives up on those under way."""
        if key in self._jobs:
            self._jobs[key].stop(force=force)
            self._wake.set()

    def recall(self, key: Key) -> list[tuple[int, int]]:
        """Take back the attempts of a job that were asked for again and are not begun."""
        return self._jobs[key].recall()

    def has_results(self) -> bool:
        """Tell whether anything has ended that was not drained yet."""
        return any(pullers.job.results.count_rows() for pullers in self._jobs.values())

    def wake(self) -> None:
        """Let `pump` return; from any thread."""
        self._wake.set()

    def set_paused(self, *, paused: bool) -> None:
        """Begin no attempts of any job, or begin them again."""
        self._paused = paused
        for pullers in self._jobs.values():
            pullers.set_paused(paused=paused)

    def release(self, key: Key) -> None:
        """Let go of a job whose task has ended; a thread left behind in it ends by itself."""
        self._jobs.pop(key, None)

    def poll(self, timeout: float) -> None:
        """Wait until something has ended, at most `timeout` seconds; end what takes too long."""
        timed = [each for each in self._jobs.values() if each.job.spec.timeout is not None]
        for pullers in timed:
            timeout = min(timeout, pullers.end_overdue())
        self._wake.wait(max(timeout, 0.0))
        self._wake.clear()

    def collect(self) -> list[tuple[Key, Batch]]:
        """Give what has ended since the last call."""
        found = [(key, pullers.job.collect()) for key, pullers in list(self._jobs.items())]
        return [(key, batch) for key, batch in found if batch is not None]

    def close(self) -> None:
        """Stop every job; threads whose attempt is under way end with it."""
        for pullers in self._jobs.values():
            pullers.abandon()
        self._jobs.clear()
        if self._loop is not None:
            self._loop.close()


class _ThreadPool(WorkerPool):
    """The threads that work on one job."""

    def _start_workers(self, numbers: list[int]) -> None:
        for begun, number in enumerate(numbers):
            name = f"attune {self.job.spec.key[0]} {number}"
            run = contextvars.copy_context().run  # what surrounds the backend, as a Dask worker
            thread = threading.Thread(target=run, args=(self._pull, number), name=name, daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                self._go_on_without(numbers[begun:], error, alone=not begun)
                return

    def _go_on_without(self, numbers: list[int], error: RuntimeError, *, alone: bool) -> None:
        """Do without threads that the system does not give, if there is any other."""
        with self.lock:
            self.free_workers.update(numbers)
            alone = alone and len(self.free_workers) == self.size
        if alone:
            raise BackendError(
                f"the system gives no thread for task `{self.job.spec.key[0]}` ({error}); "
                "end other work, or use the inline backend"
            ) from None

    def _pull(self, worker: int) -> None:
        """Make attempts until there are none left: what each thread does."""
        attempt = self._make if self.job.spec.timeout is None else self._make_within
        try:
            while True:
                held = self.paused
                taken = None if held else self._take_attempt()
                if taken is None:
                    with self.lock:
                        # held no more by now: the number was not free when all were spawned
                        if self.paused or not (held or self.job.retry_queue):
                            self.free_workers.add(worker)
                            break
                elif not attempt(worker, *taken):
                    return  # the attempt was given up on, and with it this thread
        except BaseException as error:  # noqa: BLE001 - the items' own code raised
            self.job.record_source_failure(worker, error)
            with self.lock:
                self.free_workers.add(worker)
        self.wake.set()

    def _make(self, worker: int, index: int, attempt: int, item: Any) -> bool:
        """Make one attempt and record it; tell whether anybody still wanted its result."""
        job, spec = self.job, self.job.spec
        call = spec.call
        start = spec.clock()
        self.running[worker] = RunningAttempt(index, attempt, start, item)
        code, result, cause, rendered = SUCCEEDED, None, None, None
        try:
            if attempt == 1 and not job.source.unavailable:
                rendered = call.render(item, index)
            else:
                rendered = job.render_input(index, attempt, item)
            if spec.announce is not None:
                spec.announce(spec.key, index, attempt)
            result = call.invoke(rendered, job.cancel_token)
        except BaseException as error:  # noqa: BLE001 - whatever an action raises is its failure
            code, cause = call.describe_error(error)
        if self.forced:
            return False
        if spec.retries and (code or attempt > 1):
            self._update_input(index, rendered, wanted=bool(code))
        job.results.record(index, attempt, worker, start, item, code, result, cause)
        self.running.pop(worker, None)
        return True

    def _make_within(self, worker: int, index: int, attempt: int, item: Any) -> bool:
        """Make one attempt as `_make` does, where `end_overdue` may take it away."""
        job, spec = self.job, self.job.spec
        call, clock = spec.call, spec.clock
        at = RunningAttempt(index, attempt, clock(), item)
        at.token = CancelToken() if call.is_cancellable else None
        self.running[worker] = at
        limit = spec.timeout or 0.0
        code, result, cause, error = SUCCEEDED, None, None, None
        try:
            if attempt == 1 and not job.source.unavailable:
                rendered = call.render(item, index)
            else:
                rendered = job.render_input(index, attempt, item)
            if spec.announce is not None:
                spec.announce(spec.key, index, attempt)
            if spec.retries:
                job.keep_input(index, rendered)
            at.due = clock() + limit
            result = call.invoke(rendered, at.token or job.cancel_token)
        except BaseException as raised:  # noqa: BLE001 - whatever an action raises is its failure
            error = raised
            code, cause = call.describe_error(raised)
        return self._record_end(worker, at, (code, result, cause), error)

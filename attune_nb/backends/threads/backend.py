"""The threads backend: attempts in threads of this process, or in one event loop."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from attune_nb.actions.cancel import CancelToken
from attune_nb.backends.attempt.remote_inputs import fetch_inputs
from attune_nb.backends.threads.thread_pool import RunningAttempt, WorkerPool
from attune_nb.capture.attempt_output import copy_context
from attune_nb.errors import BackendError
from attune_nb.events import SUCCEEDED

if TYPE_CHECKING:
    from collections.abc import Callable

    from attune_nb.backends.attempt.job import Job
    from attune_nb.backends.threads.async_pool import EventLoop
    from attune_nb.capture.attempt_output import Outlet
    from attune_nb.events import Batch, Key

__all__ = ["ThreadBackend"]

# threads for one job
MAX_THREADS = 512


class ThreadBackend:
    """Daemon threads, as many for a job as its concurrency, and at most `workers`.

    The attempts of `async` actions run as coroutines of one event loop, in a thread of its own.
    Only the job's concurrency limits how many.

    The standard library's thread pools are not used: their threads are joined when the
    interpreter exits, so an action that never returns would keep it from exiting.

    The driver's thread calls all methods but `wake`.

    Args:
        workers: How many threads for a job, at most.
        get_loop: Returns a loop for the coroutines, which is not closed; by default the backend
            has a loop of its own.
    """

    def __init__(
        self, workers: int | None = None, *, get_loop: Callable[[], EventLoop] | None = None
    ) -> None:
        self._max_threads = MAX_THREADS
        if workers:
            self._max_threads = min(workers, MAX_THREADS)
        self._pools: dict[Key, WorkerPool] = {}
        self._wake = threading.Event()
        self._paused = False
        self._get_loop = get_loop
        self._own_loop: EventLoop | None = None

    def start(self, job: Job) -> None:
        """Begin the attempts of a job."""
        fetch_inputs(job)

        pool: WorkerPool
        if job.spec.call.is_async:
            pool = self._make_coroutine_pool(job)
        else:
            pool = _ThreadPool(job, self._wake, self._max_threads)

        self._pools[job.spec.key] = pool
        pool.set_paused(paused=self._paused)

    def _make_coroutine_pool(self, job: Job) -> WorkerPool:
        # asyncio is a tenth of the time to import this package
        from attune_nb.backends.threads.async_pool import CoroutinePool, EventLoop  # noqa: PLC0415

        if self._get_loop is not None:
            return CoroutinePool(job, self._wake, self._get_loop())

        if self._own_loop is None:
            self._own_loop = EventLoop()
        return CoroutinePool(job, self._wake, self._own_loop)

    def retry(self, key: Key, index: int, attempt: int) -> None:
        """Make one more attempt, with the same rendered input."""
        job = self._pools[key].job
        if job.stopped:
            job.results.record_unbegun(index, attempt, None)
        else:
            self.make_attempts(key, [(index, attempt)])

    def make_attempts(self, key: Key, attempts: list[tuple[int, int]]) -> None:
        """Make attempts, each given by the index of an item and the number of the attempt."""
        pool = self._pools[key]
        pool.job.retry_queue.extend(attempts)
        pool.start_workers(len(attempts))

    def stop(self, key: Key, *, force: bool) -> None:
        """Begin no more attempts of a job; with `force`, cancel those that run."""
        if key in self._pools:
            self._pools[key].stop(force=force)
            self._wake.set()

    def recall(self, key: Key) -> list[tuple[int, int]]:
        """Remove and return the attempts of a job that are queued and not begun."""
        return self._pools[key].recall()

    def has_results(self) -> bool:
        """Return whether attempts have ended that were not collected yet."""
        return any(pool.job.results.count_rows() for pool in self._pools.values())

    def waits_for_record(self) -> bool:
        """Return whether attempts wait until others are on record."""
        for pool in self._pools.values():
            if pool.job.unrecorded is not None and pool.job.unrecorded.is_reached:
                return True
        return False

    def wake(self) -> None:
        """Make `poll` return, from any thread."""
        self._wake.set()

    def set_paused(self, *, paused: bool) -> None:
        """Begin no attempts of any job, or begin them again."""
        self._paused = paused
        for pool in self._pools.values():
            pool.set_paused(paused=paused)

    def release(self, key: Key) -> None:
        """Release a job whose task has ended; a thread that is still busy ends by itself."""
        self._pools.pop(key, None)

    def poll(self, timeout: float) -> None:
        """Wait until an attempt has ended, at most `timeout` seconds; end overdue attempts."""
        for pool in self._pools.values():
            pool.confirm_recorded()
            if pool.job.spec.timeout is not None:
                timeout = min(timeout, pool.end_overdue())

        self._wake.wait(max(timeout, 0.0))
        self._wake.clear()

    def collect(self) -> list[tuple[Key, Batch]]:
        """Return the attempts that have ended since the last call."""
        batches = []
        for key, pool in list(self._pools.items()):
            batch = pool.job.collect()
            if batch is not None:
                batches.append((key, batch))

        return batches

    def close(self) -> None:
        """Stop every job; a thread whose attempt is running ends with it."""
        for pool in self._pools.values():
            pool.abandon()

        self._pools.clear()
        if self._own_loop is not None:
            self._own_loop.close()


class _ThreadPool(WorkerPool):
    """The threads of one job."""

    def _start_workers(self, workers: list[int]) -> None:
        for position, worker in enumerate(workers):
            # the context variables around the backend, such as those of a Dask worker
            run = copy_context().run
            thread = threading.Thread(
                target=run,
                args=(self._work, worker),
                name=f"attune {self.job.spec.key[0]} {worker}",
                daemon=True,
            )
            try:
                thread.start()
            except RuntimeError as error:
                self._free_unstarted(workers[position:], error, is_first=position == 0)
                return

    def _free_unstarted(self, workers: list[int], error: RuntimeError, *, is_first: bool) -> None:
        """Free the numbers of threads that the system refuses.

        Raises:
            BackendError: The first of them was refused, and the job has no other thread.
        """
        with self.lock:
            self.free_workers.update(workers)
            has_no_thread = len(self.free_workers) == self.size

        if is_first and has_no_thread:
            raise BackendError(
                f"the system refuses to start a thread for task `{self.job.spec.key[0]}` "
                f"({error}); end other work, or use the inline backend"
            ) from None

    def _work(self, worker: int) -> None:
        """Make attempts until none is left."""
        run = self._run if self.job.spec.timeout is None else self._run_with_timeout
        take_attempt = self._take_limited if self.job.must_ask else self._take_attempt
        outlet = self.job.open_outlet(worker)
        try:
            with outlet.used():
                while True:
                    paused = self.paused
                    attempt = None if paused else take_attempt()
                    if attempt is None:
                        if self._may_end(worker, was_paused=paused):
                            break
                    elif not run(worker, outlet, *attempt):
                        # the attempt was given up, and another worker has this one's number
                        return
        except BaseException as error:  # noqa: BLE001 - the items' own code raised
            self.job.record_source_failure(worker, error)
            with self.lock:
                self.free_workers.add(worker)
        finally:
            self.job.close_outlet(outlet)

        self.wake.set()

    def _run(self, worker: int, outlet: Outlet, index: int, attempt: int, item: Any) -> bool:
        """Make one attempt and record it; return False if it was given up."""
        job = self.job
        spec = job.spec
        call = spec.call
        start = spec.clock()
        self.running[worker] = RunningAttempt(index, attempt, start, item)
        outlet.index = index
        outlet.attempt = attempt

        code = SUCCEEDED
        result = None
        cause = None
        rendered = None
        try:
            if attempt == 1 and not job.source.unavailable:
                rendered = call.render(item, index)
            else:
                rendered = job.render_input(index, attempt, item)
            if spec.announce is not None:
                spec.announce(spec.key, index, attempt)
            result = call.invoke(rendered, job.cancel_token)
        except BaseException as error:  # noqa: BLE001 - an action may raise anything
            code, cause = call.describe_error(error)

        # before the end is recorded: its lines come first
        outlet.attempt = 0
        if outlet.must_end:
            outlet.end()
        if self.forced:
            return False

        if spec.retries and (code or attempt > 1):
            self._update_input(index, rendered, failed=bool(code))
        job.results.record(index, attempt, worker, start, item, code, result, cause)
        self.running.pop(worker, None)
        return True

    def _run_with_timeout(
        self, worker: int, outlet: Outlet, index: int, attempt: int, item: Any
    ) -> bool:
        """Make one attempt as `_run` does, which `end_overdue` may end meanwhile."""
        job = self.job
        spec = job.spec
        call = spec.call
        running = RunningAttempt(index, attempt, spec.clock(), item)
        token = CancelToken() if call.is_cancellable else None
        running.token = token
        cancel_token = job.cancel_token if token is None else token
        self.running[worker] = running
        outlet.index = index
        outlet.attempt = attempt

        code = SUCCEEDED
        result = None
        cause = None
        error = None
        try:
            if attempt == 1 and not job.source.unavailable:
                rendered = call.render(item, index)
            else:
                rendered = job.render_input(index, attempt, item)
            if spec.announce is not None:
                spec.announce(spec.key, index, attempt)
            if spec.retries:
                job.keep_input(index, rendered)
            running.due = spec.clock() + self.timeout
            result = call.invoke(rendered, cancel_token)
        except BaseException as raised:  # noqa: BLE001 - an action may raise anything
            error = raised
            code, cause = call.describe_error(raised)

        outlet.attempt = 0
        if outlet.must_end:
            outlet.end()
        return self._record_end(worker, running, (code, result, cause), error)

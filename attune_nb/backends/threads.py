"""Attempts in threads of this process: each thread pulls from the job's one iterator."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from attune_nb.backends.attempt import describe
from attune_nb.events import ErrorInfo

if TYPE_CHECKING:
    from attune_nb.backends.protocol import Job
    from attune_nb.events import Batch, Key

__all__ = ["ThreadBackend"]

MOST_THREADS = 512
_CANCELLED = ErrorInfo(type="Cancelled", message="the run was cancelled", retryable=False)


class ThreadBackend:
    """Daemon threads, as many for a job as its concurrency (and at most `workers`).

    The threads are our own and not a pool of the standard library's, whose threads are
    joined when the interpreter exits: an action that never returns would never let it.
    """

    def __init__(self, workers: int | None = None) -> None:
        self._most = min(workers or MOST_THREADS, MOST_THREADS)
        self._jobs: dict[Key, _Pullers] = {}
        self._wake = threading.Event()

    def start(self, job: Job) -> None:
        """Begin to make the attempts of a job."""
        pullers = _Pullers(job, self._wake, self._most)
        self._jobs[job.key] = pullers
        pullers.spawn(job.total if job.total is not None else job.concurrency)

    def retry(self, key: Key, index: int, attempt: int) -> None:
        """Make one more attempt, with the same rendered input."""
        pullers = self._jobs[key]
        pullers.job.again.append((index, attempt))
        pullers.spawn(1)

    def stop(self, key: Key, *, force: bool) -> None:
        """Start no more attempts of a job; `force` gives up on those under way."""
        if key in self._jobs:
            self._jobs[key].stop(force=force)
            self._wake.set()

    def pump(self, timeout: float) -> None:
        """Wait until something has ended, at most `timeout` seconds."""
        self._wake.wait(timeout)
        self._wake.clear()

    def drain(self) -> list[tuple[Key, Batch]]:
        """Give what has ended since the last call."""
        drained = []
        for key, pullers in list(self._jobs.items()):
            batch = pullers.job.drain()
            if batch is not None:
                drained.append((key, batch))
        return drained

    def close(self) -> None:
        """Stop every job; threads whose attempt is under way end with it."""
        for pullers in self._jobs.values():
            pullers.job.stopped = True
            pullers.job.cancel.cancel()
        self._jobs.clear()


class _Pullers:
    """The threads that work on one job."""

    def __init__(self, job: Job, wake: threading.Event, most: int) -> None:
        self.job = job
        self.wake = wake
        self.most = min(job.concurrency, most)
        self.lock = threading.Lock()
        self.free = set(range(self.most))  # numbers of the workers that do not run
        self.busy: dict[int, tuple[int, int, float, Any]] = {}  # worker -> what it is at
        self.forced = False

    def spawn(self, wanted: int) -> None:
        """Start threads for as many more attempts, within the bound."""
        with self.lock:
            numbers = [self.free.pop() for _ in range(min(wanted, len(self.free)))]
        for number in sorted(numbers):
            name = f"attune {self.job.key[0]} {number}"
            threading.Thread(target=self._pull, args=(number,), name=name, daemon=True).start()

    def stop(self, *, force: bool) -> None:
        job = self.job
        with self.lock:
            job.stopped = True
            waiting = list(job.again)
            job.again.clear()
            if job.plain and not job.taken:
                job.taken = 1
                waiting.append((0, 1))
            now = job.clock()
            for index, attempt in waiting:
                job.rows.append((index, attempt, 0, now, 0.0, 3, None, _CANCELLED, None))
            if not force:
                return
            self.forced = True
            for worker, (index, attempt, start, item) in self.busy.items():
                gone = (index, attempt, worker, start, now - start, 3, None, _CANCELLED, item)
                job.rows.append(gone)
        job.cancel.cancel()

    def _take(self, worker: int) -> tuple[int, int, Any] | None:
        job = self.job
        with self.lock:
            if not job.stopped:
                if job.again:
                    index, attempt = job.again.popleft()
                    return index, attempt, None
                pair = next(job.source, None)
                if pair is not None:
                    job.taken += 1
                    return pair[0], 1, pair[1]
                job.exhausted = True
            self.free.add(worker)
            return None

    def _pull(self, worker: int) -> None:
        job, busy = self.job, self.busy
        clock, rows, call, lazy = job.clock, job.rows, job.call, job.lazy
        while True:
            try:
                taken = self._take(worker)
            except BaseException as error:  # noqa: BLE001 - the items' own code raised
                self._source_failed(worker, error)
                break
            if taken is None:
                break
            index, attempt, item = taken
            start = clock()
            busy[worker] = (index, attempt, start, item)
            code, result, cause, rendered = 0, None, None, None
            try:
                rendered = job.kept[index] if attempt > 1 else call.render(item, index)
                result = call.invoke(rendered)
            except BaseException as error:  # noqa: BLE001 - whatever an action raises is its failure
                code, cause = 1, describe(error)
            if self.forced:
                return  # the attempt was given up on: its late result is dropped
            if code and job.retries:
                job.kept[index] = rendered if rendered is not None else {}
            rows.append(
                (
                    index,
                    attempt,
                    worker,
                    start,
                    clock() - start,
                    code,
                    result,
                    cause,
                    item if lazy else None,
                )
            )
            if code and job.retries:
                self.wake.set()
        busy.pop(worker, None)
        self.wake.set()

    def _source_failed(self, worker: int, error: BaseException) -> None:
        job = self.job
        with self.lock:
            index = job.taken
            job.taken += 1
            job.source = iter(())
            job.exhausted = True
            self.free.add(worker)
        now = job.clock()
        job.rows.append((index, 1, worker, now, 0.0, 1, None, describe(error), None))

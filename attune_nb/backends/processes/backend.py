"""Attempts in worker processes: work for more than one core, and code that may end its process.

Each worker has a process pool of its own. If it dies, or is killed because an item takes too long,
only its own items are lost.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
import time
from collections import Counter
from concurrent.futures import BrokenExecutor, Future
from itertools import count
from math import inf
from typing import TYPE_CHECKING, Any

from attune_nb.backends.attempt.attempt import timeout_error
from attune_nb.backends.attempt.remote_inputs import fetch_inputs
from attune_nb.backends.chunks.remote_backend import RemoteBackend, count_cores, find_free_workers
from attune_nb.backends.processes.worker_process import (
    WorkerCall,
    WorkerProcess,
    interpreter_exiting,
)
from attune_nb.backends.worker import remote_functions
from attune_nb.backends.worker.reaper import Reaper
from attune_nb.errors import BackendError, NotSendable
from attune_nb.events import TIMED_OUT

if TYPE_CHECKING:
    from attune_nb.backends.attempt.job import Job
    from attune_nb.backends.chunks.chunk_queue import ChunkQueue
    from attune_nb.backends.chunks.in_flight import InFlightChunk, NumberWorker
    from attune_nb.backends.chunks.task_spec import TaskSpec
    from attune_nb.events import Key

__all__ = ["ProcessBackend"]

# seconds that a chunk is to take: 1.5 ms pass between two when all cores are busy
CHUNK_SECONDS = 0.1
# seconds between two looks for lines of attempts that are running
LINE_INTERVAL = 0.1
# workers in a row that may die while they start, or while they load a task spec
MAX_START_FAILURES = 3
_KILLED = "its process was ended"
_numbers = count(1)


class ProcessBackend(RemoteBackend):
    """Worker processes, with one chunk at a time in each.

    Args:
        workers: The largest number of processes; by default as many as this process may use cores.
    """

    def __init__(self, workers: int | None = None) -> None:
        if not workers:
            workers = count_cores()
        super().__init__(workers, CHUNK_SECONDS, _KILLED, partial_reports=True)

        self._started_at_exit = interpreter_exiting.is_set()
        self._reaper = Reaper()
        self._workers = [WorkerProcess(number, self._reaper) for number in range(workers)]
        self._names: dict[TaskSpec, str] = {}
        # the names of task specs that workers had while they died idle, starting or loading
        self._names_that_fail: set[str] = set()
        # when the lines of attempts that are running are read again, in monotonic time
        self._next_line_read = 0.0
        # workers in a row that died while they started
        self._start_failures = 0
        # workers in a row that died while they loaded the task spec of a job
        self._load_failures: Counter[Key] = Counter()

    def start(self, job: Job) -> None:
        """Start the attempts of a job."""
        fetch_inputs(job)
        super().start(job)

    def poll(self, timeout: float) -> None:
        """Send chunks and receive reports for about `timeout` seconds.

        At interpreter exit another thread kills the workers. Errors caused by that must not reach
        the record, so this thread blocks; `resume` continues from the last commit.
        """
        try:
            super().poll(timeout)
        except Exception:
            if interpreter_exiting.is_set() and not self._started_at_exit:
                threading.Event().wait()
            raise

    def close(self) -> None:
        """Kill the worker processes, and release everything."""
        for worker in self._workers:
            worker.kill()
            self._read_lines(worker)
        self._reaper.close()
        super().close()

    def pids(self) -> list[int]:
        """Return the numbers of the worker processes that have started."""
        return [worker.pid for worker in self._workers if worker.pid]

    def _list_workers(self) -> list[WorkerProcess]:
        return self._workers

    # Sending chunks.

    def _can_send(self) -> bool:
        # at interpreter exit the rest is left to a resumed run
        return not interpreter_exiting.is_set()

    def _send_next(self, queue: ChunkQueue, *, behind: bool) -> bool:
        ready = find_free_workers(queue, self._workers, behind=behind)
        if not ready:
            return False

        if queue.job.is_limited and not self._has_warm_worker(queue, ready):
            return False

        # prefer short queues, then started processes, then those that have the task spec
        name = self._names.get(self._task_specs[queue.job.spec.key], "")

        def rank(pair: tuple[WorkerProcess, int]) -> tuple[int, bool, bool]:
            worker, _ = pair
            return len(worker.calls), worker.pool is None, name not in worker.task_spec_names

        worker, share = min(ready, key=rank)
        return self._send(queue, worker, share)

    def _has_warm_worker(self, queue: ChunkQueue, ready: list[tuple[WorkerProcess, int]]) -> bool:
        """Return whether a worker would begin an item of a limited job at once; if not, start one.

        An item that is sent to a process which is still starting begins much later: perhaps when
        no more items must begin, or at the same time as others.
        """
        task_spec = self._task_specs[queue.job.spec.key]
        name = self._name_of(task_spec)
        if name in self._names_that_fail:
            return True

        warm = [worker for worker, _ in ready if name in worker.task_spec_names]
        if any(not worker.is_loading for worker in warm):
            return True

        cold = [worker for worker, _ in ready if worker not in warm and not worker.calls]
        if cold and len(warm) + queue.in_flight < queue.max_workers:
            self._warm_up(cold[0], name, task_spec, queue)
        return False

    def _warm_up(
        self, worker: WorkerProcess, name: str, task_spec: TaskSpec, queue: ChunkQueue
    ) -> None:
        """Start a process, and load a task spec there."""
        try:
            packed = task_spec.to_bytes()
        except NotSendable as error:
            queue.fail_next(str(error))
            return

        if worker.pool is None:
            self._start_process(worker)
        try:
            loading = worker.submit(remote_functions.store_task_spec, name, packed)
        except BrokenExecutor:
            # the process died while it was idle
            worker.kill()
            return

        worker.task_spec_names.add(name)
        self._add_call(worker, loading, None)

    def _send(self, queue: ChunkQueue, worker: WorkerProcess, share: int) -> bool:
        """Send the next chunk of a job to a worker; return whether there was one."""
        task_spec = self._task_specs[queue.job.spec.key]
        name = self._name_of(task_spec)
        packed = b""
        if name not in worker.task_spec_names:
            try:
                packed = task_spec.to_bytes()
            except NotSendable as error:
                queue.fail_next(str(error))
                return False

        chunk = queue.take_chunk(share)
        if chunk is None:
            return False

        if worker.pool is None:
            self._start_process(worker)
        try:
            if packed:
                loading = worker.submit(remote_functions.store_task_spec, name, packed)
                self._add_call(worker, loading, None)
            future = worker.submit(remote_functions.run_chunk_by_name, name, chunk.message)
        except BrokenExecutor:
            # the process died while it was idle
            worker.kill()
            queue.put_back(chunk)
            return True

        worker.task_spec_names.add(name)
        self._add_call(worker, future, (queue, chunk))
        return True

    def _start_process(self, worker: WorkerProcess) -> None:
        future = worker.start(sends_lines=self._lines.is_used)
        self._add_call(worker, future, None)

    def _name_of(self, task_spec: TaskSpec) -> str:
        """Return the name of a task spec in the workers."""
        name = self._names.get(task_spec)
        if name is None:
            name = f"{os.getpid()}-{next(_numbers)}"
            self._names[task_spec] = name
        return name

    def _add_call(
        self,
        worker: WorkerProcess,
        future: Future[Any],
        work: tuple[ChunkQueue, InFlightChunk] | None,
    ) -> None:
        worker.calls.append(WorkerCall(future, work))
        if len(worker.calls) == 1:
            worker.start_next_call()
        future.add_done_callback(lambda _: self._notify(worker))

    # Receiving reports.

    def _handle_notice(self, worker: WorkerProcess) -> None:
        """Process the calls of a worker that have ended, in their order."""
        while worker.calls and worker.calls[0].future.done():
            future, work = worker.calls[0]
            error = future.exception()
            if isinstance(error, BrokenExecutor) or (work is None and error is not None):
                self._handle_death(worker, error)
                return

            worker.calls.pop(0)
            worker.start_next_call()
            self._start_failures = 0
            if work is None:
                worker.set_pid(future.result())
                continue

            queue, chunk = work
            if error is None:
                self._receive_report(worker, queue, chunk, future.result())
            else:
                queue.fail_chunk(chunk, worker.number, f"the worker failed: {error!r}")

    def _receive_report(
        self, worker: WorkerProcess, queue: ChunkQueue, chunk: InFlightChunk, packed: bytes | None
    ) -> None:
        # another process than the one that had loaded the task spec
        if packed is None:
            worker.task_spec_names.clear()
            queue.put_back(chunk)
            return

        self._load_failures.pop(queue.job.spec.key, None)
        more = self._can_extend(queue)
        number_worker = self._worker_numbering(worker)
        remaining = queue.handle_report(chunk, number_worker, packed, can_extend=more)
        if remaining is not None:
            self._continue_chunk(worker, queue, remaining)
        elif chunk.abandoned:
            # functions that are past their time still run there
            work = self._kill(worker)
            if work is not None:
                waiting_queue, waiting_chunk = work
                waiting_queue.put_back(waiting_chunk)

    def _worker_numbering(self, worker: WorkerProcess) -> NumberWorker:
        """Return a function that numbers the threads of a worker in the record."""

        def number_worker(_place: str, thread: int) -> int:
            return worker.number + self._worker_count * thread

        return number_worker

    def _read_lines(self, worker: WorkerProcess) -> None:
        """Read the lines that a worker has sent while attempts are running."""
        if worker.line_reader is None:
            return
        for message in worker.line_reader.read():
            self._lines.receive(message, self._worker_numbering(worker))

    def _continue_chunk(
        self, worker: WorkerProcess, queue: ChunkQueue, chunk: InFlightChunk
    ) -> None:
        """Request the next report of a chunk, which perhaps has more items now."""
        name = self._names[self._task_specs[queue.job.spec.key]]
        try:
            if chunk.is_remainder:
                future = worker.submit(remote_functions.continue_chunk)
            else:
                future = worker.submit(remote_functions.run_chunk_by_name, name, chunk.message)
        except BrokenExecutor as error:
            future = Future()
            future.set_exception(error)

        self._add_call(worker, future, (queue, chunk))

    # Workers that die, or are stuck.

    def _handle_death(self, worker: WorkerProcess, error: BaseException) -> None:
        """Record that a worker has died, and whether its first chunk may have caused it.

        Raises:
            BackendError: Several workers in a row have died while they started.
        """
        exit_code = re.search(r"\{([^{}]+)\}", str(error))
        reason = type(error).__name__
        if exit_code is not None:
            reason = f"exit code {exit_code[1]}"
        had_started = bool(worker.pid)
        ran_chunk = worker.calls[0].work is not None

        if not ran_chunk:
            self._names_that_fail |= worker.task_spec_names
        work = self._kill(worker)
        if not had_started:
            self._start_failures += 1
            if self._start_failures >= MAX_START_FAILURES:
                raise BackendError(
                    f"worker processes end while they start ({reason}); see their output in the "
                    "kernel's log, or run it on the threads backend"
                )
        if work is None:
            return

        queue, chunk = work
        key = queue.job.spec.key
        if had_started and not ran_chunk:
            reason += ", while it loaded the action and its context"
            self._load_failures[key] += 1
        if ran_chunk or self._load_failures[key] >= MAX_START_FAILURES:
            queue.requeue_lost(chunk, worker.number, reason)
        else:
            queue.put_back(chunk)

    def _kill(self, worker: WorkerProcess) -> tuple[ChunkQueue, InFlightChunk] | None:
        """Kill a worker. Return its first chunk, and give the others back to their queues."""
        chunks = [work for work in worker.kill() if work is not None]
        # the last lines before its end
        self._read_lines(worker)
        if not chunks:
            return None

        for queue, chunk in chunks[1:]:
            queue.put_back(chunk)
        return chunks[0]

    def _check_workers(self) -> float:
        """Kill workers that are past their deadline; return the seconds until the next one.

        Such a worker is stuck: an item in it holds the interpreter, so it cannot time out.
        """
        now = time.monotonic()
        wait = inf
        if now >= self._next_line_read:
            self._next_line_read = now + LINE_INTERVAL
            for worker in self._workers:
                self._read_lines(worker)

        for worker in self._workers:
            deadline = worker.deadline()
            if deadline > now:
                wait = min(wait, deadline - now)
                continue

            work = self._kill(worker)
            if work is not None:
                queue, chunk = work
                self._record_stuck(worker, queue, chunk)
        return wait

    def _record_stuck(self, worker: WorkerProcess, queue: ChunkQueue, chunk: InFlightChunk) -> None:
        """Record a timeout; if the chunk has several items, any of them may be the cause."""
        if len(chunk.attempts) > 1:
            queue.requeue_lost(chunk, worker.number, _KILLED)
            return

        queue.in_flight -= 1
        timeout = queue.job.spec.timeout or 0.0
        cause = timeout_error(timeout, _KILLED)
        queue.record_failure(chunk.attempts[0], worker.number, cause, TIMED_OUT, since=chunk.since)

    # Releasing jobs.

    def _chunks_in_flight(self, queue: ChunkQueue) -> list[InFlightChunk]:
        chunks = []
        for worker in self._workers:
            chunks += [chunk for owner, chunk in worker.chunks() if owner is queue]
        return chunks

    def _cancel_chunks(self, queue: ChunkQueue) -> None:
        for worker in self._workers:
            if not worker.concurrency_by_chunk(queue):
                continue

            work = self._kill(worker)
            if work is None:
                continue
            owner, chunk = work
            if owner is queue:
                owner.put_back(chunk)
            else:
                # items of another job were running
                owner.requeue_lost(chunk, worker.number, _KILLED)

    def _drop_task_spec(self, task_spec: TaskSpec) -> None:
        name = self._names.pop(task_spec, None)
        if name is None:
            return
        self._names_that_fail.discard(name)

        for worker in self._workers:
            if name in worker.task_spec_names:
                worker.task_spec_names.discard(name)
                # a worker that has died holds nothing any more
                with contextlib.suppress(BrokenExecutor):
                    worker.submit(remote_functions.drop_task_spec, name)

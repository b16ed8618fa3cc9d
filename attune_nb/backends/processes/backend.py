"""Attempts in worker processes: work for more than one core, and code that may end its process.

Each worker stands alone, so that one which dies, or is killed because an item in it took too
long, takes nothing along but what it held.
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
from attune_nb.backends.processes.worker_process import WorkerProcess, interpreter_exiting
from attune_nb.backends.worker import remote_functions
from attune_nb.backends.worker.reaper import Reaper
from attune_nb.errors import BackendError, NotSendable
from attune_nb.events import TIMED_OUT

if TYPE_CHECKING:
    from attune_nb.backends.attempt.job import Job
    from attune_nb.backends.chunks.chunk_queue import ChunkQueue
    from attune_nb.backends.chunks.in_flight import InFlightChunk
    from attune_nb.backends.chunks.task_spec import TaskSpec
    from attune_nb.events import Key

__all__ = ["ProcessBackend"]

CHUNK_SECONDS = (
    0.1  # seconds that a chunk is to take: between two is 1.5 ms where all cores are busy
)
MAX_START_FAILURES = 3  # workers in a row that ended as they began
_KILLED = "its process was ended"
_names = count(1)


class ProcessBackend(RemoteBackend):
    """Worker processes, one item at a time in each.

    Args:
        workers: How many at most; by default as many as this process may use cores.
    """

    def __init__(self, workers: int | None = None) -> None:
        lanes = workers or count_cores()
        super().__init__(lanes, CHUNK_SECONDS, _KILLED, parts=True)
        self._late = interpreter_exiting.is_set()
        self._guard = Reaper()
        self._workers = [WorkerProcess(number, self._guard) for number in range(lanes)]
        self._names: dict[TaskSpec, str] = {}
        self._broken = 0
        self._unready: Counter[Key] = Counter()  # workers in a row that its definition came to

    def start(self, job: Job) -> None:
        """Begin to make the attempts of a job."""
        fetch_inputs(job)
        super().start(job)

    def poll(self, timeout: float) -> None:
        """Hand out work and take in what has ended, as any other; until the interpreter ends.

        The workers are taken from it then, by another thread and at any moment. What it makes of
        that is not to be told: the record stays as it is, and a resumed run goes on from there.
        """
        try:
            super().poll(timeout)
        except Exception:
            if interpreter_exiting.is_set() and not self._late:
                threading.Event().wait()
            raise

    def close(self) -> None:
        """End the worker processes."""
        for each in self._workers:
            each.kill()
        self._guard.close()
        super().close()

    def pids(self) -> list[int]:
        """Give the numbers of the worker processes that are there."""
        return [each.pid for each in self._workers if each.pid]

    def _list_workers(self) -> list[WorkerProcess]:
        return self._workers

    def _can_send(self) -> bool:
        return (
            not interpreter_exiting.is_set()
        )  # the interpreter ends: what is left, a resumed run does

    def _send_next(self, feed: ChunkQueue, *, behind: bool) -> bool:
        ready = find_free_workers(feed, self._workers, behind=behind)
        if not ready:
            return False
        # rather one that runs than one that must begin, rather one that has its context
        name = self._names.get(self._task_specs[feed.job.spec.key], "")
        order = [
            (len(each.calls), each.pool is None, name not in each.task_spec_names)
            for each, _ in ready
        ]
        return self._send(feed, *ready[order.index(min(order))])

    def _send(self, feed: ChunkQueue, to: WorkerProcess, share: int) -> bool:
        definition = self._task_specs[feed.job.spec.key]
        name = self._names.setdefault(definition, f"{os.getpid()}-{next(_names)}")
        packed = b""
        if name not in to.task_spec_names:
            try:
                packed = definition.to_bytes()
            except NotSendable as error:
                feed.fail_next(str(error))
                return False
        sent = feed.take_chunk(share)
        if sent is None:
            return False
        if to.pool is None:
            self._held_by(to, to.start(), None)
        try:
            if packed:
                self._held_by(to, to.submit(remote_functions.store_task_spec, name, packed), None)
            future = to.submit(remote_functions.run_chunk_by_name, name, sent.message)
        except BrokenExecutor:  # it has died while it had nothing to do
            to.kill()
            feed.put_back(sent)
            return True
        to.task_spec_names.add(name)
        self._held_by(to, future, (feed, sent))
        return True

    def _held_by(
        self, to: WorkerProcess, future: Future[Any], what: tuple[ChunkQueue, InFlightChunk] | None
    ) -> None:
        to.calls.append((future, what))
        if len(to.calls) == 1:
            to.start_next_call()
        future.add_done_callback(lambda _: self._notify(to))

    def _handle_notice(self, what: WorkerProcess) -> None:
        """Take in all that a worker has ended, in its order."""
        while what.calls and what.calls[0][0].done():
            future, sent = what.calls[0]
            error = future.exception()
            if isinstance(error, BrokenExecutor) or (sent is None and error is not None):
                self._lost(what, error)
                return
            what.calls.pop(0)
            what.start_next_call()
            self._broken = 0
            if sent is None:
                what.set_pid(future.result())
            elif error is not None:
                sent[0].fail_chunk(sent[1], what.number, f"the worker failed: {error!r}")
            else:
                self._received(what, *sent, future.result())

    def _received(
        self, by: WorkerProcess, feed: ChunkQueue, sent: InFlightChunk, packed: bytes | None
    ) -> None:
        if packed is None:  # another process than the one that was sent the definition
            by.task_spec_names.clear()
            feed.put_back(sent)
            return
        self._unready.pop(feed.job.spec.key, None)
        more = self._can_extend(feed)
        left = feed.handle_report(
            sent, lambda _, lane: by.number + self._worker_count * lane, packed, can_extend=more
        )
        if left is not None:
            self._wait_for(by, feed, left)
        elif sent.abandoned:
            first = self._end(by)
            if first is not None:
                first[0].put_back(first[1])

    def _wait_for(self, by: WorkerProcess, feed: ChunkQueue, left: InFlightChunk) -> None:
        """Have a worker tell of what goes on there, perhaps with more to do."""
        name = self._names[self._task_specs[feed.job.spec.key]]
        try:
            if left.is_remainder:
                future = by.submit(remote_functions.continue_chunk)
            else:
                future = by.submit(remote_functions.run_chunk_by_name, name, left.message)
        except BrokenExecutor as error:
            future = Future()
            future.set_exception(error)
        self._held_by(by, future, (feed, left))

    def _lost(self, what: WorkerProcess, error: BaseException) -> None:
        """Take in that a worker has ended by itself."""
        found = re.search(r"\{(.+?)\}", str(error))
        why = f"exit code {found[1]}" if found else type(error).__name__
        had_begun, was_at_it = bool(what.pid), what.calls[0][1] is not None
        first = self._end(what)
        if not had_begun:
            self._broken += 1
            if self._broken >= MAX_START_FAILURES:
                raise BackendError(
                    f"worker processes end as they begin ({why}); run it on the threads backend, "
                    "or see in the kernel's log what they said"
                )
        if first is not None:
            feed, sent = first
            if had_begun and not was_at_it:
                why += ", as it took in what the action needs"
                self._unready[feed.job.spec.key] += 1
            if was_at_it or self._unready[feed.job.spec.key] >= MAX_START_FAILURES:
                feed.requeue_lost(sent, what.number, why)
            else:
                feed.put_back(sent)

    def _end(self, what: WorkerProcess) -> tuple[ChunkQueue, InFlightChunk] | None:
        """End a worker; what waited there goes to others. Give the first chunk that it held."""
        held = [at for at in what.kill() if at is not None]
        for feed, sent in held[1:]:
            feed.put_back(sent)
        return held[0] if held else None

    def _check_workers(self) -> float:
        """End the workers that are stuck where nothing in them can tell the time."""
        nearest, now = inf, time.monotonic()
        for each in self._workers:
            due = each.deadline()
            if due > now:
                nearest = min(nearest, due - now)
                continue
            first = self._end(each)
            if first is not None:
                self._stuck(each, *first)
        return nearest

    def _stuck(self, at: WorkerProcess, feed: ChunkQueue, sent: InFlightChunk) -> None:
        if len(sent.attempts) > 1:
            feed.requeue_lost(sent, at.number, _KILLED)  # it is not known which one it was
        else:
            feed.in_flight -= 1
            cause = timeout_error(feed.job.spec.timeout or 0.0, _KILLED)
            feed.record_failure(sent.attempts[0], at.number, cause, TIMED_OUT, since=sent.since)

    def _chunks_in_flight(self, feed: ChunkQueue) -> list[InFlightChunk]:
        held = [at for each in self._workers for _, at in each.calls]
        return [at[1] for at in held if at is not None and at[0] is feed]

    def _cancel_chunks(self, feed: ChunkQueue) -> None:
        for each in self._workers:
            first = self._end(each) if each.concurrency_by_chunk(feed) else None
            if first is None:
                continue
            if first[0] is feed:
                feed.put_back(first[1])
            else:  # another job's items were under way
                first[0].requeue_lost(first[1], each.number, _KILLED)

    def _drop_task_spec(self, definition: TaskSpec) -> None:
        name = self._names.pop(definition, None)
        for each in self._workers:
            if name in each.task_spec_names and name is not None:
                each.task_spec_names.discard(name)
                with contextlib.suppress(BrokenExecutor):  # it is gone with all that it had
                    each.submit(remote_functions.drop_task_spec, name)

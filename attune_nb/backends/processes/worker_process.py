"""A worker process: its beginning, what it was given, and its end, at the latest with Python's.

Each is a pool of loky's with one process, which begins without a fork, and without importing the
caller's script again.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
import weakref
from concurrent.futures import BrokenExecutor, Future
from math import inf
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, Any

from attune_nb.backends.chunks.remote_backend import RemoteWorker
from attune_nb.backends.threads.thread_pool import GRACE
from attune_nb.backends.worker import remote_functions
from attune_nb.backends.worker.reaper import Reaper, kill_group
from attune_nb.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loky import ProcessPoolExecutor

    from attune_nb.backends.chunks.chunk_queue import ChunkQueue
    from attune_nb.backends.chunks.in_flight import InFlightChunk

__all__ = ["WorkerProcess", "interpreter_exiting"]

REPORT_SLACK = 1.0  # seconds that a report may be late, before its worker is taken for stuck
START_TIMEOUT = 30.0  # seconds that a worker may take until it is there, and has a definition
_FED = 1.0  # seconds that what sends to an ended process may take to end, at the interpreter's end
_ENVIRONMENT = {
    # loky ends a worker that has grown by 300 MB; ours hold a context as long as it is of use
    "LOKY_MAX_MEMORY_LEAK_SIZE": "1e18",
}
interpreter_exiting = (
    threading.Event()
)  # the interpreter is about to end: no worker begins any more
_beginning = threading.Lock()
_alive: weakref.WeakSet[WorkerProcess] = weakref.WeakSet()
_feeders: weakref.WeakSet[threading.Thread] = weakref.WeakSet()


class WorkerProcess(RemoteWorker):
    """A place for one worker process, and what the process there holds.

    `calls` are the calls that it was given and has not ended, in their order: the first is the one
    that it is at (None in place of a chunk: it begins, or takes in a definition). `since` is when
    it came to that.
    """

    def __init__(self, number: int, guard: Reaper) -> None:
        self.number = number
        self._guard = guard
        self.pool: ProcessPoolExecutor | None = None
        self.pid = 0
        self.task_spec_names: set[str] = set()  # names of definitions
        self.calls: list[tuple[Future[Any], tuple[ChunkQueue, InFlightChunk] | None]] = []
        self.since = 0.0
        self._ending = threading.Lock()
        with _beginning:
            _alive.add(self)

    def start(self) -> Future[Any]:
        """Begin a process."""
        from loky import ProcessPoolExecutor  # noqa: PLC0415 - only this backend needs it

        with _beginning:
            if interpreter_exiting.is_set():
                raise BackendError("the interpreter is about to end, so no worker process begins")
            self.pool = ProcessPoolExecutor(
                1,
                env=_ENVIRONMENT,
                initializer=remote_functions.start_worker,
                initargs=(os.getpid(),),
            )
            with _uninterrupted():
                future = self.submit(os.getpid)
            _end_at_exit()
        return future

    def submit(self, function: Any, *given: Any) -> Future[Any]:
        """Have the process call a function.

        Raises:
            BackendError: The system gives no process.
            BrokenExecutor: It has died, and held nothing.
        """
        try:
            future: Future[Any] = self.pool.submit(function, *given)  # type: ignore[union-attr]
        except Exception as error:
            future = Future()
            if self.calls:  # it has ended just now, and is told of by what it held
                future.set_exception(error)
                return future
            if isinstance(error, BrokenExecutor):
                raise
            raise BackendError(
                f"there is no worker process to be had ({error}); end other work, or run it on "
                "the threads backend"
            ) from None
        return future

    def chunks(self) -> list[tuple[ChunkQueue, InFlightChunk]]:
        """Give the chunks that it has, each with its job."""
        return [at for _, at in self.calls if at is not None]

    def start_next_call(self) -> None:
        """Take in that it is at the first call that it holds from now on."""
        self.since = time.monotonic()
        at = self.calls[0][1] if self.calls else None
        if at is not None and not at[1].is_remainder:
            at[1].since = self.since

    def set_pid(self, process: int) -> None:
        """Take in the number of its process, which is ended with all that it begins."""
        if self.pid != process:
            self.pid = process
            self._guard.watch(process)

    def deadline(self) -> float:
        """Give when it must have told of the chunk that it is at, on the monotonic clock."""
        feed, sent = next(iter(self.chunks()), (None, None))
        if feed is None or sent is None or feed.job.spec.timeout is None:
            return inf
        if self.calls[0][1] is None:
            return self.since + START_TIMEOUT
        grace = GRACE if feed.job.spec.call.is_cancellable else 0.0
        return self.since + sent.message.budget + feed.job.spec.timeout + grace + REPORT_SLACK

    def kill(self) -> list[tuple[ChunkQueue, InFlightChunk] | None]:
        """End the process and all that it has begun; give what it held."""
        with self._ending:  # the interpreter's end waits for one that is ended meanwhile
            held, self.calls = [at for _, at in self.calls], []
            pool, self.pool = self.pool, None
            process, self.pid = self.pid, 0
            self.task_spec_names.clear()
            if pool is not None:
                feeder = getattr(getattr(pool, "_call_queue", None), "_thread", None)
                if feeder is not None:
                    _feeders.add(feeder)
                pool.shutdown(wait=True, kill_workers=True)
                del pool
            if process:  # it may have ended before, and left what it began
                kill_group(process)
                self._guard.unwatch(process)
            return held


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Begin a process that an interrupt does not end before it looks after itself.

    What is held back here is so in what begins here, which is in the terminal's group at first.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # which holds nothing back any more once it has begun
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_at_exit() -> None:
    """Have the workers end with the interpreter, also one that is at an endless item.

    loky waits for what is under way, and does so before `atexit`; hence the hook that it uses.
    Of what is registered there the last goes first, and loky registers with each pool.
    """
    threading._register_atexit(_end_all)  # type: ignore[attr-defined] # noqa: SLF001


def _end_all() -> None:
    with _beginning:
        interpreter_exiting.set()
        workers = list(_alive)
    for each in workers:
        each.kill()
    # The thread that sends to a pool's process ends by itself, and gives back the last of the
    # pool's semaphores. The interpreter's end would cut it off amid that: a leak, it is said then.
    for feeder in list(_feeders):
        feeder.join(_FED)


def _after_fork() -> None:
    """Leave the parent its workers: a process that is forked does not end them as it ends."""
    global _beginning  # noqa: PLW0603
    _beginning = threading.Lock()
    _alive.clear()
    _feeders.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

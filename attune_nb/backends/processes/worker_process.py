"""A worker process: its start, its calls and its end, at the latest with the interpreter.

Each worker is a loky pool with one process. Such a process starts without a fork, and does not
import the caller's script.
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
from multiprocessing import Pipe, resource_tracker
from typing import TYPE_CHECKING, Any, NamedTuple

from attune_nb.backends.attempt.attempt import GRACE
from attune_nb.backends.chunks.remote_backend import RemoteWorker
from attune_nb.backends.worker import remote_functions
from attune_nb.backends.worker.line_pipe import LinePipeReader
from attune_nb.backends.worker.reaper import Reaper, kill_group
from attune_nb.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loky import ProcessPoolExecutor

    from attune_nb.backends.chunks.chunk_queue import ChunkQueue
    from attune_nb.backends.chunks.in_flight import InFlightChunk

__all__ = ["WorkerCall", "WorkerProcess", "interpreter_exiting"]

# seconds that a report may be late before its worker counts as stuck
REPORT_SLACK = 1.0
# seconds that a worker may take to start, and to load a task spec
START_TIMEOUT = 30.0
# seconds that the threads which send to ended processes may take, at the interpreter's exit
_FEEDER_TIMEOUT = 1.0
# seconds that loky usually takes at most to kill a process that is stopped
_STOP_TIMEOUT = 0.5
# seconds between two looks at a process that was killed
_KILL_PAUSE = 0.005
_ENVIRONMENT = {
    # loky ends a worker that has grown by 300 MB; ours hold a context as long as it is of use
    "LOKY_MAX_MEMORY_LEAK_SIZE": "1e18",
}

# set when the interpreter is about to exit: no worker starts after that
interpreter_exiting = threading.Event()
_start_lock = threading.Lock()
_workers: weakref.WeakSet[WorkerProcess] = weakref.WeakSet()
_feeders: weakref.WeakSet[threading.Thread] = weakref.WeakSet()


class WorkerCall(NamedTuple):
    """A function call in a worker process.

    `work` is the chunk, with its chunk queue, that the call runs. It is None if the call starts the
    process or loads a task spec.
    """

    future: Future[Any]
    work: tuple[ChunkQueue, InFlightChunk] | None


class WorkerProcess(RemoteWorker):
    """One worker process after another, with the calls of the current one.

    Attributes:
        number: The number of the worker.
        pool: The loky pool of the current process; None without one.
        pid: The process's number; 0 until it is known.
        task_spec_names: The names of the task specs that the process has.
        calls: The calls that have not ended, in the order of their start. The process is busy with
            the first.
        line_reader: Reads the lines that the latest process sends while attempts run.
        since: When the first call began, in monotonic time.

    Args:
        number: The number of the worker.
        reaper: Kills the process if this one is killed.
    """

    def __init__(self, number: int, reaper: Reaper) -> None:
        self.number = number
        self._reaper = reaper
        self.pool: ProcessPoolExecutor | None = None
        self.pid = 0
        self.task_spec_names: set[str] = set()
        self.calls: list[WorkerCall] = []
        self.line_reader: LinePipeReader | None = None
        self.since = 0.0
        self._kill_lock = threading.Lock()

        with _start_lock:
            _workers.add(self)

    def start(self, *, sends_lines: bool = False) -> Future[Any]:
        """Start a process; return the future of its number.

        Args:
            sends_lines: Whether it sends the lines of attempts while they run.

        Raises:
            BackendError: The interpreter is exiting, or the system allows no more processes.
        """
        from loky import ProcessPoolExecutor  # noqa: PLC0415 - only this backend needs it

        with _start_lock:
            if interpreter_exiting.is_set():
                raise BackendError("the interpreter is exiting, so no worker process can start")
            self.line_reader = None
            source = None
            if sends_lines:
                target, source = Pipe(duplex=False)
                self.line_reader = LinePipeReader(target)
            self.pool = ProcessPoolExecutor(
                1,
                env=_ENVIRONMENT,
                initializer=remote_functions.start_worker,
                initargs=(os.getpid(), source),
            )
            try:
                with _without_interrupts():
                    future = self.submit(os.getpid)
            finally:
                # the process has a copy of its own
                if source is not None:
                    source.close()
            _kill_workers_at_exit()
        return future

    def submit(self, function: Any, *args: Any) -> Future[Any]:
        """Call a function in the process.

        Raises:
            BackendError: The system allows no more processes.
            BrokenExecutor: The process has died while it was idle.
        """
        try:
            future: Future[Any] = self.pool.submit(function, *args)  # type: ignore[union-attr]
        except Exception as error:
            if self.calls:
                # the process has just died: the calls before this one report it
                future = Future()
                future.set_exception(error)
                return future

            if isinstance(error, BrokenExecutor):
                raise
            raise BackendError(
                f"no worker process could be started ({error}); end other work, or run it on the "
                "threads backend"
            ) from None
        return future

    def chunks(self) -> list[tuple[ChunkQueue, InFlightChunk]]:
        """Return the chunks that the process has, each with its chunk queue."""
        return [call.work for call in self.calls if call.work is not None]

    @property
    def is_loading(self) -> bool:
        """Whether the process starts, or loads a task spec, before it can begin a chunk."""
        return any(call.work is None for call in self.calls)

    def start_next_call(self) -> None:
        """Record that the process begins the first of its calls."""
        self.since = time.monotonic()
        work = self.calls[0].work if self.calls else None
        if work is None:
            return

        _, chunk = work
        if not chunk.is_remainder:
            chunk.since = self.since

    def set_pid(self, pid: int) -> None:
        """Record the number of the process, and have the reaper watch it."""
        if self.pid != pid:
            self.pid = pid
            self._reaper.watch(pid)

    def deadline(self) -> float:
        """Return when the process must have reported its current chunk, in monotonic time."""
        chunks = self.chunks()
        if not chunks:
            return inf

        queue, chunk = chunks[0]
        timeout = queue.job.spec.timeout
        if timeout is None:
            return inf
        if self.calls[0].work is None:
            return self.since + START_TIMEOUT

        call = queue.job.spec.call
        grace = call.grace if call.is_cancellable else 0.0
        return self.since + chunk.message.budget + timeout + grace + REPORT_SLACK

    def kill(self) -> list[tuple[ChunkQueue, InFlightChunk] | None]:
        """Kill the process, with all processes that it has started; return the work of its calls.

        A second thread that calls this waits until the first is done: the interpreter must not exit
        before.
        """
        with self._kill_lock:
            work = [call.work for call in self.calls]
            has_long_end = any(_has_long_end(queue) for queue, _ in filter(None, work))
            self.calls = []
            self.task_spec_names.clear()
            pool = self.pool
            self.pool = None
            pid = self.pid
            self.pid = 0

            if pool is not None:
                feeder = getattr(getattr(pool, "_call_queue", None), "_thread", None)
                if feeder is not None:
                    _feeders.add(feeder)
                if has_long_end:
                    _leave_commands(pid)
                _shut_down(pool, pid)
                del pool

            # the process may have died before, and left processes that it had started
            if pid:
                kill_group(pid)
                self._reaper.unwatch(pid)
            return work


def _has_long_end(queue: ChunkQueue) -> bool:
    """Return whether the commands of a job have more time to end than others."""
    grace = queue.job.spec.call.action.grace
    return grace is not None and grace > GRACE


def _leave_commands(pid: int) -> None:
    """Kill a process alone: its supervisor ends its commands, and gives them their time.

    loky would kill the commands at once. It does not find those of a process that has ended.
    """
    if not pid:
        return

    _send_signal(pid, "SIGKILL")
    deadline = time.monotonic() + _STOP_TIMEOUT
    while _has_commands(pid) and time.monotonic() < deadline:
        time.sleep(_KILL_PAUSE)


def _has_commands(pid: int) -> bool:
    """Return whether a process that was killed still runs, or is the parent of its commands.

    It is a zombie as soon as its main thread has ended. Its commands get another parent only when
    its last thread has ended.
    """
    import psutil  # noqa: PLC0415 - only needed to kill a process

    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE or bool(process.children())
    except psutil.Error:
        return False


def _shut_down(pool: ProcessPoolExecutor, pid: int) -> None:
    """Let loky kill the process of a pool, with all processes that it has started.

    Args:
        pool: The pool.
        pid: The number of the process; 0 if it is not known.
    """
    # loky kills the commands of a worker before the worker. One that sees this takes the command
    # for one that has ended by itself, and leaves its processes in the background alive.
    _send_signal(pid, "SIGSTOP")
    manager = pool._executor_manager_thread  # noqa: SLF001 - `shutdown` waits without a timeout
    pool.shutdown(wait=False, kill_workers=True)
    if manager is None:
        return

    manager.join(_STOP_TIMEOUT)
    if manager.is_alive():
        # it waits for the rest of a result that the worker was sending
        _send_signal(pid, "SIGCONT")
        manager.join()


def _send_signal(pid: int, name: str) -> None:
    """Send a signal to a process, if its number is known and the system has this signal."""
    if pid and hasattr(signal, name):
        with contextlib.suppress(OSError):
            os.kill(pid, getattr(signal, name))


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    """Block SIGINT while a process starts: it inherits the mask.

    Until it calls `setsid`, it is in the terminal's process group.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return

    # the resource tracker must not inherit the mask: start it before
    resource_tracker.ensure_running()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _kill_workers_at_exit() -> None:
    """Kill the workers when the interpreter exits, also a worker with an endless item.

    loky waits for its calls before `atexit` runs, so this uses the same hook as loky. The hook
    calls the last function first, and loky registers one with each pool: so this must, too.
    """
    threading._register_atexit(_kill_workers)  # type: ignore[attr-defined] # noqa: SLF001


def _kill_workers() -> None:
    with _start_lock:
        interpreter_exiting.set()
        workers = list(_workers)
    for worker in workers:
        worker.kill()

    # The thread that sends to a pool's process ends by itself, and releases the last semaphores of
    # the pool. If the interpreter exits before that, it reports them as leaked.
    for feeder in list(_feeders):
        feeder.join(_FEEDER_TIMEOUT)


def _forget_workers() -> None:
    """Forget the parent's workers in a forked process, so that its exit does not kill them."""
    global _start_lock  # noqa: PLW0603 - the parent's lock may be taken
    _start_lock = threading.Lock()
    _workers.clear()
    _feeders.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_workers)

"""The functions that a backend calls in a worker process.

A worker gets the task spec of a job once (its action, the template of its input, the part of the
context that the template reads), and then chunks of items. The attempts are made as on the threads
backend. The reply is a report: plain data, whatever has happened.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, NoReturn

from attune_nb.backends.chunks.messages import KeptResults, WrongProcessError, line_topic
from attune_nb.backends.chunks.serialize import NotSent, unpack
from attune_nb.backends.chunks.task_spec import TaskSpec
from attune_nb.backends.worker.chunk_runner import NOT_STARTED, ChunkRunner
from attune_nb.backends.worker.chunk_status import register_runner, track_chunk
from attune_nb.backends.worker.line_pipe import LinePipeWriter
from attune_nb.backends.worker.reaper import kill_group
from attune_nb.errors import NotSendable
from attune_nb.values.remote import fetch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from multiprocessing.connection import Connection

    from attune_nb.backends.chunks.messages import ChunkMessage

__all__ = [
    "continue_chunk",
    "copy_task_spec",
    "drop_task_spec",
    "extract_report",
    "run_chunk",
    "run_chunk_by_name",
    "run_chunk_keeping_results",
    "stand_by",
    "start_worker",
    "store_task_spec",
]

# seconds between two checks that the engine is still running
WATCH_INTERVAL = 1.0

# where a process of the processes backend sends lines
_line_pipe: LinePipeWriter | None = None

# the task specs of a process of the processes backend, by name
_task_specs: dict[str, TaskSpec] = {}


# The processes backend.


def start_worker(engine_pid: int, lines: Connection | None = None) -> None:
    """Make this process a worker that ends with its engine.

    The process leads a process group, so that the engine can kill it with all processes that it has
    started. It ignores interrupts: these are for the engine, which ends its workers itself.

    Args:
        engine_pid: The number of the engine's process.
        lines: Where to send the lines of attempts that are running; None if nothing is captured.
    """
    global _line_pipe  # noqa: PLW0603 - a process has one pipe
    if lines is not None:
        _line_pipe = LinePipeWriter(lines)

    if hasattr(os, "setsid"):
        # it may lead a group already
        with contextlib.suppress(OSError):
            os.setsid()

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, lambda *_: None)
        # the engine has blocked the signal while this process started
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})

    # actions start processes in the usual way: loky's way is for loky's pools only
    multiprocessing.set_start_method("spawn", force=True)

    watch = threading.Thread(
        target=_watch_engine, args=(engine_pid,), name="attune watch", daemon=True
    )
    watch.start()


def _watch_engine(engine_pid: int) -> NoReturn:
    """Kill this process group when the engine has ended."""
    # a process whose parent has ended gets another parent
    while os.getppid() == engine_pid:
        time.sleep(WATCH_INTERVAL)

    kill_group(os.getpid())
    os._exit(1)


def store_task_spec(name: str, packed: bytes) -> int:
    """Store a task spec, and import all that its action needs; return the process's number."""
    task_spec = TaskSpec.from_bytes(packed)
    _task_specs[name] = task_spec

    # if it cannot be loaded, the report of each chunk has the error
    with contextlib.suppress(NotSendable):
        task_spec.load()
    return os.getpid()


def drop_task_spec(name: str) -> None:
    """Drop a task spec."""
    _task_specs.pop(name, None)


def run_chunk_by_name(name: str, chunk: ChunkMessage) -> bytes | None:
    """Run a chunk with a task spec that was stored; return the report.

    None means that the task spec is missing: this is another process than the one that stored it.
    """
    if name not in _task_specs:
        return None
    return run_chunk(_task_specs[name], chunk)


def continue_chunk() -> bytes:
    """Wait for the rest of a chunk that was reported in part; return the next report."""
    report, _ = ChunkRunner.claim().wait_for_report(_dask_cancellation())
    return report


# The dask backend.


def run_chunk(
    task_spec: TaskSpec,
    chunk: ChunkMessage,
    keys: Sequence[str] = (),
    inputs: Sequence[KeptResults] = (),
) -> bytes:
    """Run a chunk; return the report as bytes that always load.

    Args:
        task_spec: The task spec.
        chunk: The chunk.
        keys: The keys of the inputs.
        inputs: Results kept on the cluster that the items or the context refer to.
    """
    report, _ = _run_chunk(task_spec, chunk, dict(zip(keys, inputs, strict=True)))
    return report


def run_chunk_keeping_results(
    task_spec: TaskSpec, chunk: ChunkMessage, keys: Sequence[str], inputs: Sequence[KeptResults]
) -> KeptResults:
    """Run a chunk; return the report together with the results, which stay on the cluster."""
    gathered = dict(zip(keys, inputs, strict=True))
    return KeptResults(*_run_chunk(task_spec, chunk, gathered, keep=True))


def extract_report(results: KeptResults) -> bytes:
    """Return the report without the results."""
    return results.report


def copy_task_spec(task_spec: TaskSpec) -> TaskSpec:
    """Return a task spec as it is: the worker that runs this gets a copy of its own."""
    return task_spec


def stand_by(seconds: float) -> None:
    """Keep a Dask worker for a moment, since an adaptive cluster retires an idle one.

    A task that has left the thread pool takes no thread from others, and still counts as work.
    """
    from distributed import secede  # noqa: PLC0415 - only Dask workers need it

    secede()
    time.sleep(seconds)


def _run_chunk(
    task_spec: TaskSpec,
    chunk: ChunkMessage,
    gathered: Mapping[str, KeptResults],
    *,
    keep: bool = False,
) -> tuple[bytes, list[Any]]:
    """Run a chunk; return the report, and the results if they stay here.

    Raises:
        WrongProcessError: The chunk was sent to another process.
    """
    if chunk.process and chunk.process != _process_name():
        raise WrongProcessError(f"it was sent to {chunk.process}")
    if ChunkRunner.has_unclaimed() and not chunk.merges:
        return NOT_STARTED, []

    with track_chunk(chunk.name) as may_start:
        if not may_start:
            return NOT_STARTED, []

        items = [_fetch_item(item, gathered) for item in unpack(chunk.items)]
        if chunk.merges:
            runner = ChunkRunner.claim()
            runner.merge(chunk, items)
            return runner.wait_for_report(_dask_cancellation())

        try:
            parts = task_spec.load(gathered)
        except NotSendable as error:
            return pickle.dumps(str(error)), []

        sender = _line_sender(chunk.name)
        runner = ChunkRunner(parts, chunk, items, keep=keep, send_lines=sender)
        register_runner(chunk.name, runner)
        return runner.wait_for_report(_dask_cancellation())


def _line_sender(chunk_name: str) -> Callable[[bytes], bool] | None:
    """Return a function that sends lines to the engine at once; None if there is no way."""
    if _line_pipe is not None:
        return _line_pipe.send
    if "distributed" not in sys.modules:
        return None

    from distributed import get_worker  # noqa: PLC0415 - only Dask workers need it

    try:
        worker = get_worker()
    except ValueError:
        # this is no Dask task
        return None
    topic = line_topic(chunk_name)

    def send(message: bytes) -> bool:
        worker.log_event(topic, message)
        return True

    return send


def _fetch_item(item: Any, gathered: Mapping[str, KeptResults]) -> Any:
    """Return an item with the results that it refers to; if that fails, only the item fails."""
    try:
        return fetch(item, gathered)
    except Exception as error:  # noqa: BLE001 - unpickling a result may raise anything
        return NotSent(str(error))


def _process_name() -> str:
    """Return a name that differs between a Dask worker and the next one at its address."""
    from distributed import get_worker  # noqa: PLC0415 - only Dask workers need it

    return str(get_worker().local_directory)


def _dask_cancellation() -> Callable[[], bool]:
    """Return a function that returns whether this Dask task was cancelled.

    Dask does not end a function that runs. But its worker knows which of its tasks were cancelled.
    """
    if "distributed" in sys.modules:
        from distributed.worker import thread_state  # noqa: PLC0415 - only Dask workers need it

        # this may be no Dask task
        with contextlib.suppress(AttributeError):
            key = thread_state.key
            tasks = thread_state.execution_state["worker"].state.tasks
            return lambda: key not in tasks or tasks[key].state == "cancelled"

    return lambda: False

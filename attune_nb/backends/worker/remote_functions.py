"""The far side: what a worker process does with some items of a task.

It gets the *definition* of a task once (its action, its input's template, the part of the
context that the template reads) and then *chunks* of items. The attempts are made as the threads
backend makes them; what comes back is a *report*, plain data whatever happened.
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

from attune_nb.backends.chunks.messages import KeptResults, WrongProcessError
from attune_nb.backends.chunks.serialize import NotSent, unpack
from attune_nb.backends.chunks.task_spec import TaskSpec
from attune_nb.backends.worker.chunk_runner import NOT_STARTED, ChunkRunner
from attune_nb.backends.worker.chunk_status import register_runner, track_chunk
from attune_nb.backends.worker.reaper import kill_group
from attune_nb.errors import NotSendable
from attune_nb.values.remote import fetch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

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

WATCH = 1.0  # seconds: how often a worker looks whether its engine is still there


_task_specs: dict[str, TaskSpec] = {}  # by name, in a worker of a pool of ours


def start_worker(engine: int) -> None:
    """Make this process a worker that ends with its engine.

    An interrupt is for the engine, which ends its workers itself: with all that they have begun,
    as each is a process group of its own.
    """
    if hasattr(os, "setsid"):
        with contextlib.suppress(OSError):  # it is one already
            os.setsid()
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, lambda *_: None)
        if hasattr(signal, "pthread_sigmask"):  # until now it was held back
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    # what an action begins itself is begun as anywhere; loky's own way is for loky's pools only
    multiprocessing.set_start_method("spawn", force=True)
    threading.Thread(target=_watch, args=(engine,), name="attune watch", daemon=True).start()


def _watch(engine: int) -> NoReturn:
    while os.getppid() == engine:  # it becomes another's child when that is there no more
        time.sleep(WATCH)
    kill_group(os.getpid())
    os._exit(1)


def store_task_spec(name: str, packed: bytes) -> int:
    """Take in a definition, with all that its action imports; give this process's number."""
    _task_specs[name] = definition = TaskSpec.from_bytes(packed)
    with contextlib.suppress(NotSendable):  # each chunk will say so
        definition.load()
    return os.getpid()


def run_chunk_by_name(name: str, chunk: ChunkMessage) -> bytes | None:
    """Make a chunk's attempts with a definition that came before.

    Gives None where it is not there: this is another process than the one it was sent to.
    """
    return run_chunk(_task_specs[name], chunk) if name in _task_specs else None


def drop_task_spec(name: str) -> None:
    """Let go of a definition."""
    _task_specs.pop(name, None)


def run_chunk(
    definition: TaskSpec,
    chunk: ChunkMessage,
    keys: Sequence[str] = (),
    near: Sequence[KeptResults] = (),
) -> bytes:
    """Make a chunk's attempts; give the report as bytes, which always load.

    Args:
        definition: What to do.
        chunk: What to do it to.
        keys: The names of what is near.
        near: Results that were left on the cluster, and are arguments now.
    """
    return _made(definition, chunk, dict(zip(keys, near, strict=True)))[0]


def run_chunk_keeping_results(
    definition: TaskSpec, chunk: ChunkMessage, keys: Sequence[str], near: Sequence[KeptResults]
) -> KeptResults:
    """Make a chunk's attempts; give the report and, beside it, the results themselves."""
    return KeptResults(*_made(definition, chunk, dict(zip(keys, near, strict=True)), keep=True))


def continue_chunk() -> bytes:
    """Wait for what goes on here of a chunk; give a report of it."""
    return ChunkRunner.claim().wait_for_report(_cancelled_by_dask())[0]


def copy_task_spec(definition: TaskSpec) -> TaskSpec:
    """Give a definition as it is: a copy of its own for the worker that it runs on."""
    return definition


def stand_by(seconds: float) -> None:
    """Keep a Dask worker for a moment: a cluster that adapts gives back one that does nothing.

    What has left the thread pool takes no thread from others, and its worker is not given back.
    """
    from distributed import secede  # noqa: PLC0415 - only workers of Dask need it

    secede()
    time.sleep(seconds)


def extract_report(kept: KeptResults) -> bytes:
    """Give the report without the results."""
    return kept.report


def _made(
    definition: TaskSpec,
    chunk: ChunkMessage,
    near: Mapping[str, KeptResults],
    *,
    keep: bool = False,
) -> tuple[bytes, list[Any]]:
    if chunk.process and chunk.process != _process():
        raise WrongProcessError(f"it was sent to {chunk.process}")
    if ChunkRunner.has_unclaimed() and not chunk.merges:
        return NOT_STARTED, []
    with track_chunk(chunk.name) as may_begin:
        if not may_begin:
            return NOT_STARTED, []
        items = [_near(each, near) for each in unpack(chunk.items)]
        if chunk.merges:
            making = ChunkRunner.claim()
            making.merge(chunk, items)
        else:
            try:
                parts = definition.load(near)
            except NotSendable as error:
                return pickle.dumps(str(error)), []
            making = ChunkRunner(parts, chunk, items, keep=keep)
            register_runner(chunk.name, making)
        return making.wait_for_report(_cancelled_by_dask())


def _near(item: Any, near: Mapping[str, KeptResults]) -> Any:
    try:
        return fetch(item, near)
    except Exception as error:  # noqa: BLE001 - of whatever kind, this item fails alone
        return NotSent(str(error))


def _process() -> str:
    """Give what tells a Dask worker from one that has its address after it."""
    from distributed import get_worker  # noqa: PLC0415 - only there

    return str(get_worker().local_directory)


def _cancelled_by_dask() -> Callable[[], bool]:
    """Give what tells whether this is a task of Dask's that nobody wants any more.

    Dask ends no function that runs; so it is looked at what its worker knows of the task.
    """
    if "distributed" in sys.modules:
        from distributed.worker import thread_state  # noqa: PLC0415 - only workers of Dask need it

        with contextlib.suppress(AttributeError):  # it is none
            key, tasks = thread_state.key, thread_state.execution_state["worker"].state.tasks
            return lambda: key not in tasks or tasks[key].state == "cancelled"
    return lambda: False

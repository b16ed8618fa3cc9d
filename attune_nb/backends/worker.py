"""The far side: what a worker process does with some items of a task.

It gets the *definition* of a task once (its action, its input's template, the part of the
context that the template reads) and then *chunks* of items. The attempts are made as the threads
backend makes them; what comes back is a *report*, plain data whatever happened.
"""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import os
import pickle
import random
import signal
import socket
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, NoReturn

from msgspec.structs import replace

from attune_nb.backends.attempt import Call
from attune_nb.backends.definition import Definition
from attune_nb.backends.guard import end_group
from attune_nb.backends.messages import Kept, OtherProcessError, Report
from attune_nb.backends.protocol import Job
from attune_nb.backends.threads import ThreadBackend
from attune_nb.backends.wire import NotSent, kind_of, pack, taken, unpack
from attune_nb.context import ItemScope, Moment
from attune_nb.errors import NotSendable
from attune_nb.frozen import fetched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from attune_nb.actions.registry import Action
    from attune_nb.backends.awaiting import EventLoop
    from attune_nb.backends.messages import Chunk
    from attune_nb.context import WorkflowContext
    from attune_nb.events import Batch
    from attune_nb.templates.template import Template

__all__ = [
    "begin",
    "drop",
    "hold",
    "make",
    "make_held",
    "make_kept",
    "report_of",
    "same",
    "stand_by",
]

TICK = 0.05  # seconds: how often the far side looks whether it is to begin no more
WATCH = 1.0  # seconds: how often a worker looks whether its engine is still there


_held: dict[str, Definition] = {}  # by name, in a worker of a pool of ours


def begin(engine: int) -> None:
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
    end_group(os.getpid())
    os._exit(1)


def hold(name: str, packed: bytes) -> int:
    """Take in a definition, with all that its action imports; give this process's number."""
    _held[name] = definition = Definition.arrived(packed)
    with contextlib.suppress(NotSendable):  # each chunk will say so
        definition.parts()
    return os.getpid()


def make_held(name: str, chunk: Chunk) -> bytes | None:
    """Make a chunk's attempts with a definition that came before.

    Gives None where it is not there: this is another process than the one it was sent to.
    """
    return make(_held[name], chunk) if name in _held else None


def drop(name: str) -> None:
    """Let go of a definition."""
    _held.pop(name, None)


def make(
    definition: Definition, chunk: Chunk, keys: Sequence[str] = (), near: Sequence[Kept] = ()
) -> bytes:
    """Make a chunk's attempts; give the report as bytes, which always load.

    Args:
        definition: What to do.
        chunk: What to do it to.
        keys: The names of what is near.
        near: Results that were left on the cluster, and are arguments now.
    """
    return _made(definition, chunk, dict(zip(keys, near, strict=True)))[0]


def make_kept(
    definition: Definition, chunk: Chunk, keys: Sequence[str], near: Sequence[Kept]
) -> Kept:
    """Make a chunk's attempts; give the report and, beside it, the results themselves."""
    return Kept(*_made(definition, chunk, dict(zip(keys, near, strict=True)), keep=True))


def same(definition: Definition) -> Definition:
    """Give a definition as it is: a copy of its own for the worker that it runs on."""
    return definition


def stand_by(seconds: float) -> None:
    """Keep a Dask worker for a moment: a cluster that adapts gives back one that does nothing.

    What has left the thread pool takes no thread from others, and its worker is not given back.
    """
    from distributed import secede  # noqa: PLC0415 - only workers of Dask need it

    secede()
    time.sleep(seconds)


def report_of(kept: Kept) -> bytes:
    """Give the report without the results."""
    return kept.report


def _made(
    definition: Definition, chunk: Chunk, near: Mapping[str, Kept], *, keep: bool = False
) -> tuple[bytes, list[Any]]:
    if chunk.process and chunk.process != _process():
        raise OtherProcessError(f"it was sent to {chunk.process}")
    items = [_near(each, near) for each in unpack(chunk.items)]
    try:
        parts = definition.parts(near)
    except NotSendable as error:
        return pickle.dumps(str(error)), []
    began, zero = time.time(), time.perf_counter()  # now that all is there, however large it is
    job = _job(parts, chunk, items, zero)
    backend = ThreadBackend(chunk.share, loop=_loop)
    backend.start(job)
    batch, rest = _ended(backend, job, len(items), zero + chunk.budget, _cancelled_by_dask())
    backend.close()
    places = {pair: at for at, pair in enumerate(zip(chunk.index, chunk.attempt, strict=True))}
    call: _FarCall = job.call  # type: ignore[assignment]
    report = Report(
        began=began,
        spent=time.perf_counter() - zero,
        worker=batch.worker,
        index=batch.index,
        attempt=batch.attempt,
        start=batch.start,
        duration=batch.duration,
        status=batch.status,
        results=pack([] if keep else batch.results),
        errors={row: replace(each, data=None) for row, each in batch.errors.items()},
        data=pack([each.data for each in batch.errors.values()]),
        unrendered=[row for row in batch.errors if batch.index[row] in call.unrendered],
        rest=[places[pair] for pair in rest],
        about=[_about(each) for each in batch.results] if keep else [],
        abandoned=job.abandoned,
        place=f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident()}",
    )
    return pickle.dumps(report, 5), batch.results


@functools.cache
def _only_loop() -> EventLoop:
    from attune_nb.backends.awaiting import EventLoop  # noqa: PLC0415 - asyncio takes a moment

    return EventLoop()


def _loop() -> EventLoop:
    """Give the one loop of this process: what a module keeps for its coroutines stays of use."""
    with _looping:
        return _only_loop()


_looping = threading.Lock()


def _near(item: Any, near: Mapping[str, Kept]) -> Any:
    try:
        return fetched(item, near)
    except Exception as error:  # noqa: BLE001 - of whatever kind, this item fails alone
        return NotSent(str(error))


def _process() -> str:
    """Give what tells a Dask worker from one that has its address after it."""
    from distributed import get_worker  # noqa: PLC0415 - only there

    return str(get_worker().local_directory)


def _job(parts: tuple[Any, ...], chunk: Chunk, items: list[Any], zero: float) -> Job:
    """Make a job of a chunk: all of it is to be attempted "again", nothing is left to read."""
    key, action, template, context, timeout, leaves = parts
    moments = dict(zip(chunk.index, chunk.moments, strict=False))
    job = Job(
        key,
        _FarCall(action, template, context, moments),
        _Sparse(zip(chunk.index, items, strict=True)),
        len(items),
        chunk.share,
        clock=lambda: time.perf_counter() - zero,
        retries=False,
        timeout=timeout,
    )
    job.leaves = leaves
    job.again.extend(zip(chunk.index, chunk.attempt, strict=True))
    return job


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


def _ended(
    backend: ThreadBackend,
    job: Job,
    wanted: int,
    until: float,
    cancelled: Callable[[], bool],
) -> tuple[Batch, list[tuple[int, int]]]:
    """Let the attempts come to their end; take back what was not begun in time."""
    rest: list[tuple[int, int]] = []
    while job.recorded() + len(rest) < wanted:
        if not job.stopped and cancelled():
            backend.stop(job.key, force=True)
            continue
        left = until - time.perf_counter()
        if left <= 0 and 0 < len(job.again) < wanted:  # some are begun, however late
            rest += backend.recall(job.key)
        backend.pump(min(TICK, left) if left > 0 else TICK)
    [(_, batch)] = backend.drain()
    return batch, rest


class _Sparse(dict[int, Any]):
    """Items by their number among all of a task's; to be read by number only."""

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __len__(self) -> int:
        return 0


class _FarCall(Call):
    """A call that knows which inputs could not be rendered, and when those that ask were."""

    __slots__ = ("moments", "unrendered")

    def __init__(
        self,
        action: Action,
        template: Template,
        context: WorkflowContext,
        moments: dict[int, Moment],
    ) -> None:
        super().__init__(action, template, context.at(_now))
        self.moments = moments
        self.unrendered: set[int] = set()

    def render(self, item: Any, index: Any) -> Any:
        """Render the input for one item."""
        context = self.context
        try:
            taken(item)
            moment = self.moments.get(index)
            if moment is not None:
                context = context.at(lambda: moment)
            return self.evaluate(ItemScope(context, item, index))
        except BaseException:
            self.unrendered.add(index)
            raise


def _now() -> Moment:
    return Moment(time.time(), random.getrandbits(63))


def _about(value: Any) -> str:
    """Say what a value is, but not what stands in it: here nobody knows the secrets."""
    short = type(value) is int and value.bit_length() <= 64  # noqa: PLR2004 - a machine's word
    if value is None or short or type(value) in (bool, float):
        return repr(value)
    name = kind_of(value)
    try:
        return f"{name} of {len(value):,}"
    except Exception:  # noqa: BLE001 - it has no length, or its own code raises
        return name

"""The far side: what a worker process does with some items of a task.

It gets the *definition* of a task once (its action, its input's template, the part of the
context that the template reads) and then *chunks* of items. The attempts are made as the threads
backend makes them; what comes back is a *report*, plain data whatever happened.
"""

from __future__ import annotations

import os
import pickle
import random
import signal
import socket
import threading
import time
from array import array  # noqa: TC003 - msgspec reads the annotations
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec

from attune_nb.backends.attempt import Call
from attune_nb.backends.protocol import Job
from attune_nb.backends.threads import ThreadBackend
from attune_nb.backends.wire import NotSent, Packed, pack, packed_alone, unpack
from attune_nb.context import ItemScope, Moment
from attune_nb.errors import NotSendable
from attune_nb.frozen import Elsewhere, freeze, preview, size_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from attune_nb.actions.registry import Action
    from attune_nb.context import WorkflowContext
    from attune_nb.events import Batch, ErrorInfo, Key
    from attune_nb.templates.template import Template

__all__ = [
    "Chunk",
    "Definition",
    "Kept",
    "Report",
    "begin",
    "drop",
    "make",
    "make_held",
    "make_kept",
    "report_of",
]

TICK = 0.05  # seconds: how often the far side looks whether it is to begin no more
WATCH = 1.0  # seconds: how often a worker looks whether its engine is still there


class Chunk(msgspec.Struct, frozen=True):
    """Some items of a task, each with the number of the attempt to make.

    `moments` are the times and seeds of those whose input tells the time or draws lots, so that
    each attempt of an item is made with the same input. Work is begun for `budget` seconds, on
    `share` items at once.
    """

    index: array[int]
    attempt: array[int]
    items: Packed
    moments: list[Moment]
    budget: float
    share: int


class Report(msgspec.Struct, frozen=True):
    """What became of a chunk, in columns of the same length as `Batch` has them.

    `began` is in seconds since the epoch, `spent` in seconds, `start` in seconds since `began`.
    `unrendered` are the rows whose input could not be rendered, `rest` the positions in the chunk
    of what was not begun. `about` tells what the results are, where they do not come along.
    `abandoned` counts functions that are past their time and still run. `place` is the thread that
    it was made in.
    """

    began: float
    spent: float
    worker: array[int]
    index: array[int]
    attempt: array[int]
    start: array[float]
    duration: array[float]
    status: bytes
    results: Packed
    errors: dict[int, ErrorInfo]
    unrendered: list[int]
    rest: list[int]
    about: list[str]
    abandoned: int
    place: str


class Definition:
    """What a task does to each of its items, on its way to a worker and there.

    It is packed when it is sent and unpacked when it is first used, so each side holds the
    context once.

    Args:
        key: The execution of the task.
        action: Its action.
        template: Its input.
        context: What the template reads.
        timeout: Seconds for one attempt.
        leaves: What becomes of a function that is past its time, for the error's message.
    """

    def __init__(
        self,
        key: Key,
        action: Action,
        template: Template,
        context: WorkflowContext,
        timeout: float | None,
        leaves: str,
    ) -> None:
        self._parts: tuple[Any, ...] | None = (key, action, template, context, timeout, leaves)
        self._packed: bytes | None = None
        self._lock = threading.Lock()
        self._size = context.size_bytes
        self._checked = False

    @classmethod
    def arrived(cls, packed: bytes) -> Definition:
        """Give the definition that was packed, in another process."""
        made = cls.__new__(cls)
        made.__setstate__({"size": len(packed), "packed": packed})
        return made

    def __getstate__(self) -> dict[str, Any]:
        return {"size": self._size, "packed": self.packed()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._packed, self._size = state["packed"], state["size"]
        self._parts, self._lock = None, threading.Lock()

    def __sizeof__(self) -> int:
        return self._size + object.__sizeof__(self)

    def check(self) -> None:
        """See that it can be sent.

        Raises:
            NotSendable: Something in it cannot.
        """
        if not self._checked:
            self.packed()
            self._checked = True

    def packed(self) -> bytes:
        """Give it as bytes.

        Raises:
            NotSendable: Something in it cannot be sent.
        """
        with self._lock:
            if self._packed is not None:
                return self._packed
            try:
                return packed_alone(self._parts)
            except Exception as error:  # noqa: BLE001 - as a value's own code raises it
                raise NotSendable(_not_sent(self._parts, error)) from None

    def parts(self) -> tuple[Any, ...]:
        """Give what it is made of.

        Raises:
            NotSendable: It cannot be made again in this process.
        """
        with self._lock:
            if self._parts is None:
                try:
                    self._parts = pickle.loads(self._packed or b"")  # noqa: S301 - our engine's
                except BaseException as error:  # noqa: BLE001 - as above
                    raise NotSendable(_not_made(error)) from None
                self._packed = None
            return self._parts or ()


def _not_sent(parts: Any, error: Exception) -> str:
    action, culprit = parts[1], "what its input reads of the context"
    try:
        packed_alone(action)
    except Exception:  # noqa: BLE001 - as above
        culprit = "the action, or what it refers to,"
    return (
        f"task `{parts[0][0]}` cannot be sent to a worker process: {culprit} is no data that can "
        f"be ({type(error).__name__}: {error}); have the action open what it needs, or run it on "
        "the threads backend"
    )


def _not_made(error: BaseException) -> str:
    hint = ""
    if isinstance(error, ImportError):
        hint = "; install it on the workers, or define the function in the notebook"
    return (
        "the worker process cannot make the task's action or context again "
        f"({type(error).__name__}: {error}){hint}"
    )


_held: dict[str, Definition] = {}  # by name, in a worker of a pool of ours


def begin(engine: int) -> int:
    """Make this process a worker that ends with its engine; give its own number.

    An interrupt is for the engine, which ends its workers itself.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, lambda *_: None)
    threading.Thread(target=_watch, args=(engine,), name="attune watch", daemon=True).start()
    return os.getpid()


def _watch(engine: int) -> NoReturn:
    import psutil  # noqa: PLC0415 - a worker's, not the engine's

    watched = psutil.Process(engine) if psutil.pid_exists(engine) else None
    while watched and watched.is_running() and watched.status() != psutil.STATUS_ZOMBIE:
        time.sleep(WATCH)
    os._exit(1)


def make_held(name: str, definition: bytes | None, chunk: Chunk) -> bytes | None:
    """Make a chunk's attempts with a definition that comes along or came before.

    Gives None where it is not there: this is another process than the one it was sent to.
    """
    if definition is not None:
        _held[name] = Definition.arrived(definition)
    return make(_held[name], chunk) if name in _held else None


def drop(name: str) -> None:
    """Let go of a definition."""
    _held.pop(name, None)


def make(definition: Definition, chunk: Chunk) -> bytes:
    """Make a chunk's attempts; give the report as bytes, which always load."""
    return _made(definition, chunk)[0]


def make_kept(definition: Definition, chunk: Chunk) -> Kept:
    """Make a chunk's attempts; give the report and, beside it, the results themselves."""
    return Kept(*_made(definition, chunk, keep=True))


def report_of(kept: Kept) -> bytes:
    """Give the report without the results."""
    return kept.report


class Kept:
    """The results of a chunk, which stay where they are, and the report of it."""

    def __init__(self, report: bytes, values: list[Any]) -> None:
        self.report, self._values = report, values

    def __getitem__(self, row: int) -> Any:
        return self._values[row]

    def __sizeof__(self) -> int:
        return object.__sizeof__(self) + sum(map(size_of, self._values))


def _made(definition: Definition, chunk: Chunk, *, keep: bool = False) -> tuple[bytes, list[Any]]:
    began, zero = time.time(), time.perf_counter()
    items = unpack(chunk.items)
    try:
        job = _job(definition, chunk, items, zero)
    except NotSendable as error:
        return pickle.dumps(str(error)), []
    backend = ThreadBackend(chunk.share)
    backend.start(job)
    batch, rest = _ended(backend, job, len(items), zero + chunk.budget)
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
        errors={row: _plain(each) for row, each in batch.errors.items()},
        unrendered=[row for row in batch.errors if batch.index[row] in call.unrendered],
        rest=[places[pair] for pair in rest],
        about=[preview(each, 60) for each in batch.results] if keep else [],
        abandoned=job.abandoned,
        place=f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident()}",
    )
    return pickle.dumps(report, 5), batch.results


def _job(definition: Definition, chunk: Chunk, items: list[Any], zero: float) -> Job:
    """Make a job of a chunk: all of it is to be attempted "again", nothing is left to read."""
    key, action, template, context, timeout, leaves = definition.parts()
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


def _ended(
    backend: ThreadBackend, job: Job, wanted: int, until: float
) -> tuple[Batch, list[tuple[int, int]]]:
    """Let the attempts come to their end; take back what was not begun in time."""
    rest: list[tuple[int, int]] = []
    while job.recorded() + len(rest) < wanted:
        left = until - time.perf_counter()
        if left <= 0 and job.again:
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
            _refuse_not_sent(item)
            moment = self.moments.get(index)
            if moment is not None:
                context = context.at(lambda: moment)
            return _here(self.evaluate(ItemScope(context, item, index)))
        except BaseException:
            self.unrendered.add(index)
            raise


def _here(rendered: Any) -> Any:
    """Fetch what was left elsewhere: an argument, or the parts of one."""
    if not isinstance(rendered, dict):
        return rendered
    found = {
        key: each.get() if isinstance(each, Elsewhere) else [part.get() for part in each]
        for key, each in rendered.items()
        if isinstance(each, Elsewhere)
        or (isinstance(each, list) and each and all(isinstance(part, Elsewhere) for part in each))
    }
    return freeze({**rendered, **found}) if found else rendered


def _refuse_not_sent(item: Any) -> None:
    if isinstance(item, NotSent):
        raise NotSendable(item.message)


def _now() -> Moment:
    return Moment(time.time(), random.getrandbits(63))


def _plain(error: ErrorInfo) -> ErrorInfo:
    """Give an error that loads on the other side: without what it gave, where that does not."""
    if error.data is None or not isinstance(unpack(pack([error.data]))[0], NotSent):
        return error
    return msgspec.structs.replace(error, data=None)

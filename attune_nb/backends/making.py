"""A chunk at work in a worker process: its attempts, and the reports of what became of them.

When the time for a chunk is over, what has ended is told, and what was not begun goes back. What
is under way then goes on, and whoever sent the chunk asks for the rest by its name.
"""

from __future__ import annotations

import functools
import os
import pickle
import random
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from attune_nb.backends.attempt import Call
from attune_nb.backends.columns import Columns, batch_of
from attune_nb.backends.messages import Report
from attune_nb.backends.protocol import Job
from attune_nb.backends.threads import ThreadBackend
from attune_nb.backends.wire import kind_of, pack, taken
from attune_nb.context import ItemScope, Moment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from attune_nb.actions.registry import Action
    from attune_nb.backends.awaiting import EventLoop
    from attune_nb.backends.messages import Chunk
    from attune_nb.context import WorkflowContext
    from attune_nb.events import Batch
    from attune_nb.templates.template import Template

__all__ = ["NOT_BEGUN", "Making"]

TICK = 0.05  # seconds: how often the far side looks whether it is to begin no more
PATIENCE = 30.0  # seconds until what goes on is stopped, where nobody asks for it
QUEUED = 1.0  # seconds in which what was sent before may come to this worker's turn

NOT_BEGUN = pickle.dumps(None)
"""The report of a chunk of which nothing was begun."""

_NOTHING = batch_of((), ([], Columns(lazy=False)), lazy=False, total=None)


class Making:
    """The attempts of a chunk, as far as nothing was told of them.

    Args:
        parts: Of the definition.
        chunk: What is to be made.
        items: Its items.
        keep: Whether the results stay here.
    """

    def __init__(
        self, parts: tuple[Any, ...], chunk: Chunk, items: list[Any], *, keep: bool
    ) -> None:
        # from now on, that all is there, however large it is
        self._began, self._zero = time.time(), time.perf_counter()
        self._name, self._whole = chunk.name, chunk.whole
        self._budget, self._keep = chunk.budget, keep
        self._job = _job(parts, chunk, items, self._zero)
        self._left = [*zip(chunk.index, chunk.attempt, strict=True)]
        self._place = f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident()}"
        self._backend = ThreadBackend(chunk.share, loop=_loop)
        self._backend.start(self._job)

    @staticmethod
    def waits(name: str) -> bool:
        """Tell whether anything goes on that the sender of a chunk cannot know of yet.

        What it was going to wait behind when it was sent is not over, so it must not begin.
        """
        since = time.monotonic() - QUEUED
        went_on = [each for each, (_, _, at) in list(_going.items()) if at > since]
        return any(_sender(each) == _sender(name) for each in went_on)

    @staticmethod
    def taken_up(name: str) -> Making | None:
        """Give what goes on under a name, to whoever asks first."""
        found = _going.pop(name, None)
        if found is None:
            return None
        making, alarm, _ = found
        alarm.cancel()
        return making

    def report(self, cancelled: Callable[[], bool]) -> tuple[bytes, list[Any]]:
        """Give a report as bytes, which always load, and the results that stay here.

        Args:
            cancelled: Tells whether nobody wants it any more.
        """
        batch, rest = self._ended(cancelled)
        told = {*zip(batch.index, batch.attempt, strict=True), *rest}
        at = {pair: position for position, pair in enumerate(self._left)}
        self._left = [pair for pair in self._left if pair not in told]
        report = self._report(batch, [at[pair] for pair in rest], [at[each] for each in self._left])
        if self._left:
            self._go_on()
        else:
            self._backend.close()
        return pickle.dumps(report, 5), batch.results

    def _go_on(self) -> None:
        alarm = threading.Timer(PATIENCE, self._given_up)
        alarm.daemon = True
        _going[self._name] = self, alarm, time.monotonic()
        alarm.start()

    def _given_up(self) -> None:
        if _going.pop(self._name, None) is not None:
            self._backend.stop(self._job.key, force=True)
            self._backend.close()

    def _ended(self, cancelled: Callable[[], bool]) -> tuple[Batch, list[tuple[int, int]]]:
        """Let the attempts come to their end; take back what was not begun in time."""
        job, backend, wanted = self._job, self._backend, len(self._left)
        until = max(self._zero + self._budget, time.perf_counter())
        rest: list[tuple[int, int]] = []
        while (ended := job.recorded() + len(rest)) < wanted:
            if not job.stopped and cancelled():
                backend.stop(job.key, force=True)
                continue
            left = until - time.perf_counter()
            if left <= 0 and 0 < len(job.again) < wanted:  # some are begun, however late
                rest += backend.recall(job.key)
                continue
            # whoever is told of functions that were left behind may end this process
            apart = not (self._whole or job.again or job.abandoned)
            if left <= 0 and ended and apart:
                break
            backend.pump(min(TICK, left) if left > 0 else TICK)
        drained = backend.drain()
        return drained[0][1] if drained else _NOTHING, rest

    def _report(self, batch: Batch, rest: list[int], going: list[int]) -> Report:
        call: _FarCall = self._job.call  # type: ignore[assignment]
        return Report(
            began=self._began,
            spent=time.perf_counter() - self._zero,
            worker=batch.worker,
            index=batch.index,
            attempt=batch.attempt,
            start=batch.start,
            duration=batch.duration,
            status=batch.status,
            results=pack([] if self._keep else batch.results),
            errors={row: replace(each, data=None) for row, each in batch.errors.items()},
            data=pack([each.data for each in batch.errors.values()]),
            unrendered=[row for row in batch.errors if batch.index[row] in call.unrendered],
            rest=rest,
            going=going,
            about=[_about(each) for each in batch.results] if self._keep else [],
            abandoned=self._job.abandoned,
            place=self._place,
        )


_going: dict[str, tuple[Making, threading.Timer, float]] = {}  # by name; since when


def _sender(name: str) -> str:
    return name.rpartition("-")[0]


@functools.cache
def _only_loop() -> EventLoop:
    from attune_nb.backends.awaiting import EventLoop  # noqa: PLC0415 - asyncio takes a moment

    return EventLoop()


def _loop() -> EventLoop:
    """Give the one loop of this process: what a module keeps for its coroutines stays of use."""
    with _looping:
        return _only_loop()


_looping = threading.Lock()


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

"""A chunk at work in a worker process: its attempts, and the reports of what became of them.

When the time for a chunk is over, what has ended is told, and what was not begun goes back. What
is under way then goes on, and whoever sent the chunk asks for the rest by its name; coroutines may
be joined by those of another chunk.
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
        self._since = self._zero  # what there is to tell
        self._chunk, self._keep = chunk, keep
        self._call = _FarCall(*parts[1:4])
        self._job = _job(parts, self._call, chunk.share, self._zero)
        self._left: list[tuple[int, int]] = []
        self._place = f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident()}"
        self._backend = ThreadBackend(chunk.share, loop=_loop)
        self._backend.start(self._job)
        self._take_in(chunk, items)

    def _take_in(self, chunk: Chunk, items: list[Any]) -> None:
        pairs = [*zip(chunk.index, chunk.attempt, strict=True)]
        self._job.items.update(zip(chunk.index, items, strict=True))
        self._call.moments.update(zip(chunk.index, chunk.moments, strict=False))
        self._left += pairs
        self._backend.again(self._job.key, pairs)

    def join(self, chunk: Chunk, items: list[Any]) -> None:
        """Make the attempts of another chunk of the same sender and job, too."""
        self._since, self._chunk = time.perf_counter(), chunk
        self._take_in(chunk, items)

    @staticmethod
    def goes_on() -> bool:
        """Tell whether some of a chunk goes on that nobody has asked for by now.

        Whoever sent another chunk could not know of that, so it must not begin beside it.
        """
        return bool(_going)

    @staticmethod
    def taken_up() -> Making:
        """Give what goes on, to whoever asks for it."""
        return _going.pop()

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
        self._since = time.perf_counter()
        for index, _ in told:
            self._job.items.pop(index)
            self._call.moments.pop(index, None)
            self._call.unrendered.discard(index)
        if self._left:
            _going.append(self)
        else:
            self._backend.close()
        return pickle.dumps(report, 5), batch.results

    def _ended(self, cancelled: Callable[[], bool]) -> tuple[Batch, list[tuple[int, int]]]:
        """Let the attempts come to their end; take back what was not begun in time."""
        job, backend, wanted = self._job, self._backend, len(self._left)
        rest: list[tuple[int, int]] = []
        while (ended := job.recorded() + len(rest)) < wanted:
            if not job.stopped and cancelled():
                backend.stop(job.key, force=True)
                continue
            budget = self._chunk.budget
            if self._call.awaits and not job.again:
                budget /= 2  # what ends early makes room for others
            left = self._since + budget - time.perf_counter()
            if left <= 0 and 0 < len(job.again) < wanted:  # some are begun, however late
                rest += backend.recall(job.key)
                continue
            if left <= 0 and self._may_part(ended):
                break
            backend.pump(min(TICK, left) if left > 0 else TICK)
        drained = backend.drain()
        return drained[0][1] if drained else _NOTHING, rest

    def _may_part(self, ended: int) -> bool:
        """Tell whether what is under way is to be told of apart from so many that have ended."""
        job = self._job
        # whoever is told of functions that were left behind may end this process
        if not self._chunk.parts or job.again or job.abandoned:
            return False
        room = self._call.awaits and len(self._left) - ended < job.concurrency  # for others
        return bool(ended) or room

    def _last(self, batch: Batch, now: float) -> float:
        """Give until when there was enough to do."""
        if not (self._left and len(batch) and self._call.awaits):
            return now
        return self._zero + max(map(sum, zip(batch.start, batch.duration, strict=True)))

    def _report(self, batch: Batch, rest: list[int], going: list[int]) -> Report:
        now = time.perf_counter()
        return Report(
            began=self._began,
            spent=now - self._zero,
            lately=self._last(batch, now) - self._since,
            worker=batch.worker,
            index=batch.index,
            attempt=batch.attempt,
            start=batch.start,
            duration=batch.duration,
            status=batch.status,
            results=pack([] if self._keep else batch.results),
            errors={row: replace(each, data=None) for row, each in batch.errors.items()},
            data=pack([each.data for each in batch.errors.values()]),
            unrendered=[row for row in batch.errors if batch.index[row] in self._call.unrendered],
            rest=rest,
            going=going,
            about=[_about(each) for each in batch.results] if self._keep else [],
            abandoned=self._job.abandoned,
            place=self._place,
        )


_going: list[Making] = []  # one at most: a worker process of ours is at one chunk at a time


@functools.cache
def _only_loop() -> EventLoop:
    from attune_nb.backends.awaiting import EventLoop  # noqa: PLC0415 - asyncio takes a moment

    return EventLoop()


def _loop() -> EventLoop:
    """Give the one loop of this process: what a module keeps for its coroutines stays of use."""
    with _looping:
        return _only_loop()


_looping = threading.Lock()


def _job(parts: tuple[Any, ...], call: _FarCall, share: int, zero: float) -> Job:
    """Make a job of which nothing is left to read: what is to be attempted comes "again"."""
    key, *_, timeout, leaves = parts
    job = Job(
        key,
        call,
        _Sparse(),
        0,
        share,
        clock=lambda: time.perf_counter() - zero,
        retries=False,
        timeout=timeout,
    )
    job.leaves = leaves
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

    def __init__(self, action: Action, template: Template, context: WorkflowContext) -> None:
        super().__init__(action, template, context.at(_now))
        self.moments: dict[int, Moment] = {}
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

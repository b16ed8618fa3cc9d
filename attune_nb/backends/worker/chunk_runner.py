"""A chunk at work in a worker process: its attempts, and the reports of what became of them.

When the time for a chunk is over, what was not begun goes back. What is under way goes on, and what
has ended may be told before that: as a report in parts, of which the sender asks for the next, or
in answer to a question. Coroutines may be joined by those of another chunk.
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

from attune_nb.backends.attempt.attempt import Call
from attune_nb.backends.attempt.job import Job
from attune_nb.backends.attempt.job_spec import JobSpec
from attune_nb.backends.attempt.result_columns import WorkerColumns, build_batch
from attune_nb.backends.chunks.messages import Report
from attune_nb.backends.chunks.serialize import kind_of, pack, require_sent
from attune_nb.backends.threads.backend import ThreadBackend
from attune_nb.context import ItemScope, Moment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from attune_nb.actions.registry import Action
    from attune_nb.backends.chunks.messages import ChunkMessage
    from attune_nb.backends.threads.async_pool import EventLoop
    from attune_nb.context import WorkflowContext
    from attune_nb.events import Batch
    from attune_nb.templates.template import Template

__all__ = ["NOT_STARTED", "ChunkRunner"]

TICK = 0.05  # seconds: how often the far side looks whether it is to begin no more

NOT_STARTED = pickle.dumps(None)
"""The report of a chunk of which nothing was begun."""

_NONE: tuple[list[int], WorkerColumns] = [], WorkerColumns(lazy=False)
_NOTHING = build_batch((), _NONE, lazy=False, total=None)


class ChunkRunner:
    """The attempts of a chunk: what is under way, and what became of the others.

    Args:
        parts: Of the definition.
        chunk: What is to be made.
        items: Its items.
        keep: Whether the results stay here.
    """

    def __init__(
        self, parts: tuple[Any, ...], chunk: ChunkMessage, items: list[Any], *, keep: bool
    ) -> None:
        # from now on, that all is there, however large it is
        self._began, self._zero = time.time(), time.perf_counter()
        self._since = self._zero  # what there is to tell
        self._chunk, self._keep = chunk, keep
        self._call = _FarCall(*parts[1:4])
        self._items = _Sparse()
        self._job = _job(parts, self._call, self._items, chunk.concurrency, self._zero)
        self._lock = threading.Lock()  # for what follows
        self._left: list[tuple[int, int]] = []
        self._batch = _NOTHING  # what has become of others, and did not come
        self._number, self._closed = 0, False
        self._recalled = 0  # the part that tells what was not begun, as long as it did not come
        self._place = f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident()}"
        self._backend = ThreadBackend(chunk.concurrency, loop=_loop)
        self._backend.start(self._job)
        self._take_in(chunk, items)

    def _take_in(self, chunk: ChunkMessage, items: list[Any]) -> None:
        pairs = [*zip(chunk.index, chunk.attempt, strict=True)]
        self._items.update(zip(chunk.index, items, strict=True))
        self._call.moments.update(zip(chunk.index, chunk.moments, strict=False))
        self._left += pairs
        self._backend.make_attempts(self._job.spec.key, pairs)

    def merge(self, chunk: ChunkMessage, items: list[Any]) -> None:
        """Make the attempts of another chunk of the same sender and job, too; unless all is over.

        From any thread.
        """
        with self._lock:
            if not self._closed:
                self._since, self._chunk = time.perf_counter(), chunk
                self._take_in(chunk, items)

    def acknowledge(self, number: int) -> None:
        """Take in which part has come last: what it told is not told again."""
        with self._lock:
            if number == self._number and not self._keep:
                self._batch = _NOTHING
                if self._recalled <= number:  # else it was taken back after that part was told
                    self._recalled = 0

    @staticmethod
    def has_unclaimed() -> bool:
        """Tell whether some of a chunk goes on that nobody has asked for by now.

        Whoever sent another chunk could not know of that, so it must not begin beside it.
        """
        return bool(_going)

    @staticmethod
    def claim() -> ChunkRunner:
        """Give what goes on, to whoever asks for it."""
        return _going.pop()

    def wait_for_report(self, cancelled: Callable[[], bool]) -> tuple[bytes, list[Any]]:
        """Wait, and give a report as bytes, which always load, and the results that stay here.

        Args:
            cancelled: Tells whether nobody wants it any more.
        """
        self._wait(cancelled)
        told, results = self.partial_report(), self._batch.results
        if self._left:
            self.acknowledge(self._number)
            self._since = time.perf_counter()
            _going.append(self)
        else:
            self._backend.close()
        return told, results

    def answer_probe(self) -> bytes:
        """Give such a part, where there is something to tell, or nobody was told anything yet."""
        if self._number and not (
            self._job.results.count_rows() or len(self._batch) or self._recalled
        ):
            return b""
        return self.partial_report()

    def partial_report(self) -> bytes:
        """Give a report of what became of it so far that has not come; from any thread.

        What it does not tell of at all was not begun, and is not going to be.
        """
        with self._lock:
            drained = self._backend.collect()
            if drained:
                new = drained[0][1]
                self._over({*zip(new.index, new.attempt, strict=True)})
                if len(self._batch):
                    both = [self._batch, new]
                    new = build_batch((), _NONE, both, lazy=False, total=None)
                self._batch = new
            self._number += 1
            return pickle.dumps(self._report(), 5)

    def _over(self, pairs: set[tuple[int, int]]) -> None:
        self._left = [pair for pair in self._left if pair not in pairs]
        for index, _ in pairs if self._left else ():  # else all of it is let go of
            self._items.pop(index)
            self._call.moments.pop(index, None)

    def _wait(self, cancelled: Callable[[], bool]) -> None:
        """Let the attempts come to their end; take back what was not begun in time."""
        job, backend = self._job, self._backend
        while True:
            with self._lock:
                under_way = len(self._left) - job.results.count_rows()
                self._closed = not under_way
            if self._closed:
                return
            if not job.stopped and cancelled():
                backend.stop(job.spec.key, force=True)
                continue
            budget = self._chunk.budget
            if self._call.is_async and not job.retry_queue:
                budget /= 2  # what ends early makes room for others
            left = self._since + budget - time.perf_counter()
            if left <= 0 and 0 < len(job.retry_queue) < len(
                self._left
            ):  # some are begun, however late
                with self._lock:
                    rest = backend.recall(job.spec.key)
                    self._recalled = self._number + 1
                    self._over({*rest})
                continue
            if left <= 0 and self._may_part(under_way):
                return
            backend.poll(min(TICK, left) if left > 0 else TICK)

    def _may_part(self, under_way: int) -> bool:
        """Tell whether so many that are under way are to be told of apart."""
        job = self._job
        # whoever is told of functions that were left behind may end this process
        if not self._chunk.reports_partially or job.retry_queue or job.abandoned:
            return False
        room = self._call.is_async and under_way < job.spec.concurrency  # for others
        return room or self._recalled > 0 or under_way < len(self._left)

    def _last(self, batch: Batch, now: float) -> float:
        """Give until when there was enough to do."""
        if not (self._left and len(batch) and self._call.is_async):
            return now
        return self._zero + max(map(sum, zip(batch.start, batch.duration, strict=True)))

    def _report(self) -> Report:
        batch, now = self._batch, time.perf_counter()
        return Report(
            started_at=self._began,
            elapsed=now - self._zero,
            covered_seconds=self._last(batch, now) - self._since,
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
            running=[index for index, _ in self._left],
            descriptions=[_about(each) for each in batch.results] if self._keep else [],
            abandoned=self._job.abandoned,
            thread=self._place,
            sequence=self._number,
        )


_going: list[ChunkRunner] = []  # one at most: a worker process of ours is at one chunk at a time


@functools.cache
def _only_loop() -> EventLoop:
    from attune_nb.backends.threads.async_pool import EventLoop  # noqa: PLC0415 - asyncio takes a moment

    return EventLoop()


def _loop() -> EventLoop:
    """Give the one loop of this process: what a module keeps for its coroutines stays of use."""
    with _looping:
        return _only_loop()


_looping = threading.Lock()


def _job(parts: tuple[Any, ...], call: _FarCall, items: _Sparse, share: int, zero: float) -> Job:
    """Make a job of which nothing is left to read: what is to be attempted comes "again"."""
    key, *_, timeout, leaves = parts
    spec = JobSpec(
        key=key,
        call=call,
        total=0,
        concurrency=share,
        clock=lambda: time.perf_counter() - zero,
        retries=False,
        timeout=timeout,
        timeout_effect=leaves,
    )
    return Job(spec, items)


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
        super().__init__(action, template, context.with_clock(_now))
        self.moments: dict[int, Moment] = {}
        self.unrendered: set[int] = set()

    def render(self, item: Any, index: Any) -> Any:
        """Render the input for one item."""
        context = self.context
        try:
            require_sent(item)
            moment = self.moments.get(index)
            if moment is not None:
                context = context.with_clock(lambda: moment)
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

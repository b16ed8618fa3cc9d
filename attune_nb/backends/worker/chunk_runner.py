"""Run a chunk in a worker process, and report its attempts.

A chunk has a time budget. When it is used up, items that were not started are given back. Items
that are still running go on, and attempts that have ended may be reported before these: in partial
reports that the sender requests one after the other, or in answers to status probes. Another chunk
of coroutines may be merged into a running one.
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

from attune_nb.backends.attempt.attempt import MANY_ITEMS, Call
from attune_nb.backends.attempt.job import Job
from attune_nb.backends.attempt.job_spec import JobSpec
from attune_nb.backends.attempt.result_columns import WorkerColumns, build_batch
from attune_nb.backends.chunks.messages import Report
from attune_nb.backends.chunks.serialize import describe_any, pack, require_sent
from attune_nb.backends.threads.backend import ThreadBackend
from attune_nb.backends.worker.chunk_lines import ChunkLines
from attune_nb.context import ItemScope, Moment
from attune_nb.values.frozen import may_hold_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from attune_nb.actions.registry import Action
    from attune_nb.backends.chunks.messages import ChunkMessage
    from attune_nb.backends.threads.async_pool import EventLoop
    from attune_nb.context import WorkflowContext
    from attune_nb.events import Batch
    from attune_nb.templates.template import Template

__all__ = ["NOT_STARTED", "ChunkRunner"]

# not the generator of `random` itself: its numbers are those of the user's code, which may seed it
_RANDOM = random.Random()  # noqa: S311 - seeds of expressions, no secrets

# seconds between two checks for a cancellation and for the end of the budget
TICK = 0.05

# the report of a chunk that was not started
NOT_STARTED = pickle.dumps(None)

_NO_ROWS: tuple[list[int], WorkerColumns] = [], WorkerColumns(lazy=False)
_EMPTY_BATCH = build_batch((), _NO_ROWS, lazy=False, total=None)


class ChunkRunner:
    """The attempts of one chunk, and of the chunks that are merged into it.

    Args:
        parts: The parts of the task spec.
        chunk: The chunk.
        items: Its items.
        keep: Whether the results stay in this process.
        send_lines: Sends lines of attempts that are running; None if that cannot be done.
    """

    def __init__(
        self,
        parts: tuple[Any, ...],
        chunk: ChunkMessage,
        items: list[Any],
        *,
        keep: bool,
        send_lines: Callable[[bytes], bool] | None = None,
    ) -> None:
        # the time counts from now, when everything has been unpickled, however large it is
        self._started_at = time.time()
        self._zero = time.perf_counter()
        # when the time that the next report covers began
        self._since = self._zero
        self._chunk = chunk
        self._keep = keep
        self._call = _ChunkCall(*parts[1:4])
        self._items = _ItemsByIndex()
        self._thread = f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident()}"
        self._lines: ChunkLines | None = None
        key, *_, log = parts
        if log:
            self._lines = ChunkLines(
                log, key, self._thread, send_lines, sends_each=chunk.is_suspect
            )
        self._job = _make_job(parts, self._call, self._items, chunk, self._zero, self._lines)

        # held for the following attributes
        self._lock = threading.Lock()
        # index and attempt of each item that is not in a batch
        self._unfinished: list[tuple[int, int]] = []
        # the attempts that have ended and whose report was not acknowledged
        self._batch = _EMPTY_BATCH
        self._sequence = 0
        self._is_closed = False
        # the report that gives items back, until it is acknowledged; 0 if there is none
        self._recall_sequence = 0
        # how many lines that report covers
        self._line_count = 0

        self._backend = ThreadBackend(chunk.concurrency, get_loop=_event_loop)
        self._backend.start(self._job)
        self._start_attempts(chunk, items)

    def _start_attempts(self, chunk: ChunkMessage, items: list[Any]) -> None:
        attempts = [*zip(chunk.index, chunk.attempt, strict=True)]
        if any(map(may_hold_tables, items)):
            self._call.hands_out_tables = True
        if len(items) >= MANY_ITEMS:
            self._call.expect_many()
        self._items.update(zip(chunk.index, items, strict=True))
        self._call.moments.update(zip(chunk.index, chunk.moments, strict=False))
        self._unfinished += attempts
        self._backend.make_attempts(self._job.spec.key, attempts)

    def merge(self, chunk: ChunkMessage, items: list[Any]) -> None:
        """Start the attempts of another chunk of the same job, unless all have ended.

        Any thread may call it.
        """
        with self._lock:
            if not self._is_closed:
                self._since = time.perf_counter()
                self._chunk = chunk
                self._start_attempts(chunk, items)

    def acknowledge(self, sequence: int) -> None:
        """Acknowledge a report, so that its rows are not sent again."""
        with self._lock:
            if sequence != self._sequence or self._keep:
                return

            self._batch = _EMPTY_BATCH
            if self._lines is not None:
                self._lines.acknowledge(self._line_count)
            # a recall after that report has still to be reported
            if self._recall_sequence <= sequence:
                self._recall_sequence = 0

    @staticmethod
    def has_unclaimed() -> bool:
        """Return whether an earlier chunk is still running here, and its next report unclaimed.

        A new chunk must not start beside it, since its sender did not know of it.
        """
        return bool(_unclaimed)

    @staticmethod
    def claim() -> ChunkRunner:
        """Return the runner of the earlier chunk, to wait for its next report."""
        return _unclaimed.pop()

    def wait_for_report(self, is_cancelled: Callable[[], bool]) -> tuple[bytes, list[Any]]:
        """Run the attempts until there is something to report.

        Args:
            is_cancelled: Returns whether the sender has cancelled the chunk.

        Returns:
            The report as bytes that always load, and the results that stay here.
        """
        self._run(is_cancelled)

        report = self.partial_report()
        results = self._batch.results
        if self._unfinished:
            self.acknowledge(self._sequence)
            self._since = time.perf_counter()
            _unclaimed.append(self)
        else:
            self._backend.close()
            if self._lines is not None:
                self._lines.close()
        return report, results

    def answer_probe(self) -> bytes:
        """Return a partial report; empty bytes if there is nothing new since the last one."""
        has_rows = self._job.results.count_rows() > 0 or len(self._batch) > 0
        if self._sequence and not has_rows and not self._recall_sequence:
            return b""
        return self.partial_report()

    def partial_report(self) -> bytes:
        """Return a report of the attempts that have ended and were not acknowledged.

        Items missing from the report were not started and will not be. Any thread may call it.
        """
        with self._lock:
            collected = self._backend.collect()
            if collected:
                _, batch = collected[0]
                self._remove_attempts({*zip(batch.index, batch.attempt, strict=True)})
                if len(self._batch):
                    batches = [self._batch, batch]
                    batch = build_batch((), _NO_ROWS, batches, lazy=False, total=None)
                self._batch = batch

            self._sequence += 1
            return pickle.dumps(self._build_report(), 5)

    def _remove_attempts(self, attempts: set[tuple[int, int]]) -> None:
        """Remove attempts that have ended or were given back, and their items."""
        self._unfinished = [pair for pair in self._unfinished if pair not in attempts]

        # with the last attempts, the whole runner is released
        if self._unfinished:
            for index, _ in attempts:
                self._items.pop(index)
                self._call.moments.pop(index, None)

    def _run(self, is_cancelled: Callable[[], bool]) -> None:
        """Run attempts until all have ended, or until a partial report is due.

        Items that were not started within the budget are taken back.
        """
        job = self._job
        backend = self._backend
        while True:
            with self._lock:
                open_count = len(self._unfinished) - job.results.count_rows()
                self._is_closed = open_count == 0
            if self._is_closed:
                return

            if not job.stopped and is_cancelled():
                backend.stop(job.spec.key, force=True)
                continue

            if self._lines is not None:
                self._lines.send_live()
            seconds_left = self._since + self._budget() - time.perf_counter()
            if seconds_left > 0:
                backend.poll(min(TICK, seconds_left))
            # some items are started in any case, however late it is
            elif 0 < len(job.retry_queue) < len(self._unfinished):
                self._recall_unstarted()
            elif self._can_report_partially(open_count):
                return
            else:
                backend.poll(TICK)

    def _budget(self) -> float:
        """Return the seconds until a partial report is due."""
        # coroutines that have all been started: an early report makes room for others
        if self._call.is_async and not self._job.retry_queue:
            return self._chunk.budget / 2
        return self._chunk.budget

    def _recall_unstarted(self) -> None:
        """Take back the items that were not started: they are missing from the next report."""
        with self._lock:
            recalled = self._backend.recall(self._job.spec.key)
            self._recall_sequence = self._sequence + 1
            self._remove_attempts({*recalled})

    def _can_report_partially(self, open_count: int) -> bool:
        """Return whether to report now, while some attempts are still running.

        Args:
            open_count: The number of attempts that have not ended.
        """
        job = self._job
        # a sender that learns of abandoned functions may kill this process: report them last
        if not self._chunk.reports_partially or job.retry_queue or job.abandoned:
            return False

        has_room = self._call.is_async and open_count < job.spec.concurrency
        has_ended = open_count < len(self._unfinished)
        return has_room or self._recall_sequence > 0 or has_ended

    def _busy_until(self, batch: Batch, now: float) -> float:
        """Return until when there was enough to do; `now` unless coroutines wait for the last."""
        if not self._unfinished or not len(batch) or not self._call.is_async:
            return now
        ends = map(sum, zip(batch.start, batch.duration, strict=True))
        return self._zero + max(ends)

    def _build_report(self) -> Report:
        batch = self._batch
        now = time.perf_counter()
        results = batch.results
        descriptions = []
        if self._keep:
            results = []
            descriptions = [_describe_result(result) for result in batch.results]
        lines: tuple[bytes, ...] = ()
        if self._lines is not None:
            lines = self._lines.report()
            self._line_count = self._lines.count

        return Report(
            started_at=self._started_at,
            elapsed=now - self._zero,
            covered_seconds=self._busy_until(batch, now) - self._since,
            worker=batch.worker,
            index=batch.index,
            attempt=batch.attempt,
            start=batch.start,
            duration=batch.duration,
            status=batch.status,
            results=pack(results),
            errors={row: replace(error, data=None) for row, error in batch.errors.items()},
            data=pack([error.data for error in batch.errors.values()]),
            unrendered=[row for row in batch.errors if batch.index[row] in self._call.unrendered],
            running=[index for index, _ in self._unfinished],
            descriptions=descriptions,
            abandoned=self._job.abandoned,
            thread=self._thread,
            sequence=self._sequence,
            lines=lines,
        )


# The runner whose next report is unclaimed. There is one at most: a process of the processes
# backend runs one chunk at a time.
_unclaimed: list[ChunkRunner] = []

_event_loop_lock = threading.Lock()


def _event_loop() -> EventLoop:
    """Return the only event loop of this process.

    An action's module may keep objects that belong to a loop, such as a session.
    """
    with _event_loop_lock:
        return _make_event_loop()


@functools.cache
def _make_event_loop() -> EventLoop:
    # asyncio takes a moment to import
    from attune_nb.backends.threads.async_pool import EventLoop  # noqa: PLC0415

    return EventLoop()


def _make_job(
    parts: tuple[Any, ...],
    call: _ChunkCall,
    items: _ItemsByIndex,
    chunk: ChunkMessage,
    zero: float,
    lines: ChunkLines | None,
) -> Job:
    """Return a job with no items to read: its attempts are added to its retry queue."""
    key, *_, timeout, timeout_effect, drops_results, _ = parts
    collector = None
    if lines is not None:
        collector = lines.collector
    spec = JobSpec(
        key=key,
        call=call,
        total=0,
        concurrency=chunk.concurrency,
        clock=lambda: time.perf_counter() - zero,
        retries=False,
        timeout=timeout,
        timeout_effect=timeout_effect,
        drops_results=drops_results,
        interval=chunk.spacing,
        lines=collector,
    )
    return Job(spec, items)


class _ItemsByIndex(dict[int, Any]):
    """Some of a task's items by their index; as a sequence it is empty."""

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __len__(self) -> int:
        return 0


class _ChunkCall(Call):
    """A call that records which inputs could not be rendered.

    It renders an input with the time and the random seed that the item came with.
    """

    # the engine cuts it again, once it has masked the secrets: a worker cannot recognize them
    longest_message = 2 * Call.longest_message

    __slots__ = ("moments", "unrendered")

    def __init__(self, action: Action, template: Template, context: WorkflowContext) -> None:
        super().__init__(action, template, context.with_clock(_current_moment))
        self.moments: dict[int, Moment] = {}
        self.unrendered: set[int] = set()

    def render(self, item: Any, index: Any) -> Any:
        """Return the input for an item."""
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


def _current_moment() -> Moment:
    return Moment(time.time(), _RANDOM.getrandbits(63))


def _describe_result(value: Any) -> str:
    """Return the kind of a result and its size, or a short value that can be no secret.

    Secrets are masked in the engine: a worker cannot recognize them.
    """
    is_short = type(value) is int and value.bit_length() <= 64  # noqa: PLR2004 - a machine word
    if value is None or is_short or type(value) in (bool, float):
        return repr(value)

    kind = describe_any(value)
    try:
        return f"{kind} of {len(value):,}"
    except Exception:  # noqa: BLE001 - it has no length, or its own code raises
        return kind

"""The trace events of a run: slices on threads, arrows between them, and counters.

The run is a process with a thread for each task. A task's executions are slices, with the waits
inside them, and also the attempts of a task without items. A with-items task is a process of its
own, with a thread for each worker and a counter of the items done. Slices on one thread must
nest, so a slice that would overlap another goes to a thread beside it. Arrows (flows) lead from
each execution to those that its transitions led to.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, TypeVar

from attune_nb.events import (
    NO_WORKER,
    AttemptsEnded,
    CancelRequested,
    PauseRequested,
    ResumeRequested,
    RunEnded,
    RunStarted,
    TaskEnded,
    TaskStarted,
)
from attune_nb.html import printable
from attune_nb.results.trace.attempts import TracedAttempt
from attune_nb.results.trace.executions import read_executions, to_nanoseconds
from attune_nb.results.trace.trace_events import (
    format_error,
    format_title,
    make_arrow,
    make_counter,
    make_instant,
    make_slice,
    shorten,
)
from attune_nb.results.trace.tracks import ROUNDING, Tracks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from attune_nb.events import Event, Key
    from attune_nb.results.trace.executions import TracedExecution
    from attune_nb.results.trace.trace_events import TraceEvent

__all__ = ["TraceEvents"]

T = TypeVar("T")

# the most threads for items that wait for a retry; `waited_ms` of an attempt shows every wait
_MOST_WAIT_THREADS = 16

# the place of these threads: below all workers
_BELOW_WORKERS = 1_000_000


class _PlacedExecution:
    """An execution on its thread, and how much of it has been shown so far.

    Attributes:
        execution: The execution.
        tid: The thread.
        start: The start of its slice.
        filled: The time until which the slice holds waits and attempts.
        failed_at: The end of each item's last attempt, which failed.
        done: The items that have ended for good.
        failed: The items that have failed for good.
    """

    def __init__(self, execution: TracedExecution, tid: int, start: int) -> None:
        self.execution = execution
        self.tid = tid
        self.start = start
        self.filled = start
        self.failed_at: dict[int, int] = {}
        self.done = 0
        self.failed = 0


class TraceEvents:
    """Yields the trace events of a run.

    A slice comes before the slices in it, and an arrow after both its slices: if times are
    equal, Perfetto follows the order.
    """

    def __init__(self, events: Sequence[Event]) -> None:
        self._events = events
        self._executions = read_executions(events)
        self._tracks = Tracks()
        self._placed: dict[Key, _PlacedExecution] = {}
        self._arrow_numbers = itertools.count(1)
        self._pid = 0

    def __iter__(self) -> Iterator[TraceEvent]:
        yield from self._show_run()
        for event in self._events:
            if not isinstance(event, TaskStarted | AttemptsEnded | TaskEnded):
                continue

            key = (event.task, event.visit)
            if key not in self._placed:
                yield from self._show_execution(self._executions[key])
            if isinstance(event, AttemptsEnded) and event.batch.count:
                yield from self._show_batch(self._placed[key], event)

    def _show_run(self) -> Iterator[TraceEvent]:
        """Yield the slice of the run, and its pauses."""
        name = "workflow"
        process = name
        started = self._find_first(RunStarted)
        if started is not None:
            name = printable(started.workflow)
            process = f"{name} ({started.run_id})"

        args: dict[str, Any] = {"status": "unfinished"}
        ended = self._find_first(RunEnded)
        if ended is not None:
            args["status"] = ended.status
            if ended.error:
                args["error"] = shorten(ended.error)

        self._pid = self._tracks.process(process)
        now = to_nanoseconds(max((event.time for event in self._events), default=0.0))
        tid, _ = self._tracks.place(self._pid, "run", 0, now, order=0)
        yield from self._tracks.take_metadata()

        title = format_title(name, args["status"])
        yield make_slice((self._pid, tid), title, "run", 0, now, args)
        yield from self._show_requests(tid, now)

    def _find_first(self, kind: type[T]) -> T | None:
        """Return the first event of a kind, or None if there is none."""
        for event in self._events:
            if isinstance(event, kind):
                return event

        return None

    def _show_requests(self, tid: int, now: int) -> Iterator[TraceEvent]:
        """Yield the pauses of the run, and the request to cancel it."""
        thread = (self._pid, tid)
        paused_since: int | None = None
        for event in self._events:
            time = to_nanoseconds(event.time)
            if isinstance(event, PauseRequested) and paused_since is None:
                paused_since = time

            elif isinstance(event, ResumeRequested | CancelRequested | RunEnded):
                if paused_since is not None:
                    yield make_slice(thread, "paused", "wait", paused_since, time)
                paused_since = None

            if isinstance(event, CancelRequested):
                yield make_instant(thread, "cancel requested", "run", time)

        if paused_since is not None:
            yield make_slice(thread, "paused", "wait", paused_since, now)

    def _show_execution(self, execution: TracedExecution) -> Iterator[TraceEvent]:
        """Yield the slice of an execution, the arrows to it, and its first waits."""
        name = printable(execution.task)
        order = len(self._placed) + 1
        tid, start = self._tracks.place(
            self._pid, name, execution.start, execution.end, order=order
        )
        placed = _PlacedExecution(execution, tid, start)
        self._placed[execution.key] = placed
        yield from self._tracks.take_metadata()

        title = format_title(name + _format_visit(execution), execution.status)
        args = _execution_args(execution)
        yield make_slice((self._pid, tid), title, "task", start, execution.end, args)

        for cause in execution.causes:
            if cause in self._placed:
                yield from self._show_arrow(self._placed[cause], placed)

        if execution.wait_ended is not None:
            yield from self._fill(placed, "waits for an answer", execution.wait_ended)
        if execution.delay_ended is not None:
            yield from self._fill(placed, "delay", execution.delay_ended)
        if execution.first_start is not None:
            yield from self._fill(placed, "queued", execution.first_start)
        elif execution.question_opened is not None:
            yield from self._fill(placed, "waits for an answer", execution.end)

    def _fill(self, placed: _PlacedExecution, name: str, until: int) -> Iterator[TraceEvent]:
        """Yield a wait in an execution's slice, from the time until which that is filled."""
        until = min(until, placed.execution.end)

        if until - placed.filled > ROUNDING:
            yield make_slice((self._pid, placed.tid), name, "wait", placed.filled, until)
            placed.filled = until

    def _show_arrow(
        self, source: _PlacedExecution, target: _PlacedExecution
    ) -> Iterator[TraceEvent]:
        """Yield an arrow from one execution to the next."""
        if source.start > target.start:
            # an event is missing, and an arrow back in time would be no use
            return

        # a nanosecond before the end of its slice, where it cannot belong to a later one
        leaves = max(source.start, source.execution.end - 1)
        leaves = min(leaves, target.start)

        start = (source.tid, leaves)
        end = (target.tid, target.start)
        yield from make_arrow(next(self._arrow_numbers), self._pid, start, end)

    def _show_batch(self, placed: _PlacedExecution, event: AttemptsEnded) -> Iterator[TraceEvent]:
        """Yield the attempts of a batch in order of start, and the counter of the items."""
        batch = event.batch
        execution = placed.execution
        show = self._show_item if execution.with_items else self._show_attempt

        for row in sorted(range(len(batch)), key=batch.start.__getitem__):
            if batch.worker[row] == NO_WORKER:
                # cancelled before it began
                continue
            failed_before = placed.failed_at.pop(batch.index[row], None)
            attempt = TracedAttempt.read(batch, row, failed_before)
            if attempt.status != "succeeded":
                placed.failed_at[attempt.index] = attempt.end

            yield from show(placed, attempt)

        retried = execution.retried_by_time[event.time]
        placed.done += batch.count - retried
        placed.failed += batch.failed - retried

        if execution.with_items:
            pid = self._items_process(execution)
            name = "items" + _format_visit(execution)
            counts = {"done": placed.done, "failed": max(placed.failed, 0)}
            yield make_counter(pid, name, to_nanoseconds(event.time), counts)

    def _show_attempt(
        self, placed: _PlacedExecution, attempt: TracedAttempt
    ) -> Iterator[TraceEvent]:
        """Yield an attempt of a task without items: in the task's slice if there is space."""
        last = placed.execution.end
        fits = placed.filled - ROUNDING <= attempt.start and attempt.end <= last + ROUNDING

        if fits:
            if attempt.failed_before is not None:
                yield from self._fill(placed, "waits to be tried again", attempt.start)

            tid = placed.tid
            start = max(attempt.start, placed.filled)
            end = max(start, min(attempt.end, last))
            placed.filled = end
        else:
            name = f"{printable(placed.execution.task)} attempts"
            order = len(self._placed)
            tid, start = self._tracks.place(
                self._pid, name, attempt.start, attempt.end, order=order
            )
            end = max(start, attempt.end)
            yield from self._tracks.take_metadata()

        title = format_title(f"attempt {attempt.number}", attempt.status)
        args = attempt.make_args(start)
        yield make_slice((self._pid, tid), title, "attempt", start, end, args)

    def _show_item(self, placed: _PlacedExecution, attempt: TracedAttempt) -> Iterator[TraceEvent]:
        """Yield an attempt of an item on its worker's thread, and the wait before it."""
        pid = self._items_process(placed.execution)
        worker = attempt.worker
        tid, start = self._tracks.place(
            pid, f"worker {worker}", attempt.start, attempt.end, order=worker
        )
        yield from self._tracks.take_metadata()

        name = f"item {attempt.index}"
        if attempt.number > 1:
            name += f", attempt {attempt.number}"

        title = format_title(name, attempt.status)
        end = max(start, attempt.end)
        yield make_slice((pid, tid), title, "attempt", start, end, attempt.make_args(start))

        since = attempt.failed_before
        if since is not None and start - since > ROUNDING:
            yield from self._show_item_wait(pid, attempt.index, since, start)

    def _show_item_wait(self, pid: int, item: int, since: int, until: int) -> Iterator[TraceEvent]:
        """Yield the wait of an item for a retry, if there are threads left for it."""
        place = self._tracks.place_on_few(
            _MOST_WAIT_THREADS,
            pid,
            "waits to be tried again",
            since,
            until,
            order=_BELOW_WORKERS,
        )
        yield from self._tracks.take_metadata()

        if place is not None:
            tid, start = place
            yield make_slice((pid, tid), f"item {item} waits", "wait", start, max(start, until))

    def _items_process(self, execution: TracedExecution) -> int:
        """Return the process of a with-items task."""
        return self._tracks.process(f"{printable(execution.task)}: items")


def _execution_args(execution: TracedExecution) -> dict[str, Any]:
    """Return the arguments of an execution's slice."""
    args: dict[str, Any] = {
        "status": execution.status,
        "visit": execution.visit,
        "attempts": execution.attempts,
    }

    if execution.with_items:
        args["items"] = execution.total
    if execution.error is not None:
        args["error"] = format_error(execution.error)
    return args


def _format_visit(execution: TracedExecution) -> str:
    return f" #{execution.visit}" if execution.visit > 1 else ""

"""The events of a run as trace events: slices on threads, arrows between them, and counters.

The run is a process with a thread for each task: its executions are slices, and the waits
stand inside them, as do the attempts of a task without items. A with-items task is a process of
its own, with a thread for each worker and a counter of the items done. Slices on one thread
must nest, so what would overlap goes to a thread beside it. Arrows (flows) lead from each
execution to those that its transitions led to.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.events import (
    STATUS_CODES,
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
from attune_nb.results.trace.executions import nanoseconds, read_executions
from attune_nb.results.trace.tracks import NEAR, Tracks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from attune_nb.events import Batch, ErrorInfo, Event, Key
    from attune_nb.results.trace.executions import Execution

__all__ = ["Slices"]

_LONGEST = 500  # characters of an error
_WAITS = 16  # threads for items that wait to be tried again; an attempt's `waited_ms` tells of all
_BELOW = 1_000_000  # the place of these threads: below the workers

Traced = dict[str, Any]
"""One trace event."""


class _Placed:
    """An execution on its thread: what has been told of it so far."""

    def __init__(self, one: Execution, tid: int, start: int) -> None:
        self.one = one
        self.tid = tid
        self.start = self.filled = start  # until where the thread is filled below the slice
        self.again: dict[int, int] = {}  # item -> the end of its last attempt, which failed
        self.done = self.failed = 0  # items


class Slices:
    """Goes through the events once more, and gives the trace events in turn.

    A slice is given before what stands in it, and an arrow after both its slices: where times
    are equal, Perfetto goes by the order.
    """

    def __init__(self, events: Sequence[Event]) -> None:
        self._events = events
        self._executions = read_executions(events)
        self._tracks = Tracks()
        self._placed: dict[Key, _Placed] = {}
        self._arrows = itertools.count(1)
        self._pid = 0

    def __iter__(self) -> Iterator[Traced]:
        yield from self._run()
        for event in self._events:
            if isinstance(event, TaskStarted | AttemptsEnded | TaskEnded):
                key = (event.task, event.visit)
                if key not in self._placed:
                    yield from self._open(self._executions[key])
                if isinstance(event, AttemptsEnded) and len(event.batch):
                    yield from self._attempts(self._placed[key], event)

    def _run(self) -> Iterator[Traced]:
        """Give the run's own slice."""
        first = next((each for each in self._events if isinstance(each, RunStarted)), None)
        ended = next((each for each in self._events if isinstance(each, RunEnded)), None)
        name = printable(first.workflow) if first is not None else "workflow"
        self._pid = self._tracks.process(f"{name} ({first.run_id})" if first is not None else name)
        now = nanoseconds(max((each.time for each in self._events), default=0.0))
        tid, _ = self._tracks.place(self._pid, "run", 0, now, order=0)
        yield from self._tracks.news()
        args: Traced = {"status": ended.status if ended is not None else "unfinished"}
        if ended is not None and ended.error:
            args["error"] = _cut(ended.error)
        yield _slice(self._pid, tid, _said(name, args["status"]), "run", 0, now, args)
        yield from self._asked(tid, now)

    def _asked(self, tid: int, now: int) -> Iterator[Traced]:
        """Give what was asked of the run meanwhile: that it pause, go on, or stop."""
        since: int | None = None
        for event in self._events:
            time = nanoseconds(event.time)
            if isinstance(event, PauseRequested) and since is None:
                since = time
            elif isinstance(event, ResumeRequested | CancelRequested | RunEnded):
                if since is not None:
                    yield _slice(self._pid, tid, "paused", "wait", since, time)
                since = None
            if isinstance(event, CancelRequested):
                told = {"ph": "i", "name": "cancel requested", "cat": "run", "s": "t"}
                yield {**told, "pid": self._pid, "tid": tid, "ts": time / 1000}
        if since is not None:
            yield _slice(self._pid, tid, "paused", "wait", since, now)

    def _open(self, one: Execution) -> Iterator[Traced]:
        """Give the slice of an execution, what led to it, and what it waited for at first."""
        name, order = printable(one.task), len(self._placed) + 1
        tid, start = self._tracks.place(self._pid, name, one.start, one.end, order=order)
        placed = self._placed[one.key] = _Placed(one, tid, start)
        yield from self._tracks.news()
        args: Traced = {"status": one.status, "visit": one.visit, "attempts": one.attempts}
        if one.with_items:
            args["items"] = one.total
        if one.error is not None:
            args["error"] = _text(one.error)
        title = _said(name + _visit(one), one.status)
        yield _slice(self._pid, tid, title, "task", start, one.end, args)
        for cause in one.causes:
            yield from self._arrow(self._placed.get(cause), placed)
        if one.released is not None:
            yield from self._fill(placed, "delay", one.released)
        if one.began is not None:
            yield from self._fill(placed, "queued", one.began)
        elif one.asked is not None:
            yield from self._fill(placed, "waits for an answer", one.end)

    def _fill(self, placed: _Placed, name: str, until: int) -> Iterator[Traced]:
        """Give a wait that stands in an execution's slice, from where that is filled."""
        until = min(until, placed.one.end)
        if until - placed.filled > NEAR:
            yield _slice(self._pid, placed.tid, name, "wait", placed.filled, until)
            placed.filled = until

    def _arrow(self, source: _Placed | None, target: _Placed) -> Iterator[Traced]:
        if source is None or source.start > target.start:
            return  # an event is missing: an arrow from nowhere would be no use
        # a nanosecond before its end, where no later slice can be meant
        leaves = min(max(source.start, source.one.end - 1), target.start)
        told = {"name": "led to", "cat": "transition", "id": next(self._arrows), "pid": self._pid}
        yield {"ph": "s", **told, "tid": source.tid, "ts": leaves / 1000}
        yield {"ph": "f", "bp": "e", **told, "tid": target.tid, "ts": target.start / 1000}

    def _attempts(self, placed: _Placed, event: AttemptsEnded) -> Iterator[Traced]:
        """Give the attempts of a batch in order of start, and how far the task has come."""
        batch, one = event.batch, placed.one
        give = self._item if one.with_items else self._attempt
        for row in sorted(range(len(batch)), key=batch.start.__getitem__):
            attempt = _Attempt.of(batch, row, placed.again.pop(batch.index[row], None))
            if attempt.status != "succeeded":
                placed.again[attempt.index] = attempt.end
            yield from give(placed, attempt)
        placed.done += len(batch) - one.retried[event.time]
        placed.failed += batch.failed - one.retried[event.time]
        if one.with_items:
            counts = {"done": placed.done, "failed": max(placed.failed, 0)}
            pid = self._items_pid(one)
            told = {"ph": "C", "name": "items" + _visit(one), "pid": pid, "tid": pid}
            yield {**told, "ts": nanoseconds(event.time) / 1000, "args": counts}

    def _attempt(self, placed: _Placed, attempt: _Attempt) -> Iterator[Traced]:
        """Give an attempt of a task without items: in the task's slice, where there is room."""
        name, tid, last = f"attempt {attempt.number}", placed.tid, placed.one.end
        if placed.filled - NEAR <= attempt.start and attempt.end <= last + NEAR:
            if attempt.since is not None:
                yield from self._fill(placed, "waits to be tried again", attempt.start)
            start = max(attempt.start, placed.filled)
            end = placed.filled = max(start, min(attempt.end, last))
        else:
            beside, order = f"{printable(placed.one.task)} attempts", len(self._placed)
            tid, start = self._tracks.place(
                self._pid, beside, attempt.start, attempt.end, order=order
            )
            end = max(start, attempt.end)
            yield from self._tracks.news()
        title, args = _said(name, attempt.status), attempt.told(start)
        yield _slice(self._pid, tid, title, "attempt", start, end, args)

    def _item(self, placed: _Placed, attempt: _Attempt) -> Iterator[Traced]:
        """Give an attempt of an item on its worker's thread, and what it waited for."""
        pid, item, worker = self._items_pid(placed.one), f"item {attempt.index}", attempt.worker
        tid, start = self._tracks.place(
            pid, f"worker {worker}", attempt.start, attempt.end, order=worker
        )
        yield from self._tracks.news()
        again = f", attempt {attempt.number}" if attempt.number > 1 else ""
        title, end = _said(item + again, attempt.status), max(start, attempt.end)
        yield _slice(pid, tid, title, "attempt", start, end, attempt.told(start))
        if attempt.since is not None and start - attempt.since > NEAR:
            wait = self._tracks.place_few(
                _WAITS, pid, "waits to be tried again", attempt.since, start, order=_BELOW
            )
            yield from self._tracks.news()
            if wait is not None:
                yield _slice(pid, wait[0], f"{item} waits", "wait", wait[1], max(wait[1], start))

    def _items_pid(self, one: Execution) -> int:
        return self._tracks.process(f"{printable(one.task)}: items")


class _Attempt(msgspec.Struct, gc=False):
    """A row of a batch, in nanoseconds; `since` is when the item's last attempt failed."""

    index: int
    number: int
    worker: int
    start: int
    end: int
    status: str
    error: ErrorInfo | None
    since: int | None

    @classmethod
    def of(cls, batch: Batch, row: int, since: int | None) -> _Attempt:
        begun = batch.start[row]
        start = max(nanoseconds(begun), 0)
        end = max(nanoseconds(begun + batch.duration[row]), start)
        status, error = STATUS_CODES[batch.status[row]], batch.errors.get(row)
        number, worker = batch.attempt[row], batch.worker[row]
        return cls(batch.index[row], number, worker, start, end, status, error, since)

    def told(self, start: int) -> Traced:
        """Say what is known of it, which is to be seen as begun at `start`."""
        args: Traced = {"index": self.index, "attempt": self.number}
        args |= {"status": self.status, "worker": self.worker}
        if self.since is not None:
            args["waited_ms"] = max(start - self.since, 0) / 1e6
        if self.error is not None:
            args["error"] = _text(self.error)
        return args


def _slice(
    pid: int, tid: int, name: str, kind: str, start: int, end: int, args: Traced | None = None
) -> Traced:
    told = {"ph": "X", "name": name, "cat": kind, "pid": pid, "tid": tid, "ts": start / 1000}
    return {**told, "dur": (end - start) / 1000, "args": args or {}}


def _said(name: str, status: str) -> str:
    """Name a slice; its status too where it is not the usual one, so that it can be searched for.

    Perfetto colours slices by their names, so these look different as well.
    """
    return name if status == "succeeded" else f"{name}: {status.replace('_', ' ')}"


def _visit(one: Execution) -> str:
    return f" #{one.visit}" if one.visit > 1 else ""


def _text(error: ErrorInfo) -> str:
    return _cut(f"{error.type}: {error.message}")


def _cut(text: str) -> str:
    text = printable(text)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + " …"

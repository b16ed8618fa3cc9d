"""Counters of runs that only grow, as Prometheus needs them, read from stores.

Each look at a store reads the runs and the events that are new, and the runs that had not ended at
the look before. So a look costs the same however many runs a store holds.
"""

from __future__ import annotations

import itertools
import socket
import time
from bisect import bisect_left
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from attune_nb.errors import StoreError
from attune_nb.server.live.event_data import TaskEndData, TaskStartData
from attune_nb.store.blobs import load_data
from attune_nb.store.database import connected
from attune_nb.store.files import file_identity
from attune_nb.store.reading import ENDED, is_alive

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from attune_nb.events import Key
    from attune_nb.store.files import FileIdentity

__all__ = ["BUCKETS", "OTHER", "STATES", "Histogram", "Labels", "OpenRun", "RunCounters"]

Labels = tuple[str, ...]

OTHER = "other"
"""The label of workflows and tasks beyond the limits."""

STATES = ("running", "paused", "waiting")
"""The states of a run that has not ended; it is waiting while a question is open."""

BUCKETS = (0.01, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0, 1_800.0, 3_600.0, 21_600.0)
"""The upper limits of the buckets of durations, in seconds."""

# labels: each workflow has a dozen time series, and each task three dozen
_MAX_WORKFLOWS = 50
_MAX_TASKS = 200

# the runs of which the tasks are read at the first look at a store
_MAX_FIRST_RUNS = 1_000

_SCOPES = "workflow.context.clone_count"
_CONTEXT_BYTES = "workflow.context.size_bytes"

_SELECT_RUNS = """
SELECT number, workflow, status, started, duration, items, failed, questions, metrics,
    host, pid, born, beat, owner
FROM runs
WHERE parent = '' AND (number > ? OR number IN (SELECT value FROM json_each(?)))
ORDER BY number DESC
"""
_SELECT_TASKS = """
SELECT number, kind, time, task, visit, data FROM events
WHERE run = ? AND number > ? AND kind IN ('TaskStarted', 'TaskEnded')
ORDER BY number
"""


class _RunRow(msgspec.Struct, frozen=True):
    """The row of a run, with the types that its columns must have."""

    number: int
    workflow: str
    status: str
    started: float
    duration: float
    items: int
    failed: int
    questions: int
    metrics: str
    host: str
    pid: int
    born: float
    beat: float
    owner: str


class OpenRun(NamedTuple):
    """A run that is alive.

    Attributes:
        workflow: The label of its workflow.
        state: Its state, one of `STATES`.
        questions: Its open questions.
        host: The host of its engine.
        pid: The process of its engine.
    """

    workflow: str
    state: str
    questions: int
    host: str
    pid: int


class Histogram:
    """Counts durations in buckets.

    Attributes:
        counts: The durations of each bucket; the last one has no upper limit.
        total: The sum of the durations, in seconds.
    """

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """Count a duration."""
        self.counts[bisect_left(BUCKETS, seconds)] += 1
        self.total += seconds

    def cumulative(self) -> list[int]:
        """Return for each bucket how many durations are in it or in a shorter one."""
        return list(itertools.accumulate(self.counts))


class _Followed:
    """A run that had not ended at the last look.

    Attributes:
        items: Its items that are counted.
        failed: Its failed items that are counted.
        last_event: The number of the last event that was read.
        starts: When its open executions started, and whether they have items.
        dead_owner: The token of an engine that is known to be dead; None for none.
    """

    def __init__(self, last_event: int = -1) -> None:
        self.items = 0
        self.failed = 0
        self.last_event = last_event
        self.starts: dict[Key, tuple[float, bool]] = {}
        self.dead_owner: str | None = None


class RunCounters:
    """The figures of the runs of some stores. One thread at a time may use it.

    A run that is forgotten, and a store that is removed, stay counted. Runs within runs are not
    counted, nor are their tasks.

    Attributes:
        ended: The runs that have ended, by workflow and status.
        durations: The durations of these runs, by workflow.
        items: The items that have ended, by workflow; also those of runs that have not ended.
        failed_items: Those that failed.
        scopes: The scopes that were made for items, by workflow.
        context_bytes: The size of the context at the end of the latest run, by workflow.
        task_durations: The durations of executions of tasks, by workflow, task and status.
        item_durations: The durations of executions of tasks with items, by workflow and task.
        read_time: When all stores were last read, in seconds since the epoch, UTC; 0 if never.
    """

    def __init__(self) -> None:
        self.ended: Counter[tuple[str, str]] = Counter()
        self.durations: dict[Labels, Histogram] = {}
        self.items: Counter[Labels] = Counter()
        self.failed_items: Counter[Labels] = Counter()
        self.scopes: Counter[Labels] = Counter()
        self.context_bytes: dict[Labels, float] = {}
        # when the run of that context started
        self._context_starts: dict[Labels, float] = {}
        self.task_durations: dict[Labels, Histogram] = {}
        self.item_durations: dict[Labels, Histogram] = {}
        self.read_time = 0.0

        self._workflows: set[str] = set()
        self._tasks: set[Labels] = set()
        self._stores: dict[Path, _StoreReader] = {}

    @property
    def workflows(self) -> list[str]:
        """The labels of the workflows, sorted."""
        return sorted(self._workflows)

    @property
    def interrupted(self) -> Counter[Labels]:
        """How many runs have not ended and have no process any more, by workflow."""
        counts: Counter[Labels] = Counter()
        for workflow in self._workflows:
            counts[(workflow,)] = 0
        for store in self._stores.values():
            counts.update(store.interrupted)
        return counts

    @property
    def open_runs(self) -> list[OpenRun]:
        """The runs that are alive, of all stores that were there at the last look."""
        runs: list[OpenRun] = []
        for store in self._stores.values():
            runs += store.open_runs
        return runs

    def read(self, paths: Iterable[Path]) -> None:
        """Read the new rows of stores.

        Args:
            paths: The stores. One that does not exist, or cannot be read, is left out.
        """
        # in their order: the runs of the main store are the first to get labels
        resolved = list(dict.fromkeys(path.resolve() for path in paths))
        for path in self._stores.keys() - set(resolved):
            self._stores[path].forget_runs()

        is_complete = True
        for path in resolved:
            store = self._stores.get(path)
            if store is None:
                store = _StoreReader(path, self)
                self._stores[path] = store

            try:
                store.read()
            except StoreError:
                # another program has damaged or locked it; the page says so
                is_complete = False
                store.forget_runs()

        if is_complete:
            self.read_time = time.time()

    def label_of(self, workflow: str) -> str:
        """Return the label of a workflow: its name, or `other` if there are too many."""
        if workflow in self._workflows:
            return workflow
        if len(self._workflows) >= _MAX_WORKFLOWS:
            return OTHER
        self._workflows.add(workflow)
        return workflow

    def set_context_bytes(self, workflow: str, size: float, started: float) -> None:
        """Note the size of the context of a run, unless a later one is known."""
        labels = (workflow,)
        if started >= self._context_starts.get(labels, 0.0):
            self._context_starts[labels] = started
            self.context_bytes[labels] = size

    def task_labels(self, workflow: str, task: str) -> Labels:
        """Return the labels of a task of a workflow."""
        labels = (workflow, task)
        if labels in self._tasks:
            return labels
        if workflow == OTHER or len(self._tasks) >= _MAX_TASKS:
            return (workflow, OTHER)
        self._tasks.add(labels)
        return labels


class _StoreReader:
    """Reads one store, and adds its runs to counters.

    Attributes:
        open_runs: The runs that are alive.
        interrupted: How many others have not ended, by workflow.
    """

    def __init__(self, path: Path, counters: RunCounters) -> None:
        self._path = path
        self._counters = counters
        self._identity: FileIdentity | None = None
        self._last_number = 0
        self._followed: dict[int, _Followed] = {}
        self._is_first = True

        self.open_runs: list[OpenRun] = []
        self.interrupted: Counter[Labels] = Counter()

    def forget_runs(self) -> None:
        """Show no runs that are alive or interrupted, until the next look."""
        self.open_runs = []
        self.interrupted = Counter()

    def read(self) -> None:
        """Read the new rows.

        Raises:
            StoreError: The store cannot be read.
        """
        if not self._path.exists():
            self._forget_file(None)
            return

        identity = file_identity(self._path)
        if identity != self._identity:
            # another file has taken the place of the one before, with runs of its own
            self._forget_file(identity)

        self.forget_runs()
        with connected(self._path) as connection:
            followed = msgspec.json.encode(list(self._followed)).decode()
            rows = connection.execute(_SELECT_RUNS, (self._last_number, followed)).fetchall()
            for position, row in enumerate(rows):
                run = _convert(row)
                if run is None:
                    continue
                self._count_run(connection, run, position)

        numbers = [row[0] for row in rows if isinstance(row[0], int)]
        self._last_number = max([self._last_number, *numbers])
        self._is_first = False
        # runs that were forgotten
        for number in self._followed.keys() - set(numbers):
            del self._followed[number]

    def _forget_file(self, identity: FileIdentity | None) -> None:
        self._identity = identity
        self._last_number = 0
        self._followed = {}
        self.forget_runs()

    def _count_run(self, connection: sqlite3.Connection, run: _RunRow, position: int) -> None:
        """Count the changes of a run since the look before."""
        counters = self._counters
        workflow = counters.label_of(run.workflow)
        followed = self._followed.get(run.number)
        if followed is None:
            followed = _Followed()
            self._followed[run.number] = followed

        # retries take items back that had failed: a counter never decreases
        counters.items[(workflow,)] += max(0, run.items - followed.items)
        counters.failed_items[(workflow,)] += max(0, run.failed - followed.failed)
        followed.items = max(run.items, followed.items)
        followed.failed = max(run.failed, followed.failed)
        has_ended = run.status in ENDED

        # nothing more comes from a run whose process is dead
        is_dead = followed.dead_owner == run.owner and not has_ended
        is_read = not self._is_first or position < _MAX_FIRST_RUNS
        if is_read and not is_dead:
            self._count_tasks(connection, run.number, workflow, followed)

        if has_ended:
            del self._followed[run.number]
            self._count_end(run, workflow)
        elif is_dead or not _is_alive(run):
            self.interrupted[(workflow,)] += 1
            if run.host == socket.gethostname():
                # on another host it may give a sign of life again
                followed.dead_owner = run.owner
        else:
            state = _state_of(run)
            self.open_runs.append(OpenRun(workflow, state, run.questions, run.host, run.pid))

    def _count_end(self, run: _RunRow, workflow: str) -> None:
        """Count a run that has ended."""
        counters = self._counters
        counters.ended[workflow, run.status] += 1
        counters.durations.setdefault((workflow,), Histogram()).add(run.duration)
        try:
            figures = msgspec.json.decode(run.metrics, type=dict[str, float])
        except msgspec.DecodeError:
            return

        counters.scopes[(workflow,)] += int(figures.get(_SCOPES, 0))
        if _CONTEXT_BYTES in figures:
            counters.set_context_bytes(workflow, figures[_CONTEXT_BYTES], run.started)

    def _count_tasks(
        self, connection: sqlite3.Connection, number: int, workflow: str, followed: _Followed
    ) -> None:
        """Count the executions of tasks that have ended since the last look."""
        rows = connection.execute(_SELECT_TASKS, (number, followed.last_event)).fetchall()
        for event_number, kind, event_time, task, visit, data in rows:
            followed.last_event = event_number
            try:
                text = load_data(connection, data)
                if kind == "TaskStarted":
                    start = msgspec.json.decode(text, type=TaskStartData)
                    followed.starts[task, visit] = (event_time, start.with_items)
                    continue

                status = msgspec.json.decode(text, type=TaskEndData).status
                # a skipped task has no start
                started, has_items = followed.starts.pop((task, visit), (event_time, False))
                seconds = max(0.0, event_time - started)
            except (StoreError, msgspec.DecodeError, TypeError):
                # a damaged row
                continue

            self._count_task(workflow, task, status, seconds, has_items=has_items)

    def _count_task(
        self, workflow: str, task: str, status: str, seconds: float, *, has_items: bool
    ) -> None:
        counters = self._counters
        labels = counters.task_labels(workflow, task)
        counters.task_durations.setdefault((*labels, status), Histogram()).add(seconds)
        if has_items:
            counters.item_durations.setdefault(labels, Histogram()).add(seconds)


def _convert(row: Sequence[Any]) -> _RunRow | None:
    """Return the row of a run; None if it is damaged."""
    fields = dict(zip(_RunRow.__struct_fields__, row, strict=True))
    try:
        return msgspec.convert(fields, _RunRow)
    except msgspec.ValidationError:
        return None


def _is_alive(run: _RunRow) -> bool:
    return is_alive(run.host, run.pid, run.born, run.beat, run.owner)


def _state_of(run: _RunRow) -> str:
    """Return the state of a run that is alive."""
    if run.questions:
        return "waiting"
    return "paused" if run.status == "paused" else "running"

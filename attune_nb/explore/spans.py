"""Sums of attempts over spans of time, for executions with too many attempts for a bar each."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from attune_nb.events import FAILED, TIMED_OUT
from attune_nb.explore.attempts import RETRIED, STATUSES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from attune_nb.events import AttemptGroup, Batch, Key
    from attune_nb.explore.attempts import Attempts

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

__all__ = ["MOST_ATTEMPTS", "Spans", "join_spans", "read_groups", "select_shown", "sum_attempts"]

MOST_ATTEMPTS = 200_000
"""Attempts on a page; with more, the largest executions are sums over spans of time."""

# spans of an execution, for each status
_SPANS = 2_000

# attempts of a summed execution that are on the page themselves: failures, and a sample of all
_MOST_FAILURES = 20_000
_SAMPLE = 2_000


@dataclasses.dataclass(frozen=True)
class Spans:
    """Sums of attempts in columns of the same length, ordered by execution and start.

    Attributes:
        execution: The number of the execution.
        start: Seconds since the start of the run.
        duration: Seconds.
        status: The code of the status of the attempts, see `STATUSES`.
        running: How many of them ran at once, on average.
        count: How many of them ended within the span.
    """

    execution: Ints
    start: Floats
    duration: Floats
    status: Ints
    running: Floats
    count: Ints

    def __len__(self) -> int:
        return len(self.start)


def read_groups(batches: Mapping[Key, Sequence[Batch]], keys: Sequence[Key]) -> Spans:
    """Return the groups of attempts of executions whose tasks keep no results."""
    rows: list[tuple[int, AttemptGroup]] = []
    for execution, key in enumerate(keys):
        for batch in batches.get(key, ()):
            rows += [(execution, group) for group in batch.groups if _has_run(group)]

    rows.sort(key=lambda row: (row[0], row[1].start))
    groups = [group for _, group in rows]
    return Spans(
        execution=np.array([execution for execution, _ in rows], np.int64),
        start=np.array([group.start for group in groups], np.float64),
        duration=np.array([group.end - group.start for group in groups], np.float64),
        status=np.array([_status(group) for group in groups], np.int64),
        running=np.array([_running(group) for group in groups], np.float64),
        count=np.array([group.count for group in groups], np.int64),
    )


def _has_run(group: AttemptGroup) -> bool:
    return group.begun and group.end > group.start


def _running(group: AttemptGroup) -> float:
    return group.seconds / (group.end - group.start)


def _status(group: AttemptGroup) -> int:
    is_failed = group.status in (FAILED, TIMED_OUT)
    return RETRIED if is_failed and group.retryable else group.status


def select_shown(attempts: Attempts, most: int = MOST_ATTEMPTS) -> tuple[NDArray[np.intp], Ints]:
    """Return the rows of the attempts to show themselves, and the executions to sum.

    Of an execution that is summed, failures and a sample are shown, too.
    """
    counts = np.bincount(attempts.execution)
    summed: list[int] = []
    total = len(attempts)
    for execution in np.argsort(-counts, kind="stable").tolist():
        if total <= most:
            break
        summed.append(execution)
        total -= int(counts[execution])

    is_shown = ~np.isin(attempts.execution, summed)
    for execution in summed:
        rows = np.flatnonzero(attempts.execution == execution)
        is_failed = np.isin(attempts.status[rows], (FAILED, TIMED_OUT))
        is_shown[rows[is_failed][:_MOST_FAILURES]] = True
        step = max(len(rows) // _SAMPLE, 1)
        is_shown[rows[::step]] = True
    return np.flatnonzero(is_shown), np.array(summed, np.int64)


def sum_attempts(attempts: Attempts, executions: Iterable[int]) -> Spans:
    """Return the sums of the attempts of some executions, over equal spans of time."""
    parts = [_sum_execution(attempts, execution) for execution in sorted(executions)]
    return join_spans([part for part in parts if len(part)])


def join_spans(parts: Sequence[Spans]) -> Spans:
    """Return several columns of spans as one, in the order of the executions."""
    if not parts:
        numbers = np.array([], np.int64)
        times = np.array([], np.float64)
        return Spans(numbers, times, times, numbers, times, numbers)

    columns = {}
    for field in dataclasses.fields(Spans):
        pieces = [getattr(part, field.name) for part in parts]
        columns[field.name] = np.concatenate(pieces)

    order = np.lexsort((columns["start"], columns["execution"]))
    return Spans(**{name: column[order] for name, column in columns.items()})


def _sum_execution(attempts: Attempts, execution: int) -> Spans:
    rows = attempts.execution == execution
    start = attempts.start[rows]
    end = start + attempts.duration[rows]
    status = attempts.status[rows]
    edges = np.linspace(start.min(), max(end.max(), start.min() + 1e-6), _SPANS + 1)
    length = edges[1] - edges[0]

    parts = []
    for code in range(len(STATUSES)):
        own = status == code
        if not own.any():
            continue

        seconds = _seconds_before(start[own], edges) - _seconds_before(end[own], edges)
        running = np.diff(seconds).clip(0.0) / length
        counts, _ = np.histogram(end[own], edges)
        used = np.flatnonzero((running > 0) | (counts > 0))
        parts.append(
            Spans(
                execution=np.full(len(used), execution, np.int64),
                start=edges[used],
                duration=np.full(len(used), length),
                status=np.full(len(used), code, np.int64),
                running=running[used].astype(np.float64),
                count=counts[used].astype(np.int64),
            )
        )
    return join_spans(parts)


def _seconds_before(times: Floats, edges: Floats) -> Floats:
    """Return the sum of the seconds from each of the times before an edge to that edge."""
    times = np.sort(times)
    sums = np.concatenate([[0.0], np.cumsum(times)])
    number = np.searchsorted(times, edges, side="right")
    return np.asarray(number * edges - sums[number], dtype=float)

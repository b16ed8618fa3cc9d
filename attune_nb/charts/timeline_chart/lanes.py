"""The lanes of a timeline: one for each task, with its attempts."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from attune_nb.events import RunStatus

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

__all__ = [
    "EDGED",
    "RETRIED",
    "TINY",
    "TOUCHING",
    "Attempts",
    "Lane",
    "TimelineRun",
    "average_running",
    "join_attempts",
    "next_starts",
]

TINY = 1e-6
"""Times that are closer than this are the same. In seconds."""

EDGED = 1 / 150
"""The width from which on a bar has an edge, as a share of the whole span.

An edge would cover any bar that is narrower.
"""

TOUCHING = 1 / 1000
"""The least space between two bars without edges, as a share of the whole span.

With less, they look like one bar.
"""


RETRIED = "retried"
"""The status of an attempt that failed or timed out, and was followed by another one."""


class TimelineRun(Protocol):
    """The parts of a run that a timeline reads.

    It also reads `events`, `breaks`, `duration_ms` and `workflow`, if the run has them.
    """

    @property
    def tasks(self) -> pd.DataFrame:
        """One row for each task execution."""

    def attempts(self) -> pd.DataFrame:
        """Return one row for each attempt."""

    @property
    def workflow_name(self) -> str:
        """The workflow's name."""

    @property
    def status(self) -> RunStatus:
        """The status of the run."""

    @property
    def started(self) -> dt.datetime:
        """When the run started."""


@dataclasses.dataclass(frozen=True)
class Attempts:
    """Attempts in columns, in order of start.

    Attributes:
        start: Seconds since the start of the run.
        end: Seconds since the start of the run.
        item: The index of the item.
        number: 1 for the first attempt of an item.
        worker: The number of the worker.
        status: How the attempt ended; `retried` if it failed and was not the last one.
        running: How many attempts it is: 1, or in a lane of spans how many ran at once on average.
    """

    start: Floats
    end: Floats
    item: Ints
    number: Ints
    worker: Ints
    status: NDArray[np.str_]
    running: Floats

    def __len__(self) -> int:
        return len(self.start)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> Attempts:
        """Return some of the attempts, by a mask or by their indexes."""
        return Attempts(
            start=self.start[rows],
            end=self.end[rows],
            item=self.item[rows],
            number=self.number[rows],
            worker=self.worker[rows],
            status=self.status[rows],
            running=self.running[rows],
        )

    @property
    def peak(self) -> int:
        """The most attempts that ran at once."""
        ended = np.searchsorted(np.sort(self.end), self.start + TINY, side="right")
        started = np.arange(1, len(self) + 1)
        return int((started - ended).max(initial=1))


def join_attempts(parts: Sequence[Attempts]) -> Attempts:
    """Return the attempts of several executions, in order of start."""
    columns = {}
    for field in dataclasses.fields(Attempts):
        columns[field.name] = np.concatenate([getattr(part, field.name) for part in parts])

    attempts = Attempts(**columns)
    return attempts.take(np.argsort(attempts.start, kind="stable"))


@dataclasses.dataclass
class Lane:
    """A task execution, or all those of a task that was visited several times, and their place.

    Attributes:
        name: The path of the task.
        visit: The number of the execution, from 1; of several, that of the last one.
        status: The status of the execution.
        items: The number of items.
        failed: The number of items that failed.
        start: Seconds since the start of the run; NaN if it never started.
        end: Seconds since the start of the run.
        attempts: The attempts.
        rows: The row of each attempt.
        has_items: Whether an execution has several items.
        visits: The lanes of the executions, if there are several.
        row_count: The number of rows.
        dense: Whether it is drawn as a density strip.
        has_spans: Whether its attempts are spans, each of many attempts (`keep_results: none`).
        top: The top of the lane. The height of a lane of one row is 1.
        height: The height of the lane, in the same unit.
        header: The part of the height above the bars, which is for the longest visit.
    """

    name: str
    visit: int
    status: str
    items: int
    failed: int
    start: float
    end: float
    attempts: Attempts
    rows: Ints
    has_items: bool = False
    visits: list[Lane] = dataclasses.field(default_factory=list)
    row_count: int = 1
    dense: bool = False
    has_spans: bool = False
    top: float = 0.0
    height: float = 1.0
    header: float = 0.0

    @property
    def key(self) -> tuple[str, int]:
        """The name and visit, by which events refer to the execution."""
        return self.name, self.visit

    @property
    def executions(self) -> list[Lane]:
        """The lanes of the executions: the visits, or this lane itself."""
        return self.visits or [self]

    @property
    def started(self) -> bool:
        """Whether the execution has started."""
        return not np.isnan(self.start)

    @property
    def middle(self) -> float:
        """The centre line of the bars."""
        return self.top + self.header + (self.height - self.header) / 2


def next_starts(attempts: Attempts, rows: Ints) -> Floats:
    """Return when the next attempt in each attempt's row starts; infinity after the last one."""
    starts = np.full(len(attempts), np.inf)
    order = np.lexsort((attempts.start, rows))
    same_row = rows[order][1:] == rows[order][:-1]
    starts[order[:-1][same_row]] = attempts.start[order[1:][same_row]]
    return starts


def average_running(attempts: Attempts, edges: Floats) -> Floats:
    """Return the average number of attempts that ran in each bin.

    Args:
        attempts: The attempts.
        edges: The edges of the bins; one more than bins.
    """
    started = _area_since(attempts.start, attempts.running, edges)
    ended = _area_since(attempts.end, attempts.running, edges)
    seconds = np.diff(started - ended)
    return np.asarray(seconds / np.diff(edges)).clip(0.0)


def _area_since(times: Floats, weights: Floats, edges: Floats) -> Floats:
    """Return the weighted sum of the seconds from each of the times before an edge to that edge."""
    order = np.argsort(times, kind="stable")
    times = times[order]
    weights = weights[order]
    sums = np.concatenate([[0.0], np.cumsum(times * weights)])
    counts = np.concatenate([[0.0], np.cumsum(weights)])
    number = np.searchsorted(times, edges, side="right")
    return np.asarray(counts[number] * edges - sums[number], dtype=float)

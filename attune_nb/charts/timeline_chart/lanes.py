"""The lanes of a timeline: one for each task execution, with its attempts."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    import datetime as dt

    import pandas as pd
    from numpy.typing import NDArray

    from attune_nb.events import RunStatus

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

__all__ = [
    "EDGED",
    "TINY",
    "TOUCHING",
    "Attempts",
    "Lane",
    "TimelineRun",
    "average_running",
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


class TimelineRun(Protocol):
    """The parts of a run that a timeline reads. It also reads `events` and `breaks`, if any."""

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
        status: How the attempt ended.
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


@dataclasses.dataclass
class Lane:
    """A task execution, and its place in the chart.

    Attributes:
        name: The path of the task.
        visit: The number of the execution, from 1.
        status: The status of the execution.
        items: The number of items.
        failed: The number of items that failed.
        start: Seconds since the start of the run; NaN if it never started.
        end: Seconds since the start of the run.
        attempts: The attempts.
        rows: The row of each attempt.
        row_count: The number of rows.
        dense: Whether it is drawn as a density strip.
        has_spans: Whether its attempts are spans, each of many attempts (`keep_results: none`).
        top: The top of the lane. The height of a lane of one row is 1.
        height: The height of the lane, in the same unit.
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
    row_count: int = 1
    dense: bool = False
    has_spans: bool = False
    top: float = 0.0
    height: float = 1.0

    @property
    def key(self) -> tuple[str, int]:
        """The name and visit, by which events refer to the execution."""
        return self.name, self.visit

    @property
    def started(self) -> bool:
        """Whether the execution has started."""
        return not np.isnan(self.start)

    @property
    def middle(self) -> float:
        """The lane's centre line."""
        return self.top + self.height / 2


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

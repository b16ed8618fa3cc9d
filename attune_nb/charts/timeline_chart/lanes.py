"""A run read into lanes: one for each task execution, its attempts in rows that do not overlap."""

from __future__ import annotations

import dataclasses
import heapq
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

__all__ = [
    "EDGED",
    "TINY",
    "TOUCHING",
    "Attempts",
    "Lane",
    "TimelineRun",
    "arrange",
    "followers",
    "read_lanes",
    "running",
    "shown",
]

TINY = 1e-6  # seconds; times that are closer are the same
EDGED = 1 / 150  # of the whole span: an edge would eat up any bar that is narrower
TOUCHING = 1 / 1000  # likewise: with less between them two bars without edges look like one

_MOST_BARS = 500  # attempts in a lane; beyond, the lane is a density strip
_MOST_BARS_OF_ALL = 12_000  # a second's worth of drawing; beyond, more lanes become strips
_MOST_ROWS = 24  # likewise: a bar in more rows would have no room for a mark
_CROWD, _CROWDED = 48, 1 / 3  # bars that touch, and their share; beyond, the lane is a strip
_MOST_LANES = 120
_MOST_UNSTARTED = 8
_ROW, _LOWEST, _HIGHEST = 0.42, 1.6, 6.0  # heights in a lane of many rows
_STRIP = 3.2  # height of a density strip


class TimelineRun(Protocol):
    """What a timeline reads of a run. It also reads `events`, where there are any."""

    @property
    def tasks(self) -> pd.DataFrame:
        """One row for each task execution."""

    @property
    def attempts(self) -> pd.DataFrame:
        """One row for each attempt."""

    @property
    def workflow_name(self) -> str:
        """The workflow's name."""

    @property
    def status(self) -> str:
        """How the run ended."""

    @property
    def started(self) -> dt.datetime:
        """When the run started."""


@dataclasses.dataclass(frozen=True)
class Attempts:
    """Attempts in columns, in order of start; times in seconds since the start of the run."""

    start: Floats
    end: Floats
    item: Ints
    number: Ints  # 1 the first time
    worker: Ints
    status: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.start)

    def take(self, which: NDArray[np.bool_] | NDArray[np.intp]) -> Attempts:
        """Give some of the attempts."""
        columns = (getattr(self, field.name)[which] for field in dataclasses.fields(self))
        return Attempts(*columns)

    @property
    def peak(self) -> int:
        """The most attempts that ran at once."""
        ended = np.searchsorted(np.sort(self.end), self.start + TINY, side="right")
        return int((np.arange(1, len(self) + 1) - ended).max(initial=1))


@dataclasses.dataclass
class Lane:
    """A task execution, in seconds since the start of the run, and its place in the picture."""

    name: str
    visit: int
    status: str
    items: int
    failed: int  # items
    start: float  # NaN where it never started
    end: float
    attempts: Attempts
    rows: Ints  # of each attempt
    row_count: int = 1
    dense: bool = False  # drawn as a density strip
    top: float = 0.0
    height: float = 1.0  # in rows of a lane of one row

    @property
    def key(self) -> tuple[str, int]:
        """What the events call it."""
        return self.name, self.visit

    @property
    def started(self) -> bool:
        """Whether there is anything to draw but a name."""
        return not np.isnan(self.start)

    @property
    def middle(self) -> float:
        """The lane's centre line."""
        return self.top + self.height / 2


def read_lanes(run: TimelineRun) -> list[Lane]:
    """Read every task execution: the started in order of start, then the others."""
    attempts, places = _read_attempts(run.attempts)
    none = np.array([], dtype=np.intp)
    tasks = run.tasks
    breaks = getattr(run, "breaks", ())
    starts, ends = (_since(run.started, tasks[column], breaks) for column in ("start", "end"))
    now = np.concatenate([starts, ends, attempts.end, [0.0]])
    counts = (
        pd.to_numeric(tasks[column]).fillna(0).astype(int)
        for column in ("visit", "items", "failed_items")
    )
    columns = (tasks["task"], tasks["status"], *counts, starts, ends)
    lanes = []
    for name, status, visit, items, failed, start, end in zip(*columns, strict=True):
        mine = attempts.take(places.get((name, visit), none))
        lane = Lane(name, visit, str(status), items, failed, start, end, mine, mine.item * 0)
        _complete(lane, float(np.nanmax(now)))
        lanes.append(lane)
    return sorted(lanes, key=lambda lane: lane.start if lane.started else np.inf)


def shown(lanes: list[Lane]) -> tuple[list[Lane], str]:
    """Leave out what would make the picture too tall, and say what was left out."""
    started = [lane for lane in lanes if lane.started]
    others = [lane for lane in lanes if not lane.started]
    notes = []
    if len(started) > _MOST_LANES:
        notes.append(f"the first {_MOST_LANES} of {len(started):,} task executions")
        started = started[:_MOST_LANES]
    if len(others) > _MOST_UNSTARTED:
        notes.append(f"{len(others):,} tasks not started")
        others = []
    return started + others, " · ".join(notes)


def arrange(lanes: list[Lane], span: float) -> float:
    """Put attempts into rows, and the lanes below each other. Gives the depth of them all.

    Args:
        lanes: What is shown.
        span: The seconds that the picture is wide.
    """
    depth = 0.0
    most = _most_bars(lanes)
    for lane in lanes:
        lane.dense = len(lane.attempts) > most
        if len(lane.attempts) and not lane.dense:
            lane.rows = _rows(lane.attempts, by_worker=lane.items > 1)
            lane.row_count = int(lane.rows.max()) + 1
            lane.dense = lane.row_count > _MOST_ROWS or _is_crowded(lane, span)
        lane.height = _height(lane)
        lane.top = depth
        depth += lane.height
    return depth


def followers(attempts: Attempts, rows: Ints) -> Floats:
    """Give for each attempt when the next one in its row starts; infinity after the last one."""
    following = np.full(len(attempts), np.inf)
    order = np.lexsort((attempts.start, rows))
    same = rows[order][1:] == rows[order][:-1]
    following[order[:-1][same]] = attempts.start[order[1:][same]]
    return following


def running(start: Floats, end: Floats, edges: Floats) -> Floats:
    """Give how many of the spans cover each bin, on average over the bin."""

    def area(times: Floats) -> Floats:
        times = np.sort(times)
        sums = np.concatenate([[0.0], np.cumsum(times)])
        count = np.searchsorted(times, edges, side="right")
        return np.asarray(count * edges - sums[count], dtype=float)

    return np.asarray(np.diff(area(start) - area(end)) / np.diff(edges)).clip(0.0)


def _read_attempts(frame: pd.DataFrame) -> tuple[Attempts, dict[tuple[str, int], NDArray[np.intp]]]:
    """Read all attempts, and where those of each task execution stand."""
    frame = frame.dropna(subset=["start", "duration"]).sort_values("start", kind="stable")
    start = frame["start"].to_numpy(np.float64)
    attempts = Attempts(
        start=start,
        end=start + frame["duration"].to_numpy(np.float64),
        item=frame["index"].to_numpy(np.int64),
        number=frame["attempt"].to_numpy(np.int64),
        worker=frame["worker"].to_numpy(np.int64),
        status=frame["status"].to_numpy(np.str_),
    )
    places = frame.groupby(["task", "visit"], sort=False).indices
    return attempts, cast("dict[tuple[str, int], NDArray[np.intp]]", places)


def _since(
    moment: dt.datetime, times: pd.Series, breaks: Iterable[tuple[float, float]] = ()
) -> Floats:
    """Give times in seconds since a moment, breaks left out; one without a zone is in UTC.

    A break is told as the second at which it began, and how many it took.
    """
    zero = pd.Timestamp(moment)
    zero = zero.tz_localize("UTC") if zero.tzinfo is None else zero.tz_convert("UTC")
    seconds = (pd.to_datetime(times, utc=True) - zero).dt.total_seconds()
    found = np.asarray(seconds, dtype=np.float64)
    for at, taken in breaks:  # each in seconds of which those before have been taken out
        found = np.where(found > at + taken / 2, found - taken, found)
    return found


def _complete(lane: Lane, now: float) -> None:
    """Fill in what the attempts know better than the task, and an end that is still to come."""
    mine = lane.attempts
    if len(mine):
        first, last = float(mine.start[0]), float(mine.end.max())
        lane.start = min(lane.start, first) if lane.started else first
        if lane.status != "running":
            lane.end = float(np.nanmax([lane.end, last]))
        lane.items = max(lane.items, len(np.unique(mine.item)))
    if lane.started:
        lane.start = max(lane.start, 0.0)
        lane.end = max(now if np.isnan(lane.end) else lane.end, lane.start)


def _most_bars(lanes: list[Lane]) -> int:
    """Give how many attempts a lane may have before it becomes a strip."""
    bars = sum(len(lane.attempts) for lane in lanes if len(lane.attempts) <= _MOST_BARS)
    return _MOST_BARS if bars <= _MOST_BARS_OF_ALL else _MOST_BARS_OF_ALL // len(lanes)


def _is_crowded(lane: Lane, span: float) -> bool:
    """Tell whether many bars are too narrow for an edge, and touch the next one in their row.

    Some of them would merge, by chance, into bars that look like attempts of any length.
    """
    mine, following = lane.attempts, followers(lane.attempts, lane.rows)
    narrow = following - mine.start < span * EDGED
    touching = narrow & (following - mine.end < span * TOUCHING)
    return int(touching.sum()) > max(_CROWD, _CROWDED * len(mine))


def _height(lane: Lane) -> float:
    if lane.dense:
        return _STRIP
    if lane.row_count > 1 or lane.items > 1:
        return float(np.clip(_ROW * lane.row_count, _LOWEST, _HIGHEST))
    return 1.0


def _rows(attempts: Attempts, *, by_worker: bool) -> Ints:
    """Give each attempt a row where it overlaps no other: its worker's, if that will do."""
    if by_worker:
        workers = np.unique(attempts.worker, return_inverse=True)[1]
        order = np.lexsort((attempts.start, workers))
        same = workers[order][1:] == workers[order][:-1]
        late = attempts.start[order][1:] < attempts.end[order][:-1] - TINY
        if not np.any(same & late):
            return _rows_of_workers(attempts, workers.astype(np.int64))
    return _packed(attempts.start, attempts.end)


def _rows_of_workers(attempts: Attempts, workers: Ints) -> Ints:
    """Give each worker a row; one that came after another had ended takes that one's."""
    count = int(workers.max()) + 1
    first, last = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(first, workers, attempts.start)
    np.maximum.at(last, workers, attempts.end)
    order = np.argsort(first, kind="stable")
    rows = np.empty(count, dtype=np.int64)
    rows[order] = _packed(first[order], last[order])
    return rows[workers]


def _packed(starts: Floats, ends: Floats) -> Ints:
    """Give each span the lowest row that is free; they are in order of start."""
    rows = np.zeros(len(starts), dtype=np.int64)
    busy: list[tuple[float, int]] = []
    free: list[int] = []
    for at, (start, end) in enumerate(zip(starts, ends, strict=True)):
        while busy and busy[0][0] <= start + TINY:
            heapq.heappush(free, heapq.heappop(busy)[1])
        rows[at] = heapq.heappop(free) if free else len(busy)
        heapq.heappush(busy, (end, int(rows[at])))
    return rows

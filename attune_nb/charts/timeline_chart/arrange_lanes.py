"""The arrangement of lanes below each other, and of attempts in rows that do not overlap."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

import numpy as np

from attune_nb.charts.timeline_chart.density import SHARE_ROWS, count_shares
from attune_nb.charts.timeline_chart.lanes import EDGED, TINY, TOUCHING, next_starts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attune_nb.charts.timeline_chart.lanes import Attempts, Lane

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

__all__ = ["MANY_LANES", "arrange_lanes", "select_lanes"]

MANY_LANES = 200
"""The lanes that have names. With more, a lane is a thin line, and only some have names."""

# attempts in a lane, and in all lanes; with more, lanes become density strips. As many as are in
# all lanes take a second to draw.
_MOST_BARS = 500
_MOST_BARS_OF_ALL = 12_000

# rows in a lane; with more, a bar has no space for a mark, and the lane becomes a strip
_MOST_ROWS = 24

# bars that touch, and their share of all bars; with more, the lane becomes a strip
_MOST_TOUCHING = 48
_MOST_TOUCHING_SHARE = 1 / 3

_MOST_UNSTARTED = 8

# visits from which on the longest one is marked
_FEWEST_MARKED = 3

# heights; that of a lane of one row is 1
_ROW_HEIGHT = 0.42
_LEAST_HEIGHT = 1.8
_MOST_HEIGHT = 6.0
_STRIP_HEIGHT = 3.2
_HEADER_HEIGHT = 1.0


def select_lanes(lanes: list[Lane]) -> tuple[list[Lane], str]:
    """Return the lanes to draw, and a text about those that would show nothing."""
    started = [lane for lane in lanes if lane.started]
    unstarted = [lane for lane in lanes if not lane.started]

    note = ""
    if len(unstarted) > _MOST_UNSTARTED:
        note = f"{len(unstarted):,} tasks not started"
        unstarted = []
    return started + unstarted, note


def arrange_lanes(lanes: list[Lane], span: float) -> float:
    """Put attempts into rows, and lanes below each other; return the depth of them all.

    Args:
        lanes: The lanes to draw; their rows, heights and tops are set.
        span: The seconds that the chart shows.
    """
    depth = 0.0
    most_bars = _most_bars(lanes)
    for lane in lanes:
        if len(lanes) <= MANY_LANES:
            _set_height(lane, span, most_bars)
        lane.top = depth
        depth += lane.height
    return depth


def _set_height(lane: Lane, span: float, most_bars: int) -> None:
    """Put a lane's attempts into rows, or decide that it is a strip; set its height."""
    lane.dense = lane.has_spans or len(lane.attempts) > most_bars
    if len(lane.attempts) and not lane.dense:
        lane.rows = _assign_rows(lane.attempts, by_worker=lane.has_items)
        lane.row_count = int(lane.rows.max()) + 1
        lane.dense = lane.row_count > _MOST_ROWS or _is_crowded(lane, span)

    if len(lane.visits) >= _FEWEST_MARKED:
        lane.header = _HEADER_HEIGHT
    lane.height = _bars_height(lane) + lane.header


def _most_bars(lanes: list[Lane]) -> int:
    """Return how many attempts a lane may have before it becomes a strip."""
    bars = 0
    for lane in lanes:
        if len(lane.attempts) <= _MOST_BARS:
            bars += len(lane.attempts)

    if bars <= _MOST_BARS_OF_ALL:
        return _MOST_BARS
    return _MOST_BARS_OF_ALL // len(lanes)


def _is_crowded(lane: Lane, span: float) -> bool:
    """Return whether many bars are too narrow for an edge, and touch the next one in their row.

    Some of them would merge, by chance, into bars that look like attempts of any length.
    """
    attempts = lane.attempts
    following = next_starts(attempts, lane.rows)
    narrow = following - attempts.start < span * EDGED
    touching = narrow & (following - attempts.end < span * TOUCHING)
    most = max(_MOST_TOUCHING, _MOST_TOUCHING_SHARE * len(attempts))
    return int(touching.sum()) > most


def _bars_height(lane: Lane) -> float:
    if lane.dense:
        return _STRIP_HEIGHT + SHARE_ROWS * count_shares(lane)
    if lane.row_count > 1 or lane.has_items or lane.visits:
        return float(np.clip(_ROW_HEIGHT * lane.row_count, _LEAST_HEIGHT, _MOST_HEIGHT))
    return 1.0


def _assign_rows(attempts: Attempts, *, by_worker: bool) -> Ints:
    """Return a row for each attempt where it overlaps no other.

    Args:
        attempts: The attempts.
        by_worker: Whether each worker gets a row, unless attempts overlap on a worker.
    """
    if by_worker:
        _, workers = np.unique(attempts.worker, return_inverse=True)
        if not _overlap_on_a_worker(attempts, workers):
            return _assign_rows_to_workers(attempts, workers.astype(np.int64))
    return _pack_rows(attempts.start, attempts.end)


def _overlap_on_a_worker(attempts: Attempts, workers: NDArray[np.intp]) -> bool:
    """Return whether two attempts of one worker overlap."""
    order = np.lexsort((attempts.start, workers))
    same_worker = workers[order][1:] == workers[order][:-1]
    overlapping = attempts.start[order][1:] < attempts.end[order][:-1] - TINY
    return bool(np.any(same_worker & overlapping))


def _assign_rows_to_workers(attempts: Attempts, workers: Ints) -> Ints:
    """Return each worker's row; a worker that came after another had ended takes its row."""
    count = int(workers.max()) + 1
    first_starts = np.full(count, np.inf)
    last_ends = np.full(count, -np.inf)
    np.minimum.at(first_starts, workers, attempts.start)
    np.maximum.at(last_ends, workers, attempts.end)

    order = np.argsort(first_starts, kind="stable")
    rows = np.empty(count, dtype=np.int64)
    rows[order] = _pack_rows(first_starts[order], last_ends[order])
    return rows[workers]


def _pack_rows(starts: Floats, ends: Floats) -> Ints:
    """Return the lowest free row for each span of time; spans are in order of start."""
    rows = np.zeros(len(starts), dtype=np.int64)
    busy: list[tuple[float, int]] = []
    free: list[int] = []
    for index, (start, end) in enumerate(zip(starts, ends, strict=True)):
        while busy and busy[0][0] <= start + TINY:
            _, row = heapq.heappop(busy)
            heapq.heappush(free, row)

        row = heapq.heappop(free) if free else len(busy)
        rows[index] = row
        heapq.heappush(busy, (end, row))
    return rows

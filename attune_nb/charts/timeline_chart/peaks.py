"""How many attempts of a lane ran at once, and why not more of them did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from attune_nb.results.durations import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterable

    from attune_nb.charts.timeline_chart.lanes import Lane, TimelineRun

__all__ = ["describe_peak"]

# seconds: an item that takes less has often ended before the next one can start
_SHORT = 0.005


def describe_peak(lane: Lane, run: TimelineRun) -> list[str]:
    """Return lines: the most attempts that ran at once, and why not as many as could.

    Args:
        lane: A lane with items.
        run: Its run; without `events` it is not known how many attempts could run at once.
    """
    peak = lane.attempts.peak
    most = _read_concurrency(lane, run)
    if peak >= most:
        return [f"peak {peak:,} at once"]

    first_line = f"peak {peak:,} of {most:,} at once"
    reason = _explain(lane, run, most)
    return [f"{first_line}:", reason] if reason else [first_line]


def _explain(lane: Lane, run: TimelineRun, most: int) -> str:
    """Return why fewer attempts ran at once than could; an empty string if it is not known."""
    rate = _find_rate(lane.name, run)
    if rate:
        return f"rate limit {rate}"
    if lane.items < most:
        return f"only {lane.items:,} items"

    typical = float(np.median(lane.attempts.end - lane.attempts.start))
    if typical < _SHORT:
        return f"items take {format_duration(typical)}"
    return ""


def _read_concurrency(lane: Lane, run: TimelineRun) -> int:
    """Return how many attempts could run at once; 0 if it is not known."""
    most = 0
    for event in getattr(run, "events", ()):
        if getattr(event, "task", None) == lane.name:
            most = max(most, getattr(event, "concurrency", 0))
    return most


def _find_rate(name: str, run: TimelineRun) -> str:
    """Return the rate limit of a task, such as `100/s`; an empty string if it has none."""
    spec = getattr(getattr(run, "workflow", None), "spec", None)
    limit = _find_limit(name.split("/"), getattr(spec, "tasks", ()))
    if limit is None:
        return ""

    if limit.per == 1:
        return f"{limit.count:,g}/s"
    return f"{limit.count:,g} in {format_duration(limit.per)}"


def _find_limit(path: list[str], tasks: Iterable[Any]) -> Any:
    """Return the rate limit of the task at a path, or None."""
    for task in tasks:
        if task.name == path[0]:
            if len(path) == 1:
                return task.rate_limit
            return _find_limit(path[1:], task.tasks)
    return None

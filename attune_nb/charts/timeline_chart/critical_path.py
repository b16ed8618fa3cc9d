"""The critical path: the chain of task executions that decided when a run ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune_nb.charts.timeline_chart.lanes import TINY

if TYPE_CHECKING:
    from attune_nb.charts.timeline_chart.lanes import Lane, TimelineRun

    Key = tuple[str, int]

__all__ = ["critical_path"]

_UNDER_WAY = ("pending", "running", "cancelling")


def critical_path(run: TimelineRun, lanes: list[Lane]) -> list[Lane]:
    """Follow the causes back from what ended last; of several causes the latest decided.

    Args:
        run: A run. One without `events` has no known causes.
        lanes: All its lanes.

    Returns:
        The path in order of time; empty while the run is under way, where no causes are
        known, and where the path is a single task execution.
    """
    causes = _causes(run)
    ran = [lane for lane in lanes if lane.started and lane.status != "skipped"]
    if run.status in _UNDER_WAY or not ran or not any(causes.values()):
        return []
    path = [max(ran, key=lambda lane: lane.end)]
    while before := _before(path[-1], lanes, causes):
        latest = max(before, key=lambda lane: lane.end)
        if latest in path:  # no run does this, but a wrong record must not hang the chart
            break
        path.append(latest)
    return path[::-1] if len(path) > 1 else []


def _causes(run: TimelineRun) -> dict[Key, tuple[Key, ...]]:
    """Read which executions led to each execution that was handed to a backend."""
    events = getattr(run, "events", ())
    return {(each.task, each.visit): each.causes for each in events if hasattr(each, "causes")}


def _before(lane: Lane, lanes: list[Lane], causes: dict[Key, tuple[Key, ...]]) -> list[Lane]:
    """Give the lanes that led to a lane.

    No event tells the causes of an execution that took no time (skipped, or without items):
    it came about at the very moment at which what caused it ended.
    """
    if lane.key in causes:
        return [each for each in lanes if each.key in causes[lane.key] and each.started]
    return [each for each in lanes if each.key in causes and abs(each.end - lane.start) < TINY]

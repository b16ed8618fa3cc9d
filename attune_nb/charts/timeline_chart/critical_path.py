"""The critical path: the chain of task executions that decided when a run ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune_nb.charts.timeline_chart.lanes import TINY

if TYPE_CHECKING:
    from attune_nb.charts.timeline_chart.lanes import Lane, TimelineRun

    Key = tuple[str, int]
    Causes = dict[Key, tuple[Key, ...]]  # the executions that led to each execution

__all__ = ["find_critical_path"]

_UNDER_WAY = ("pending", "running", "cancelling")


def find_critical_path(run: TimelineRun, lanes: list[Lane]) -> list[Lane]:
    """Return the causes of the end of a run; of several causes the latest one decided.

    Args:
        run: A run. Without `events` its causes are not known.
        lanes: All its lanes.

    Returns:
        The path in order of time. It is empty while the run is in progress, if no causes are
        known, and if the path has only one task execution.
    """
    causes = _read_causes(run)
    ran = [lane for lane in lanes if _has_run(lane)]
    if run.status in _UNDER_WAY or not ran or not any(causes.values()):
        return []

    started = {lane.key: lane for lane in lanes if lane.started}
    path = [max(ran, key=_end)]
    keys = {path[0].key}
    while preceding := _find_preceding(path[-1], started, causes):
        latest = max(preceding, key=_end)
        if latest.key in keys:
            # no run does this, but a wrong record must not hang the chart
            break
        path.append(latest)
        keys.add(latest.key)

    if len(path) == 1:
        return []
    return path[::-1]


def _has_run(lane: Lane) -> bool:
    return lane.started and lane.status != "skipped"


def _end(lane: Lane) -> float:
    return lane.end


def _read_causes(run: TimelineRun) -> Causes:
    """Return the executions that led to each execution that was sent to a backend."""
    causes = {}
    for event in getattr(run, "events", ()):
        if hasattr(event, "causes"):
            causes[event.task, event.visit] = event.causes
    return causes


def _find_preceding(lane: Lane, started: dict[Key, Lane], causes: Causes) -> list[Lane]:
    """Return the lanes that led to a lane.

    No event has the causes of an execution that took no time (skipped, or without items). It
    started at the very moment when its cause ended.
    """
    if lane.key in causes:
        return [started[key] for key in causes[lane.key] if key in started]

    candidates = [candidate for key, candidate in started.items() if key in causes]
    return [candidate for candidate in candidates if abs(candidate.end - lane.start) < TINY]

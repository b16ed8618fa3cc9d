"""The visits of a task in one lane."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attune_nb.charts.timeline_chart.lanes import Lane, join_attempts

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["fold_lanes"]

_OPEN = ("running", "waiting", "pending")


def fold_lanes(executions: Iterable[Lane]) -> list[Lane]:
    """Return a lane for each task, in order of the first execution.

    Args:
        executions: A lane for each execution of a task, in order of start.
    """
    visits: dict[str, list[Lane]] = {}
    for lane in executions:
        visits.setdefault(lane.name, []).append(lane)

    return [lanes[0] if len(lanes) == 1 else _join(lanes) for lanes in visits.values()]


def _join(visits: list[Lane]) -> Lane:
    """Return the lane of several visits. It is in progress as long as one of them is."""
    attempts = join_attempts([visit.attempts for visit in visits])
    status = visits[-1].status
    for visit in visits:
        if visit.status in _OPEN:
            status = visit.status

    return Lane(
        name=visits[-1].name,
        visit=visits[-1].visit,
        status=status,
        items=sum(visit.items for visit in visits),
        failed=sum(visit.failed for visit in visits),
        start=visits[0].start,
        end=float(np.nanmax([visit.end for visit in visits] + [0.0])),
        attempts=attempts,
        rows=np.zeros_like(attempts.item),
        has_items=any(visit.has_items for visit in visits),
        visits=visits,
        has_spans=any(visit.has_spans for visit in visits),
    )

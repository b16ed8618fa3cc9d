"""The figures that every run carries, under the names that dashboards know."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil

from attune_nb.events import AttemptsEnded, TaskEnded, TaskStarted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attune_nb.context import WorkflowContext
    from attune_nb.events import Event

__all__ = ["metrics_of"]


def metrics_of(events: Sequence[Event], context: WorkflowContext) -> dict[str, float]:
    """Give the metrics of a run.

    `clone_count` counts the scopes made for items (one for each first attempt),
    `size_bytes` is kept up while values are frozen, `duration_ms` sums over the with-items
    tasks, and `usage_mb` is the resident memory of this process as it is read.
    """
    fanned: dict[tuple[str, int], float] = {}
    scopes, spent = 0, 0.0
    for event in events:
        if isinstance(event, TaskStarted) and event.with_items:
            fanned[event.task, event.visit] = event.time
        elif isinstance(event, AttemptsEnded) and (event.task, event.visit) in fanned:
            scopes += event.batch.attempt.count(1)
        elif isinstance(event, TaskEnded) and (event.task, event.visit) in fanned:
            spent += event.time - fanned[event.task, event.visit]
    return {
        "workflow.context.clone_count": scopes,
        "workflow.context.size_bytes": context.size_bytes,
        "workflow.with_items.duration_ms": spent * 1000,
        "executor.memory.usage_mb": psutil.Process().memory_info().rss / 2**20,
    }

"""Alerts about tasks whose many processes will take long."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from attune_nb.events import RunStarted
from attune_nb.results.durations import format_duration
from attune_nb.results.timeline import TaskExecution, TaskTimeline

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from attune_nb.events import Event
    from attune_nb.language.model import WorkflowSpec
    from attune_nb.packs.model import PackAction, Runner

__all__ = ["find_process_costs"]

# Items from which on a task gets an alert.
_LEAST_PROCESSES = 1_000
# Attempts whose mean time replaces the usual one.
_MIN_MEASURED = 10
# Seconds that a process usually takes to start and do little.
_USUAL_SECONDS: dict[Runner, float] = {
    "shell": 0.005,
    "native": 0.005,
    "nodejs": 0.05,
    "python": 0.15,
}


def find_process_costs(
    events: Sequence[Event], workflow: WorkflowSpec, actions: Mapping[str, PackAction]
) -> Iterator[str]:
    """Yield an alert for each task that starts, or in a dry run would start, many processes.

    Args:
        events: The events of the run.
        workflow: The workflow.
        actions: The actions of packs, by ref.
    """
    if not actions:
        return

    is_dry_run = any(isinstance(event, RunStarted) and event.dry_run for event in events)
    timeline = TaskTimeline()
    timeline.read(events)
    for execution in timeline.executions.values():
        name = workflow.task(execution.task).action
        action = None if name is None else actions.get(name)
        # the alert is of no use after the end of the task
        if action is None or (execution.ended is not None and not is_dry_run):
            continue

        total = execution.total
        if total is not None and total >= _LEAST_PROCESSES:
            seconds = _USUAL_SECONDS[action.runner]
            if not is_dry_run:
                seconds = _measure(execution, seconds)
            yield _describe_cost(execution, total, seconds)


def _measure(execution: TaskExecution, usual: float) -> float:
    """Return the mean time of the first processes; the usual one if few have ended."""
    durations: list[float] = []
    for batch in execution.batches:
        durations += batch.duration
        if len(durations) >= _MIN_MEASURED:
            return statistics.fmean(durations)
    return usual


def _describe_cost(execution: TaskExecution, total: int, seconds: float) -> str:
    concurrency = execution.concurrency
    total_seconds = seconds * total / concurrency
    return (
        f"`{execution.task}` starts a process for each of its {total:,} items: about "
        f"{format_duration(seconds)} each, {format_duration(total_seconds)} in all at "
        f"`concurrency: {concurrency}`; a higher `concurrency` takes less"
    )

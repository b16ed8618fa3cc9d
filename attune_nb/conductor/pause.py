"""Pause and resume a run.

A paused run starts nothing: attempts in flight end, and tasks that are due wait. Delays,
timeouts and questions keep their time, and so does the run's own timeout.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune_nb.conductor.state import SetPaused

if TYPE_CHECKING:
    from attune_nb.conductor.step import Step

__all__ = ["pause", "resume"]


def pause(step: Step) -> None:
    """Start nothing more, if the run is running."""
    if step.state.status == "running":
        step.update(status="paused")
        step.decide(SetPaused(paused=True))


def resume(step: Step) -> None:
    """Continue a paused run, and launch the tasks that became due meanwhile."""
    if step.state.status != "paused":
        return

    step.update(status="running")
    step.decide(SetPaused(paused=False))
    for key in step.state.order:
        execution = step.open_execution(key)
        if execution is not None and execution.status == "paused":
            step.later(step.handlers.launch, key)

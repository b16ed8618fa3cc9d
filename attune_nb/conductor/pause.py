"""A run that begins nothing more for a while: what is under way ends, what is due waits.

Delays, timeouts and questions keep their time; the run's own timeout does too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune_nb.conductor.state import Hold

if TYPE_CHECKING:
    from attune_nb.conductor.step import Step

__all__ = ["pause", "resume"]


def pause(step: Step) -> None:
    """Begin nothing more, if the run is under way."""
    if step.state.status == "running":
        step.update(status="paused")
        step.decide(Hold(over=False))


def resume(step: Step) -> None:
    """Go on where the run was paused."""
    if step.state.status != "paused":
        return
    step.update(status="running")
    step.decide(Hold(over=True))
    for key in step.state.order:
        execution = step.execution(key)
        if execution is not None and execution.status == "paused":
            step.later(step.handlers.launch, key)

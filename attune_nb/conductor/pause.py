"""A run that begins nothing more for a while: what is under way ends, what is due waits.

Delays, timeouts and questions keep their time; the run's own timeout does too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune_nb.conductor import task_start
from attune_nb.conductor.state import Hold

if TYPE_CHECKING:
    from attune_nb.conductor.step import Work

__all__ = ["pause", "resume"]


def pause(work: Work) -> None:
    """Begin nothing more, if the run is under way."""
    if work.state.status == "running":
        work.update(status="paused")
        work.decide(Hold(over=False))


def resume(work: Work) -> None:
    """Go on where the run was paused."""
    if work.state.status != "paused":
        return
    work.update(status="running")
    work.decide(Hold(over=True))
    for key in work.state.order:
        execution = work.execution(key)
        if execution is not None and execution.status == "paused":
            work.later(task_start.launch, key)

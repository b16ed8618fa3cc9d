"""A run that is taken up again, and the attempts of which nobody knows whether they were made.

An attempt of an action that is not idempotent must not be made twice. Where the engine was gone
while one was under way, a person decides: it is made again, or its result is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyrsistent import pmap

from attune_nb.conductor import pause
from attune_nb.conductor.state import RetryItem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from attune_nb.conductor.step import Step
    from attune_nb.events import Key, RerunRequested, RunResumed

__all__ = ["give_up", "rerun", "settle", "take_up"]


def take_up(step: Step, event: RunResumed) -> None:
    """Go on after the engine was gone; wait first for whatever is in doubt."""
    if step.state.status == "pending":
        return  # nothing has begun
    doubts = pmap({(task, visit, index): again for task, visit, index, again in event.doubts})
    step.update(started_at=event.started_at, in_doubt=doubts)
    if doubts:
        pause.pause(step)
    else:
        pause.resume(step)


def rerun(step: Step, event: RerunRequested) -> None:
    """Make an attempt in doubt again."""
    doubt = (event.task, event.visit, event.index)
    attempt = step.state.in_doubt.get(doubt)
    if attempt is not None:
        key = (event.task, event.visit)
        step.decide(RetryItem(key=key, index=event.index, attempt=attempt, delay=0.0))
        settle(step, key, [event.index])


def settle(step: Step, key: Key, indices: Iterable[int]) -> None:
    """Doubt no more what became of some items; with the last doubt gone, go on."""
    left = step.state.in_doubt
    for index in indices:
        left = left.discard((*key, index))
    if left is not step.state.in_doubt:
        step.update(in_doubt=left)
        if not left:
            pause.resume(step)


def give_up(step: Step) -> None:
    """Hand what is in doubt to the backend, which stops: it records it as cancelled."""
    for (task, visit, index), attempt in step.state.in_doubt.items():
        step.decide(RetryItem(key=(task, visit), index=index, attempt=attempt, delay=0.0))
    step.update(in_doubt=pmap())

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

    from attune_nb.conductor.step import Work
    from attune_nb.events import Key, RerunRequested, RunResumed

__all__ = ["give_up", "rerun", "settle", "take_up"]


def take_up(work: Work, event: RunResumed) -> None:
    """Go on after the engine was gone; wait first for whatever is in doubt."""
    if work.state.status == "pending":
        return  # nothing has begun
    doubts = pmap({(task, visit, index): again for task, visit, index, again in event.doubts})
    work.update(started_at=event.started_at, doubts=doubts)
    if doubts:
        pause.pause(work)
    else:
        pause.resume(work)


def rerun(work: Work, event: RerunRequested) -> None:
    """Make an attempt in doubt again."""
    doubt = (event.task, event.visit, event.index)
    attempt = work.state.doubts.get(doubt)
    if attempt is not None:
        key = (event.task, event.visit)
        work.decide(RetryItem(key=key, index=event.index, attempt=attempt, delay=0.0))
        settle(work, key, [event.index])


def settle(work: Work, key: Key, indices: Iterable[int]) -> None:
    """Doubt no more what became of some items; with the last doubt gone, go on."""
    left = work.state.doubts
    for index in indices:
        left = left.discard((*key, index))
    if left is not work.state.doubts:
        work.update(doubts=left)
        if not left:
            pause.resume(work)


def give_up(work: Work) -> None:
    """Hand what is in doubt to the backend, which stops: it records it as cancelled."""
    for (task, visit, index), attempt in work.state.doubts.items():
        work.decide(RetryItem(key=(task, visit), index=index, attempt=attempt, delay=0.0))
    work.update(doubts=pmap())

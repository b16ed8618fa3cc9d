"""Attempts in doubt, and runs that are resumed after their engine was gone.

An attempt of an action that is not idempotent must not run twice. If the engine was lost while
such an attempt was in flight, the user decides: it runs again, or its result is given.
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

__all__ = ["cancel_in_doubt", "rerun", "resume_run", "settle"]


def resume_run(step: Step, event: RunResumed) -> None:
    """Continue after the engine was gone; pause first if attempts are in doubt."""
    if step.state.status == "pending":
        # the run had not started
        return

    in_doubt = {}
    for task, visit, index, attempt in event.doubts:
        in_doubt[task, visit, index] = attempt
    step.update(started_at=event.started_at, in_doubt=pmap(in_doubt))

    if in_doubt:
        pause.pause(step)
    else:
        pause.resume(step)


def rerun(step: Step, event: RerunRequested) -> None:
    """Repeat an attempt in doubt."""
    attempt = step.state.in_doubt.get((event.task, event.visit, event.index))
    if attempt is None:
        return

    key = (event.task, event.visit)
    step.decide(RetryItem(key=key, index=event.index, attempt=attempt, delay=0.0))
    settle(step, key, [event.index])


def settle(step: Step, key: Key, indices: Iterable[int]) -> None:
    """Remove items from those in doubt, and resume the run after the last one."""
    in_doubt = step.state.in_doubt
    for index in indices:
        in_doubt = in_doubt.discard((*key, index))

    if in_doubt is step.state.in_doubt:
        return

    step.update(in_doubt=in_doubt)
    if not in_doubt:
        pause.resume(step)


def cancel_in_doubt(step: Step) -> None:
    """Have all attempts in doubt cancelled.

    They are handed to the backend. Their jobs stop, so it records them as cancelled.
    """
    for (task, visit, index), attempt in step.state.in_doubt.items():
        step.decide(RetryItem(key=(task, visit), index=index, attempt=attempt, delay=0.0))
    step.update(in_doubt=pmap())

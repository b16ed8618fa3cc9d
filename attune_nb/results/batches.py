"""The batches of a run's attempts, by the execution that they belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune_nb.events import AttemptsEnded

if TYPE_CHECKING:
    from collections.abc import Iterable

    from attune_nb.events import Batch, Event, Key

__all__ = ["batches_by_key"]


def batches_by_key(events: Iterable[Event]) -> dict[Key, list[Batch]]:
    """Return the batches of each execution of a task, in their order."""
    batches: dict[Key, list[Batch]] = {}
    for event in events:
        if isinstance(event, AttemptsEnded):
            batches.setdefault((event.task, event.visit), []).append(event.batch)
    return batches

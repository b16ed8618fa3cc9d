"""The batches of a run's attempts, by the execution that they belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from attune_nb.events import CANCELLED, AttemptsEnded, RetriesPlanned

if TYPE_CHECKING:
    from collections.abc import Iterable

    from attune_nb.events import Batch, Event, Key

__all__ = ["ListedFailures", "batches_by_key", "count_failures"]


class ListedFailures(NamedTuple):
    """The failed items of an execution of a task that keeps no results.

    Attributes:
        failed: How many have failed for good.
        listed: Of how many the error is kept: the first ones.
    """

    failed: int
    listed: int

    @property
    def unlisted(self) -> int:
        """Of how many no error is kept."""
        return max(0, self.failed - self.listed)


def batches_by_key(events: Iterable[Event]) -> dict[Key, list[Batch]]:
    """Return the batches of each execution of a task, in their order."""
    batches: dict[Key, list[Batch]] = {}
    for event in events:
        if isinstance(event, AttemptsEnded):
            batches.setdefault((event.task, event.visit), []).append(event.batch)
    return batches


def count_failures(events: Iterable[Event]) -> dict[Key, ListedFailures]:
    """Return the failed items of each execution whose task keeps no results."""
    failed: dict[Key, int] = {}
    listed: dict[Key, int] = {}
    for event in events:
        if isinstance(event, AttemptsEnded) and event.batch.groups:
            key = (event.task, event.visit)
            rows = [row for row in event.batch.errors if event.batch.status[row] != CANCELLED]
            failed[key] = failed.get(key, 0) + event.batch.failed
            listed[key] = listed.get(key, 0) + len(rows)
        elif isinstance(event, RetriesPlanned) and (event.task, event.visit) in failed:
            failed[event.task, event.visit] -= event.count
    return {key: ListedFailures(count, listed[key]) for key, count in failed.items()}

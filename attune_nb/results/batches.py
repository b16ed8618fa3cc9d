"""The batches of a run's attempts, by the execution that they belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from attune_nb.events import CANCELLED, STATUS_CODES, AttemptsEnded, ItemStatus, RetriesPlanned

if TYPE_CHECKING:
    from collections.abc import Iterable

    from attune_nb.events import Batch, Event, Key

__all__ = ["BusySpan", "FailureCounts", "batches_by_key", "busy_spans", "count_failures"]


class FailureCounts(NamedTuple):
    """Numbers of failed items of an execution whose task keeps no results.

    Attributes:
        failed: The items that have failed for good.
        listed: The first of them, whose errors are kept.
    """

    failed: int
    listed: int

    @property
    def unlisted(self) -> int:
        """The failed items whose errors are not kept."""
        return max(0, self.failed - self.listed)


def batches_by_key(events: Iterable[Event]) -> dict[Key, list[Batch]]:
    """Return the batches of each execution of a task, in their order."""
    batches: dict[Key, list[Batch]] = {}
    for event in events:
        if isinstance(event, AttemptsEnded):
            batches.setdefault((event.task, event.visit), []).append(event.batch)
    return batches


def count_failures(events: Iterable[Event]) -> dict[Key, FailureCounts]:
    """Return the numbers of failed items for each execution whose task keeps no results."""
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

    return {key: FailureCounts(count, listed[key]) for key, count in failed.items()}


class BusySpan(NamedTuple):
    """The attempts of a group, as if they had run evenly from its start to its end.

    Attributes:
        start: Seconds since the start of the run.
        end: The end, in the same unit.
        running: How many attempts ran at once, on average.
        attempt: The number of the attempts for their items.
        status: The status with which they ended.
    """

    start: float
    end: float
    running: float
    attempt: int
    status: ItemStatus


def busy_spans(events: Iterable[Event]) -> dict[Key, list[BusySpan]]:
    """Return the spans of attempts for each execution whose task keeps no results."""
    spans: dict[Key, list[BusySpan]] = {}
    for event in events:
        if not isinstance(event, AttemptsEnded):
            continue

        for group in event.batch.groups:
            length = group.end - group.start
            if group.begun and length > 0:
                status = STATUS_CODES[group.status]
                span = BusySpan(
                    group.start, group.end, group.seconds / length, group.attempt, status
                )
                spans.setdefault((event.task, event.visit), []).append(span)
    return spans

"""Summaries of batches for tasks with `keep_results: none`.

A summary has counts, the first failures and a sample. It replaces the batch before that becomes an
event, so log, state and record do not grow with the items.
"""

from __future__ import annotations

from operator import add
from typing import TYPE_CHECKING

import msgspec

from attune_nb.conductor.retries import retry_delay
from attune_nb.events import NO_WORKER, SUCCEEDED, AttemptGroup
from attune_nb.values.guard import cut_text
from attune_nb.values.index_ranges import find_ranges, pack_ranges

if TYPE_CHECKING:
    from attune_nb.conductor.state import Execution
    from attune_nb.events import Batch
    from attune_nb.language.model import Retry

    # attempt, status code, whether it is repeated, whether it began
    GroupKey = tuple[int, int, bool, bool]

__all__ = ["MOST_FAILURES", "summarize"]

MOST_FAILURES = 1_000
"""The most failed items whose errors an execution keeps."""

# attempts that join the sample whenever their number doubles
_SAMPLE = 2_000

# characters of an error's message in a group
_LONGEST_MESSAGE = 300


def summarize(execution: Execution, retry: Retry | None, batch: Batch) -> Batch:
    """Return a batch with all attempts in groups, and rows of the first failures and of a sample.

    Args:
        execution: The execution of the task before the batch.
        retry: Whether and when failed attempts are repeated.
        batch: The attempts.
    """
    if not len(batch):
        return batch

    groups, failures = _group_attempts(retry, batch)
    room = MOST_FAILURES - execution.listed_failures
    rows = set(failures[: max(0, room)])

    before = execution.attempts
    stride = _stride_after(before + len(batch))
    for row in range(-before % stride, len(batch), stride):
        if batch.status[row] == SUCCEEDED:
            rows.add(row)

    listed = batch.take(sorted(rows))
    items = None
    if listed.items is not None:
        items = [item if row in listed.errors else None for row, item in enumerate(listed.items)]
    return msgspec.structs.replace(
        listed, results=[None] * len(listed), items=items, groups=groups, stride=stride
    )


def _stride_after(count: int) -> int:
    """Return the number of attempts for which one in the sample stands, after so many attempts.

    It doubles whenever their number doubles.
    """
    return 1 << (count // (2 * _SAMPLE)).bit_length()


def _group_attempts(
    retry: Retry | None, batch: Batch
) -> tuple[tuple[AttemptGroup, ...], list[int]]:
    """Return the groups of all attempts, and the rows of those that failed or were cancelled.

    Attempts that are repeated are not among the rows.
    """
    count = len(batch)
    if not batch.errors and not any(batch.status) and batch.attempt.count(1) == count:
        # the usual case: all are first attempts that succeeded
        return (_make_group((1, SUCCEEDED, False, True), batch),), []

    rows: dict[GroupKey, list[int]] = {}
    messages: dict[GroupKey, str] = {}
    failures: list[int] = []
    for row, (attempt, code, worker) in enumerate(
        zip(batch.attempt, batch.status, batch.worker, strict=True)
    ):
        error = batch.errors.get(row)
        is_repeated = False
        if code:
            is_repeated = retry_delay(retry, attempt, error) is not None
            if not is_repeated:
                failures.append(row)

        key = (attempt, code, is_repeated, worker != NO_WORKER)
        rows.setdefault(key, []).append(row)
        if error is not None:
            messages[key] = error.message

    groups = [
        _make_group(key, batch.take(rows[key]), messages.get(key, "")) for key in sorted(rows)
    ]
    return tuple(groups), failures


def _make_group(key: GroupKey, batch: Batch, message: str = "") -> AttemptGroup:
    """Return the group of all attempts of a batch."""
    attempt, code, is_repeated, has_begun = key
    ranges = find_ranges(batch.index)
    return AttemptGroup(
        attempt=attempt,
        status=code,
        count=sum(stop - start for start, stop in ranges),
        items=pack_ranges(ranges),
        start=min(batch.start),
        end=max(map(add, batch.start, batch.duration)),
        seconds=sum(batch.duration),
        retryable=is_repeated,
        begun=has_begun,
        message=cut_text(message, _LONGEST_MESSAGE),
    )

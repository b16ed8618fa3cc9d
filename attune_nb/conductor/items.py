"""The items of a with-items task: where they come from, and what came of them."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.conductor.retries import wait_before
from attune_nb.conductor.state import Execution, RetryItem
from attune_nb.context import Outcome
from attune_nb.errors import TemplateError
from attune_nb.events import CANCELLED, FINAL, STATUS_CODES
from attune_nb.values.frozen import (
    FrozenDict,
    FrozenList,
    NotStored,
    freeze,
    freeze_list,
    frozen_rows,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from attune_nb.events import Batch, ErrorInfo, TaskEndStatus
    from attune_nb.language.model import Retry

__all__ = ["EMPTY", "absorb", "failure_of", "is_complete", "outcome_of", "source_of"]


def source_of(value: Any, batch_size: int | None = None) -> tuple[Any, int | None]:
    """Give the items and their number (None while unknown); with `batch_size`, lists of them.

    Raises:
        TemplateError: The value is no list of items.
    """
    source, total = _source(value)
    if batch_size is None:
        return source, total
    if isinstance(source, NotStored):
        return source, None if total is None else -(-total // batch_size)
    if total is not None and hasattr(source, "__getitem__"):
        parts = [
            freeze_list(list(source[at : at + batch_size])) for at in range(0, total, batch_size)
        ]
        return parts, len(parts)
    return _in_batches(iter(source), batch_size), None if total is None else -(-total // batch_size)


def _in_batches(source: Iterator[Any], size: int) -> Iterator[FrozenList]:
    while batch := list(islice(source, size)):
        yield freeze_list(batch)


def _source(value: Any) -> tuple[Any, int | None]:
    if isinstance(value, dict):
        pairs = freeze([{"key": key, "value": each} for key, each in value.items()])
        return pairs, len(pairs)
    if isinstance(value, list | tuple | range):
        return value, len(value)
    if hasattr(value, "columns") and hasattr(value, "iloc"):
        return _rows(value)
    if isinstance(value, NotStored):  # of a run that is only looked at: nobody reads it
        return value, value.rows
    if value is None or isinstance(value, str | bytes | int | float | set | frozenset):
        raise TemplateError(f"`with_items` needs a list, not {_kind(value)}; make it a list")
    try:
        return iter(value), None
    except TypeError:
        raise TemplateError(f"`with_items` needs a list, not {_kind(value)}") from None
    except Exception as error:  # noqa: BLE001 - the items' own code raised
        kind = type(error).__name__
        raise TemplateError(f"`with_items` cannot be read: {kind}: {error}") from None


def _rows(frame: Any) -> tuple[Any, int]:
    names = [str(name) for name in frame.columns]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise TemplateError(f"`with_items`: two columns are named `{twice}`; rename one of them")
    return frozen_rows(frame), len(frame)


def _kind(value: Any) -> str:
    kinds = {
        str: "a text",
        bool: "a boolean",
        int: "a number",
        float: "a number",
        frozenset: "a set",
    }
    name = type(value).__name__
    return "null" if value is None else kinds.get(type(value), f"a value of type `{name}`")


def absorb(
    execution: Execution, retry: Retry | None, batch: Batch
) -> tuple[Execution, list[RetryItem]]:
    """Count a batch of ended attempts in; give the attempts to be made again.

    An attempt that has ended before, or was never to be made, counts no more: backends may
    tell of one twice, or late.
    """
    total = execution.total if batch.total is None else batch.total
    ended = _marked(execution, batch, total)
    again: list[RetryItem] = []
    failed = 0
    if ended is None:
        ended, batch, again, failed = _counted(execution, retry, batch, total)
    grown = msgspec.structs.replace(
        execution,
        last_attempts=bytes(ended),
        batches=execution.batches.append(batch),
        attempts=execution.attempts + len(batch),
        done=execution.done + len(batch) - len(again),
        failed=execution.failed + failed,
        status="retrying" if again and execution.items is None else "running",
        total=total,
        planned=execution.planned if execution.stopping else total,
    )
    return grown, again


def _room(execution: Execution, batch: Batch) -> bytearray:
    ended = bytearray(execution.last_attempts)
    if batch.index:
        ended.extend(bytes(max(0, max(batch.index) + 1 - len(ended))))
    return ended


def _marked(execution: Execution, batch: Batch, total: int | None) -> bytearray | None:
    """Mark the items of a batch as ended, if all are first attempts that succeeded.

    Nearly all batches are such; to look closely at each row would cost as much as the items
    themselves. None: look closely.
    """
    count = len(batch)
    if batch.errors or batch.status.count(0) != count or batch.attempt.count(1) != count:
        return None
    ended = _room(execution, batch)
    if total is not None and len(ended) > total:
        return None
    new = ended.count(0)
    for index in batch.index:
        ended[index] = FINAL
    return ended if new - ended.count(0) == count else None  # else one was told of before


def _counted(
    execution: Execution, retry: Retry | None, batch: Batch, total: int | None
) -> tuple[bytearray, Batch, list[RetryItem], int]:
    """Look at each row; give the marks, the rows that count, the retries, and the failures."""
    ended = _room(execution, batch)
    again: list[RetryItem] = []
    rows: list[int] = []
    failed = 0
    for row, (index, attempt, code) in enumerate(
        zip(batch.index, batch.attempt, batch.status, strict=True)
    ):
        if attempt != ended[index] + 1 or (total is not None and index >= total):
            continue
        rows.append(row)
        ended[index] = FINAL
        if code:
            wait = _wait(retry, attempt, code, batch.errors.get(row))
            if wait is None:
                failed += code != CANCELLED
            else:
                ended[index] = attempt
                again.append(
                    RetryItem(key=execution.key, index=index, attempt=attempt + 1, delay=wait)
                )
    return ended, batch.take(rows), again, failed


def _wait(retry: Retry | None, attempt: int, code: int, error: ErrorInfo | None) -> float | None:
    return None if code == CANCELLED else wait_before(retry, attempt, error)


def is_complete(execution: Execution) -> bool:
    """Tell whether every item has ended."""
    return execution.total is not None and execution.done >= execution.total


def outcome_of(execution: Execution, time: float) -> tuple[Outcome, ErrorInfo | None]:
    """Make the record of an execution whose attempts have all ended."""
    results, statuses, first = _collect(execution)
    cancelled = statuses.count(CANCELLED)
    failed = len(statuses) - statuses.count(0) - cancelled
    status = _status(execution, set(statuses) - {0}, len(results))
    index, error = first or (0, None)
    message = error.message if error is not None else None
    if execution.items is not None and error is not None:
        told = f"the first, index {index}: {message}"
        message = f"{_counts(len(results), failed, cancelled)}; {told}"
        error = msgspec.structs.replace(error, message=message)
    if status == "cancelled" and message is None:
        message = "the run was cancelled"
    outcome = Outcome(
        status=status,
        result=freeze_list(results) if execution.items is not None else results[0],
        error=message,
        attempts=execution.attempts,
        duration_ms=(time - execution.started) * 1000,
        total_count=len(results) if execution.items is not None else None,
        failed_items=failed if execution.items is not None else None,
    )
    return outcome, error


def _counts(total: int, failed: int, cancelled: int) -> str:
    if not failed:
        return f"{cancelled} of {total} items cancelled"
    return f"{failed} of {total} items failed" + (f", {cancelled} cancelled" if cancelled else "")


def _status(execution: Execution, failing: set[int], count: int) -> TaskEndStatus:
    """Say how the task ended as a whole: as its items did, or cancelled where some were left."""
    kinds = {STATUS_CODES[code] for code in failing}
    left = execution.planned is None or count < execution.planned
    if "cancelled" in kinds or (execution.stopping and left):
        return "cancelled"
    if not kinds:
        return "succeeded"
    return "timed_out" if kinds == {"timed_out"} else "failed"


def _collect(
    execution: Execution,
) -> tuple[list[Any], bytearray, tuple[int, ErrorInfo] | None]:
    """Give results and statuses by item, and the first failed item's error with its index.

    What was cancelled comes first only where nothing has failed.
    """
    total = execution.total or 0
    results: list[Any] = [None] * total
    statuses = bytearray(total)
    first: tuple[tuple[bool, int], ErrorInfo] | None = None
    for batch in execution.batches:
        for row, index in enumerate(batch.index):
            results[index] = batch.results[row]
            statuses[index] = batch.status[row]
        for row, error in batch.errors.items():
            results[batch.index[row]] = failure_of(error)
    for batch in execution.batches:
        for row, error in batch.errors.items():
            index = batch.index[row]
            rank = (statuses[index] == CANCELLED, index)
            if statuses[index] and (first is None or rank <= first[0]):
                first = (rank, error)
    return results, statuses, (first[0][1], first[1]) if first is not None else None


def failure_of(error: ErrorInfo) -> FrozenDict:
    """Give what `result()` is for a failed attempt."""
    given = error.data if isinstance(error.data, dict) else {}
    frozen: FrozenDict = freeze({**given, "error": error.message, "error_type": error.type})
    return frozen


EMPTY: FrozenList = freeze([])

"""The items of a with-items task: where they come from, and what came of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.conductor.retries import wait_before
from attune_nb.conductor.state import Execution, RetryItem
from attune_nb.context import FrozenDict, FrozenList, Outcome, freeze, freeze_list, rows_of
from attune_nb.errors import TemplateError

if TYPE_CHECKING:
    from attune_nb.events import Batch, ErrorInfo
    from attune_nb.language.model import Task

__all__ = ["absorb", "is_complete", "outcome_of", "source_of"]


def source_of(value: Any) -> tuple[Any, int | None]:
    """Give the items and their number (None while unknown).

    Raises:
        TemplateError: The value is no list of items.
    """
    if isinstance(value, dict):
        pairs = freeze([{"key": key, "value": each} for key, each in value.items()])
        return pairs, len(pairs)
    if isinstance(value, list | tuple | range):
        return value, len(value)
    if hasattr(value, "columns") and hasattr(value, "iloc"):
        return rows_of(value), len(value)
    if value is None or isinstance(value, str | bytes | int | float | set | frozenset):
        kind = "null" if value is None else type(value).__name__
        raise TemplateError(f"`with_items` needs a list, not {kind}; make it a list")
    try:
        return iter(value), None
    except TypeError:
        raise TemplateError(f"`with_items` needs a list, not {type(value).__name__}") from None


def absorb(execution: Execution, task: Task, batch: Batch) -> tuple[Execution, list[RetryItem]]:
    """Count a batch of ended attempts in; give the attempts to be made again."""
    again: list[RetryItem] = []
    failed = 0
    for row, code in _not_succeeded(batch):
        error = batch.errors.get(row)
        wait = wait_before(task.retry, batch.attempt[row], error) if code in (1, 2) else None
        if wait is None:
            failed += 1
        else:
            again.append(
                RetryItem(
                    key=execution.key,
                    index=batch.index[row],
                    attempt=batch.attempt[row] + 1,
                    delay=wait,
                )
            )
    grown = msgspec.structs.replace(
        execution,
        batches=execution.batches.append(batch),
        attempts=execution.attempts + len(batch),
        done=execution.done + len(batch) - len(again),
        failed=execution.failed + failed,
        status="retrying" if again and execution.items is None else "running",
        total=execution.total if batch.total is None else batch.total,
    )
    return grown, again


def _not_succeeded(batch: Batch) -> list[tuple[int, int]]:
    if not batch.errors and not any(batch.status):
        return []
    return [(row, code) for row, code in enumerate(batch.status) if code]


def is_complete(execution: Execution) -> bool:
    """Tell whether every item has ended."""
    return execution.total is not None and execution.done >= execution.total


def outcome_of(execution: Execution, time: float) -> tuple[Outcome, ErrorInfo | None]:
    """Make the record of an execution whose attempts have all ended."""
    results, statuses, error = _collect(execution)
    failing = [code for code in statuses if code]
    status = "succeeded" if not failing else "timed_out" if set(failing) == {2} else "failed"
    if failing and set(failing) == {3}:
        status = "cancelled"
    message = None
    if error is not None:
        message = error.message
        if execution.items is not None:
            message = f"{len(failing)} of {len(results)} items failed; the first: {message}"
    outcome = Outcome(
        status=status,
        result=freeze_list(results) if execution.items is not None else results[0],
        error=message,
        attempts=execution.attempts,
        duration_ms=(time - execution.started) * 1000,
        total_count=len(results) if execution.items is not None else None,
        failed_items=len(failing) if execution.items is not None else None,
    )
    return outcome, error


def _collect(execution: Execution) -> tuple[list[Any], bytearray, ErrorInfo | None]:
    total = execution.total or 0
    results: list[Any] = [None] * total
    statuses = bytearray(total)
    first: tuple[int, ErrorInfo] | None = None
    for batch in execution.batches:
        for row, index in enumerate(batch.index):
            results[index] = batch.results[row]
            statuses[index] = batch.status[row]
        for row, error in batch.errors.items():
            results[batch.index[row]] = failure_of(error)
    for batch in execution.batches:
        for row, error in batch.errors.items():
            index = batch.index[row]
            if statuses[index] and (first is None or index <= first[0]):
                first = (index, error)
    return results, statuses, first[1] if first else None


def failure_of(error: ErrorInfo) -> FrozenDict:
    """Give what `result()` is for a failed attempt."""
    given = error.data if isinstance(error.data, dict) else {}
    frozen: FrozenDict = freeze({**given, "error": error.message, "error_type": error.type})
    return frozen


EMPTY: FrozenList = freeze([])

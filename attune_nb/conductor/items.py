"""The items of a task: their source, their attempts, and the outcome of all of them."""

from __future__ import annotations

import inspect
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.conductor.retries import retry_delay
from attune_nb.conductor.state import Execution, RetryItem
from attune_nb.context import Outcome
from attune_nb.errors import TemplateError
from attune_nb.events import CANCELLED, FINAL, NO_WORKER, SKIPPED, STATUS_CODES, SUCCEEDED
from attune_nb.item_outcomes import ItemOutcomes, ListedFailures
from attune_nb.values.describe import describe
from attune_nb.values.frozen import (
    FrozenDict,
    FrozenList,
    NotStored,
    freeze,
    freeze_list,
    frozen_rows,
)
from attune_nb.values.guard import cut_text, error_text, is_table, type_name
from attune_nb.values.index_ranges import unpack_ranges
from attune_nb.values.paged_bytes import PagedBytes
from attune_nb.values.stored import StoredResult, StoredTable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from attune_nb.events import AttemptGroup, Batch, ErrorInfo, TaskEndStatus, TaskStatus
    from attune_nb.language.model import Retry
    from attune_nb.values.paged_bytes import PagedBytesEditor

__all__ = [
    "NO_RESULTS",
    "failure_result",
    "is_complete",
    "item_source",
    "make_outcome",
    "record_batch",
]

NO_RESULTS: FrozenList = freeze([])
"""The result of a task without items to run for."""

# the widest span of a batch whose marks are copied together, as a multiple of its items
_MOST_SPREAD = 16

_SINGLE_ITEM_ENDED = PagedBytes((bytes([FINAL]),))


def item_source(value: Any, batch_size: int | None = None) -> tuple[Any, int | None]:
    """Return the item source of a `with_items` value, and the number of items.

    Args:
        value: The evaluated `with_items`: an array, an object, a table or another iterable.
        batch_size: How many elements of the value are one item, an array of them.

    Returns:
        The source, and the number of items; None if it is not known.

    Raises:
        TemplateError: The value has no items.
    """
    if type(value) is StoredResult:
        value = value.get()
    source, count = _source_of(value)
    if batch_size is None:
        return source, count

    total = None
    if count is not None:
        # rounded up: the last array may be shorter
        total = -(-count // batch_size)

    if isinstance(source, NotStored):
        return source, total
    if count is None or not hasattr(source, "__getitem__"):
        return _split_iterator(iter(source), batch_size), total

    starts = range(0, count, batch_size)
    arrays = [freeze_list(list(source[start : start + batch_size])) for start in starts]
    return arrays, total


def _split_iterator(source: Iterator[Any], size: int) -> Iterator[FrozenList]:
    while elements := list(islice(source, size)):
        yield freeze_list(elements)


def _source_of(value: Any) -> tuple[Any, int | None]:
    """Return the elements of a value, and their number if it is known."""
    kind = type(value)
    if issubclass(kind, dict):
        pairs = freeze([{"key": key, "value": element} for key, element in value.items()])
        return pairs, len(pairs)
    if issubclass(kind, list | tuple | range):
        return value, len(value)
    if kind is NotStored:
        # only in a run that is looked up in a store: its items are never read
        return value, value.rows
    if kind is StoredTable:
        return _stored_rows(value), value.rows if value.has_rows else None

    problem = f"`with_items` needs an array, not {describe(value)}"
    if value is None or issubclass(kind, str | bytes | int | float | set | frozenset):
        raise TemplateError(f"{problem}; make it an array")
    try:
        if is_table(kind):
            return _table_rows(value)
        return _iterate(value), None
    except TemplateError:
        raise
    except TypeError:
        raise TemplateError(f"{problem}{_remedy_for(value)}") from None
    except Exception as error:  # noqa: BLE001 - the value's own code may raise anything
        reason = f"{type_name(type(error))}: {error_text(error)}"
        raise TemplateError(cut_text(f"`with_items` cannot be read: {reason}")) from None


def _remedy_for(value: Any) -> str:
    """Return the remedy for a value that has no items, as the end of a message."""
    if callable(value):
        return "; a function must be a generator function (one with `yield`)"
    return ""


def _iterate(value: Any) -> Iterator[Any]:
    """Return an iterator over a value; a generator function is called for it.

    Raises:
        TemplateError: The generator function has parameters.
        TypeError: The value is not iterable.
    """
    if hasattr(type(value), "__iter__") or not inspect.isgeneratorfunction(value):
        return iter(value)

    try:
        generator: Iterator[Any] = value()
    except TypeError as error:
        message = cut_text(f"`with_items` cannot call the generator function: {error_text(error)}")
        raise TemplateError(message) from None
    return generator


def _stored_rows(table: StoredTable) -> Iterator[Any]:
    """Yield the items of a table on record, which is read with the first one."""
    source, _ = _source_of(table.get())
    yield from source


def _table_rows(frame: Any) -> tuple[Any, int]:
    """Return the rows of a table as objects, and their number."""
    names = [str(name) for name in frame.columns]
    for name in names:
        if names.count(name) > 1:
            raise TemplateError(f"`with_items`: two columns are named `{name}`; rename one of them")

    return frozen_rows(frame), len(frame)


def record_batch(
    execution: Execution, retry: Retry | None, batch: Batch
) -> tuple[Execution, list[RetryItem]]:
    """Record a batch of ended attempts.

    An attempt is ignored if it has ended before or was never asked for: backends may report
    one twice, or late.

    Returns:
        The execution with the batch, and the retries to make.
    """
    total = execution.total
    if batch.total is not None:
        total = batch.total

    if batch.groups:
        execution, retries = _record_groups(execution, retry, batch, total)
    else:
        execution, retries = _record_rows(execution, retry, batch, total)

    status: TaskStatus = "running"
    if retries and execution.items is None:
        status = "retrying"
    begun = execution.begun
    if batch.begun is not None and execution.max_failures is not None:
        # in a fork the task may have no limit any more
        begun = batch.begun
    planned = total
    if execution.stopping or begun is not None:
        # the items of a source of unknown length were not all read
        planned = execution.planned

    changed = msgspec.structs.replace(
        execution, begun=begun, status=status, total=total, planned=planned
    )
    return changed, retries


def _record_rows(
    execution: Execution, retry: Retry | None, batch: Batch, total: int | None
) -> tuple[Execution, list[RetryItem]]:
    """Record the attempts in the rows of a batch, and return the retries to make."""
    retries: list[RetryItem] = []
    failed = 0
    last_attempts = _mark_all(execution, batch, total)
    if last_attempts is None:
        last_attempts, batch, retries, failed = _mark_each(execution, retry, batch, total)

    changed = msgspec.structs.replace(
        execution,
        last_attempts=last_attempts,
        attempts=execution.attempts + batch.made,
        done=execution.done + len(batch) - len(retries),
        failed=execution.failed + failed,
    )
    if execution.counts is None:
        return msgspec.structs.replace(changed, batches=execution.batches.append(batch)), retries

    # a result that a user gave for an attempt in doubt
    counts = list(execution.counts)
    for code in batch.status:
        counts[code] += 1
    for retry_item in retries:
        counts[batch.status[batch.index.index(retry_item.index)]] -= 1
    return _list_failures(msgspec.structs.replace(changed, counts=tuple(counts)), batch), retries


def _record_groups(
    execution: Execution, retry: Retry | None, batch: Batch, total: int | None
) -> tuple[Execution, list[RetryItem]]:
    """Record the attempts in the groups of a batch, and return the retries to make."""
    editor = execution.last_attempts.edit()
    counts = [0] * len(STATUS_CODES)
    if execution.counts is not None:
        counts = list(execution.counts)
    attempts = execution.attempts
    retries: list[RetryItem] = []

    for group in batch.groups:
        delay = None
        if group.retryable:
            delay = retry_delay(retry, group.attempt, None)
        mark = FINAL if delay is None else group.attempt

        for first, end in _mark_group(editor, group, mark, total):
            attempts += (end - first) * group.begun
            if delay is None:
                counts[group.status] += end - first
                continue

            attempt = group.attempt + 1
            retries += [
                RetryItem(key=execution.key, index=index, attempt=attempt, delay=delay)
                for index in range(first, end)
            ]

    changed = msgspec.structs.replace(
        execution,
        last_attempts=editor.finish(),
        attempts=attempts,
        done=sum(counts),
        failed=sum(counts) - counts[SUCCEEDED] - counts[CANCELLED],
        counts=tuple(counts),
        latest=max(execution.latest, *[group.end for group in batch.groups]),
    )
    return _list_failures(changed, batch), retries


def _mark_group(
    editor: PagedBytesEditor, group: AttemptGroup, mark: int, total: int | None
) -> Iterator[tuple[int, int]]:
    """Mark the items of a group, and yield their ranges without the attempts to ignore."""
    for start, stop in unpack_ranges(group.items, group.count):
        end = stop if total is None else min(stop, total)
        editor.extend(end)
        for first, last in editor.find_value(start, end, group.attempt - 1):
            editor.fill(first, last, mark)
            yield first, last


def _list_failures(execution: Execution, batch: Batch) -> Execution:
    """Add the rows of a batch that have errors to an execution that keeps no results."""
    if not batch.errors:
        return execution

    failures = msgspec.structs.replace(batch.take(sorted(batch.errors)), groups=())
    return msgspec.structs.replace(
        execution,
        batches=execution.batches.append(failures),
        listed_failures=execution.listed_failures + len(failures),
    )


def _mark_all(execution: Execution, batch: Batch, total: int | None) -> PagedBytes | None:
    """Mark the items of a batch as ended, if all rows are first attempts that succeeded.

    Nearly all batches are such, and `_mark_each` would cost as much as the items themselves.

    Returns:
        The last attempts of the execution, or None if each row must be looked at.
    """
    count = len(batch)
    if batch.errors or batch.status.count(0) != count or batch.attempt.count(1) != count:
        return None
    if not count:
        return execution.last_attempts

    first = min(batch.index)
    end = max(batch.index) + 1
    if (total is not None and end > total) or end - first > _MOST_SPREAD * count:
        return None
    if end == count == 1 and not execution.last_attempts:
        # of a task without items, as most tasks are
        return _SINGLE_ITEM_ENDED

    editor = execution.last_attempts.edit()
    editor.extend(end)
    # only the items between the first and the last one are copied, however many there are
    marks = editor.read(first, end)
    open_before = marks.count(0)
    if first:
        for index in batch.index:
            marks[index - first] = FINAL
    else:
        for index in batch.index:
            marks[index] = FINAL

    if open_before - marks.count(0) != count:
        # an item of the batch had been reported before
        return None
    editor.write(first, marks)
    return editor.finish()


def _mark_each(
    execution: Execution, retry: Retry | None, batch: Batch, total: int | None
) -> tuple[PagedBytes, Batch, list[RetryItem], int]:
    """Look at each row of a batch.

    Returns:
        The last attempts of the execution, the rows that are not ignored, the retries, and
        the number of items that failed.
    """
    editor = execution.last_attempts.edit()
    editor.extend(max(batch.index, default=-1) + 1)
    retries: list[RetryItem] = []
    rows: list[int] = []
    failed = 0
    for row, (index, attempt, code) in enumerate(
        zip(batch.index, batch.attempt, batch.status, strict=True)
    ):
        if attempt != editor[index] + 1 or (total is not None and index >= total):
            continue

        rows.append(row)
        editor[index] = FINAL
        if not code or code == CANCELLED:
            continue

        delay = retry_delay(retry, attempt, batch.errors.get(row))
        if delay is None:
            failed += 1
        else:
            editor[index] = attempt
            retries.append(
                RetryItem(key=execution.key, index=index, attempt=attempt + 1, delay=delay)
            )
    return editor.finish(), batch.take(rows), retries, failed


def is_complete(execution: Execution) -> bool:
    """Return whether every item has ended that has begun or may still begin."""
    if execution.begun is not None and execution.done >= execution.begun:
        return True
    return execution.total is not None and execution.done >= execution.total


def make_outcome(execution: Execution, time: float) -> tuple[Outcome, ErrorInfo | None]:
    """Return the outcome of an execution whose attempts have all ended, and its error."""
    if execution.counts is None:
        results, statuses = _collect_results(execution)
        counts = [statuses.count(code) for code in range(len(STATUS_CODES))]
        first = _first_failure(execution, statuses)
    else:
        counts = _complete_counts(execution, execution.counts)
        first = _first_listed_failure(execution)

    count = sum(counts)
    cancelled = counts[CANCELLED]
    skipped = counts[SKIPPED]
    failed = count - counts[SUCCEEDED] - cancelled - skipped
    codes = {code for code, number in enumerate(counts) if number}
    status = _overall_status(execution, codes, count)

    error = None
    message = None
    if first is not None:
        index, error = first
        message = error.message
        if execution.items is not None:
            message = f"{_describe_losses(execution, counts)}, index {index}: {message}"
            error = msgspec.structs.replace(error, message=message)
    elif status == "cancelled":
        message = "the run was cancelled"

    result: Any = None
    items: ItemOutcomes | None = None
    if execution.counts is not None:
        items = ListedFailures(execution.batches, execution.items)
    elif execution.items is not None:
        result = freeze_list(results)
        items = ItemOutcomes(bytes(statuses), execution.batches, execution.items)
    else:
        result = results[0]

    total_count: int | None = None
    failed_items: int | None = None
    if execution.items is not None:
        total_count = count
        failed_items = failed
    outcome = Outcome(
        status=status,
        result=result,
        error=message,
        attempts=execution.attempts,
        duration_ms=(time - execution.started) * 1000,
        total_count=total_count,
        failed_items=failed_items,
        items=items,
    )
    return outcome, error


def _complete_counts(execution: Execution, counts: tuple[int, ...]) -> list[int]:
    """Return how many items ended with each status, with those that never began."""
    complete = list(counts)
    if execution.begun is not None and execution.total is not None:
        complete[SKIPPED] = max(0, execution.total - sum(counts))
    return complete


def _first_listed_failure(execution: Execution) -> tuple[int, ErrorInfo] | None:
    """Return the index and the error of the first item that failed, of those that are listed.

    A cancelled item counts only if no item failed.
    """
    ranks = []
    for batch in execution.batches:
        for row, error in batch.errors.items():
            ranks.append((batch.status[row] == CANCELLED, batch.index[row], error))
    if not ranks:
        return None
    _, index, error = min(ranks, key=lambda rank: rank[:2])
    return index, error


def _describe_losses(execution: Execution, counts: list[int]) -> str:
    """Describe how many items did not succeed, up to the index of the first of them."""
    total = sum(counts)
    cancelled = counts[CANCELLED]
    skipped = counts[SKIPPED]
    failed = total - counts[SUCCEEDED] - cancelled - skipped

    has_unread = execution.begun is not None and execution.planned is None
    if skipped or has_unread:
        return _describe_stop(execution, total, failed, skipped)
    return _describe_counts(total, failed, cancelled)


def _describe_stop(execution: Execution, total: int, failed: int, skipped: int) -> str:
    """Describe that items never began, up to the index of the first one that failed."""
    noun = "failure" if failed == 1 else "failures"
    consequence = f"{skipped:,} of {total:,} items not started"
    if execution.planned is None:
        consequence = "no more items were read"
    return (
        f"stopped after {failed:,} {noun}, as `max_failures` is {execution.max_failures:,}; "
        f"{consequence}; the first failure"
    )


def _describe_counts(total: int, failed: int, cancelled: int) -> str:
    """Describe how many items did not succeed, up to the index of the first of them."""
    if not failed:
        return f"{cancelled} of {total} items cancelled; the first"
    if not cancelled:
        return f"{failed} of {total} items failed; the first"
    return f"{failed} of {total} items failed, {cancelled} cancelled; the first"


def _overall_status(execution: Execution, codes: set[int], count: int) -> TaskEndStatus:
    """Return the status of a task from the status codes of its items.

    A task that was stopped before all its items had ended is cancelled.
    """
    statuses = {STATUS_CODES[code] for code in codes}
    statuses -= {"succeeded", "skipped"}
    incomplete = execution.planned is None or count < execution.planned

    if "cancelled" in statuses or (execution.stopping and incomplete):
        return "cancelled"
    if not statuses:
        return "succeeded"
    if statuses == {"timed_out"}:
        return "timed_out"
    return "failed"


def _collect_results(execution: Execution) -> tuple[list[Any], bytearray]:
    """Return the result and the status code of each item's last attempt."""
    total = 0 if execution.total is None else execution.total
    results: list[Any] = [None] * total
    failures: dict[int, FrozenDict] = {}
    statuses = bytearray(total)
    if execution.begun is not None:
        # items without an attempt never began
        statuses = bytearray([SKIPPED]) * total

    for batch in execution.batches:
        for row, index in enumerate(batch.index):
            results[index] = batch.results[row]
            statuses[index] = batch.status[row]

        for row, error in batch.errors.items():
            index = batch.index[row]
            if index not in failures or not _is_unbegun_retry(batch, row):
                failures[index] = failure_result(error)
            results[index] = failures[index]
    return results, statuses


def _is_unbegun_retry(batch: Batch, row: int) -> bool:
    """Return whether a retry was cancelled before it began: the item keeps its earlier error."""
    return batch.worker[row] == NO_WORKER and batch.attempt[row] > 1


def _first_failure(execution: Execution, statuses: bytearray) -> tuple[int, ErrorInfo] | None:
    """Return the index and the last error of the first item that failed.

    A cancelled item counts only if no item failed.
    """
    first: tuple[int, ErrorInfo] | None = None
    first_rank = (True, len(statuses))

    for batch in execution.batches:
        for row, error in batch.errors.items():
            index = batch.index[row]
            rank = (statuses[index] == CANCELLED, index)
            if _is_unbegun_retry(batch, row):
                continue
            # a later error of the same item replaces an earlier one
            if statuses[index] != SUCCEEDED and rank <= first_rank:
                first = (index, error)
                first_rank = rank
    return first


def failure_result(error: ErrorInfo) -> FrozenDict:
    """Return the value of `result()` for an attempt that failed."""
    data = error.data if isinstance(error.data, dict) else {}
    result: FrozenDict = freeze({**data, "error": error.message, "error_type": error.type})
    return result

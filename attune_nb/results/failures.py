"""The reason why a run failed: the failed item, and the lines of code or of the workflow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from attune_nb.events import CANCELLED, AttemptsEnded, TaskEnded, TaskStarted
from attune_nb.values.describe import preview
from attune_nb.values.frozen import size_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from attune_nb.events import Batch, ErrorInfo, Event, Key

__all__ = ["describe_failure"]

# bytes below which an item is shown in full, and the characters of it that are shown
_MAX_ITEM_SIZE = 2000
_MAX_ITEM_LENGTH = 200


@dataclass(frozen=True)
class _FailedItem:
    """The last attempt of an item that failed: a row of a batch."""

    index: int
    error: ErrorInfo
    batch: Batch
    row: int


def describe_failure(events: Sequence[Event], item_of: Callable[[Key, int], Any]) -> str:
    """Describe the last task that failed; return an empty string if none has.

    Args:
        events: The run's events, secrets masked.
        item_of: Returns an item of a task execution by its index.

    Returns:
        The task, the first item that failed with its index, and the frames of the user's own
        code; or the lines of the workflow, if an expression failed.
    """
    failed_task = _last_failed_task(events)
    if failed_task is None:
        return ""

    key, error = failed_task
    heading = f"task `{key[0]}`"
    if _has_items(events, key):
        failed_item = _first_failed_item(events, key)
        if failed_item is not None:
            error = failed_item.error
            batch = failed_item.batch
            if batch.items is None:
                item = item_of(key, failed_item.index)
            else:
                item = batch.items[failed_item.row]
            heading += f", item {failed_item.index}: {_format_item(item)}"
    return f"{heading}\n{_format_error(error)}"


def _last_failed_task(events: Sequence[Event]) -> tuple[Key, ErrorInfo] | None:
    for event in reversed(events):
        if isinstance(event, TaskEnded) and event.error is not None:
            return (event.task, event.visit), event.error
    return None


def _has_items(events: Sequence[Event], key: Key) -> bool:
    for event in events:
        if isinstance(event, TaskStarted) and (event.task, event.visit) == key:
            return event.with_items
    return False


def _first_failed_item(events: Sequence[Event], key: Key) -> _FailedItem | None:
    """Return the failed item with the lowest index; cancelled items have not failed."""
    failed: dict[int, _FailedItem] = {}
    for event in events:
        if not isinstance(event, AttemptsEnded) or (event.task, event.visit) != key:
            continue

        batch = event.batch
        if failed:
            # the items of this batch were attempted again
            for index in batch.index:
                failed.pop(index, None)
        for row, error in batch.errors.items():
            if batch.status[row] != CANCELLED:
                index = batch.index[row]
                failed[index] = _FailedItem(index, error, batch, row)

    return failed[min(failed)] if failed else None


def _format_item(item: Any) -> str:
    text = repr(item) if size_of(item) < _MAX_ITEM_SIZE else preview(item)
    return text if len(text) <= _MAX_ITEM_LENGTH else f"{text[:_MAX_ITEM_LENGTH]}…"


def _format_error(error: ErrorInfo) -> str:
    if error.traceback:
        return error.traceback.rstrip()
    if error.position is not None:
        return f"{error.message}\n{error.position.excerpt()}"
    return f"{error.type}: {error.message}"

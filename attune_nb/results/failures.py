"""Why a run failed, as a person wants to read it: which item, and the lines that did it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.events import CANCELLED, AttemptsEnded, TaskEnded, TaskStarted
from attune_nb.values.describe import preview
from attune_nb.values.frozen import size_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from attune_nb.events import Batch, ErrorInfo, Event, Key

__all__ = ["describe_failure"]

_LARGE = 2000  # bytes of an item that is shown as it is
_LONGEST = 200  # characters of it


def describe_failure(events: Sequence[Event], item_of: Callable[[Key, int], Any]) -> str:
    """Tell of the last task that failed; nothing where none has.

    Args:
        events: The run's events, secrets masked.
        item_of: Gives an item of a task execution by its index.

    Returns:
        The task, the first item that failed with its index, and the frames of the user's own
        code; or the lines of the workflow, where an expression failed.
    """
    ended = [each for each in events if isinstance(each, TaskEnded) and each.error is not None]
    if not ended or ended[-1].error is None:
        return ""
    key, error = (ended[-1].task, ended[-1].visit), ended[-1].error
    started = [each for each in events if isinstance(each, TaskStarted)]
    where = f"task `{key[0]}`"
    if any((each.task, each.visit) == key and each.with_items for each in started):
        failed = _first_failed(events, key)
        if failed is not None:
            index, error, batch, row = failed
            item = item_of(key, index) if batch.items is None else batch.items[row]
            where += f", item {index}: {_shown(item)}"
    return f"{where}\n{_cause(error)}"


def _first_failed(events: Sequence[Event], key: Key) -> tuple[int, ErrorInfo, Batch, int] | None:
    failed: dict[int, tuple[int, ErrorInfo, Batch, int]] = {}
    for event in events:
        if not isinstance(event, AttemptsEnded) or (event.task, event.visit) != key:
            continue
        batch = event.batch
        if failed:
            for index in batch.index:
                failed.pop(index, None)  # it was attempted again
        for row, error in batch.errors.items():
            if batch.status[row] == CANCELLED:
                continue  # it has not failed: it was not let go on
            failed[batch.index[row]] = batch.index[row], error, batch, row
    return failed[min(failed)] if failed else None


def _shown(item: Any) -> str:
    told = repr(item) if size_of(item) < _LARGE else preview(item)
    return told if len(told) <= _LONGEST else f"{told[:_LONGEST]}…"


def _cause(error: ErrorInfo) -> str:
    if error.traceback:
        return error.traceback.rstrip()
    if error.position is not None:
        return f"{error.message}\n{error.position.excerpt()}"  # the message names the place
    return f"{error.type}: {error.message}"

"""The failures of a run: which tasks failed, by which errors, on which lines of the user's code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.events import CANCELLED, AttemptsEnded, TaskEnded, TaskStarted
from attune_nb.results.batches import count_failures
from attune_nb.results.error_titles import format_title, has_frames
from attune_nb.values.describe import preview
from attune_nb.values.frozen import NotStored
from attune_nb.values.guard import ask, repr_of
from attune_nb.values.sizes import size_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from attune_nb.events import Batch, ErrorInfo, Event, Key, TaskStatus

    ItemSource = Callable[[Key, int], Any]
    Hide = Callable[[Any], Any]

__all__ = [
    "ErrorGroup",
    "FailedTask",
    "describe_failure",
    "explain_error",
    "find_failed_tasks",
]

# bytes below which an item is shown in full, and the characters of it that are shown
_MAX_ITEM_SIZE = 2000
_MAX_ITEM_LENGTH = 200

# groups of errors in one line
_MAX_GROUPS = 3

# errors whose type says nothing that the message does not
_PLAIN_TYPES = ("ActionError", "Cancelled", "ParallelFailed", "TemplateError")


class ErrorGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Failed items of a task that have the same error: the same type and message.

    Attributes:
        error: The error of the first of them.
        count: How many they are; 1 for a task without items.
        index: The index of the first one; None for a task without items.
        item: The first one, described, of the most frequent error and the first one.
    """

    error: ErrorInfo
    count: int
    index: int | None = None
    item: str = ""

    @property
    def title(self) -> str:
        """The error as one line: `NameError: name 'x' is not defined (cell [3], line 2)`.

        A type that says nothing which the message does not is left out.
        """
        is_plain = self.error.type in _PLAIN_TYPES
        return format_title(self.error, has_type=not is_plain)

    @property
    def typed_title(self) -> str:
        """The same, always with the type."""
        return format_title(self.error, has_type=True)

    @property
    def details(self) -> str:
        """The frames of the user's own code, or the lines of the workflow; may be empty."""
        error = self.error
        if error.traceback:
            return error.traceback.rstrip()
        if error.position is not None:
            return error.position.excerpt()
        return ""

    @property
    def has_frames(self) -> bool:
        """Whether the details show lines of code, and not only the error again."""
        return self.error.position is not None or has_frames(self.error.traceback)


class FailedTask(msgspec.Struct, frozen=True, kw_only=True):
    """The failures of a task in a run, in all its executions.

    Attributes:
        task: The task's path.
        status: How its last execution that failed ended.
        handled: Whether a transition led on from it, so that its failure is not the run's.
        executions: How many executions failed.
        with_items: Whether it has items.
        total: Its items in these executions; None if unknown.
        skipped: Those of them that never began, because of `max_failures`.
        groups: Its errors, the most frequent first.
        messages: The messages of these executions' errors.
        unlisted: The failed items whose errors are not kept, as there are too many
            (`keep_results: none`).
    """

    task: str
    status: TaskStatus
    handled: bool
    executions: int
    with_items: bool
    total: int | None
    groups: tuple[ErrorGroup, ...]
    messages: tuple[str, ...]
    skipped: int = 0
    unlisted: int = 0

    @property
    def failed(self) -> int:
        """The items that failed; the executions, for a task without items."""
        return sum(group.count for group in self.groups) + self.unlisted

    @property
    def first(self) -> ErrorGroup:
        """The most frequent error."""
        return self.groups[0]

    @property
    def reason(self) -> str:
        """The counts and the errors, without the task: `3 of 3 items failed, all with ...`."""
        if self.executions == 1 and not self.with_items:
            status = self.status.replace("_", " ")
            return f"{status}: {self.first.title}"

        counts = f"failed {self.executions:,} times"
        if self.with_items:
            total = "?" if self.total is None else f"{self.total:,}"
            noun = "item" if self.total == 1 else "items"
            counts = f"{self.failed:,} of {total} {noun} failed"
            if self.skipped:
                skipped = f"{self.skipped:,} of {total} items not started"
                counts = f"stopped by `max_failures`, {skipped}: {self.failed:,} failed"
        return f"{counts}{self._describe_groups()}"

    @property
    def description(self) -> str:
        """The failures as one line."""
        return f"`{self.task}` {self.reason}"

    def reason_of(self, message: str) -> str:
        """Return the reason of an execution whose error has a message."""
        if self.with_items:
            return self.reason
        for group in self.groups:
            if group.error.message == message:
                return group.title
        return self.first.title

    def _describe_groups(self) -> str:
        listed = self.failed - self.unlisted
        first = f"; the first {listed:,}" if self.unlisted else ","
        if self.failed == 1:
            return f" with {self.first.typed_title}"
        if len(self.groups) == 1:
            return f"{first} all with {self.first.typed_title}"
        if len(self.groups) == listed and len(self._types()) == 1:
            # each with a message of its own
            example = format_title(self.first.error, has_type=False)
            return f"{first} all with {self._types()[0]}, such as: {example}"

        shown = [f"{group.count:,} with {group.typed_title}" for group in self.groups[:_MAX_GROUPS]]
        hidden = self.groups[_MAX_GROUPS:]
        if hidden:
            count = sum(group.count for group in hidden)
            shown.append(f"{count:,} with {len(hidden):,} other errors")
        of_listed = first if self.unlisted else ""
        return f"{of_listed}: {', '.join(shown)}"

    def _types(self) -> list[str]:
        return list(dict.fromkeys(group.error.type for group in self.groups))


class _FailedItem(msgspec.Struct, frozen=True):
    """The last attempt of an item that failed: a row of a batch."""

    index: int
    error: ErrorInfo
    batch: Batch
    row: int


class _FailedExecution(msgspec.Struct, frozen=True):
    """An execution of a task that failed, with the errors of its items."""

    end: TaskEnded
    handled: bool
    with_items: bool
    total: int | None
    items: list[_FailedItem]
    begun: int | None = None
    unlisted: int = 0

    @property
    def skipped(self) -> int:
        """The items that never began, because too many others failed."""
        if self.begun is None or self.total is None:
            return 0
        return max(self.total - self.begun, 0)

    @property
    def key(self) -> Key:
        return self.end.task, self.end.visit

    @property
    def has_failed_expression(self) -> bool:
        """Whether after its failed items an expression of its transitions failed, too."""
        if not self.items or _error_type(self.end) != "TemplateError":
            return False
        return all(item.error.type != "TemplateError" for item in self.items)


def find_failed_tasks(events: Sequence[Event], item_of: ItemSource, hide: Hide) -> list[FailedTask]:
    """Return the tasks that failed, in the order of their last failures.

    A task whose failure was handled is among them, and a task that was cancelled after some of
    its items had failed. A parallel task is represented by its tasks.

    Args:
        events: The run's events.
        item_of: Returns an item of a task execution by its index.
        hide: Masks the secrets in an item.
    """
    by_task: dict[tuple[str, bool, bool], list[_FailedExecution]] = {}
    for execution in _failed_executions(events):
        kind = (execution.end.task, execution.handled, bool(execution.items))
        # removed first, so that the last failure is at the end
        executions = by_task.pop(kind, [])
        by_task[kind] = [*executions, execution]
    return [_summarize(executions, item_of, hide) for executions in by_task.values()]


def _failed_executions(events: Sequence[Event]) -> list[_FailedExecution]:
    """Return the executions that failed, in order of their ends."""
    starts: dict[Key, TaskStarted] = {}
    totals: dict[Key, int] = {}
    begun: dict[Key, int] = {}
    failed_items: dict[Key, dict[int, _FailedItem]] = {}
    ends: list[TaskEnded] = []
    for event in events:
        if isinstance(event, TaskStarted):
            starts[event.task, event.visit] = event
        elif isinstance(event, AttemptsEnded):
            key = (event.task, event.visit)
            _count_items(key, event.batch, totals, begun)
            _collect_failed_items(failed_items.setdefault(key, {}), event.batch)
        elif isinstance(event, TaskEnded) and event.error is not None:
            ends.append(event)

    counts = count_failures(events)
    handled = {(end.task, end.visit): end.handled for end in ends}
    parents = {(end.task.rpartition("/")[0], end.visit) for end in ends}
    executions = []
    for end in ends:
        key = (end.task, end.visit)
        items = failed_items.get(key, {})
        is_failed = end.status in ("failed", "timed_out") or bool(items)
        is_represented = key in parents and _error_type(end) == "ParallelFailed"
        if not is_failed or is_represented:
            continue

        start = starts.get(key)
        total = None if start is None else start.total
        if total is None:
            total = totals.get(key)
        unlisted = counts[key].unlisted if key in counts else 0
        execution = _FailedExecution(
            end=end,
            handled=_is_handled(key, handled),
            with_items=start is not None and start.with_items,
            total=total,
            items=[items[index] for index in sorted(items)],
            begun=begun.get(key),
            unlisted=unlisted,
        )
        executions.append(execution)
        if execution.has_failed_expression:
            executions.append(msgspec.structs.replace(execution, items=[], unlisted=0))
    return executions


def _count_items(key: Key, batch: Batch, totals: dict[Key, int], begun: dict[Key, int]) -> None:
    """Note how many items there are, and how many have begun, if a batch says so."""
    if batch.total is not None:
        totals[key] = batch.total
    if batch.begun is not None:
        begun[key] = batch.begun


def _error_type(end: TaskEnded) -> str:
    return "" if end.error is None else end.error.type


def _is_handled(key: Key, handled: dict[Key, bool]) -> bool:
    """Return whether an execution was handled, or the parallel task that it is part of."""
    task, visit = key
    while not handled.get((task, visit), False):
        task, slash, _ = task.rpartition("/")
        if not slash:
            return False
    return True


def _collect_failed_items(failed: dict[int, _FailedItem], batch: Batch) -> None:
    """Add the failed items of a batch; cancelled items have not failed."""
    if failed:
        # the items of this batch were attempted again
        for index in batch.index:
            failed.pop(index, None)
    for row, error in batch.errors.items():
        if batch.status[row] != CANCELLED:
            index = batch.index[row]
            failed[index] = _FailedItem(index, error, batch, row)


def _summarize(
    executions: Sequence[_FailedExecution], item_of: ItemSource, hide: Hide
) -> FailedTask:
    """Return the failures of one task."""
    last = executions[-1]
    totals = [execution.total for execution in executions]
    total = None
    if None not in totals:
        total = sum(count for count in totals if count is not None)

    has_failed_items = last.with_items and bool(last.items)
    return FailedTask(
        task=last.end.task,
        status=last.end.status,
        handled=last.handled,
        executions=len(executions),
        with_items=has_failed_items,
        total=total,
        skipped=sum(execution.skipped for execution in executions),
        unlisted=sum(execution.unlisted for execution in executions),
        groups=_group_errors(executions, item_of, hide),
        messages=tuple(
            execution.end.error.message
            for execution in executions
            if execution.end.error is not None
        ),
    )


def _group_errors(
    executions: Iterable[_FailedExecution], item_of: ItemSource, hide: Hide
) -> tuple[ErrorGroup, ...]:
    """Group the errors of executions by type and message, the most frequent group first."""
    counts: dict[tuple[str, str], int] = {}
    examples: dict[tuple[str, str], tuple[ErrorInfo, _FailedExecution, _FailedItem | None]] = {}

    for execution in executions:
        failed_items: list[_FailedItem | None] = [*execution.items]
        if not failed_items or not execution.with_items:
            # an expression of the task itself failed, or its only attempt
            failed_items = [None]
        for item in failed_items:
            error = _error_of(execution, item)
            kind = (error.type, error.message)
            counts[kind] = counts.get(kind, 0) + 1
            example = examples.get(kind)
            if example is None or (error.traceback and not example[0].traceback):
                examples[kind] = (error, execution, item)

    by_count = sorted(counts, key=lambda kind: -counts[kind])
    shown = set(by_count[:1])
    with_index = [kind for kind, (_, _, item) in examples.items() if item is not None]
    # kinds are in the order of their first items, within one execution
    shown.update(with_index[:1])

    groups = []
    for kind in by_count:
        error, execution, item = examples[kind]
        index = None if item is None else item.index
        description = ""
        if item is not None and kind in shown:
            # only of items that are shown: there may be many kinds
            description = _describe_item(execution.key, item, item_of, hide)
        groups.append(ErrorGroup(error=error, count=counts[kind], index=index, item=description))
    return tuple(groups)


def _error_of(execution: _FailedExecution, item: _FailedItem | None) -> ErrorInfo:
    error = execution.end.error if item is None else item.error
    assert error is not None  # noqa: S101 - executions without an error are no failures
    return error


def _describe_item(key: Key, failed: _FailedItem, item_of: ItemSource, hide: Hide) -> str:
    if failed.batch.items is None:
        # a record may hold only a marker in place of all items
        item = ask(lambda: item_of(key, failed.index), NotStored("value"))
    else:
        item = failed.batch.items[failed.row]
    item = hide(item)
    text = repr_of(item) if size_of(item) < _MAX_ITEM_SIZE else preview(item)
    return text if len(text) <= _MAX_ITEM_LENGTH else f"{text[:_MAX_ITEM_LENGTH]}…"


def describe_failure(failed_tasks: Sequence[FailedTask]) -> str:
    """Describe the last task that failed; return an empty string if none has.

    Returns:
        The task, the first item that failed with its index, and the frames of the user's own
        code; or the lines of the workflow, if an expression failed.
    """
    if not failed_tasks:
        return ""

    failed_task = failed_tasks[-1]
    group = failed_task.first
    if group.index is not None:
        group = min(failed_task.groups, key=_index_of)

    heading = f"task `{failed_task.task}`"
    if group.index is not None:
        heading += f", item {group.index}: {group.item}"
    error = group.error
    if error.traceback:
        return f"{heading}\n{group.details}"
    if error.position is not None:
        return f"{heading}\n{error.message}\n{group.details}"
    return f"{heading}\n{error.type}: {error.message}"


def _index_of(group: ErrorGroup) -> int:
    return 0 if group.index is None else group.index


def explain_error(error: str, failed_tasks: Iterable[FailedTask]) -> str:
    """Return a run's error, with the counts, types and lines of its tasks' errors.

    Args:
        error: The run's error.
        failed_tasks: The tasks that failed.
    """
    explained = error
    for failed_task in failed_tasks:
        for message in dict.fromkeys(failed_task.messages):
            reason = failed_task.reason_of(message)
            for status in ("failed", "timed out"):
                head = f"task `{failed_task.task}` {status}: "
                explained = explained.replace(f"{head}{message}", f"{head}{reason}", 1)
    return explained

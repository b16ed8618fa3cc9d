"""Select the input events of a run that a fork can replay.

Replaying these inputs gives the state just before the part that must run again. Batches of
attempts are those of the first run and are not copied, unless failed items are removed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard

import msgspec

from attune_nb.events import (
    AlarmRang,
    AskAnswered,
    AttemptsEnded,
    InquiryOpened,
    KeyAdded,
    RerunRequested,
)
from attune_nb.values.index_ranges import find_ranges, pack_ranges, unpack_ranges

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from attune_nb.conductor.state import Execution, RunState
    from attune_nb.events import AttemptGroup, Batch, Event, Input, Key, TaskEndStatus

    TaskInput = AttemptsEnded | AskAnswered | InquiryOpened | RerunRequested | AlarmRang

__all__ = ["InputFilter", "inputs_before_task", "inputs_that_succeeded"]

_TASK_INPUTS = (AttemptsEnded, AskAnswered, InquiryOpened, RerunRequested, AlarmRang)


class InputFilter:
    """Decides which inputs of one run can be replayed in a run that differs from it.

    Args:
        before: The last state of the first run.
    """

    def __init__(self, before: RunState) -> None:
        self._before = before
        self._has_same_items: dict[Key, bool] = {}

    @property
    def changed_tasks(self) -> list[str]:
        """The tasks that start again because their items have changed."""
        tasks = [task for (task, _), is_same in self._has_same_items.items() if not is_same]
        return list(dict.fromkeys(tasks))

    def __call__(self, state: RunState, event: Input) -> bool:
        """Return whether an input's task is open in a state, and over the same items."""
        if not isinstance(event, _TASK_INPUTS):
            return True

        key = (event.task, event.visit)
        if _is_about_inquiry(event):
            return state.is_open((*key, event.inquiry))

        execution = state.executions.get(key)
        if execution is None or execution.outcome is not None:
            return False

        if key not in self._has_same_items:
            items_before = self._before.executions[key].items
            self._has_same_items[key] = _are_same_items(items_before, execution.items)
        return self._has_same_items[key]


def _are_same_items(before: Any, now: Any) -> bool:
    """Return whether items are the same. Those that can be read only once are taken to be."""
    if hasattr(before, "__len__") != hasattr(now, "__len__"):
        return False
    if not hasattr(now, "__len__"):
        return (before is None) == (now is None)

    try:
        return bool(before == now)
    except Exception:  # noqa: BLE001 - items may be any objects
        return False


def inputs_before_task(state: RunState, events: Sequence[Event], task: str) -> list[Input]:
    """Return all inputs but those of a task and of everything it led to.

    Args:
        state: The last state of the run.
        events: The run's events.
        task: The task's path. The tasks within a parallel task belong to it.
    """
    roots = set()
    for key in state.order:
        path, _ = key
        if path == task or path.startswith(f"{task}/"):
            roots.add(key)

    dropped = roots | _executions_caused_by(state, roots, roots)
    return _select_inputs(state, events, dropped, unwanted=("cancelled",))


def inputs_that_succeeded(state: RunState, events: Sequence[Event]) -> list[Input]:
    """Return the inputs of all that succeeded.

    Of a task with failed items these are the attempts for the other items.

    Args:
        state: The last state of the run.
        events: The run's events.
    """
    unwanted: tuple[TaskEndStatus, ...] = ("cancelled", "failed", "timed_out")
    roots = {key for key in state.order if _is_cut(state.executions[key], unwanted)}
    dropped = _executions_caused_by(state, roots, set())
    return _select_inputs(state, events, dropped, unwanted=unwanted)


def _select_inputs(
    state: RunState,
    events: Sequence[Event],
    dropped: set[Key],
    *,
    unwanted: tuple[TaskEndStatus, ...],
) -> list[Input]:
    """Return the inputs of tasks, without failed items of executions that are cut.

    Args:
        state: The last state of the run.
        events: The run's events.
        dropped: Executions without any inputs.
        unwanted: The statuses of executions that are cut.
    """
    failed_items: dict[Key, set[int]] = {}
    for key in state.order:
        execution = state.executions[key]
        if key not in dropped and _is_cut(execution, unwanted):
            batches: Iterable[Batch] = execution.batches
            if execution.counts is not None:
                batches = _batches_of(key, events)
            failed_items[key] = _failed_items(batches)

    stopped = dropped | failed_items.keys()
    inputs: list[Input] = []
    for event in events:
        if isinstance(event, KeyAdded):
            # results that are reused may hold its text
            inputs.append(event)
        if not isinstance(event, _TASK_INPUTS) or _is_timeout_to_repeat(state, event, stopped):
            continue

        key = (event.task, event.visit)
        # the alarm for the run's timeout has no task, so no execution
        if key in dropped or key not in state.executions:
            continue

        if key not in failed_items:
            inputs.append(event)
        else:
            execution = state.executions[key]
            is_stopped = execution.stopping or _is_closed(execution)
            part = _without_failed(event, failed_items[key], is_stopped=is_stopped)
            if part is not None:
                inputs.append(part)
    return inputs


def _is_about_inquiry(
    event: TaskInput,
) -> TypeGuard[AskAnswered | AlarmRang]:
    """Return whether an input ends an inquiry, whose asking task may have ended before."""
    return isinstance(event, AskAnswered | AlarmRang) and event.inquiry != 0


def _is_timeout_to_repeat(state: RunState, event: TaskInput, stopped: Collection[Key]) -> bool:
    """Return whether a task that runs again had waited for an inquiry until this timeout."""
    if not isinstance(event, AlarmRang) or event.kind != "inquiry":
        return False
    return any(state.executions[key].inquiry == event.inquiry for key in stopped)


def _is_cut(execution: Execution, unwanted: tuple[TaskEndStatus, ...]) -> bool:
    """Return whether an execution was stopped, or ended in an unwanted way."""
    if execution.outcome is None:
        return execution.stopping or _is_closed(execution)
    return execution.outcome.status in unwanted


def _is_closed(execution: Execution) -> bool:
    """Return whether no more items begin, because too many have failed."""
    return execution.max_failures is not None and execution.failed > execution.max_failures


def _batches_of(key: Key, events: Sequence[Event]) -> Iterator[Batch]:
    for event in events:
        if isinstance(event, AttemptsEnded) and (event.task, event.visit) == key:
            yield event.batch


def _failed_items(batches: Iterable[Batch]) -> set[int]:
    """Return the indexes of the items whose last attempt did not succeed."""
    failed: set[int] = set()
    for batch in batches:
        if batch.groups:
            _add_failed_of_groups(failed, batch.groups)
            continue
        if not batch.errors and not failed:
            continue

        for index, code in zip(batch.index, batch.status, strict=True):
            if code:
                failed.add(index)
            else:
                failed.discard(index)
    return failed


def _add_failed_of_groups(failed: set[int], groups: Iterable[AttemptGroup]) -> None:
    """Add the indexes of items that did not succeed, and remove those that did."""
    for group in groups:
        if not group.status and not failed:
            continue
        for start, stop in unpack_ranges(group.items, group.count):
            if group.status:
                failed.update(range(start, stop))
            else:
                failed.difference_update(range(start, stop))


def _without_failed_of_groups(batch: Batch, failed: set[int]) -> Batch:
    """Return a batch whose groups lack the attempts of some items."""
    groups = []
    for group in batch.groups:
        indexes = []
        for start, stop in unpack_ranges(group.items, group.count):
            indexes += [index for index in range(start, stop) if index not in failed]
        if len(indexes) == group.count:
            groups.append(group)
        elif indexes:
            items = pack_ranges(find_ranges(indexes))
            groups.append(msgspec.structs.replace(group, items=items, count=len(indexes)))
    return msgspec.structs.replace(batch, groups=tuple(groups))


def _without_failed(event: TaskInput, failed: set[int], *, is_stopped: bool) -> Input | None:
    """Return the part of an input that is replayed for an execution that is cut, if any.

    This is the end of its delay, the attempts for items that did not fail, and their inquiries.
    """
    if isinstance(event, InquiryOpened):
        return None if event.index in failed else event
    if _is_about_inquiry(event):
        return event
    if isinstance(event, AlarmRang):
        return event if event.kind == "delay" else None
    if not isinstance(event, AttemptsEnded):
        return None

    rows = [row for row, index in enumerate(event.batch.index) if index not in failed]
    batch = event.batch.take(rows)
    if batch.groups and failed:
        batch = _without_failed_of_groups(batch, failed)
    if batch.begun is not None:
        batch = msgspec.structs.replace(batch, begun=None)
    if is_stopped and batch.total is not None:
        # this total is only the number of items that had been read when the task was stopped
        batch = msgspec.structs.replace(batch, total=None)

    if not batch.count and batch.total is None:
        return None
    if batch is event.batch:
        return event
    return msgspec.structs.replace(event, batch=batch)


def _executions_caused_by(state: RunState, roots: set[Key], dropped: set[Key]) -> set[Key]:
    """Return the executions that others led to, without these.

    A task within a parallel task leads where the parallel task leads, not to the tasks beside
    it; these are returned if the parallel task itself is in `dropped`.
    """
    caused: set[Key] = set()
    parents = {state.executions[key].parent for key in roots}

    # in this order an execution stands after its causes
    for key in state.order:
        execution = state.executions[key]
        if execution.parent is not None:
            is_caused = execution.parent in caused or execution.parent in dropped
        else:
            is_caused = _is_any_in(execution.token.causes, roots, caused, parents)
        if is_caused and key not in roots:
            caused.add(key)
    return caused


def _is_any_in(keys: Iterable[Key], *collections: set[Key] | set[Key | None]) -> bool:
    for key in keys:
        for collection in collections:
            if key in collection:
                return True
    return False

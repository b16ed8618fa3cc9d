"""What of a run another one may begin with: the inputs of whatever is not to be done again.

Folding these inputs anew gives the state just before the rest. The batches of attempts in them
are those of the first run: nothing is copied, but for the batches from which failed items are
taken out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.events import (
    AlarmRang,
    AskAnswered,
    AttemptsEnded,
    RerunRequested,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from attune_nb.conductor.state import Execution, RunState
    from attune_nb.events import Event, Input, Key

__all__ = ["InputFilter", "inputs_before_task", "inputs_that_succeeded"]

_OF_A_TASK = (AttemptsEnded, AskAnswered, RerunRequested, AlarmRang)


class InputFilter:
    """Judges which inputs of one run can be taken in by another that differs from it."""

    def __init__(self, before: RunState) -> None:
        self._before = before
        self._same: dict[Key, bool] = {}

    @property
    def changed_tasks(self) -> list[str]:
        """The tasks that begin anew, because their items are others than they were."""
        return list(dict.fromkeys(key[0] for key, same in self._same.items() if not same))

    def __call__(self, state: RunState, event: Input) -> bool:
        """Tell whether the task execution of an input is under way, over the same items."""
        if not isinstance(event, _OF_A_TASK):
            return True
        key = (event.task, event.visit)
        now = state.executions.get(key)
        if now is None or now.outcome is not None:
            return False
        if key not in self._same:
            self._same[key] = _are_same(self._before.executions[key].items, now.items)
        return self._same[key]


def _are_same(before: Any, now: Any) -> bool:
    """Tell whether items are the same; of those that can be read only once, nobody knows."""
    if hasattr(before, "__len__") != hasattr(now, "__len__"):
        return False
    if not hasattr(now, "__len__"):
        return (before is None) == (now is None)
    try:
        return bool(before == now)
    except Exception:  # noqa: BLE001 - items may be any objects
        return False


def inputs_before_task(state: RunState, events: Sequence[Event], task: str) -> list[Input]:
    """Keep all but what a task has done, and all that it has led to.

    Args:
        state: The state of the run.
        events: Its events.
        task: Its path; of a parallel task, whatever is within it too.
    """
    roots = {key for key in state.order if key[0] == task or key[0].startswith(f"{task}/")}
    dropped = roots | _led_to(state, roots, roots)
    return _reused(state, events, dropped, bad=("cancelled",))


def inputs_that_succeeded(state: RunState, events: Sequence[Event]) -> list[Input]:
    """Keep what has succeeded: of a task with items that failed, the items that did not."""
    bad = ("cancelled", "failed", "timed_out")
    roots = {key for key in state.order if _is_cut(state.executions[key], bad)}
    return _reused(state, events, _led_to(state, roots, set()), bad=bad)


def _reused(
    state: RunState, events: Sequence[Event], dropped: set[Key], *, bad: tuple[str, ...]
) -> list[Input]:
    kept = [key for key in state.order if key not in dropped]
    cut = {key: _failed_items(each) for key in kept if _is_cut(each := state.executions[key], bad)}
    inputs: list[Input] = []
    for event in events:
        if not isinstance(event, _OF_A_TASK):
            continue
        key = (event.task, event.visit)
        if key in dropped or key not in state.executions:  # the alarm of the run has no task
            continue
        if key not in cut:
            inputs.append(event)
        elif isinstance(event, AttemptsEnded):
            inputs += _good(event, cut[key], stopped=state.executions[key].stopping)
        elif isinstance(event, AlarmRang) and event.kind == "delay":
            inputs.append(event)
    return inputs


def _is_cut(execution: Execution, bad: tuple[str, ...]) -> bool:
    """Tell whether an execution was stopped, or came to a bad end."""
    if execution.outcome is None:
        return execution.stopping
    return execution.outcome.status in bad


def _failed_items(execution: Execution) -> set[int]:
    """Give the items whose last attempt did not succeed."""
    found: set[int] = set()
    for batch in execution.batches:
        if batch.errors or found:
            for index, code in zip(batch.index, batch.status, strict=True):
                (found.add if code else found.discard)(index)
    return found


def _good(event: AttemptsEnded, failed: set[int], *, stopped: bool) -> Iterator[AttemptsEnded]:
    """Give an event without the attempts of failed items, if anything of it is left."""
    batch = event.batch
    batch = batch.take([row for row, index in enumerate(batch.index) if index not in failed])
    if stopped and batch.total is not None:  # it tells where the task was stopped
        batch = msgspec.structs.replace(batch, total=None)
    if len(batch) or batch.total is not None:
        same = batch is event.batch
        yield event if same else msgspec.structs.replace(event, batch=batch)


def _led_to(state: RunState, roots: set[Key], dropped: set[Key]) -> set[Key]:
    """Give the executions that some have led to.

    A part of a parallel task leads to what that task leads to, and not to the other parts;
    they go where the parallel task itself is `dropped`.
    """
    found: set[Key] = set()
    parents = {state.executions[key].parent for key in roots}
    for key in state.order:  # as they came to be: what led to one stands before it
        execution = state.executions[key]
        if execution.parent is not None:
            led = execution.parent in found or execution.parent in dropped
        else:
            led = any(
                each in roots or each in found or each in parents for each in execution.token.causes
            )
        if led and key not in roots:
            found.add(key)
    return found

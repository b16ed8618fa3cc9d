"""The state of a run whose engine is gone, from its events, and what was left to be done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from attune_nb.conductor.machine import step
from attune_nb.conductor.state import Alarm, RetryItem, StartTask
from attune_nb.events import FINAL, Event, Fact, Input

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from attune_nb.conductor.state import Execution, RunState
    from attune_nb.events import Key

__all__ = ["AttemptId", "OpenJob", "PendingTimer", "Recovered", "first_difference", "recover"]


AttemptId = tuple[str, int, int, int]
"""An attempt: task, visit, index, number."""


class OpenJob(msgspec.Struct, frozen=True, kw_only=True):
    """A task that was at work: its start, and for each item its last attempt that ended.

    `last_attempts` is as in `Execution`: 0 where none has, `FINAL` where no more is to be made.
    """

    start: StartTask
    last_attempts: bytes
    stopping: bool


class PendingTimer(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was to happen later.

    Attributes:
        command: An alarm, or one more attempt.
        time: When it was decided, in seconds since the start of the run.
        epoch_time: The same, in seconds since the epoch, UTC.
    """

    command: Alarm | RetryItem
    time: float
    epoch_time: float


class Recovered(msgspec.Struct, frozen=True, kw_only=True):
    """A run as its events tell of it.

    Attributes:
        state: Its state after the last event.
        events: All events: the inputs, and what was concluded from them.
        jobs: The tasks that were at step.
        timers: What was to happen later.
        in_doubt: Attempts that may have been made, and must not be made twice.
    """

    state: RunState
    events: list[Event]
    jobs: list[OpenJob]
    timers: list[PendingTimer]
    in_doubt: tuple[AttemptId, ...] = ()

    def items_in_doubt(self, key: Key) -> list[int]:
        """Give the items of a task of which an attempt is in doubt."""
        return [index for task, visit, index, _ in self.in_doubt if (task, visit) == key]


def recover(
    state: RunState,
    events: Sequence[Event],
    fits: Callable[[RunState, Input], bool] = lambda *_: True,
) -> Recovered:
    """Fold the inputs of a run's events, and gather what the engine had still to do.

    Args:
        state: The state before the run.
        events: Its events; only the inputs among them are read.
        fits: Whether an input is to be taken in, as the state is then.
    """
    told: list[Event] = []
    waiting: dict[tuple[str, Key, int], PendingTimer] = {}
    for event in events:
        if not isinstance(event, Input) or not fits(state, event):
            continue
        told.append(event)
        state, decisions = step(state, event)
        for each in decisions:
            if isinstance(each, Fact):
                told.append(each)
            elif isinstance(each, Alarm | RetryItem):
                kind = each.kind if isinstance(each, Alarm) else "retry"
                index = each.index if isinstance(each, RetryItem) else 0
                waiting[kind, each.key, index] = PendingTimer(
                    command=each, time=event.time, epoch_time=state.started_at + event.time
                )
    open_executions = [
        execution
        for execution in (state.executions[key] for key in state.order)
        if execution.outcome is None
    ]
    return Recovered(
        state=state,
        events=told,
        jobs=[] if state.ended else list(_at_work(state, open_executions)),
        timers=[] if state.ended else [each for each in waiting.values() if _is_due(state, each)],
    )


def first_difference(recorded: Sequence[Event], told: Sequence[Event]) -> Event | None:
    """Give the first fact on record that does not follow from the inputs, or None."""
    for before, now in zip(recorded, told, strict=False):
        if isinstance(before, Fact | Input) and _sort(before) != _sort(now):
            return before
    return recorded[len(told)] if len(recorded) > len(told) else None


def _sort(event: Event) -> tuple[object, ...]:
    names = ("task", "visit", "status", "fired", "total", "causes", "count")
    return type(event), event.time, *(getattr(event, name, None) for name in names)


def _at_work(state: RunState, executions: list[Execution]) -> Iterator[OpenJob]:
    for each in executions:
        makes_attempts = (
            each.status in ("running", "retrying")
            and state.workflow.task(each.task).type != "parallel"
            and each.task not in state.ask_tasks
        )
        if makes_attempts:
            start = StartTask(
                key=each.key,
                context=each.context,
                items=each.items,
                total=each.total,
                concurrency=each.concurrency,
            )
            yield OpenJob(start=start, last_attempts=each.last_attempts, stopping=each.stopping)


def _is_due(state: RunState, each: PendingTimer) -> bool:
    """Tell whether something that was to happen later has not happened, and still matters."""
    command = each.command
    if isinstance(command, Alarm) and command.kind == "run":
        return True
    execution = state.executions.get(command.key)
    if execution is None or execution.outcome is not None:
        return False
    if isinstance(command, Alarm):
        return execution.status == {"delay": "pending", "ask": "waiting"}[command.kind]
    ended = execution.last_attempts
    return (
        command.index < len(ended)
        and ended[command.index] == command.attempt - 1
        and ended[command.index] not in (0, FINAL)
    )

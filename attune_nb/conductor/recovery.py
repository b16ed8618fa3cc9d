"""The state of a run whose engine is gone, and the work that it left, from the run's events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from attune_nb.conductor.machine import step
from attune_nb.conductor.state import Alarm, RetryItem, StartTask
from attune_nb.events import FINAL, Event, Fact, Input

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from attune_nb.conductor.state import Execution, RunState
    from attune_nb.events import Key

__all__ = ["AttemptId", "OpenJob", "PendingTimer", "Recovered", "first_difference", "recover"]

# The fields of events that a replay must reproduce.
_COMPARED_FIELDS = ("task", "visit", "status", "fired", "total", "causes", "count")

AttemptId = tuple[str, int, int, int]
"""An attempt: task, visit, index, number."""


class OpenJob(msgspec.Struct, frozen=True, kw_only=True):
    """A task that was running.

    Attributes:
        start: The command that started it.
        last_attempts: As in `Execution`: for each item, the number of its last attempt that
            ended; 0 for none, `FINAL` if no more will follow.
        stopping: Whether it was being stopped.
        failed: How many items had failed for good.
        last_start: When its last attempt on record started, in seconds since the start of the
            run, if its attempts have a rate limit; else None.
    """

    start: StartTask
    last_attempts: bytes
    stopping: bool
    failed: int = 0
    last_start: float | None = None


class PendingTimer(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm or a retry that was due later.

    Attributes:
        command: The command that set the timer.
        time: When it was set, in seconds since the start of the run.
        epoch_time: The same, in seconds since the epoch, UTC.
    """

    command: Alarm | RetryItem
    time: float
    epoch_time: float


class Recovered(msgspec.Struct, frozen=True, kw_only=True):
    """A run, recovered from its events.

    Attributes:
        state: The state after the last event.
        events: All events: the inputs, and the facts that follow from them.
        jobs: The tasks that were running.
        timers: The alarms and retries that were due later.
        in_doubt: Attempts that may have run, and must not run twice.
    """

    state: RunState
    events: list[Event]
    jobs: list[OpenJob]
    timers: list[PendingTimer]
    in_doubt: tuple[AttemptId, ...] = ()

    def items_in_doubt(self, key: Key) -> list[int]:
        """Return the indexes of a task's items that have an attempt in doubt."""
        return [index for task, visit, index, _ in self.in_doubt if (task, visit) == key]


def recover(
    state: RunState,
    events: Sequence[Event],
    fits: Callable[[RunState, Input], bool] = lambda *_: True,
) -> Recovered:
    """Replay the inputs of a run's events, and collect the work that was left.

    Args:
        state: The state before the run.
        events: The run's events; only the inputs among them are read.
        fits: Returns whether an input can be replayed in the state that was reached by then.
    """
    replayed: list[Event] = []
    timers: dict[tuple[str, Key, int], PendingTimer] = {}
    for event in events:
        if not isinstance(event, Input) or not fits(state, event):
            continue

        replayed.append(event)
        state, decisions = step(state, event)
        for decision in decisions:
            if isinstance(decision, Fact):
                replayed.append(decision)
            elif isinstance(decision, Alarm | RetryItem):
                # a later timer of the same kind replaces an earlier one
                timers[_timer_id(decision)] = PendingTimer(
                    command=decision, time=event.time, epoch_time=state.started_at + event.time
                )

    if state.ended:
        return Recovered(state=state, events=replayed, jobs=[], timers=[])
    return Recovered(
        state=state,
        events=replayed,
        jobs=_open_jobs(state),
        timers=[timer for timer in timers.values() if _is_due(state, timer.command)],
    )


def _timer_id(command: Alarm | RetryItem) -> tuple[str, Key, int]:
    if isinstance(command, Alarm):
        return command.kind, command.key, command.inquiry
    return "retry", command.key, command.index


def first_difference(recorded: Sequence[Event], replayed: Sequence[Event]) -> Event | None:
    """Return the first recorded event that a replay does not reproduce, or None."""
    for event_before, event_now in zip(recorded, replayed, strict=False):
        is_compared = isinstance(event_before, Fact | Input)
        if is_compared and _compared_values(event_before) != _compared_values(event_now):
            return event_before

    if len(recorded) > len(replayed):
        return recorded[len(replayed)]
    return None


def _compared_values(event: Event) -> tuple[object, ...]:
    values = [getattr(event, name, None) for name in _COMPARED_FIELDS]
    return type(event), event.time, *values


def _open_jobs(state: RunState) -> list[OpenJob]:
    """Return the jobs that the backend had."""
    jobs = []
    for execution in _open_executions(state):
        if not _has_job(state, execution):
            continue

        start = StartTask(
            key=execution.key,
            context=execution.context,
            items=execution.items,
            total=execution.total,
            concurrency=execution.concurrency,
            max_failures=execution.max_failures,
        )
        jobs.append(
            OpenJob(
                start=start,
                last_attempts=bytes(execution.last_attempts),
                stopping=execution.stopping,
                failed=execution.failed,
                last_start=_last_start(state, execution),
            )
        )
    return jobs


def _last_start(state: RunState, execution: Execution) -> float | None:
    if state.workflow.task(execution.task).rate_limit is None:
        return None

    if execution.counts is not None:
        # only the end of the last attempt is kept
        return execution.latest
    starts = [max(batch.start) for batch in execution.batches if len(batch)]
    return max(starts, default=None)


def _open_executions(state: RunState) -> Iterable[Execution]:
    """Yield the executions that have not ended, in the order in which they began."""
    for key in state.order:
        execution = state.executions[key]
        if execution.outcome is None:
            yield execution


def _has_job(state: RunState, execution: Execution) -> bool:
    """Return whether an open execution has a job at the backend."""
    if execution.status not in ("running", "retrying"):
        return False
    is_parallel = state.workflow.task(execution.task).type == "parallel"
    return not is_parallel and execution.task not in state.ask_tasks


def _is_due(state: RunState, command: Alarm | RetryItem) -> bool:
    """Return whether an alarm has not rung yet, or a retry has not been made, and still matters."""
    if isinstance(command, Alarm) and command.kind == "run":
        return True
    if isinstance(command, Alarm) and command.kind == "inquiry":
        return state.is_open((*command.key, command.inquiry))

    execution = state.executions.get(command.key)
    if execution is None or execution.outcome is not None:
        return False

    if isinstance(command, Alarm):
        status = "pending" if command.kind == "delay" else "waiting"
        return execution.status == status

    if command.index >= len(execution.last_attempts):
        return False
    last_attempt = execution.last_attempts[command.index]
    return last_attempt == command.attempt - 1 and last_attempt not in (0, FINAL)

"""Reuse the results of child runs in a fork or a retry of the run that they were part of."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import msgspec

from attune_nb.conductor import fork_inputs
from attune_nb.conductor.recovery import recover
from attune_nb.errors import LookupFailed, nearest
from attune_nb.events import RunStarted
from attune_nb.running.answers import check_secret_answers, restore_mask
from attune_nb.running.child_paths import match_step
from attune_nb.values.describe import is_different
from attune_nb.values.remote import read_stored

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attune_nb.actions.registry import Action
    from attune_nb.conductor.recovery import Recovered
    from attune_nb.engine.child_runs import ParentAttempt
    from attune_nb.events import Event
    from attune_nb.running.child_paths import Step
    from attune_nb.running.child_workflow import ChildWorkflow
    from attune_nb.running.prepared_run import PreparedRun
    from attune_nb.running.request import EarlierRun

__all__ = ["ChildReuse", "replay_reused", "step_into_child"]

# names in a message
_MAX_HINTS = 20


class ChildReuse(NamedTuple):
    """The child runs of an earlier run, whose results new child runs begin with.

    Attributes:
        earlier: The earlier run.
        path: The task that is run again, with those after it; None if all failed items are.
    """

    earlier: EarlierRun
    path: Step | None = None

    def find(self, attempt: ParentAttempt) -> EarlierRun | None:
        """Return the earlier run of the item of an attempt, or None if there is none to reuse."""
        if self.path is not None and self.path.task != attempt.task:
            return None
        return self.earlier.find_child(attempt.task, attempt.visit, attempt.index)


def step_into_child(path: str, actions: Mapping[str, Action]) -> Step | None:
    """Return the first step of a path to a task of a child run; None if it leads into none.

    Args:
        path: The path, such as `deploy/ping`.
        actions: The actions of the outer run, by the path of the task.

    Raises:
        LookupFailed: The workflow of the child run has no such task, or the path names an item.
    """
    tasks = [task for task, action in actions.items() if action.runs_workflow]
    step = match_step(path, tasks)
    if step is None or not step.rest:
        return None

    if step.index is not None:
        raise LookupFailed(
            f"a fork begins at a task for all items: `{step.task}/...`, not `{path}`; "
            f"`run.child({step.task!r}, index=...).fork(...)` forks one child run alone"
        )
    _check_path(step.rest, cast("ChildWorkflow", actions[step.task].function))
    return step


def _check_path(path: str, workflow: ChildWorkflow) -> None:
    bound = workflow.bound()
    paths = [task for task, _ in bound.workflow.walk()]
    if path in paths or step_into_child(path, bound.actions) is not None:
        return

    hint = nearest(path, paths)
    if not hint:
        hint = f"; there are {', '.join(paths[:_MAX_HINTS])}"
    raise LookupFailed(f"workflow `{workflow.name}` has no task `{path}`{hint}")


def replay_reused(
    reuse: ChildReuse,
    earlier: EarlierRun,
    workflow: ChildWorkflow,
    prepared: PreparedRun,
    run_id: str,
    *,
    answers: Mapping[str, Any],
    path: str,
) -> tuple[Recovered, ChildReuse | None, str] | None:
    """Replay the results that a child run reuses of an earlier one.

    Args:
        reuse: The child runs of the earlier outer run, and the task that is run again.
        earlier: The earlier child run.
        workflow: The workflow.
        prepared: The new run.
        run_id: The id of the new run.
        answers: The answers for the new run, with the secret ones of the earlier run.
        path: The path of the new run, for messages.

    Returns:
        The recovered run, the results for its own child runs, and the origin of the run; None if
        nothing can be reused, as the parameters differ.
    """
    events = earlier.read_events(prepared.mask)
    mask = restore_mask(prepared.mask, events, answers)
    if mask is not prepared.mask:
        events = earlier.read_events(mask)
    started = _find_start(events)
    if started is None or _has_other_parameters(started, prepared):
        return None

    bound = workflow.bound()
    inner_reuse = None
    if reuse.path is None:
        word = "retry"
        inner_reuse = ChildReuse(earlier)
        inputs = fork_inputs.inputs_that_succeeded(earlier.state, events)
    else:
        word = "fork"
        inner_path = step_into_child(reuse.path.rest, bound.actions)
        task = reuse.path.rest
        if inner_path is not None:
            task = inner_path.task
            inner_reuse = ChildReuse(earlier, inner_path)
        inputs = fork_inputs.inputs_before_task(earlier.state, events, task)

    check_secret_answers(earlier.run_id, inputs, prefix=path)
    origin = f"{word} of {earlier.run_id}"
    spent = max((event.time for event in inputs), default=0.0)
    new_start = msgspec.structs.replace(
        started,
        run_id=run_id,
        workflow=workflow.name,
        started_at=time.time() - spent,
        parameters=prepared.recorded_parameters,
        origin=origin,
    )
    input_filter = fork_inputs.InputFilter(earlier.state)
    past = recover(prepared.state, [new_start, *inputs], input_filter)
    return past, inner_reuse, origin


def _find_start(events: Sequence[Event]) -> RunStarted | None:
    for event in events:
        if isinstance(event, RunStarted):
            return event
    return None


def _has_other_parameters(started: RunStarted, prepared: PreparedRun) -> bool:
    before = started.parameters
    now = prepared.recorded_parameters
    if before.keys() != now.keys():
        return True
    return any(is_different(read_stored(before[name]), read_stored(now[name])) for name in now)

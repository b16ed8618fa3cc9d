"""What must hold of the state of any run, between any two events."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from attune_nb.conductor import joins
from attune_nb.events import FINAL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from attune_nb.conductor.state import Execution, RunState

__all__ = ["violations"]

_OPEN = ("pending", "paused", "running", "retrying", "waiting")
_ENDED = ("succeeded", "failed", "timed_out", "cancelled", "skipped")
_RUN = (
    "pending", "running", "paused", "cancelling", "succeeded", "failed", "timed_out", "cancelled",
)  # fmt: skip


def violations(state: RunState) -> list[str]:
    """Give what is wrong with a state: nothing, unless the conductor itself has a bug.

    Checks the run as a whole (known statuses, the count of open tasks, none open once it has
    ended), every execution (its items are counted once, none of them twice) and every join
    (it starts when it is met, and only then). Costs time in proportion to the run so far:
    meant for tests and for looking into a strange run, not for every step.

    Args:
        state: What `step` gave.

    Returns:
        One sentence for each thing that is wrong, with the task and its visit.
    """
    found = [*_of_run(state), *_of_joins(state)]
    for key, execution in state.executions.items():
        said = [*_of_status(state, execution), *_of_items(execution), *_of_parts(state, execution)]
        if key != execution.key:
            said.append(f"is filed as {key}")
        found += [f"task `{execution.task}` #{execution.visit} {each}" for each in said]
    return found


def _of_run(state: RunState) -> Iterator[str]:
    if state.status not in _RUN:
        yield f"the run's status `{state.status}` is unknown"
    still = [each.task for each in state.executions.values() if each.outcome is None]
    if state.active != len(still):
        yield f"{state.active} tasks are counted as open, but {len(still)} are"
    if state.ended and still:
        yield f"the run has ended, but not {', '.join(sorted(still))}"
    if not still and state.status in ("running", "paused", "cancelling"):
        yield f"the run is {state.status}, but nothing is under way"
    if state.ended and (state.error is None) != (state.status == "succeeded"):
        yield f"the run ended {state.status} with the error {state.error!r}"
    if sorted(state.order) != sorted(state.executions):
        yield "the order of the executions does not name each of them once"


def _of_status(state: RunState, execution: Execution) -> Iterator[str]:
    status, outcome = execution.status, execution.outcome
    if outcome is None and status not in _OPEN:
        yield f"is open with the status `{status}`"
    if outcome is not None and (status not in _ENDED or outcome.status != status):
        yield f"ended {outcome.status}, but has the status `{status}`"
    if status == "waiting" and execution.task not in state.ask_tasks:
        yield "waits for an answer, but asks nothing"
    if state.status == "cancelling" and status in ("pending", "paused", "waiting"):
        yield f"is {status} in a run that is to stop"
    if status == "paused" and state.status == "running":
        yield "is paused in a run that goes on"


def _of_items(execution: Execution) -> Iterator[str]:
    """Hold the counts against the attempts themselves."""
    ended = Counter(
        (index, attempt)
        for batch in execution.batches
        for index, attempt in zip(batch.index, batch.attempt, strict=True)
    )
    twice = sorted({index for (index, _), count in ended.items() if count > 1})
    if twice:
        yield f"counts an attempt of its items {twice} twice"
    if ended.total() != execution.attempts:
        yield f"counts {execution.attempts} attempts of {ended.total()}"
    if execution.last_attempts.count(FINAL) != execution.done:
        yield f"counts {execution.done} ended items of {execution.last_attempts.count(FINAL)}"
    if execution.failed > execution.done:
        yield f"has {execution.failed} failed items, but only {execution.done} have ended"
    if execution.total is not None and execution.done > execution.total:
        yield f"has {execution.done} ended items of {execution.total}"
    gaps = {index for index, _ in ended} - {index for index, attempt in ended if attempt == 1}
    if gaps:
        yield f"has no first attempt of its items {sorted(gaps)}"


def _of_parts(state: RunState, execution: Execution) -> Iterator[str]:
    """Hold a parallel task against its parts."""
    if execution.parent is not None:
        parent = state.executions.get(execution.parent)
        if parent is None or (parent.outcome is not None and execution.outcome is None):
            yield "is open, but the parallel task around it is not"
    task = state.workflow.task(execution.task)
    if task.type == "parallel" and execution.status in ("running", "succeeded"):
        keys = [(f"{execution.task}/{each.name}", execution.visit) for each in task.tasks]
        parts = [state.executions.get(key) for key in keys]
        if None in parts:
            yield "runs without some of its tasks"
        elif execution.outcome is None and all(each and each.outcome for each in parts):
            yield "has not ended, though all its tasks have"


def _of_joins(state: RunState) -> Iterator[str]:
    for (name, visit), join in state.joins.items():
        task = state.workflow.task(name)
        if not set(join.arrived) <= set(state.workflow.sources(name)):
            yield f"join `{name}` #{visit} counts arrivals from tasks that do not lead to it"
        if len(set(join.arrived)) != len(join.arrived):
            yield f"join `{name}` #{visit} counts one task twice"
        met, started = joins.is_met(state.workflow, task, join), (name, visit) in state.executions
        if started and not met:
            yield f"join `{name}` #{visit} has started, but was not met"
        if met and not started and state.status == "running" and not state.failures:
            yield f"join `{name}` #{visit} is met, but has not started"
    for name, visit in state.executions:
        joined = "/" not in name and state.workflow.task(name).join is not None
        if joined and (name, visit) not in state.joins:
            yield f"`{name}` #{visit} has started without an arrival at its join"

"""Statements that hold for the state of any run, between any two events."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from attune_nb.conductor import joins
from attune_nb.conductor.state import ENDED
from attune_nb.events import FINAL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from attune_nb.conductor.state import Execution, JoinState, RunState
    from attune_nb.events import Key, RunStatus, TaskEndStatus, TaskStatus

__all__ = ["violations"]

_OPEN_TASK: tuple[TaskStatus, ...] = ("pending", "paused", "running", "retrying", "waiting")
_ENDED_TASK: tuple[TaskEndStatus, ...] = (
    "succeeded", "failed", "timed_out", "cancelled", "skipped",
)  # fmt: skip
_OPEN_RUN: tuple[RunStatus, ...] = ("running", "paused", "cancelling")


def violations(state: RunState) -> list[str]:
    """Return the violated invariants of a state; none, unless the conductor has a bug.

    Checks the run (known statuses, the count of open tasks, none open after its end), each
    execution (its items are counted once, none of them twice) and each join (it starts if and
    only if it is met). The cost grows with the run so far. It is meant for tests and for
    looking into a strange run, not for every step.

    Args:
        state: A state that `step` returned.

    Returns:
        One sentence for each violation, with the task and its visit.
    """
    messages = [*_check_run(state), *_check_joins(state)]
    for key, execution in state.executions.items():
        name = f"task `{execution.task}` #{execution.visit}"
        messages += [f"{name} {problem}" for problem in _check_execution(state, key, execution)]
    return messages


def _check_run(state: RunState) -> Iterator[str]:
    if state.status not in ("pending", *_OPEN_RUN, *ENDED):
        yield f"the run's status `{state.status}` is unknown"

    executions = state.executions.values()
    open_tasks = [execution.task for execution in executions if execution.outcome is None]
    if state.active != len(open_tasks):
        yield f"{state.active} tasks are counted as open, but {len(open_tasks)} are"
    if state.ended and open_tasks:
        yield f"the run has ended, but not {', '.join(sorted(open_tasks))}"
    if not open_tasks and state.status in _OPEN_RUN:
        yield f"the run is {state.status}, but no task is open"

    if state.ended and (state.error is None) != (state.status == "succeeded"):
        yield f"the run ended {state.status} with the error {state.error!r}"
    if sorted(state.order) != sorted(state.executions):
        yield "the order of the executions does not name each of them once"


def _check_execution(state: RunState, key: Key, execution: Execution) -> Iterator[str]:
    yield from _check_status(state, execution)
    yield from _check_items(execution)
    yield from _check_inner_tasks(state, execution)
    if key != execution.key:
        yield f"is filed as {key}"


def _check_status(state: RunState, execution: Execution) -> Iterator[str]:
    status = execution.status
    outcome = execution.outcome
    if outcome is None and status not in _OPEN_TASK:
        yield f"is open with the status `{status}`"
    if outcome is not None and (status not in _ENDED_TASK or outcome.status != status):
        yield f"ended {outcome.status}, but has the status `{status}`"

    if status == "waiting" and execution.task not in state.ask_tasks | state.waiting_tasks:
        yield "waits for an answer, but asks nothing"
    if status == "waiting" and execution.inquiry and not _is_pending(state, execution):
        yield f"waits for inquiry {execution.inquiry}, which is not open"
    if state.status == "cancelling" and status in ("pending", "paused", "waiting"):
        yield f"is {status} in a run that stops"
    if status == "paused" and state.status == "running":
        yield "is paused in a run that is not"


def _is_pending(state: RunState, execution: Execution) -> bool:
    inquiry = state.inquiries.get(execution.inquiry)
    return inquiry is not None and inquiry.status == "pending"


def _check_items(execution: Execution) -> Iterator[str]:
    """Compare the counts of an execution with its attempts."""
    if execution.counts is not None:
        yield from _check_counts(execution, execution.counts)
        return

    attempts: Counter[tuple[int, int]] = Counter()
    for batch in execution.batches:
        attempts.update(zip(batch.index, batch.attempt, strict=True))

    repeated = sorted({index for (index, _), count in attempts.items() if count > 1})
    if repeated:
        yield f"counts an attempt of its items {repeated} twice"
    if attempts.total() != execution.attempts:
        yield f"counts {execution.attempts} attempts of {attempts.total()}"

    done = execution.last_attempts.count(FINAL)
    if done != execution.done:
        yield f"counts {execution.done} ended items of {done}"
    if execution.failed > execution.done:
        yield f"has {execution.failed} failed items, but only {execution.done} have ended"
    if execution.total is not None and execution.done > execution.total:
        yield f"has {execution.done} ended items of {execution.total}"

    indexes = {index for index, _ in attempts}
    first_attempts = {index for index, attempt in attempts if attempt == 1}
    missing = sorted(indexes - first_attempts)
    if missing:
        yield f"has no first attempt of its items {missing}"


def _check_counts(execution: Execution, counts: tuple[int, ...]) -> Iterator[str]:
    """Compare the counts of an execution that keeps no results with its marks."""
    final_marks = execution.last_attempts.count(FINAL)
    if not final_marks == execution.done == sum(counts):
        yield f"counts {execution.done} and {sum(counts)} ended items of {final_marks}"
    if execution.listed_failures != sum(map(len, execution.batches)):
        yield f"counts {execution.listed_failures} failures with an error"


def _check_inner_tasks(state: RunState, execution: Execution) -> Iterator[str]:
    """Compare a parallel task with the tasks within it."""
    if execution.parent is not None:
        parent = state.executions.get(execution.parent)
        if parent is None or (parent.outcome is not None and execution.outcome is None):
            yield "is open, but the parallel task around it is not"

    task = state.workflow.task(execution.task)
    if task.type != "parallel" or execution.status not in ("running", "succeeded"):
        return

    inner_executions = []
    for inner_task in task.tasks:
        key = (f"{execution.task}/{inner_task.name}", execution.visit)
        inner_execution = state.executions.get(key)
        if inner_execution is None:
            yield "runs without some of its tasks"
            return
        inner_executions.append(inner_execution)

    all_ended = all(inner.outcome is not None for inner in inner_executions)
    if execution.outcome is None and all_ended:
        yield "has not ended, though all its tasks have"


def _check_joins(state: RunState) -> Iterator[str]:
    for key, join in state.joins.items():
        name, visit = key
        for problem in _check_join(state, key, join):
            yield f"join `{name}` #{visit} {problem}"

    for name, visit in state.executions:
        is_join = "/" not in name and state.workflow.task(name).join is not None
        if is_join and (name, visit) not in state.joins:
            yield f"`{name}` #{visit} has started without an arrival at its join"


def _check_join(state: RunState, key: Key, join: JoinState) -> Iterator[str]:
    name, _ = key
    if not set(join.arrived) <= set(state.workflow.sources(name)):
        yield "counts arrivals from tasks that do not lead to it"
    if len(set(join.arrived)) != len(join.arrived):
        yield "counts one task twice"

    is_met = joins.is_met(state.workflow, state.workflow.task(name), join)
    has_started = key in state.executions
    if has_started and not is_met:
        yield "has started, but was not met"
    if is_met and not has_started and state.status == "running" and not state.failures:
        yield "is met, but has not started"

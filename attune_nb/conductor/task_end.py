"""The end of a task, and its consequences."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from attune_nb.conductor import dry_run, in_doubt, items, joins
from attune_nb.conductor.failures import describe_failed_task, explain_fail, render_failure
from attune_nb.conductor.state import JoinState, Token
from attune_nb.context import Outcome
from attune_nb.errors import TemplateError
from attune_nb.events import AttemptsEnded, ErrorInfo, RetriesPlanned, TaskEnded
from attune_nb.templates.stored_values import evaluate
from attune_nb.values.frozen import freeze

if TYPE_CHECKING:
    from collections.abc import Collection

    from attune_nb.conductor.state import Execution
    from attune_nb.conductor.step import Step
    from attune_nb.events import Key, TaskEndStatus
    from attune_nb.language.model import Transition

__all__ = ["MAX_VISITS", "end", "end_cancelled", "record_attempts"]

MAX_VISITS = 10_000
"""How often a task may run in one run; a cycle that reaches it fails the run."""


def record_attempts(step: Step, event: AttemptsEnded) -> None:
    """Record a batch of attempts, plan retries, and end the task if it is complete."""
    execution = step.open_execution((event.task, event.visit))
    if execution is None or execution.status not in ("running", "retrying"):
        # too late: the execution was abandoned
        return
    task = step.task_of(execution)
    if task.type == "parallel":
        # a parallel task makes no attempts itself
        return

    step.hide_secret(event)
    retry = task.retry
    if step.state.status == "cancelling":
        retry = None
    execution, retries = items.record_batch(execution, retry, event.batch)
    step.store(execution)
    if event.input_error:
        dry_run.record_input_error(step, execution, event.input_error)

    if step.state.in_doubt:
        in_doubt.settle(step, execution.key, event.batch.index)
    if retries:
        planned = RetriesPlanned(
            time=step.time, task=event.task, visit=event.visit, count=len(retries)
        )
        step.decide(planned, *retries)
    if items.is_complete(execution):
        step.later(end, execution.key, *items.make_outcome(execution, step.time))


def end(step: Step, key: Key, outcome: Outcome, error: ErrorInfo | None) -> None:
    """Record how a task ended, and fire its transitions."""
    execution = step.open_execution(key)
    if execution is None:
        return
    step.update(active=step.state.active - 1)

    fired: list[int] = []
    targets: list[str] = []
    if execution.parent is None:
        task = step.task_of(execution)
        step.update(context=step.state.context.with_outcome(task.name, outcome))
        if outcome.status != "cancelled":
            try:
                fired, targets = _fire_transitions(step, execution, task.next, outcome)
            except TemplateError as problem:
                outcome, error = render_failure(step, problem, outcome)
                step.update(context=step.state.context.with_outcome(task.name, outcome))

    handled = bool(targets)
    step.store(execution, status=outcome.status, outcome=outcome)
    step.decide(
        TaskEnded(
            time=step.time,
            task=execution.task,
            visit=execution.visit,
            status=outcome.status,
            attempts=execution.attempts,
            error=error,
            fired=tuple(fired),
            handled=handled,
        )
    )

    if execution.parent is not None:
        step.later(_end_parallel_task, execution.parent)
        return

    if not outcome.succeeded and not handled:
        step.fail_run(describe_failed_task(step.state.executions[key]))
    _follow(step, execution, targets)


def end_cancelled(step: Step, key: Key) -> None:
    """End a task without attempts in flight, because the run stops."""
    execution = step.open_execution(key)
    if execution is None:
        return

    error = ErrorInfo(type="Cancelled", message="the run was cancelled", retryable=False)
    outcome = Outcome(
        status="cancelled",
        result=items.failure_result(error),
        error=error.message,
        attempts=execution.attempts,
        duration_ms=(step.time - execution.started) * 1000,
    )
    end(step, key, outcome, error)


def _fire_transitions(
    step: Step, execution: Execution, transitions: tuple[Transition, ...], outcome: Outcome
) -> tuple[list[int], list[str]]:
    """Publish the variables of the transitions that fire.

    Returns:
        The numbers of these transitions, and the names of the tasks they lead to.
    """
    fired: list[int] = []
    targets: list[str] = []
    for number, transition in enumerate(transitions):
        if not _is_taken(step, execution, transition, outcome):
            continue

        for name, template in transition.publish:
            value = outcome.result
            if template is not None:
                value = dry_run.evaluate(
                    step,
                    execution,
                    [template],
                    partial(evaluate, template, step.scope(outcome)),
                    default=None,
                )
            step.publish(name, value)

        fired.append(number)
        targets += transition.do
    return fired, targets


def _is_taken(step: Step, execution: Execution, transition: Transition, outcome: Outcome) -> bool:
    """Return whether the condition of a transition is true.

    In a dry run, one that cannot be evaluated counts as true, unless it fails the run or leads
    back to a task that has run.
    """
    condition = transition.when
    if condition is None:
        return True

    visits = execution.token.visits
    has_run = {"fail", execution.task, *visits}
    leads_on = has_run.isdisjoint(transition.do)
    is_true: bool = dry_run.evaluate(
        step,
        execution,
        [condition],
        lambda: evaluate(condition, step.scope(outcome)),
        default=leads_on,
    )
    return is_true


def _follow(step: Step, execution: Execution, targets: list[str]) -> None:
    """Let a branch go to each target of the transitions that fired."""
    visits = execution.token.visits.set(execution.task, execution.visit)
    token = Token((execution.key,), visits)
    for name in targets:
        if name == "fail":
            step.fail_run(explain_fail(step, execution))
        elif name != "noop":
            step.later(_arrive, name, token, execution.task)


def _arrive(step: Step, name: str, token: Token, source: str) -> None:
    """Start a task that a branch has reached, unless it has started in this round."""
    task = step.state.workflow.task(name)
    visit = token.visits.get(name, 0) + 1
    key = (name, visit)
    if key in step.state.executions:
        return

    if task.join is not None:
        join = joins.add_arrival(step.state.joins.get(key, JoinState()), token, source)
        step.update(joins=step.state.joins.set(key, join))
        if not joins.is_met(step.state.workflow, task, join):
            return
        token = join.token

    if visit > MAX_VISITS:
        step.fail_run(f"task `{name}` ran {MAX_VISITS:,} times; its cycle has no way out")
    elif step.state.status in ("running", "paused"):
        step.handlers.begin(step, name, visit, token, None)


def _end_parallel_task(step: Step, key: Key) -> None:
    """End a parallel task if all its tasks have ended."""
    execution = step.open_execution(key)
    if execution is None:
        return

    outcomes: dict[str, Outcome] = {}
    for inner_task in step.task_of(execution).tasks:
        path = f"{execution.task}/{inner_task.name}"
        inner_execution = step.state.executions.get((path, execution.visit))
        if inner_execution is None or inner_execution.outcome is None:
            return
        outcomes[inner_task.name] = inner_execution.outcome

    results = {name: outcome.result for name, outcome in outcomes.items()}
    status, error = _summarize_parallel(outcomes)
    message = error.message if error else None
    outcome = Outcome(
        status=status,
        result=freeze(results),
        error=message,
        duration_ms=(step.time - execution.started) * 1000,
    )
    end(step, key, outcome, error)


def _summarize_parallel(
    outcomes: dict[str, Outcome],
) -> tuple[TaskEndStatus, ErrorInfo | None]:
    """Return the status and the error of a parallel task whose tasks have ended."""
    failures = {name: outcome for name, outcome in outcomes.items() if not outcome.succeeded}
    if not failures:
        return "succeeded", None

    status = _worst_status(failures.values())
    first = next(iter(failures))
    message = (
        f"{len(failures)} of {len(outcomes)} tasks {status}; "
        f"the first, `{first}`: {failures[first].error}"
    )
    return status, ErrorInfo(type="ParallelFailed", message=message, retryable=False)


def _worst_status(outcomes: Collection[Outcome]) -> TaskEndStatus:
    statuses = {outcome.status for outcome in outcomes}
    if "cancelled" in statuses:
        return "cancelled"
    if "failed" in statuses:
        return "failed"
    return "timed_out"

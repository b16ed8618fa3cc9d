"""How a task ends, and what follows from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune_nb.conductor import in_doubt, items, joins
from attune_nb.conductor.failures import render_failure
from attune_nb.conductor.state import JoinState, Token
from attune_nb.context import Outcome
from attune_nb.errors import TemplateError
from attune_nb.events import AttemptsEnded, ErrorInfo, RetriesPlanned, TaskEnded
from attune_nb.values.frozen import freeze

if TYPE_CHECKING:
    from attune_nb.conductor.state import Execution
    from attune_nb.conductor.step import Step
    from attune_nb.events import Key, TaskEndStatus
    from attune_nb.language.model import Transition

__all__ = ["MAX_VISITS", "attempts_ended", "end", "end_cancelled"]

MAX_VISITS = 10_000


def attempts_ended(step: Step, event: AttemptsEnded) -> None:
    """Count a batch of attempts in; the task may have ended with them."""
    execution = step.execution((event.task, event.visit))
    if execution is None or execution.status not in ("running", "retrying"):
        return  # late: the execution was given up on
    task = step.task(execution)
    if task.type == "parallel":
        return  # it makes no attempts
    retry = None if step.state.status == "cancelling" else task.retry
    execution, again = items.absorb(execution, retry, event.batch)
    step.keep(execution)
    if step.state.in_doubt:
        in_doubt.settle(step, execution.key, event.batch.index)
    if again:
        step.decide(
            RetriesPlanned(time=step.time, task=event.task, visit=event.visit, count=len(again)),
            *again,
        )
    if items.is_complete(execution):
        step.later(end, execution.key, *items.outcome_of(execution, step.time))


def end(step: Step, key: Key, outcome: Outcome, error: ErrorInfo | None) -> None:
    """Record how a task ended, and let its transitions fire."""
    execution = step.execution(key)
    if execution is None:
        return
    task = step.task(execution)
    step.update(active=step.state.active - 1)
    fired: list[int] = []
    targets: list[str] = []
    handled = False
    if execution.parent is None:
        step.update(context=step.state.context.with_outcome(task.name, outcome))
        if outcome.status != "cancelled":
            try:
                fired, targets = _fire(step, task.next, outcome)
                handled = bool(targets)
            except TemplateError as problem:
                outcome, error = render_failure(step, problem, outcome)
                step.update(context=step.state.context.with_outcome(task.name, outcome))
    step.keep(execution, status=outcome.status, outcome=outcome)
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
        step.later(_part_ended, execution.parent)
        return
    if not outcome.succeeded and not handled:
        step.fail_run(f"task `{execution.task}` {_said(outcome.status)}: {outcome.error}")
    _follow(step, execution, targets)


def end_cancelled(step: Step, key: Key) -> None:
    """End a task of which nothing is under way, because the run is to stop."""
    execution = step.execution(key)
    if execution is not None:
        info = ErrorInfo(type="Cancelled", message="the run was cancelled", retryable=False)
        spent = (step.time - execution.started) * 1000
        outcome = Outcome(
            status="cancelled",
            result=items.failure_of(info),
            error=info.message,
            attempts=execution.attempts,
            duration_ms=spent,
        )
        end(step, key, outcome, info)


def _fire(
    step: Step, transitions: tuple[Transition, ...], outcome: Outcome
) -> tuple[list[int], list[str]]:
    """Give the numbers of the transitions that fire, and where they lead."""
    fired: list[int] = []
    targets: list[str] = []
    for number, transition in enumerate(transitions):
        when = transition.when
        if when is not None and not when.evaluate(step.scope(outcome)):
            continue
        for name, template in transition.publish:
            if template is None:
                step.publish(name, outcome.result)
            else:
                step.publish(name, template.evaluate(step.scope(outcome)))
        fired.append(number)
        targets += transition.do
    return fired, targets


def _follow(step: Step, execution: Execution, targets: list[str]) -> None:
    visits = execution.token.visits.set(execution.task, execution.visit)
    token = Token((execution.key,), visits)
    for name in targets:
        if name == "fail":
            step.fail_run(f"task `{execution.task}` went to `fail`")
        elif name != "noop":
            step.later(_arrive, name, token, execution.task)


def _arrive(step: Step, name: str, token: Token, source: str) -> None:
    """Start a task that a branch has arrived at, unless it has started in this round."""
    task = step.state.workflow.task(name)
    visit = token.visits.get(name, 0) + 1
    key = (name, visit)
    if key in step.state.executions:
        return
    if task.join is not None:
        join = joins.arrive(step.state.joins.get(key, JoinState()), token, source)
        step.update(joins=step.state.joins.set(key, join))
        if not joins.is_met(step.state.workflow, task, join):
            return
        token = join.token
    if visit > MAX_VISITS:
        step.fail_run(f"task `{name}` ran {MAX_VISITS:,} times; its cycle has no way out")
    elif step.state.status in ("running", "paused"):
        step.handlers.begin(step, name, visit, token, None)


def _part_ended(step: Step, key: Key) -> None:
    """End a parallel task once all its tasks have ended."""
    execution = step.execution(key)
    if execution is None:
        return
    task = step.task(execution)
    parts = {
        each.name: step.state.executions.get((f"{execution.task}/{each.name}", execution.visit))
        for each in task.tasks
    }
    outcomes = {name: part.outcome for name, part in parts.items() if part is not None}
    ended = {name: outcome for name, outcome in outcomes.items() if outcome is not None}
    if len(ended) < len(parts):
        return
    bad = {name: each for name, each in ended.items() if not each.succeeded}
    error = None
    if bad:
        first, cause = next(iter(bad.items()))
        message = (
            f"{len(bad)} of {len(ended)} tasks {_worst(bad)}; the first, `{first}`: {cause.error}"
        )
        error = ErrorInfo(type="ParallelFailed", message=message, retryable=False)
    outcome = Outcome(
        status=_worst(bad) if bad else "succeeded",
        result=freeze({name: each.result for name, each in ended.items()}),
        error=error.message if error else None,
        duration_ms=(step.time - execution.started) * 1000,
    )
    end(step, key, outcome, error)


def _worst(bad: dict[str, Outcome]) -> TaskEndStatus:
    statuses = {outcome.status for outcome in bad.values()}
    if "cancelled" in statuses:
        return "cancelled"
    return "failed" if "failed" in statuses else "timed_out"


def _said(status: str) -> str:
    return status.replace("_", " ")

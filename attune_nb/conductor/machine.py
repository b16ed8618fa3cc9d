"""`step(state, event) -> (state, decisions)`: the whole of what a workflow means.

The decisions are, in order, facts (events to be written down) and commands for the backend.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.conductor import items, joins
from attune_nb.conductor.state import (
    Execution,
    JoinState,
    RetryItem,
    RunState,
    StartTask,
    StopTask,
    Token,
)
from attune_nb.context import Moment, Outcome, TaskScope, WorkflowContext, freeze
from attune_nb.errors import TemplateError
from attune_nb.events import (
    AttemptsEnded,
    CancelRequested,
    ErrorInfo,
    Event,
    RetriesPlanned,
    RunEnded,
    RunStarted,
    TaskEnded,
    TaskStarted,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attune_nb.events import Fact, Input
    from attune_nb.language.model import Task, Transition, Workflow

    Decision = Fact | StartTask | RetryItem | StopTask

__all__ = ["MAX_VISITS", "initial_state", "replay", "step"]

MAX_VISITS = 10_000
_replace = msgspec.structs.replace


def initial_state(
    workflow: Workflow,
    config: Mapping[str, Any] | None = None,
    keystore: Mapping[str, Any] | None = None,
    concurrency: int | None = None,
) -> RunState:
    """Give the state before the first event; `concurrency` overrides every task's own."""
    system = {} if concurrency is None else {"concurrency": concurrency}
    context = WorkflowContext.create(config=config, keystore=keystore, system=system)
    return RunState(workflow=workflow, context=context)


def step(state: RunState, event: Input) -> tuple[RunState, list[Decision]]:
    """Take one input in; give the next state and what is to be done."""
    if state.ended:
        return state, []
    work = _Step(state, event)
    if isinstance(event, RunStarted):
        work.start_run(event)
    elif isinstance(event, AttemptsEnded):
        work.attempts_ended(event)
    elif isinstance(event, CancelRequested):
        work.cancel(event)
    work.end_if_quiet()
    return work.state, work.decisions


def replay(state: RunState, events: list[Event]) -> tuple[RunState, list[Event]]:
    """Fold the inputs of a run's events; give the end state and the whole list again."""
    told: list[Event] = []
    for event in events:
        if isinstance(event, RunStarted | AttemptsEnded | CancelRequested):
            told.append(event)
            state, decisions = step(state, event)
            told += [each for each in decisions if isinstance(each, Event)]
    return state, told


class _Step:
    """One step under way: the state so far and the decisions so far."""

    def __init__(self, state: RunState, event: Input) -> None:
        self.state = state
        self.event = event
        self.decisions: list[Decision] = []
        epoch = event.started_at if isinstance(event, RunStarted) else state.started_at
        moment = Moment(epoch + event.time, event.seed)
        self.moment = lambda: moment

    # -- the run

    def start_run(self, event: RunStarted) -> None:
        override = self.state.context.system.get("concurrency")
        system = {
            "workflow_start": event.started_at,
            "timestamp": event.started_at,
            "execution_id": event.run_id,
            "workflow_ref": event.workflow,
        }
        if override is not None:
            system["concurrency"] = override
        old = self.state.context
        context = WorkflowContext.create(
            event.parameters, config=old.config, keystore=old.keystore, system=system
        )
        self.state = _replace(
            self.state, context=context, status="running", started_at=event.started_at
        )
        for name, template in self.state.workflow.vars:
            try:
                value = template.evaluate(self.scope())
            except TemplateError as error:
                self.fail_run(f"vars `{name}`: {error}")
                return
            self.publish(name, value)
        for task in self.state.workflow.entries():
            self.begin(task, 1, Token())

    def cancel(self, event: CancelRequested) -> None:
        self.state = _replace(self.state, status="cancelling")
        force = event.force or self.state.workflow.cancellation_policy == "cancel_running"
        for key in self.state.order:
            execution = self.state.executions[key]
            if execution.outcome is None:
                self.decisions.append(StopTask(key=key, force=force))

    def fail_run(self, why: str) -> None:
        self.state = _replace(self.state, failures=self.state.failures.append(why))

    def end_if_quiet(self) -> None:
        state = self.state
        if state.active or state.ended:
            return
        failures, output = [*state.failures, *joins.unmet(state)], None
        if state.status == "cancelling":
            status, failures = "cancelled", ["the run was cancelled"]
        elif failures:
            status = "failed"
        else:
            status = "succeeded"
            if state.workflow.output_map is not None:
                try:
                    output = freeze(state.workflow.output_map.evaluate(self.scope()))
                except TemplateError as error:
                    status, failures = "failed", [f"output_map: {error}"]
        text = "; ".join(failures) or None
        self.state = _replace(state, status=status, output=output, error=text)
        self.decisions.append(
            RunEnded(time=self.event.time, status=status, output=output, error=text)
        )

    # -- tasks

    def arrive(self, name: str, token: Token, source: str) -> None:
        task = self.state.workflow.task(name)
        visit = token.visits.get(name, 0) + 1
        key = (name, visit)
        if key in self.state.executions:
            return
        if task.join is not None:
            join = joins.arrive(self.state.joins.get(key, JoinState()), token, source)
            self.state = _replace(self.state, joins=self.state.joins.set(key, join))
            if not joins.is_met(self.state.workflow, task, join):
                return
            token = join.token
        if visit > MAX_VISITS:
            self.fail_run(f"task `{name}` ran {MAX_VISITS:,} times; its cycle has no way out")
        elif self.state.status == "running":
            self.begin(task, visit, token)

    def begin(self, task: Task, visit: int, token: Token) -> None:
        execution = Execution(
            task=task.name,
            visit=visit,
            token=token,
            context=self.state.context,
            started=self.event.time,
        )
        self.state = _replace(
            self.state, order=self.state.order.append(execution.key), active=self.state.active + 1
        )
        self.keep(execution)
        try:
            if task.when is not None and not task.when.evaluate(self.scope()):
                self.end(execution, Outcome(status="skipped"), None)
                return
            self.hand_out(task, execution)
        except TemplateError as error:
            self.end(execution, *_render_failure(error))

    def hand_out(self, task: Task, execution: Execution) -> None:
        scope = self.scope()
        source: Any = None
        total: int | None = 1
        if task.with_items is not None:
            source, total = items.source_of(freeze(task.with_items.evaluate(scope)))
        concurrency = self.concurrency(task)
        execution = _replace(execution, items=source, total=total)
        self.keep(execution)
        if source is not None and total == 0:
            empty = Outcome(status="succeeded", result=items.EMPTY, total_count=0, failed_items=0)
            self.end(execution, empty, None)
            return
        self.decisions += [
            TaskStarted(
                time=self.event.time,
                task=task.name,
                visit=execution.visit,
                total=total,
                with_items=source is not None,
                concurrency=concurrency,
                causes=execution.token.causes,
            ),
            StartTask(
                key=execution.key,
                context=execution.context,
                items=source,
                total=total,
                concurrency=concurrency,
            ),
        ]

    def concurrency(self, task: Task) -> int:
        value: Any = self.state.context.system.get("concurrency")
        if value is None:
            value = task.concurrency.evaluate(self.scope()) if task.concurrency else 1
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise TemplateError(f"`concurrency` is a whole number of 1 or more, not {value!r}")
        return value

    def attempts_ended(self, event: AttemptsEnded) -> None:
        execution = self.state.executions.get((event.task, event.visit))
        if execution is None or execution.outcome is not None:
            return  # late: the execution was given up on
        task = self.state.workflow.task(event.task)
        execution, again = items.absorb(execution, task, event.batch)
        if again and self.state.status == "cancelling":
            execution = _replace(
                execution, done=execution.done + len(again), failed=execution.failed + len(again)
            )
            again = []
        self.keep(execution)
        if again:
            planned = RetriesPlanned(
                time=event.time, task=task.name, visit=event.visit, count=len(again)
            )
            self.decisions += [planned, *again]
        if items.is_complete(execution):
            self.end(execution, *items.outcome_of(execution, event.time))

    def end(self, execution: Execution, outcome: Outcome, error: ErrorInfo | None) -> None:
        task = self.state.workflow.task(execution.task)
        self.state = _replace(
            self.state,
            context=self.state.context.with_outcome(task.name, outcome),
            active=self.state.active - 1,
        )
        fired: list[int] = []
        targets: list[str] = []
        try:
            for number, transition in enumerate(task.next):
                if self.fires(transition, outcome):
                    fired.append(number)
                    targets += transition.do
        except TemplateError as problem:
            outcome, error = _render_failure(problem, outcome)
            self.state = _replace(
                self.state, context=self.state.context.with_outcome(task.name, outcome)
            )
            handled = False
        else:
            handled = bool(targets)
        self.close(execution, outcome, error, fired, handled=handled)
        self.follow(execution, targets)

    def close(
        self,
        execution: Execution,
        outcome: Outcome,
        error: ErrorInfo | None,
        fired: list[int],
        *,
        handled: bool,
    ) -> None:
        self.keep(_replace(execution, status=outcome.status, outcome=outcome))
        bad = outcome.status in ("failed", "timed_out")
        if bad and not handled:
            self.fail_run(f"task `{execution.task}` {outcome.status}: {outcome.error}")
        self.decisions.append(
            TaskEnded(
                time=self.event.time,
                task=execution.task,
                visit=execution.visit,
                status=outcome.status,
                attempts=execution.attempts,
                error=error,
                fired=tuple(fired),
                handled=handled,
            )
        )

    def fires(self, transition: Transition, outcome: Outcome) -> bool:
        if transition.when is not None and not transition.when.evaluate(self.scope(outcome)):
            return False
        for name, template in transition.publish:
            scope = self.scope(outcome)
            self.publish(name, outcome.result if template is None else template.evaluate(scope))
        return True

    def follow(self, execution: Execution, targets: list[str]) -> None:
        visits = execution.token.visits.set(execution.task, execution.visit)
        token = Token((execution.key,), visits)
        for name in targets:
            if name == "fail":
                self.fail_run(f"task `{execution.task}` went to `fail`")
            elif name != "noop":
                self.arrive(name, token, execution.task)

    # -- small things

    def scope(self, outcome: Outcome | None = None) -> TaskScope:
        return TaskScope(self.state.context.at(self.moment), outcome)

    def publish(self, name: str, value: Any) -> None:
        try:
            context = self.state.context.publish(name, value)
        except ValueError as error:
            raise TemplateError(f"cannot publish `{name}`: {error}") from None
        self.state = _replace(self.state, context=context)

    def keep(self, execution: Execution) -> None:
        executions = self.state.executions.set(execution.key, execution)
        self.state = _replace(self.state, executions=executions)


def _render_failure(
    error: TemplateError, outcome: Outcome | None = None
) -> tuple[Outcome, ErrorInfo]:
    info = ErrorInfo(
        type="TemplateError", message=str(error), retryable=False, position=error.position
    )
    before = outcome or Outcome(status="failed")
    failed = _replace(
        before, status="failed", error=str(error), result=before.result or items.failure_of(info)
    )
    return failed, info

"""`step(state, event) -> (state, decisions)`: the whole of what a workflow means.

The decisions are, in order, facts (events to be written down) and commands for the driver.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.conductor import in_doubt, pause, run_end, task_end, task_start
from attune_nb.conductor.state import Alarm, RunState, Token
from attune_nb.conductor.step import Handlers, Step
from attune_nb.context import WorkflowContext
from attune_nb.errors import TemplateError
from attune_nb.events import (
    AlarmRang,
    AskAnswered,
    AttemptsEnded,
    CancelRequested,
    Event,
    Input,
    PauseRequested,
    RerunRequested,
    ResumeRequested,
    RunResumed,
    RunStarted,
)
from attune_nb.language.model import ASK
from attune_nb.values.frozen import freeze
from attune_nb.values.secrets import Mask

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from attune_nb.conductor.step import Decision
    from attune_nb.language.model import WorkflowSpec

__all__ = ["initial_state", "replay", "step"]


def initial_state(
    workflow: WorkflowSpec,
    config: Mapping[str, Any] | None = None,
    keystore: Mapping[str, Any] | None = None,
    concurrency: int | None = None,
    *,
    secrets: Mapping[str, Any] | None = None,
    mocked: Collection[str] = (),
) -> RunState:
    """Give the state before the first event.

    Args:
        workflow: What is to be run.
        config: What `config` holds.
        keystore: What `keystore` holds: secrets.
        concurrency: Overrides every task's own.
        secrets: Parameters that must not stand in any event.
        mocked: Tasks that ask nobody, because their result is made up.
    """
    mask = Mask(keystore, secrets)
    asks = {path for path, task in workflow.walk() if task.action == ASK}
    return RunState(
        workflow=workflow,
        context=WorkflowContext.create(config=config, keystore=keystore, mask=mask),
        concurrency=concurrency,
        secrets=freeze(dict(secrets or {})),
        ask_tasks=frozenset(asks - set(mocked)),
    )


def step(state: RunState, event: Input) -> tuple[RunState, list[Decision]]:
    """Take one input in; give the next state and what is to be done."""
    if state.ended:
        return state, []
    current = Step(state, event, _HANDLERS)
    _TAKEN[type(event)](current, event)
    current.carry_on()
    run_end.end_if_quiet(current)
    return current.state, current.decisions


def replay(state: RunState, events: Sequence[Event]) -> tuple[RunState, list[Event]]:
    """Fold the inputs of a run's events; give the end state and the whole list again."""
    told: list[Event] = []
    for event in events:
        if isinstance(event, Input):
            told.append(event)
            state, decisions = step(state, event)
            told += [each for each in decisions if isinstance(each, Event)]
    return state, told


def _start_run(step: Step, event: RunStarted) -> None:
    if step.state.status != "pending":
        return  # a run starts once
    old = step.state.context
    context = WorkflowContext.create(
        {**event.parameters, **step.state.secrets},
        config=old.config,
        keystore=old.keystore,
        system={
            "workflow_start": event.started_at,
            "timestamp": event.started_at,
            "execution_id": event.run_id,
            "workflow_ref": event.workflow,
        },
        mask=old.mask,
    )
    step.update(context=context, status="running", started_at=event.started_at)
    workflow = step.state.workflow
    if workflow.timeout is not None:
        step.decide(Alarm(kind="run", seconds=workflow.timeout))
    for name, template in workflow.vars:
        try:
            step.publish(name, template.evaluate(step.scope()))
        except TemplateError as error:
            step.fail_run(f"vars `{name}`: {error}")
            return
    for task in workflow.entries():
        step.later(task_start.begin, task.name, 1, Token(), None)


_HANDLERS = Handlers(begin=task_start.begin, launch=task_start.launch, end=task_end.end)

_TAKEN: dict[type[Input], Callable[[Step, Any], None]] = {
    RunStarted: _start_run,
    RunResumed: in_doubt.take_up,
    AttemptsEnded: task_end.attempts_ended,
    AlarmRang: run_end.alarm_rang,
    AskAnswered: run_end.answered,
    RerunRequested: in_doubt.rerun,
    CancelRequested: run_end.cancel,
    PauseRequested: lambda step, _: pause.pause(step),
    ResumeRequested: lambda step, _: pause.resume(step),
}
"""What takes in each kind of input."""

"""`step(state, event) -> (state, decisions)`: the whole meaning of a workflow.

The decisions are, in order, facts (events for the run's log) and commands for the driver.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.conductor import in_doubt, inquiries, pause, run_end, task_end, task_start
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
    InquiryOpened,
    KeyAdded,
    PauseRequested,
    RerunRequested,
    ResumeRequested,
    RunResumed,
    RunStarted,
)
from attune_nb.language.model import ASK
from attune_nb.templates.stored_values import evaluate
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
    hidden: Mapping[str, Any] | None = None,
    mocked: Collection[str] = (),
    unmade: Collection[str] = (),
    outer_mask: Mask | None = None,
) -> RunState:
    """Return the state before the first event.

    Args:
        workflow: The workflow to run.
        config: The values of `config`.
        keystore: The values of `keystore`: secrets.
        concurrency: Overrides the concurrency of every task.
        secrets: Parameters that no event may contain.
        hidden: Further values that must not be shown, by name.
        mocked: The paths of the tasks that ask no question and wait for no answer, because their
            result is mocked.
        unmade: The paths of the tasks that have no result, as in `RunState`.
        outer_mask: Hides the secrets of the run that this run is part of.
    """
    mask = Mask(keystore, secrets, hidden, names=("keystore", "parameters", "keys"))
    if outer_mask is not None:
        mask = mask.with_secrets_of(outer_mask)
    ask_tasks = {path for path, task in workflow.walk() if task.action == ASK}
    waiting_tasks = {path for path, task in workflow.walk() if task.wait_for is not None}

    return RunState(
        workflow=workflow,
        context=WorkflowContext.create(config=config, keystore=keystore, mask=mask),
        concurrency=concurrency,
        secrets=freeze(dict(secrets or {})),
        ask_tasks=frozenset(ask_tasks - set(mocked)),
        waiting_tasks=frozenset(waiting_tasks - set(mocked)),
        unmade=frozenset(unmade),
    )


def step(state: RunState, event: Input) -> tuple[RunState, list[Decision]]:
    """Process one input. Return the next state and the decisions."""
    if state.ended:
        return state, []

    current = Step(state, event, _HANDLERS)
    handle = _INPUT_HANDLERS[type(event)]
    handle(current, event)
    current.run_agenda()
    run_end.end_if_quiet(current)
    return current.state, current.decisions


def replay(state: RunState, events: Sequence[Event]) -> tuple[RunState, list[Event]]:
    """Process the inputs among the events of a run again.

    Returns:
        The last state, and all events: the inputs with the facts that follow from them.
    """
    replayed: list[Event] = []
    for event in events:
        if not isinstance(event, Input):
            continue

        replayed.append(event)
        state, decisions = step(state, event)
        replayed += [decision for decision in decisions if isinstance(decision, Event)]
    return state, replayed


def _start_run(step: Step, event: RunStarted) -> None:
    """Create the context and start the tasks that no transition leads to."""
    if step.state.status != "pending":
        # a run starts once
        return

    before = step.state.context
    context = WorkflowContext.create(
        {**event.parameters, **step.state.secrets},
        config=before.config,
        keystore=before.keystore,
        system={
            "workflow_start": event.started_at,
            "timestamp": event.started_at,
            "execution_id": event.run_id,
            "workflow_ref": event.workflow,
        },
        mask=before.mask,
    )
    step.update(context=context, status="running", started_at=event.started_at)

    workflow = step.state.workflow
    if workflow.timeout is not None:
        step.decide(Alarm(kind="run", seconds=workflow.timeout))

    for name, template in workflow.vars:
        try:
            step.publish(name, evaluate(template, step.scope()))
        except TemplateError as error:
            step.fail_run(f"vars `{name}`: {error}")
            return

    for task in workflow.entries():
        step.later(task_start.begin, task.name, 1, Token(), None)


def _pause(step: Step, _: PauseRequested) -> None:
    pause.pause(step)


def _resume(step: Step, _: ResumeRequested) -> None:
    pause.resume(step)


def _add_key(step: Step, event: KeyAdded) -> None:
    """Hide the texts of a key from now on."""
    step.hide_secret(event)


_HANDLERS = Handlers(
    begin=task_start.begin, wait=inquiries.wait, launch=task_start.launch, end=task_end.end
)

# The function that processes each kind of input.
_INPUT_HANDLERS: dict[type[Input], Callable[[Step, Any], None]] = {
    RunStarted: _start_run,
    RunResumed: in_doubt.resume_run,
    AttemptsEnded: task_end.record_attempts,
    AlarmRang: run_end.handle_alarm,
    AskAnswered: run_end.handle_answer,
    InquiryOpened: inquiries.open_inquiry,
    KeyAdded: _add_key,
    RerunRequested: in_doubt.rerun,
    CancelRequested: run_end.cancel,
    PauseRequested: _pause,
    ResumeRequested: _resume,
}

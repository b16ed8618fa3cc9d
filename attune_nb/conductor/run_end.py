"""The end of a run: on its own, by its timeout, or on request. Also alarms and answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.conductor import dry_run, in_doubt, inquiries, items, joins, task_end, task_start
from attune_nb.conductor.state import StopTask
from attune_nb.context import Outcome
from attune_nb.errors import TemplateError
from attune_nb.events import AlarmRang, AskAnswered, CancelRequested, ErrorInfo, RunEnded
from attune_nb.templates.stored_values import evaluate
from attune_nb.values.frozen import freeze
from attune_nb.values.guard import LONGEST_RUN_ERROR, cut_text

if TYPE_CHECKING:
    from attune_nb.conductor.state import Execution
    from attune_nb.conductor.step import Step
    from attune_nb.events import RunEndStatus, TaskEndStatus

__all__ = ["cancel", "end_if_quiet", "handle_alarm", "handle_answer"]


def cancel(step: Step, event: CancelRequested) -> None:
    """Begin to stop the run; `force` also abandons the attempts in flight."""
    reason = step.state.reason
    if not reason:
        reason = step.mask(_describe_request(event))
    step.update(reason=reason)

    cancels_running = step.state.workflow.cancellation_policy == "cancel_running"
    _stop(step, force=event.force or cancels_running)


def _describe_request(event: CancelRequested) -> str:
    """Return who asked for the end of the run, and why, as far as it is known."""
    parts = []
    if event.by:
        parts.append(f"asked by {event.by}")
    if event.reason:
        parts.append(event.reason)
    return ": ".join(parts)


def _stop(step: Step, *, force: bool) -> None:
    """Stop all open executions, and start nothing more."""
    step.update(status="cancelling")
    for key in step.state.order:
        execution = step.open_execution(key)
        if execution is None:
            continue
        if execution.status == "running" and step.task_of(execution).type == "parallel":
            # it ends when its tasks have ended
            continue

        step.store(execution, stopping=True)
        if execution.status in ("pending", "paused", "waiting"):
            step.later(task_end.end_cancelled, key)
        else:
            step.decide(StopTask(key=key, force=force))

    in_doubt.cancel_in_doubt(step)


def handle_alarm(step: Step, event: AlarmRang) -> None:
    """Act on an alarm, unless its reason is gone."""
    if event.kind == "run":
        if step.state.workflow.timeout is not None and step.state.status != "pending":
            step.update(timed_out=True)
            _stop(step, force=True)
        return

    if event.kind == "inquiry":
        inquiries.time_out(step, event.inquiry)
        return

    key = (event.task, event.visit)
    execution = step.open_execution(key)
    if execution is None:
        return

    if event.kind == "delay" and execution.status == "pending":
        task_start.launch(step, key)
    elif event.kind == "ask" and execution.status == "waiting":
        seconds = step.task_of(execution).timeout
        if seconds is not None:
            message = f"the question was not answered within {seconds:g} s"
            _fail_question(step, execution, "timed_out", "Timeout", message)


def handle_answer(step: Step, event: AskAnswered) -> None:
    """End a question with its answer. Ignore the answer if the question is not open."""
    if not step.state.is_open(event.key):
        return
    step.hide_secret(event)
    if event.inquiry:
        inquiries.answer(step, event)
        return

    key = (event.task, event.visit)
    execution = step.open_execution(key)
    if execution is None:
        return

    try:
        result = freeze({"response": event.value})
    except ValueError as error:
        message = f"the answer cannot be used: {error}"
        _fail_question(step, execution, "failed", "ValueError", message)
        return

    duration_ms = (step.time - execution.started) * 1000
    outcome = Outcome(status="succeeded", result=result, attempts=1, duration_ms=duration_ms)
    task_end.end(step, key, outcome, None)


def _fail_question(
    step: Step, execution: Execution, status: TaskEndStatus, error_type: str, message: str
) -> None:
    """End a question that has no usable answer."""
    error = ErrorInfo(type=error_type, message=message, retryable=False)
    outcome = Outcome(
        status=status,
        result=items.failure_result(error),
        error=error.message,
        duration_ms=(step.time - execution.started) * 1000,
    )
    task_end.end(step, execution.key, outcome, error)


def end_if_quiet(step: Step) -> None:
    """End the run if no task is open and none can follow."""
    state = step.state
    if state.active or state.ended or state.status == "pending":
        return

    status: RunEndStatus
    output: Any = None
    problems: list[str] = []
    if state.timed_out and state.workflow.timeout is not None:
        status = "timed_out"
        problems = [f"the run did not end within {state.workflow.timeout:g} s"]
    elif state.status == "cancelling":
        status = "cancelled"
        problems = [_describe_cancellation(state.reason)]
    else:
        problems = [*state.failures, *joins.describe_unmet(state)]
        if not problems:
            output, problems = _evaluate_output(step)
        status = "failed" if problems else "succeeded"

    error = None
    if problems:
        error = cut_text("; ".join(problems), LONGEST_RUN_ERROR)
    step.update(status=status, output=output, error=error)
    inquiries.cancel_open(step)
    step.decide(RunEnded(time=step.time, status=status, output=output, error=error))


def _describe_cancellation(reason: str) -> str:
    if reason:
        return f"the run was cancelled: {reason}"
    return "the run was cancelled"


def _evaluate_output(step: Step) -> tuple[Any, list[str]]:
    """Return the output of a run that succeeded, or the problem why there is none."""
    template = step.state.workflow.output_map
    if template is None:
        return None, []

    try:
        value = dry_run.evaluate(
            step, None, [template], lambda: evaluate(template, step.scope()), default=None
        )
        return freeze(value), []
    except (TemplateError, ValueError) as error:
        return None, [step.mask(f"output_map: {error}")]

"""How a run comes to its end: by itself, by its time, or because someone asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune_nb.conductor import in_doubt, items, joins, task_end, task_start
from attune_nb.conductor.state import StopTask
from attune_nb.context import Outcome
from attune_nb.errors import TemplateError
from attune_nb.events import AlarmRang, AskAnswered, CancelRequested, ErrorInfo, RunEnded
from attune_nb.values.frozen import freeze

if TYPE_CHECKING:
    from attune_nb.conductor.state import Execution
    from attune_nb.conductor.step import Step
    from attune_nb.events import RunEndStatus, TaskEndStatus

__all__ = ["alarm_rang", "answered", "cancel", "end_if_quiet"]


def cancel(step: Step, event: CancelRequested) -> None:
    """Begin to stop everything; `force` gives up on the attempts under way."""
    policy = step.state.workflow.cancellation_policy
    step.update(reason=step.state.reason or step.mask(event.reason))
    _stop(step, force=event.force or policy == "cancel_running")


def _stop(step: Step, *, force: bool) -> None:
    step.update(status="cancelling")
    for key in step.state.order:
        execution = step.execution(key)
        if execution is None:
            continue
        if execution.status == "running" and step.task(execution).type == "parallel":
            continue  # it ends with its parts
        step.keep(execution, stopping=True)
        if execution.status in ("pending", "paused", "waiting"):
            step.later(task_end.end_cancelled, key)
        else:
            step.decide(StopTask(key=key, force=force))
    in_doubt.give_up(step)


def alarm_rang(step: Step, event: AlarmRang) -> None:
    """Do what an alarm was set for, if it still matters."""
    if event.kind == "run":
        if step.state.workflow.timeout is not None and step.state.status != "pending":
            step.update(timed_out=True)
            _stop(step, force=True)
        return
    key = (event.task, event.visit)
    execution = step.execution(key)
    if execution is None:
        return
    if event.kind == "delay" and execution.status == "pending":
        task_start.launch(step, key)
    elif event.kind == "ask" and execution.status == "waiting":
        seconds = step.task(execution).timeout
        if seconds is not None:
            said = f"nobody answered within {seconds:g} s"
            _fail(step, execution, "timed_out", "Timeout", said)


def answered(step: Step, event: AskAnswered) -> None:
    """End a question with its answer; one that waits no more is left alone."""
    key = (event.task, event.visit)
    execution = step.execution(key)
    if execution is None or execution.status != "waiting":
        return
    try:
        result = freeze({"response": event.value})
    except ValueError as error:
        _fail(step, execution, "failed", "ValueError", f"the answer cannot be used: {error}")
        return
    spent = (step.time - execution.started) * 1000
    outcome = Outcome(status="succeeded", result=result, attempts=1, duration_ms=spent)
    task_end.end(step, key, outcome, None)


def _fail(step: Step, execution: Execution, status: TaskEndStatus, kind: str, message: str) -> None:
    """End a question that got no answer, or none that can be used."""
    info = ErrorInfo(type=kind, message=message, retryable=False)
    outcome = Outcome(
        status=status,
        result=items.failure_of(info),
        error=info.message,
        duration_ms=(step.time - execution.started) * 1000,
    )
    task_end.end(step, execution.key, outcome, info)


def end_if_quiet(step: Step) -> None:
    """End the run when nothing is under way and nothing can follow."""
    state = step.state
    if state.active or state.ended or state.status == "pending":
        return
    failures, output = [*state.failures], None
    status: RunEndStatus
    if state.timed_out:
        seconds = state.workflow.timeout or 0.0
        status, failures = "timed_out", [f"the run did not end within {seconds:g} s"]
    elif state.status == "cancelling":
        because = f": {state.reason}" if state.reason else ""
        status, failures = "cancelled", [f"the run was cancelled{because}"]
    elif failures := [*failures, *joins.unmet(state)]:
        status = "failed"
    else:
        status = "succeeded"
        if state.workflow.output_map is not None:
            try:
                output = freeze(state.workflow.output_map.evaluate(step.scope()))
            except (TemplateError, ValueError) as error:
                status, failures = "failed", [step.mask(f"output_map: {error}")]
    text = "; ".join(failures) or None
    step.update(status=status, output=output, error=text)
    step.decide(RunEnded(time=step.time, status=status, output=output, error=text))

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
    from attune_nb.conductor.step import Work
    from attune_nb.events import RunEndStatus, TaskEndStatus

__all__ = ["alarm_rang", "answered", "cancel", "end_if_quiet"]


def cancel(work: Work, event: CancelRequested) -> None:
    """Begin to stop everything; `force` gives up on the attempts under way."""
    policy = work.state.workflow.cancellation_policy
    work.update(reason=work.state.reason or work.mask(event.reason))
    _stop(work, force=event.force or policy == "cancel_running")


def _stop(work: Work, *, force: bool) -> None:
    work.update(status="cancelling")
    for key in work.state.order:
        execution = work.execution(key)
        if execution is None:
            continue
        if execution.status == "running" and work.task(execution).type == "parallel":
            continue  # it ends with its parts
        work.keep(execution, stopping=True)
        if execution.status in ("pending", "paused", "waiting"):
            work.later(task_end.end_cancelled, key)
        else:
            work.decide(StopTask(key=key, force=force))
    in_doubt.give_up(work)


def alarm_rang(work: Work, event: AlarmRang) -> None:
    """Do what an alarm was set for, if it still matters."""
    if event.kind == "run":
        if work.state.workflow.timeout is not None and work.state.status != "pending":
            work.update(timed_out=True)
            _stop(work, force=True)
        return
    key = (event.task, event.visit)
    execution = work.execution(key)
    if execution is None:
        return
    if event.kind == "delay" and execution.status == "pending":
        task_start.launch(work, key)
    elif event.kind == "ask" and execution.status == "waiting":
        seconds = work.task(execution).timeout
        if seconds is not None:
            said = f"nobody answered within {seconds:g} s"
            _fail(work, execution, "timed_out", "Timeout", said)


def answered(work: Work, event: AskAnswered) -> None:
    """End a question with its answer; one that waits no more is left alone."""
    key = (event.task, event.visit)
    execution = work.execution(key)
    if execution is None or execution.status != "waiting":
        return
    try:
        result = freeze({"response": event.value})
    except ValueError as error:
        _fail(work, execution, "failed", "ValueError", f"the answer cannot be used: {error}")
        return
    spent = (work.time - execution.started) * 1000
    outcome = Outcome(status="succeeded", result=result, attempts=1, duration_ms=spent)
    task_end.end(work, key, outcome, None)


def _fail(work: Work, execution: Execution, status: TaskEndStatus, kind: str, message: str) -> None:
    """End a question that got no answer, or none that can be used."""
    info = ErrorInfo(type=kind, message=message, retryable=False)
    outcome = Outcome(
        status=status,
        result=items.failure_of(info),
        error=info.message,
        duration_ms=(work.time - execution.started) * 1000,
    )
    task_end.end(work, execution.key, outcome, info)


def end_if_quiet(work: Work) -> None:
    """End the run when nothing is under way and nothing can follow."""
    state = work.state
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
                output = freeze(state.workflow.output_map.evaluate(work.scope()))
            except (TemplateError, ValueError) as error:
                status, failures = "failed", [work.mask(f"output_map: {error}")]
    text = "; ".join(failures) or None
    work.update(status=status, output=output, error=text)
    work.decide(RunEnded(time=work.time, status=status, output=output, error=text))

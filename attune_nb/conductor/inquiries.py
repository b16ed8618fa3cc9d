"""Inquiries: questions that actions ask, and the tasks that wait for their answers.

An action opens an inquiry while it runs, and goes on. A later task with `wait_for` does not start
before the inquiry has ended; then `inquiry.TASK` holds the answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.conductor import failures, items, task_start
from attune_nb.conductor.state import Alarm, Inquiry
from attune_nb.context import INQUIRY_FIELDS, Outcome
from attune_nb.errors import TemplateError
from attune_nb.events import AskOpened, ErrorInfo, InquiryAwaited, InquiryEnded
from attune_nb.templates.library.functions import format_time
from attune_nb.templates.stored_values import evaluate
from attune_nb.values.describe import describe_with_value
from attune_nb.values.frozen import FrozenDict, freeze

if TYPE_CHECKING:
    from attune_nb.conductor.state import Execution
    from attune_nb.conductor.step import Step
    from attune_nb.events import AskAnswered, InquiryOpened, Key, TaskEndStatus

__all__ = ["answer", "cancel_open", "open_inquiry", "time_out", "wait"]

# the value of `inquiry.TASK` for a task that does not wait, as its result is mocked
_NO_INQUIRY: FrozenDict = freeze(dict.fromkeys(INQUIRY_FIELDS))


def open_inquiry(step: Step, event: InquiryOpened) -> None:
    """Open the inquiry of a running action."""
    execution = step.open_execution((event.task, event.visit))
    if execution is None or event.inquiry in step.state.inquiries:
        # the execution has ended meanwhile, or an earlier process has opened the inquiry
        return

    inquiry = Inquiry(
        id=event.inquiry,
        task=event.task,
        visit=event.visit,
        index=event.index,
        purpose=event.purpose,
        prompt=event.prompt,
        response_schema=freeze(event.response_schema),
        assigned_to=freeze(event.assigned_to),
        opened_at=step.epoch_time,
        timeout=event.timeout,
    )
    step.update(inquiries=step.state.inquiries.set(inquiry.id, inquiry))

    mask = step.state.context.mask
    step.decide(
        AskOpened(
            time=step.time,
            task=event.task,
            visit=event.visit,
            prompt=mask.text(event.prompt),
            response_schema=mask.value(inquiry.response_schema),
            inquiry=inquiry.id,
        )
    )
    if inquiry.timeout is not None:
        step.decide(
            Alarm(
                kind="inquiry",
                key=execution.key,
                inquiry=inquiry.id,
                seconds=inquiry.timeout,
            )
        )


def wait(step: Step, key: Key) -> None:
    """Make a prepared task wait for its inquiry; start it if the inquiry has ended already."""
    execution = step.open_execution(key)
    if execution is None:
        return
    if execution.task not in step.state.waiting_tasks:
        # the result of the task is mocked
        execution = _show(step, execution, _NO_INQUIRY)
        step.later(task_start.start, execution)
        return

    try:
        inquiry = _find_inquiry(step, execution)
    except TemplateError as error:
        step.later(step.handlers.end, key, *failures.render_failure(step, error))
        return
    if inquiry is None:
        return

    execution = step.store(execution, inquiry=inquiry.id)
    if inquiry.status == "pending":
        step.store(execution, status="waiting")
        step.decide(
            InquiryAwaited(
                time=step.time, task=execution.task, visit=execution.visit, inquiry=inquiry.id
            )
        )
    else:
        _release(step, execution, inquiry)


def _find_inquiry(step: Step, execution: Execution) -> Inquiry | None:
    """Return the inquiry that a task waits for. If there is none, end the task and return None.

    Raises:
        TemplateError: The expression failed.
    """
    template = step.task_of(execution).wait_for
    value: Any = None
    if template is not None:
        value = evaluate(template, step.scope(context=execution.context))

    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        description = describe_with_value(value)
        fault = f"must be the id of an inquiry, an integer of 1 or more, not {description}"
    elif value not in step.state.inquiries:
        fault = f"names inquiry {value}, which no action of this run has opened"
    else:
        return step.state.inquiries[value]

    error = ErrorInfo(
        type="InquiryReferenceInvalid",
        message=step.mask(f"`wait_for.inquiry` {fault}"),
        data={"code": "inquiry_reference_invalid"},
        retryable=False,
        position=step.task_of(execution).positions.wait_for,
    )
    _end_task(step, execution, "failed", error)
    return None


def answer(step: Step, event: AskAnswered) -> None:
    """End an open inquiry with its answer, and start the tasks that wait for it."""
    inquiry = step.state.inquiries[event.inquiry]
    _settle(
        step,
        msgspec.structs.replace(
            inquiry,
            status="responded",
            response=freeze(event.value),
            responded_by=event.by,
            responded_at=step.epoch_time,
        ),
    )


def time_out(step: Step, inquiry_id: int) -> None:
    """End an inquiry that was not answered in time, and the tasks that wait for it."""
    inquiry = step.state.inquiries.get(inquiry_id)
    if inquiry is not None and inquiry.status == "pending":
        _settle(step, msgspec.structs.replace(inquiry, status="timeout"))


def cancel_open(step: Step) -> None:
    """Close the inquiries that are open at the end of the run."""
    inquiries = step.state.inquiries
    for inquiry in inquiries.values():
        if inquiry.status == "pending":
            cancelled = msgspec.structs.replace(inquiry, status="cancelled")
            inquiries = inquiries.set(inquiry.id, cancelled)
    step.update(inquiries=inquiries)


def _settle(step: Step, inquiry: Inquiry) -> None:
    """Store the end of an inquiry, and release the tasks that wait for it."""
    step.update(inquiries=step.state.inquiries.set(inquiry.id, inquiry))
    step.decide(
        InquiryEnded(
            time=step.time,
            task=inquiry.task,
            visit=inquiry.visit,
            inquiry=inquiry.id,
            status=inquiry.status,
        )
    )

    for key in step.state.order:
        execution = step.open_execution(key)
        if execution is None or execution.inquiry != inquiry.id:
            continue
        if execution.status == "waiting":
            _release(step, execution, inquiry)


def _release(step: Step, execution: Execution, inquiry: Inquiry) -> None:
    """Start a task whose inquiry was answered; end it if the inquiry ended otherwise."""
    execution = _show(step, execution, _describe(inquiry))
    if inquiry.status == "responded":
        execution = step.store(execution, status="running")
        step.later(task_start.start, execution)
        return

    status: TaskEndStatus = "failed"
    error_type = "InquiryCancelled"
    message = f"inquiry {inquiry.id} of `{inquiry.task}` was cancelled"
    if inquiry.status == "timeout":
        status = "timed_out"
        error_type = "Timeout"
        message = f"inquiry {inquiry.id} of `{inquiry.task}` was not answered"
        if inquiry.timeout is not None:
            message += f" within {inquiry.timeout:g} s"

    error = ErrorInfo(
        type=error_type,
        message=message,
        data={
            "code": f"inquiry_{inquiry.status}",
            "inquiry_id": inquiry.id,
            "status": inquiry.status,
        },
        retryable=False,
    )
    _end_task(step, execution, status, error)


def _show(step: Step, execution: Execution, description: FrozenDict) -> Execution:
    """Set `inquiry.TASK` for all expressions from now on, and return the changed execution."""
    context = step.state.context
    name = step.task_of(execution).name
    descriptions = freeze({**context.inquiries, name: description})
    step.update(context=context.replace(inquiries=descriptions))

    # the task keeps the context of its start, with the answer
    own_context = execution.context.replace(inquiries=descriptions, mask=context.mask)
    return step.store(execution, context=own_context)


def _end_task(step: Step, execution: Execution, status: TaskEndStatus, error: ErrorInfo) -> None:
    """End a task that has made no attempt."""
    outcome = Outcome(
        status=status,
        result=items.failure_result(error),
        error=error.message,
        duration_ms=(step.time - execution.started) * 1000,
    )
    step.later(step.handlers.end, execution.key, outcome, error)


def _describe(inquiry: Inquiry) -> FrozenDict:
    """Return the value of `inquiry.TASK`."""
    values = {field: getattr(inquiry, field) for field in INQUIRY_FIELDS}
    for field in ("responded_at", "timeout_at"):
        if values[field] is not None:
            values[field] = format_time(values[field])
    description: FrozenDict = freeze(values)
    return description

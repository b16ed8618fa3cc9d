"""How a task begins: is it to run at all, over what, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.conductor import failures, items
from attune_nb.conductor.answer_schema import schema_misfit
from attune_nb.conductor.state import Alarm, Execution, StartTask
from attune_nb.context import Outcome
from attune_nb.errors import TemplateError
from attune_nb.events import AskOpened, TaskStarted
from attune_nb.values.frozen import FrozenDict, freeze

if TYPE_CHECKING:
    from attune_nb.conductor.state import Token
    from attune_nb.conductor.step import Step
    from attune_nb.events import Key
    from attune_nb.language.model import Task

__all__ = ["begin", "launch"]


def begin(step: Step, path: str, visit: int, token: Token, parent: Key | None) -> None:
    """Run a task, or skip it."""
    task = step.state.workflow.task(path)
    execution = Execution(
        task=path,
        visit=visit,
        token=token,
        context=step.state.context,
        started=step.time,
        parent=parent,
    )
    order = step.state.order.append(execution.key)
    step.update(order=order, active=step.state.active + 1)
    step.keep(execution)
    try:
        if task.when is not None and not task.when.evaluate(step.scope()):
            step.later(step.handlers.end, execution.key, Outcome(status="skipped"), None)
            return
        execution = _prepare(step, task, execution)
    except TemplateError as error:
        step.later(step.handlers.end, execution.key, *failures.render_failure(step, error))
        return
    if task.delay:
        step.keep(execution, status="pending")
        step.decide(Alarm(kind="delay", key=execution.key, seconds=task.delay))
    else:
        launch(step, execution.key)


def _prepare(step: Step, task: Task, execution: Execution) -> Execution:
    """Find out over which items the task runs, and how many at once."""
    source: Any = None
    total: int | None = 1
    if task.with_items is not None:
        given = freeze(task.with_items.evaluate(step.scope()))
        try:
            source, total = items.source_of(given, task.batch_size)
        except TemplateError as error:
            raise TemplateError(error.message, position=task.positions.with_items) from None
    concurrency = _concurrency(step, task)
    execution = step.keep(
        execution, items=source, planned=total, total=total, concurrency=concurrency
    )
    step.decide(
        TaskStarted(
            time=step.time,
            task=execution.task,
            visit=execution.visit,
            total=total,
            with_items=source is not None,
            concurrency=concurrency,
            causes=execution.token.causes,
        )
    )
    return execution


def _concurrency(step: Step, task: Task) -> int:
    value: Any = step.state.concurrency
    if value is None:
        value = task.concurrency.evaluate(step.scope()) if task.concurrency else 1
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        message = f"`concurrency` is a whole number of 1 or more, not {value!r}"
        raise TemplateError(message, position=task.positions.concurrency)
    return value


def launch(step: Step, key: Key) -> None:
    """Let a task that was prepared do its step."""
    execution = step.execution(key)
    if execution is None:
        return
    task = step.task(execution)
    if step.state.status == "paused":
        step.keep(execution, status="paused")
    elif task.type == "parallel":
        for each in task.tasks:
            path = f"{execution.task}/{each.name}"
            step.later(begin, path, execution.visit, execution.token, execution.key)
        step.keep(execution, status="running", planned=len(task.tasks), total=len(task.tasks))
    elif execution.task in step.state.ask_tasks:
        _ask(step, task, execution)
    elif execution.items is not None and execution.total == 0:
        empty = Outcome(status="succeeded", result=items.EMPTY, total_count=0, failed_items=0)
        step.later(step.handlers.end, key, empty, None)
    else:
        step.keep(execution, status="running")
        step.decide(
            StartTask(
                key=key,
                context=execution.context,
                items=execution.items,
                total=execution.total,
                concurrency=execution.concurrency,
            )
        )


def _question(task: Task, scope: Any) -> FrozenDict:
    """Render what is asked.

    Raises:
        TemplateError: An expression fails, or no answer could fit.
    """
    given: FrozenDict = freeze(task.input.evaluate(scope))
    schema = given.get("response_schema")
    wrong = schema_misfit(schema) if schema is not None else None
    if wrong is not None:
        raise TemplateError(wrong, position=task.positions.inputs.get("response_schema"))
    return given


def _ask(step: Step, task: Task, execution: Execution) -> None:
    """Open a question; the task waits until someone answers."""
    try:
        given = _question(task, step.scope(context=execution.context))
    except TemplateError as error:
        step.later(step.handlers.end, execution.key, *failures.render_failure(step, error))
        return
    step.keep(execution, status="waiting")
    mask = step.state.context.mask
    step.decide(
        AskOpened(
            time=step.time,
            task=execution.task,
            visit=execution.visit,
            prompt=mask.text(str(given.get("prompt", ""))),
            response_schema=mask.value(given.get("response_schema")),
        )
    )
    if task.timeout is not None:
        step.decide(Alarm(kind="ask", key=execution.key, seconds=task.timeout))

"""How a task begins: is it to run at all, over what, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.conductor import failures, items, task_end
from attune_nb.conductor.answer_schema import schema_misfit
from attune_nb.conductor.state import Alarm, Execution, StartTask
from attune_nb.context import Outcome
from attune_nb.errors import TemplateError
from attune_nb.events import AskOpened, TaskStarted
from attune_nb.values.frozen import FrozenDict, freeze

if TYPE_CHECKING:
    from attune_nb.conductor.state import Token
    from attune_nb.conductor.step import Work
    from attune_nb.events import Key
    from attune_nb.language.model import Task

__all__ = ["begin", "launch"]


def begin(work: Work, path: str, visit: int, token: Token, parent: Key | None = None) -> None:
    """Run a task, or skip it."""
    task = work.state.workflow.task(path)
    execution = Execution(
        task=path,
        visit=visit,
        token=token,
        context=work.state.context,
        started=work.time,
        parent=parent,
    )
    order = work.state.order.append(execution.key)
    work.update(order=order, active=work.state.active + 1)
    work.keep(execution)
    try:
        if task.when is not None and not task.when.evaluate(work.scope()):
            work.later(task_end.end, execution.key, Outcome(status="skipped"), None)
            return
        execution = _prepare(work, task, execution)
    except TemplateError as error:
        work.later(task_end.end, execution.key, *failures.render_failure(work, error))
        return
    if task.delay:
        work.keep(execution, status="pending")
        work.decide(Alarm(kind="delay", key=execution.key, seconds=task.delay))
    else:
        launch(work, execution.key)


def _prepare(work: Work, task: Task, execution: Execution) -> Execution:
    """Find out over which items the task runs, and how many at once."""
    source: Any = None
    total: int | None = 1
    if task.with_items is not None:
        given = freeze(task.with_items.evaluate(work.scope()))
        try:
            source, total = items.source_of(given, task.batch_size)
        except TemplateError as error:
            raise TemplateError(error.message, position=task.positions.with_items) from None
    concurrency = _concurrency(work, task)
    execution = work.keep(
        execution, items=source, planned=total, total=total, concurrency=concurrency
    )
    work.decide(
        TaskStarted(
            time=work.time,
            task=execution.task,
            visit=execution.visit,
            total=total,
            with_items=source is not None,
            concurrency=concurrency,
            causes=execution.token.causes,
        )
    )
    return execution


def _concurrency(work: Work, task: Task) -> int:
    value: Any = work.state.concurrency
    if value is None:
        value = task.concurrency.evaluate(work.scope()) if task.concurrency else 1
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        message = f"`concurrency` is a whole number of 1 or more, not {value!r}"
        raise TemplateError(message, position=task.positions.concurrency)
    return value


def launch(work: Work, key: Key) -> None:
    """Let a task that was prepared do its work."""
    execution = work.execution(key)
    if execution is None:
        return
    task = work.task(execution)
    if work.state.status == "paused":
        work.keep(execution, status="paused")
    elif task.type == "parallel":
        for each in task.tasks:
            path = f"{execution.task}/{each.name}"
            work.later(begin, path, execution.visit, execution.token, execution.key)
        work.keep(execution, status="running", planned=len(task.tasks), total=len(task.tasks))
    elif execution.task in work.state.asks:
        _ask(work, task, execution)
    elif execution.items is not None and execution.total == 0:
        empty = Outcome(status="succeeded", result=items.EMPTY, total_count=0, failed_items=0)
        work.later(task_end.end, key, empty, None)
    else:
        work.keep(execution, status="running")
        work.decide(
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


def _ask(work: Work, task: Task, execution: Execution) -> None:
    """Open a question; the task waits until someone answers."""
    try:
        given = _question(task, work.scope(context=execution.context))
    except TemplateError as error:
        work.later(task_end.end, execution.key, *failures.render_failure(work, error))
        return
    work.keep(execution, status="waiting")
    mask = work.state.context.mask
    work.decide(
        AskOpened(
            time=work.time,
            task=execution.task,
            visit=execution.visit,
            prompt=mask.text(str(given.get("prompt", ""))),
            response_schema=mask.value(given.get("response_schema")),
        )
    )
    if task.timeout is not None:
        work.decide(Alarm(kind="ask", key=execution.key, seconds=task.timeout))

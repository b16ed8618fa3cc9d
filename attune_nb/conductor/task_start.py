"""The start of a task: whether it runs, over which items, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.conductor import dry_run, failures, items
from attune_nb.conductor.answer_schema import explain_schema_misfit
from attune_nb.conductor.state import Alarm, Execution, StartTask
from attune_nb.context import Outcome
from attune_nb.errors import TemplateError
from attune_nb.events import STATUS_CODES, AskOpened, TaskStarted
from attune_nb.item_outcomes import ItemOutcomes, ListedFailures
from attune_nb.language import limits
from attune_nb.language.parameter_specs import answer_schema
from attune_nb.templates.stored_values import evaluate
from attune_nb.values.describe import describe_with_value
from attune_nb.values.frozen import FrozenDict, freeze

if TYPE_CHECKING:
    from attune_nb.conductor.state import Token
    from attune_nb.conductor.step import Step
    from attune_nb.events import Key
    from attune_nb.language.model import Task

__all__ = ["begin", "launch", "start"]


def begin(step: Step, path: str, visit: int, token: Token, parent: Key | None) -> None:
    """Run a task that a branch has reached, or skip it.

    Args:
        step: The current step.
        path: The task's path.
        visit: The number of this execution of the task, from 1.
        token: The branch.
        parent: The parallel task that the task is part of, if it is.
    """
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
    step.store(execution)

    try:
        if not _is_wanted(step, task, execution):
            step.later(step.handlers.end, execution.key, Outcome(status="skipped"), None)
            return
        execution = _prepare(step, task, execution)
    except TemplateError as error:
        step.later(step.handlers.end, execution.key, *failures.render_failure(step, error))
        return

    if task.wait_for is not None:
        step.handlers.wait(step, execution.key)
    else:
        start(step, execution)


def start(step: Step, execution: Execution) -> None:
    """Start a prepared task, after its delay if it has one."""
    delay = step.task_of(execution).delay
    if delay:
        step.store(execution, status="pending")
        step.decide(Alarm(kind="delay", key=execution.key, seconds=delay))
    else:
        launch(step, execution.key)


def _is_wanted(step: Step, task: Task, execution: Execution) -> bool:
    """Return whether the condition of a task is true."""
    condition = task.when
    if condition is None:
        return True
    is_true: bool = dry_run.evaluate(
        step, execution, [condition], lambda: evaluate(condition, step.scope()), default=True
    )
    return is_true


def _prepare(step: Step, task: Task, execution: Execution) -> Execution:
    """Evaluate the items and the limits of a task, and record that it started."""
    source: Any = None
    total: int | None = 1
    if task.with_items is not None:
        source, total = dry_run.evaluate(
            step,
            execution,
            [task.with_items],
            lambda: _evaluate_items(step, task),
            default=items.item_source(items.NO_RESULTS, None),
        )

    concurrency = dry_run.evaluate(
        step,
        execution,
        [task.concurrency],
        lambda: _evaluate_concurrency(step, task),
        default=1,
    )
    counts = None
    if task.keep_results == "none" and source is not None:
        counts = (0,) * len(STATUS_CODES)
    execution = step.store(
        execution,
        items=source,
        counts=counts,
        planned=total,
        total=total,
        concurrency=concurrency,
        max_failures=_evaluate_max_failures(step, task, total),
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


def _evaluate_items(step: Step, task: Task) -> tuple[Any, int | None]:
    """Return the source of a task's items, and their number if it is known."""
    if task.with_items is None:
        return None, 1
    value = freeze(evaluate(task.with_items, step.scope()))
    try:
        return items.item_source(value, task.batch_size)
    except TemplateError as error:
        raise TemplateError(error.message, position=task.positions.with_items) from None


def _evaluate_concurrency(step: Step, task: Task) -> int:
    value: Any = step.state.concurrency
    if value is None and task.concurrency:
        value = evaluate(task.concurrency, step.scope())
    elif value is None:
        value = 1

    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        message = f"`concurrency` must be an integer of 1 or more, not {describe_with_value(value)}"
        raise TemplateError(message, position=task.positions.concurrency)
    return value


def _evaluate_max_failures(step: Step, task: Task, total: int | None) -> int | None:
    """Return how many items may fail until no more begin; None for any number.

    Raises:
        TemplateError: The value is none, or it is a share of a number that is not known.
    """
    if task.max_failures is None:
        return None

    value: Any = evaluate(task.max_failures, step.scope())
    position = task.positions.max_failures
    percent = limits.parse_percent(value)
    if percent is not None and total is None:
        message = (
            f"`max_failures: {value}` needs the number of items, which the source of `with_items` "
            "does not tell; write a number, or make the items an array"
        )
        raise TemplateError(message, position=position)
    if percent is not None and total is not None:
        return int(percent * total // 100)

    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        description = describe_with_value(value)
        message = f"`max_failures` must be {limits.MAX_FAILURES_FORM}, not {description}"
        raise TemplateError(message, position=position)
    return value


def launch(step: Step, key: Key) -> None:
    """Start the work of a prepared task."""
    execution = step.open_execution(key)
    if execution is None:
        return

    task = step.task_of(execution)
    if step.state.status == "paused":
        step.store(execution, status="paused")
    elif task.type == "parallel":
        _launch_inner_tasks(step, task, execution)
    elif execution.task in step.state.ask_tasks:
        _ask(step, task, execution)
    elif execution.items is not None and execution.total == 0:
        outcome = Outcome(
            status="succeeded",
            result=items.NO_RESULTS,
            total_count=0,
            failed_items=0,
            items=ItemOutcomes(),
        )
        if execution.counts is not None:
            # it keeps no results
            outcome = msgspec.structs.replace(outcome, result=None, items=ListedFailures())
        step.later(step.handlers.end, key, outcome, None)
    else:
        step.store(execution, status="running")
        step.decide(
            StartTask(
                key=key,
                context=execution.context,
                items=execution.items,
                total=execution.total,
                concurrency=execution.concurrency,
                max_failures=execution.max_failures,
            )
        )


def _launch_inner_tasks(step: Step, task: Task, execution: Execution) -> None:
    """Begin all tasks of a parallel task."""
    for inner_task in task.tasks:
        path = f"{execution.task}/{inner_task.name}"
        step.later(begin, path, execution.visit, execution.token, execution.key)

    count = len(task.tasks)
    step.store(execution, status="running", planned=count, total=count)


def _ask(step: Step, task: Task, execution: Execution) -> None:
    """Open the question of a `core.ask` task, which then waits for an answer."""
    try:
        question = _evaluate_question(task, step.scope(context=execution.context))
    except TemplateError as error:
        step.later(step.handlers.end, execution.key, *failures.render_failure(step, error))
        return

    step.store(execution, status="waiting")
    mask = step.state.context.mask
    step.decide(
        AskOpened(
            time=step.time,
            task=execution.task,
            visit=execution.visit,
            prompt=mask.text(str(question.get("prompt", ""))),
            response_schema=mask.value(question.get("response_schema")),
        )
    )
    if task.timeout is not None:
        step.decide(Alarm(kind="ask", key=execution.key, seconds=task.timeout))


def _evaluate_question(task: Task, scope: Any) -> FrozenDict:
    """Return the evaluated input of a `core.ask` task.

    Raises:
        TemplateError: An expression failed, or `response_schema` cannot be used.
    """
    question: FrozenDict = freeze(evaluate(task.input, scope))
    schema = question.get("response_schema")
    if schema is None:
        return question

    problem = explain_schema_misfit(schema)
    if problem is not None:
        position = task.positions.inputs.get("response_schema")
        raise TemplateError(problem, position=position)
    normalized: FrozenDict = freeze({**question, "response_schema": answer_schema(schema)})
    return normalized

"""Results that no action made: a dry run goes on if an expression cannot be evaluated.

In a dry run a task without a mock results in null. An expression that looks into such a result
fails, although the workflow may be right. The failure is recorded, with the mock that would
avoid it, and the run goes on: a condition counts as true, a value is null, items are none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.errors import TemplateError
from attune_nb.events import SUCCEEDED, MockMissing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from attune_nb.conductor.state import Execution, RunState
    from attune_nb.conductor.step import Step
    from attune_nb.events import Batch, Key
    from attune_nb.language.model import WorkflowSpec
    from attune_nb.templates.template import Template

__all__ = ["evaluate", "forgive_inputs", "record_input_error"]

_TASKS = ("task", "tasks")
_VARIABLES = ("workflow", "vars", "variables")
_ITEM = ("item", "index", "batch")
_RESULT = "result"


def evaluate(
    step: Step,
    execution: Execution | None,
    templates: Sequence[Template | None],
    compute: Callable[[], Any],
    default: Any,
) -> Any:
    """Return a value; in a dry run the default, if it fails for want of a result.

    Args:
        step: The current step.
        execution: The task that the value belongs to; None for the output of the run.
        templates: The templates that the value is computed from.
        compute: Returns the value.
        default: The value in place of one that cannot be computed.

    Raises:
        TemplateError: An expression failed for another reason.
    """
    try:
        return compute()
    except TemplateError as error:
        used_templates = [template for template in templates if template is not None]
        missing = _find_missing(step.state, execution, used_templates)
        if not missing:
            raise

        _record(step, execution, missing, str(error))
        return default


def forgive_inputs(state: RunState, key: Key, batch: Batch) -> tuple[Batch, str]:
    """Return attempts that succeed, if all that they lacked was a result for their input.

    Args:
        state: The state of the run.
        key: The execution of the task.
        batch: Its attempts.

    Returns:
        The attempts, and the error of the first input that could not be evaluated, or "".
    """
    path, _ = key
    execution = state.executions.get(key)
    rows = [row for row, error in batch.errors.items() if error.type == TemplateError.__name__]
    if path not in state.unmade or execution is None or not rows:
        return batch, ""
    if not _find_missing(state, execution, _input_templates(state, execution)):
        return batch, ""

    statuses = bytearray(batch.status)
    for row in rows:
        statuses[row] = SUCCEEDED
    errors = {row: error for row, error in batch.errors.items() if row not in rows}
    forgiven = msgspec.structs.replace(batch, status=bytes(statuses), errors=errors)
    return forgiven, batch.errors[min(rows)].message


def record_input_error(step: Step, execution: Execution, message: str) -> None:
    """Record that the input of a task could not be evaluated."""
    templates = _input_templates(step.state, execution)
    _record(step, execution, _find_missing(step.state, execution, templates), message)


def _input_templates(state: RunState, execution: Execution) -> list[Template]:
    return [state.workflow.task(execution.task).input]


def _find_missing(
    state: RunState, execution: Execution | None, templates: Sequence[Template]
) -> dict[str, str]:
    """Return the tasks whose results the templates read, although no action made them.

    For each task the value is the form of a result that would do.
    """
    unmade = state.unmade
    missing: dict[str, str] = {}
    if not unmade:
        return missing

    for template in templates:
        for name, keys in _results_read(state, execution, template):
            if name in unmade and name not in missing:
                missing[name] = _example(state, name, keys)
    return missing


def _results_read(
    state: RunState, execution: Execution | None, template: Template
) -> Iterator[tuple[str, Sequence[str] | None]]:
    """Yield the tasks whose results a template reads, and the keys in them; None if unknown."""
    roots = {path[0] for path, _ in template.references}
    for path, _ in template.references:
        root, *names = path
        if root in _TASKS and names:
            task, *keys = names
            if keys[:1] == ["result"]:
                keys = keys[1:]
            yield task, keys
        elif root == "inquiry" and names:
            # a task that does not run waits for no answer
            yield names[0], None
        elif root in _VARIABLES and names:
            for publisher in _publishers(state.workflow, names[0]):
                yield publisher, names[1:]

    if execution is None:
        return
    if any(name == _RESULT for name, _ in template.calls):
        yield execution.task, None

    # the items come from a result, and so do their fields
    with_items = state.workflow.task(execution.task).with_items
    if with_items is not None and with_items is not template and not roots.isdisjoint(_ITEM):
        yield from _results_read(state, execution, with_items)


def _publishers(workflow: WorkflowSpec, variable: str) -> Iterator[str]:
    """Yield the names of the tasks that publish a variable."""
    for task in workflow.tasks:
        for transition in task.next:
            if any(name == variable for name, _ in transition.publish):
                yield task.name


def _record(
    step: Step, execution: Execution | None, missing: Mapping[str, str], reason: str
) -> None:
    names = ", ".join(f"`{name}`" for name in missing)
    mocks = " ".join(f"--mock {name}={example}" for name, example in missing.items())
    task = ""
    visit = 0
    if execution is not None:
        task, visit = execution.key
    reader = f"`{task}`" if task else "the output"
    step.decide(
        MockMissing(
            time=step.time,
            task=task,
            visit=visit,
            missing=tuple(missing),
            message=step.mask(
                f"{reader} reads the result of {names}, which no action made in this dry run "
                f"({reason}): give one, as in `{mocks}`"
            ),
        )
    )


def _example(state: RunState, name: str, keys: Sequence[str] | None) -> str:
    """Return the form of a mock: of a task with items, that of one item."""
    if keys:
        example = "..."
        for key in reversed(keys):
            example = f'{{"{key}": {example}}}'
        return example
    has_items = state.workflow.task(name).with_items is not None
    return "..." if has_items or keys is None else "[...]"

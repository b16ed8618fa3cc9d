"""Parts of a workflow that run here, and that the Attune platform does not know.

The platform's own expressions have operators, members and functions, but no filters, tests,
conditionals or methods. It ignores keys that it does not know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jinja2 import nodes

from attune_nb.context import TASK_SPACES
from attune_nb.errors import Problem, TemplateError
from attune_nb.language.model import ASK
from attune_nb.templates.compiler.parse import (
    condition_part,
    has_template,
    parse_expression,
    split_template,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from attune_nb.errors import Position
    from attune_nb.language.model import Task, WorkflowSpec
    from attune_nb.templates.template import Template

__all__ = ["find_platform_limits"]

# The functions of the platform's expressions.
_FUNCTIONS = frozenset(
    {
        "abs", "bool", "ceil", "contains", "count", "ends_with", "failed", "flat", "floor",
        "index_of", "int", "join", "keys", "length", "lower", "match", "max", "merge", "min",
        "number", "range", "replace", "result", "reversed", "round", "slice", "sort", "split",
        "starts_with", "string", "succeeded", "sum", "timed_out", "trim", "type_of", "unique",
        "upper", "values", "zip",
    }
)  # fmt: skip

# The kinds of nodes that the platform's expressions do not have, as a message calls them.
_FOREIGN_NODES: dict[type[nodes.Node], str] = {
    nodes.CondExpr: "conditionals (`a if b else c`)",
    nodes.Concat: "`~`; write `+`",
    nodes.Dict: "objects (`{...}`)",
    nodes.FloorDiv: "`//`; write `floor(a / b)`",
    nodes.Pow: "`**`",
    nodes.Slice: "slices (`[a:b]`)",
    nodes.Tuple: "tuples (`(a, b)`)",
}

# The fields of a task's record that only this engine has.
_OWN_FIELDS = frozenset({"attempts", "failed_items", "failures", "successes", "total_count"})

# Characters of an expression in a message.
_MAX_EXPRESSION = 60


def find_platform_limits(workflow: WorkflowSpec) -> list[Problem]:
    """Return a warning for each part of a workflow that the platform ignores or refuses."""
    problems = []
    for _, task in workflow.walk():
        for message, position in _find_task_limits(task):
            place = position
            if place is None:
                place = task.positions.name
            problems.append(Problem(f"task `{task.name}`: {message}", place, "warning"))
        for template in task.templates():
            problems += _find_expression_limits(template, task.positions.name)

    problems += _find_workflow_limits(workflow)
    templates = [template for _, template in workflow.vars]
    if workflow.output_map is not None:
        templates.append(workflow.output_map)
    for template in templates:
        problems += _find_expression_limits(template)
    # one text may have several equal warnings
    return list(dict.fromkeys(problems))


def _find_task_limits(task: Task) -> Iterator[tuple[str, Position | None]]:
    """Yield a message for each part of a task that the platform ignores or refuses."""
    settings = {
        "keep_results": task.keep_results != "run",
        "max_failures": task.max_failures is not None,
        "rate_limit": task.rate_limit is not None,
        "report_every": task.report_every is not None,
        "start": task.start,
    }
    for key, is_set in settings.items():
        if is_set:
            yield f"the platform ignores `{key}`", None

    action = task.action
    if action == ASK:
        advice = "there an action opens an inquiry, and a later task has `wait_for`"
        yield f"the platform has no `{ASK}`: {advice}", task.positions.action
    elif action is not None and (":" in action or "." not in action):
        advice = "write it as an action of a pack, `pack.name`"
        yield f"the platform cannot call `{action}`; {advice}", task.positions.action

    if task.concurrency is not None and has_template(task.concurrency.source):
        yield "the platform takes only a number for `concurrency`", task.positions.concurrency
    if task.with_items is not None and not isinstance(task.with_items.source, str):
        message = "the platform takes only a template for `with_items`, as `{{ parameters.names }}`"
        yield message, task.positions.with_items
    if task.wait_for is not None and task.type == "workflow":
        yield "the platform has no `wait_for` on a task of `type: workflow`", None
    yield from _find_number_limits(task)


def _find_number_limits(task: Task) -> Iterator[tuple[str, None]]:
    """Yield the numbers and patterns that the platform cannot read."""
    retry = task.retry
    seconds = {"timeout": task.timeout, "delay": task.delay}
    if retry is not None:
        seconds |= {"retry.delay": retry.delay, "retry.max_delay": retry.max_delay}
        if len(retry.on_error) > 1:
            yield "the platform takes only one pattern for `retry.on_error`", None

    for key, value in seconds.items():
        if value is not None and not value.is_integer():
            yield f"the platform takes only whole seconds for `{key}`, not {value:g}", None


def _find_workflow_limits(workflow: WorkflowSpec) -> Iterator[Problem]:
    timeout = workflow.timeout
    if timeout is not None and not timeout.is_integer():
        message = f"the workflow's `timeout` of {timeout:g} s is written as whole seconds, more"
        yield Problem(message, None, "warning")

    names = [name for name, _ in workflow.vars]
    if len(set(names)) < len(names):
        yield Problem("the platform sets a variable of `vars` only once", None, "warning")

    output_map = workflow.output_map
    if output_map is not None and isinstance(output_map.source, dict):
        for name, value in output_map.source.items():
            if not isinstance(value, str):
                message = f"the platform takes only a template for `{name}` of `output_map`"
                yield Problem(message, None, "warning")


def _find_expression_limits(
    template: Template, position: Position | None = None
) -> Iterator[Problem]:
    """Yield a warning for each part of an expression that the platform does not have.

    Args:
        template: The template with the expressions.
        position: The position of a template that reads nothing.
    """
    finders = [*template.references, *template.calls]
    if finders:
        _, find_position = finders[0]
        position = find_position()

    for text in _strings(template.source):
        for expression in _expressions(text, is_condition=template.is_condition):
            for lack in _find_lacks(parse_expression(expression)):
                shown = expression.strip()
                if len(shown) > _MAX_EXPRESSION:
                    shown = f"{shown[:_MAX_EXPRESSION]}..."
                message = f"the platform's expressions have no {lack}: `{shown}`"
                yield Problem(message, position, "warning")


def _strings(source: Any) -> Iterator[str]:
    """Yield the strings in the source of a template."""
    if isinstance(source, str):
        yield source
    elif isinstance(source, dict):
        for value in source.values():
            yield from _strings(value)
    elif isinstance(source, list | tuple):
        for value in source:
            yield from _strings(value)


def _expressions(text: str, *, is_condition: bool) -> Iterator[str]:
    try:
        parts = split_template(text)
        if is_condition and not has_template(text):
            parts = [condition_part(text)]
    except TemplateError:
        return
    for part in parts:
        if part.expression is not None and not part.problem:
            yield part.expression


def _find_lacks(expression: nodes.Expr) -> Iterator[str]:
    """Yield the parts of an expression that the platform does not have, each as a phrase."""
    pending: list[nodes.Node] = [expression]
    while pending:
        node = pending.pop()
        pending += node.iter_child_nodes()

        if type(node) in _FOREIGN_NODES:
            yield _FOREIGN_NODES[type(node)]
        elif isinstance(node, nodes.Filter):
            yield f"filters such as `{node.name}`"
        elif isinstance(node, nodes.Test):
            yield f"tests such as `is {node.name}`"
        elif isinstance(node, nodes.Call):
            yield from _find_call_lacks(node)
        elif isinstance(node, nodes.Compare) and len(node.ops) > 1:
            yield "chains of comparisons (`a < b < c`)"
        elif isinstance(node, nodes.Getattr) and _is_own_field(node):
            yield f"field `{node.attr}` of a task"


def _find_call_lacks(call: nodes.Call) -> Iterator[str]:
    if isinstance(call.node, nodes.Getattr):
        yield f"methods such as `.{call.node.attr}()`"
        return
    if isinstance(call.node, nodes.Name) and call.node.name not in _FUNCTIONS:
        yield f"function `{call.node.name}`"
    if call.kwargs:
        yield "arguments by name"


def _is_own_field(node: nodes.Getattr) -> bool:
    """Return whether a node is a field of `task.NAME` that only this engine has."""
    record = node.node
    if node.attr not in _OWN_FIELDS or not isinstance(record, nodes.Getattr):
        return False
    return isinstance(record.node, nodes.Name) and record.node.name in TASK_SPACES

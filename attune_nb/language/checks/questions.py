"""Find conditions that take the text of an answer for true or false."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jinja2 import nodes

from attune_nb.errors import Problem
from attune_nb.language.model import ASK
from attune_nb.templates.compiler.name_lookup import path_of
from attune_nb.templates.compiler.parse import has_template, parse_expression, split_template

if TYPE_CHECKING:
    from collections.abc import Iterator

    from attune_nb.errors import Position
    from attune_nb.language.model import Task, WorkflowSpec
    from attune_nb.templates.template import Template

__all__ = ["find_text_conditions"]

# Filters and functions that return a text for a text.
_TEXT_FUNCTIONS = ("default", "d", "lower", "string", "trim", "upper")


def find_text_conditions(workflow: WorkflowSpec) -> Iterator[Problem]:
    """Yield a hint at each `when` that reads the text of an answer without comparing it.

    Every text but the empty one is true, also "no".
    """
    text_questions = {task.name for task in workflow.tasks if _takes_text(task)}
    if not text_questions:
        return

    for _, task in workflow.walk():
        conditions = [transition.when for transition in task.next]
        for condition in (task.when, *conditions):
            if condition is None or condition.is_constant:
                continue
            names = {f"task.{name}.response" for name in text_questions}
            names |= {f"task.{name}.result.response" for name in text_questions}
            if task.name in text_questions and condition is not task.when:
                names.add("result().response")
            yield from _find_bare_answers(condition, names)


def _takes_text(task: Task) -> bool:
    """Return whether the answer to a task's question is a text, as far as the workflow says."""
    if task.action != ASK:
        return False

    source = task.input.source
    schema = source.get("response_schema") if isinstance(source, dict) else None
    if schema is None:
        return True
    if has_template(schema) or not isinstance(schema, dict):
        return False

    choices = schema.get("enum")
    if isinstance(choices, list) and choices:
        return all(isinstance(choice, str) for choice in choices)
    return schema.get("type") == "string"


def _find_bare_answers(condition: Template, names: set[str]) -> Iterator[Problem]:
    for part in split_template(condition.source):
        if part.expression is None:
            continue
        for node in _tested_values(parse_expression(part.expression)):
            name = _name_of(node)
            if name in names:
                message = (
                    f"`{name}` is a text, and every text but an empty one is true, also `no`: "
                    f"compare it, as in `{name} == 'yes'`, or ask for a boolean with "
                    "`response_schema: {type: boolean}`"
                )
                yield Problem(message, _position_of(condition, name), "hint")


def _tested_values(expression: nodes.Node) -> Iterator[nodes.Node]:
    """Yield the parts of a condition whose own truth counts."""
    pending: list[Any] = [expression]
    while pending:
        node = pending.pop()
        if isinstance(node, nodes.And | nodes.Or):
            pending += [node.left, node.right]
        elif isinstance(node, nodes.Not):
            pending.append(node.node)
        elif isinstance(node, nodes.CondExpr):
            pending += [node.test, node.expr1, node.expr2]
        else:
            yield node


def _name_of(node: Any) -> str:
    """Return the dotted name that a value is read from, or an empty string."""
    while isinstance(node, nodes.Filter) and node.name in _TEXT_FUNCTIONS:
        node = node.node
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name):
        if node.node.name in _TEXT_FUNCTIONS and len(node.args) == 1:
            return _name_of(node.args[0])
        return ""
    if not isinstance(node, nodes.Getattr | nodes.Getitem):
        return ""

    path = path_of(node)
    if path is not None:
        root, keys = path
        return ".".join(map(str, (root, *keys)))
    is_response = isinstance(node, nodes.Getattr) and node.attr == "response"
    call: Any = node.node
    is_result = isinstance(call, nodes.Call) and isinstance(call.node, nodes.Name)
    if is_response and is_result and call.node.name == "result" and not call.args:
        return "result().response"
    return ""


def _position_of(condition: Template, name: str) -> Position | None:
    for path, find_position in condition.references:
        if ".".join(path) == name:
            return find_position()
    for function, find_position in condition.calls:
        if function == "result":
            return find_position()
    return None

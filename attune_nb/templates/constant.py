"""Constant folding: the value of a template that reads no names."""

from __future__ import annotations

from typing import Any

from jinja2 import nodes

from attune_nb.context import ABSENT
from attune_nb.errors import TemplateError
from attune_nb.templates.compiler.parse import parse_expression, split_template
from attune_nb.templates.template import Template

__all__ = ["SURROUNDED", "constant_value"]

# The result of `constant_value` for a template that is more than one expression in braces.
SURROUNDED: Any = "a string: there is text outside the braces"

# The kinds of nodes that have the same value in every context, if their parts have.
_CONSTANT_NODES = (
    nodes.Const,
    nodes.List,
    nodes.Tuple,
    nodes.Dict,
    nodes.Pair,
    nodes.Neg,
    nodes.Pos,
    nodes.Not,
    nodes.Add,
    nodes.Sub,
    nodes.Mul,
    nodes.Div,
    nodes.FloorDiv,
    nodes.Mod,
    nodes.Concat,
)


def constant_value(source: str) -> Any:
    """Return the value of a template that reads no names.

    An array of any elements gives an empty list, and a concatenation an empty string: callers
    need only the kind of these values.

    Returns:
        The value; `SURROUNDED` if the template is more than one expression; `ABSENT` if the value
        depends on the context, or if there is an error, which is reported elsewhere.
    """
    try:
        return _fold(source)
    except TemplateError:
        return ABSENT


def _fold(source: str) -> Any:
    parts = split_template(source)
    if len(parts) != 1 or parts[0].expression is None:
        if any(part.problem for part in parts):
            return ABSENT
        return SURROUNDED

    node = parse_expression(parts[0].expression)
    if isinstance(node, nodes.List | nodes.Tuple):
        return []
    if isinstance(node, nodes.Concat):
        return ""
    if not _is_constant(node):
        return ABSENT
    return Template(source).render()


def _is_constant(node: Any) -> bool:
    if isinstance(node, nodes.Name):
        return bool(node.name == "null")
    if not isinstance(node, _CONSTANT_NODES):
        return False
    return all(_is_constant(child) for child in node.iter_child_nodes())

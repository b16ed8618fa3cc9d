"""What a text with expressions gives whatever the context, where its words alone tell."""

from __future__ import annotations

from typing import Any

from jinja2 import nodes

from attune_nb.context import ABSENT
from attune_nb.errors import TemplateError
from attune_nb.templates.compiler.parse import parse, split
from attune_nb.templates.template import Template

__all__ = ["SURROUNDED", "constant_value"]

SURROUNDED: Any = "a text: something stands beside the braces (a blank is enough)"
"""What `constant_value` gives for a text whose braces are not all of it."""

_FIXED = (
    nodes.Const, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair, nodes.Neg, nodes.Pos, nodes.Not,
    nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Concat,
)  # fmt: skip


def constant_value(source: str) -> Any:
    """Give the value of a text that reads nothing, `SURROUNDED`, or `ABSENT` if it is not known.

    What has no value at all is not known either: its error is told elsewhere, or in the run.
    """
    try:
        parts = split(source)
        if len(parts) != 1 or parts[0].inner is None:
            return ABSENT if any(part.problem for part in parts) else SURROUNDED
        node = parse(parts[0].inner)
        if isinstance(node, nodes.List | nodes.Tuple):
            return []  # whatever is in it
        if isinstance(node, nodes.Concat):
            return ""
        return Template(source).render() if _is_fixed(node) else ABSENT
    except TemplateError:
        return ABSENT


def _is_fixed(node: Any) -> bool:
    if isinstance(node, nodes.Name):
        return bool(node.name == "null")
    return isinstance(node, _FIXED) and all(map(_is_fixed, node.iter_child_nodes()))

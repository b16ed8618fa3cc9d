"""The names that an expression reads outright, so that a check can look for them."""

from __future__ import annotations

from typing import Any

from jinja2 import nodes

from attune_nb.templates.compiler.name_lookup import path_of

__all__ = ["called", "references"]

_CONSTANTS = ("null",)


def references(node: nodes.Node) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """Give the dotted names that an expression reads, but not those it asks after; and those.

    A name that is tested (`x is defined`) or has a `default` may well be undefined; wherever
    else in the expression it stands, it is left out too.
    """
    read: list[tuple[str, ...]] = []
    asked: list[tuple[str, ...]] = []
    stack: list[Any] = [node]
    while stack:
        each = stack.pop()
        path = _dotted(each)
        if path:
            read.append(path)
        elif _tolerates(each):
            inner = _dotted(each.node)
            asked += [inner] if inner else []
            stack += [*([] if inner else [each.node]), *each.args]
            stack += [pair.value for pair in each.kwargs]
        else:
            stack += _children(each)
    sure = [path for path in read if not any(path[: len(each)] == each for each in asked)]
    return sure, asked


def called(node: nodes.Node) -> list[str]:
    """Give the names of the functions that an expression calls."""
    names: list[str] = []
    stack: list[Any] = [node]
    while stack:
        each = stack.pop()
        if isinstance(each, nodes.Call) and isinstance(each.node, nodes.Name):
            names.append(each.node.name)
        stack += each.iter_child_nodes()
    return names


def _tolerates(node: Any) -> bool:
    if isinstance(node, nodes.Filter):
        return node.name in ("default", "d")
    return isinstance(node, nodes.Test) and node.name in ("defined", "undefined")


def _children(node: Any) -> list[Any]:
    if isinstance(node, nodes.Call):
        callee = [node.node.node] if isinstance(node.node, nodes.Getattr) else []
        return [*callee, *node.args, *(pair.value for pair in node.kwargs)]
    return list(node.iter_child_nodes())


def _dotted(node: Any) -> tuple[str, ...]:
    path = path_of(node) if isinstance(node, nodes.Name | nodes.Getattr | nodes.Getitem) else None
    if path is None or path[0] in _CONSTANTS:
        return ()
    root, keys = path
    named = [key for key in keys if type(key) is str]
    # what stands behind a number cannot be known from the text
    return (root, *(named if len(named) == len(keys) else ()))

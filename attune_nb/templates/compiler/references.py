"""The names that an expression reads, from its syntax tree, so that a check can look for them."""

from __future__ import annotations

from itertools import takewhile
from typing import Any

from jinja2 import nodes

from attune_nb.templates.compiler.name_lookup import is_task_call, path_of

__all__ = ["called_functions", "find_references"]

_CONSTANTS = ("null",)

DottedName = tuple[str, ...]


def find_references(expression: nodes.Node) -> tuple[list[DottedName], list[DottedName]]:
    """Return the dotted names that an expression reads, and those that it only tests.

    A name is tested by `is defined`, `is undefined` or a `default`; it may well be undefined, so
    it is not among the names that are read, even if the expression reads it elsewhere.
    """
    read: list[DottedName] = []
    tested: list[DottedName] = []
    stack: list[Any] = [expression]
    while stack:
        node = stack.pop()
        name = _dotted_name(node)
        if name:
            read.append(name)
            stack += _arguments_of(node)
        elif _accepts_undefined(node):
            inner_name = _dotted_name(node.node)
            if inner_name:
                tested.append(inner_name)
                stack += _arguments_of(node.node)
            else:
                stack.append(node.node)
            stack += node.args
            stack += [pair.value for pair in node.kwargs]
        else:
            stack += _children(node)

    certain = [name for name in read if not _has_prefix(name, tested)]
    return certain, tested


def called_functions(expression: nodes.Node) -> list[str]:
    """Return the names of the functions that an expression calls."""
    names: list[str] = []
    stack: list[Any] = [expression]
    while stack:
        node = stack.pop()
        if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name):
            names.append(node.node.name)
        stack += node.iter_child_nodes()

    return names


def _has_prefix(name: DottedName, prefixes: list[DottedName]) -> bool:
    return any(name[: len(prefix)] == prefix for prefix in prefixes)


def _accepts_undefined(node: Any) -> bool:
    if isinstance(node, nodes.Filter):
        return node.name in ("default", "d")
    return isinstance(node, nodes.Test) and node.name in ("defined", "undefined")


def _children(node: Any) -> list[Any]:
    if not isinstance(node, nodes.Call):
        return list(node.iter_child_nodes())

    # The name of a function is no reference; the value whose method is called may be one.
    children = [*node.args, *(pair.value for pair in node.kwargs)]
    if isinstance(node.node, nodes.Getattr):
        children.insert(0, node.node.node)
    return children


def _arguments_of(node: Any) -> list[Any]:
    """Return the arguments of a call of `task`; none of a path."""
    if not isinstance(node, nodes.Call):
        return []
    return [*node.args, *(pair.value for pair in node.kwargs)]


def _dotted_name(node: Any) -> DottedName:
    """Return the name that a path or a call of `task` reads; empty for any other node."""
    if is_task_call(node):
        return _task_name(node)
    if not isinstance(node, nodes.Name | nodes.Getattr | nodes.Getitem):
        return ()

    path = path_of(node)
    if path is None or path[0] in _CONSTANTS:
        return ()

    root, keys = path
    # The keys after an index cannot be checked from the text alone.
    names = takewhile(lambda key: type(key) is str, keys)
    return (root, *map(str, names))


def _task_name(call: Any) -> DottedName:
    """Return the task that `task(NAME)` reads, or the whole namespace if its name is computed."""
    if len(call.args) == 1 and isinstance(call.args[0], nodes.Const):
        return ("task", str(call.args[0].value))
    return ("task",)

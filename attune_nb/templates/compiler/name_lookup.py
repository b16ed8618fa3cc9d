"""Names and dotted paths, looked up when an expression reaches them.

This is the general evaluator, which can explain every error; `codegen.py` has the fast one for
names that exist.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jinja2 import nodes

from attune_nb.context import ABSENT
from attune_nb.templates.compiler.codegen import NAMESPACES
from attune_nb.templates.library.foreign_names import explain_foreign_name
from attune_nb.templates.library.functions import TASK_FUNCTION, function_hint
from attune_nb.templates.members import (
    ITEM_NAMES,
    LONGEST_NAME,
    Undefined,
    get_member,
    nearest_name,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Evaluate = Callable[[Any], Any]
    Keys = Sequence[str | int]

__all__ = ["describe_node", "is_task_call", "look_up", "path_of"]


def path_of(node: nodes.Node) -> tuple[str, tuple[str | int, ...]] | None:
    """Return the root and the keys of a plain dotted path; None for any other expression."""
    keys: list[str | int] = []
    while isinstance(node, nodes.Getattr | nodes.Getitem):
        if isinstance(node, nodes.Getattr):
            keys.append(node.attr)
        elif isinstance(node.arg, nodes.Const) and type(node.arg.value) in (str, int):
            keys.append(node.arg.value)
        else:
            return None
        node = node.node

    if not isinstance(node, nodes.Name):
        return None
    keys.reverse()
    return node.name, tuple(keys)


def is_task_call(node: nodes.Node) -> bool:
    """Return whether a node is a call of `task`, which may be `Undefined` or a record."""
    if not isinstance(node, nodes.Call) or not isinstance(node.node, nodes.Name):
        return False
    return bool(node.node.name == TASK_FUNCTION.name)


def describe_node(node: nodes.Node) -> str:
    """Return the name of a node's value in messages: its path, its call, or `the value`."""
    if isinstance(node, nodes.Call):
        if isinstance(node.node, nodes.Name):
            return f"`{node.node.name}()`"
        if isinstance(node.node, nodes.Getattr):
            return f"`{node.node.attr}()`"
        return "the value"

    path = path_of(node)
    if path is None:
        return "the value"
    return _format_path(*path)


def _format_path(root: str, keys: Keys) -> str:
    steps = [f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys]
    return f"`{root}{''.join(steps)}`"


def look_up(root: str, keys: Keys) -> Evaluate:
    """Return the general evaluator of a path's value, which may be a record or `Undefined`."""
    look_up_root = _look_up_root(root, keys)
    steps = [(key, _format_path(root, keys[:depth])) for depth, key in enumerate(keys)]

    def walk(scope: Any) -> Any:
        value = look_up_root(scope)
        for key, owner in steps:
            if type(value) is Undefined:
                break
            value = get_member(value, key, owner)
        return value

    return walk


def _look_up_root(name: str, keys: Keys) -> Evaluate:
    if name in ITEM_NAMES:
        return lambda scope: _check_present(getattr(scope, name), name)
    if name in NAMESPACES:
        field = NAMESPACES[name]
        return lambda scope: getattr(scope.context, field)
    if name == "null":
        return lambda _: None

    def look_up_variable(scope: Any) -> Any:
        variables = scope.context.variables
        if name in variables:
            return variables[name]
        return Undefined(lambda: _explain_undefined(name, keys, variables))

    return look_up_variable


def _check_present(value: Any, name: str) -> Any:
    if value is ABSENT:
        return Undefined(f"`{name}` exists only in a task with `with_items`")
    return value


def _explain_undefined(name: str, keys: Keys, variables: Any) -> str:
    message = function_hint(name)
    if message:
        return message

    advice = explain_foreign_name([name, *(key for key in keys if isinstance(key, str))])
    if advice:
        return f"`{name}` is undefined{advice}"
    names = [*NAMESPACES, *ITEM_NAMES, "true", "false", "null", *variables]
    return f"`{name[:LONGEST_NAME]}` is undefined{nearest_name(name, names)}"

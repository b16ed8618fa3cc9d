"""Names and dotted paths: looked up when they are reached, never gathered.

This is the general way, which knows everything that can be wrong; `generated.py` has the short
way for what is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jinja2 import nodes

from attune_nb.context import ABSENT
from attune_nb.templates.compiler.codegen import NAMESPACES
from attune_nb.templates.library.functions import function_hint
from attune_nb.templates.members import _ITEM, _LONGEST_NAME, Missing, _close, member

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Evaluate = Callable[[Any], Any]
    Keys = Sequence[str | int]

__all__ = ["look_up", "path_of", "said"]


def path_of(node: nodes.Node) -> tuple[str, tuple[str | int, ...]] | None:
    """Give the root and the keys of a plain dotted path, or None."""
    keys: list[str | int] = []
    while isinstance(node, nodes.Getattr | nodes.Getitem):
        if isinstance(node, nodes.Getattr):
            keys.append(node.attr)
        elif isinstance(node.arg, nodes.Const) and type(node.arg.value) in (str, int):
            keys.append(node.arg.value)
        else:
            return None
        node = node.node
    return (node.name, tuple(reversed(keys))) if isinstance(node, nodes.Name) else None


def said(node: nodes.Node) -> str:
    """Name a node as a message would: its path, or `the value`."""
    if isinstance(node, nodes.Call):
        return f"`{getattr(node.node, 'name', None) or getattr(node.node, 'attr', 'the call')}()`"
    path = path_of(node)
    return _written(*path) if path else "the value"


def _written(root: str, keys: Keys) -> str:
    rest = (f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)
    return f"`{root}{''.join(rest)}`"


def look_up(root: str, keys: Keys) -> Evaluate:
    """Give a path's value, a record, or `Missing`: the general way."""
    base = _root(root)
    steps = [(key, _written(root, keys[:at])) for at, key in enumerate(keys)]

    def walk(scope: Any) -> Any:
        value = base(scope)
        for key, whose in steps:
            if type(value) is Missing:
                break
            value = member(value, key, whose)
        return value

    return walk


def _root(name: str) -> Evaluate:
    if name in _ITEM:
        return lambda scope: _of_item(getattr(scope, name), name)
    if name in NAMESPACES:
        field = NAMESPACES[name]
        return lambda scope: getattr(scope.context, field)
    if name == "null":
        return lambda _: None

    def variable(scope: Any) -> Any:
        variables = scope.context.variables
        if name in variables:
            return variables[name]
        return Missing(lambda: _undefined(name, variables))

    return variable


def _of_item(value: Any, name: str) -> Any:
    if value is ABSENT:
        return Missing(f"`{name}` exists only in a task with `with_items`")
    return value


def _undefined(name: str, variables: Any) -> str:
    if told := function_hint(name):
        return told
    known = [*NAMESPACES, *_ITEM, "true", "false", "null", *variables]
    return f"`{name[:_LONGEST_NAME]}` is undefined{_close(name, known)}"

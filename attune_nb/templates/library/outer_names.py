"""The variables of the notebook or the script, for messages about undefined names.

An expression cannot read them. They are looked at only when a workflow is loaded or checked:
while a run goes on, the same events must give the same messages.
"""

from __future__ import annotations

import re
import sys
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

__all__ = ["explain_outer_function", "explain_outer_name", "explain_unpassed_name"]

# Names that IPython puts there.
_IPYTHON_NAMES = ("In", "Out", "exit", "quit", "open", "get_ipython")

# A name whose value is probably secret.
_SECRET_NAME = re.compile(r"token|passw|secret|api_?key|credential", re.IGNORECASE)

# Types of parameters by exact type of Python; any other value is of type `any`.
_PARAMETER_TYPES = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    list: "array",
    tuple: "array",
    range: "array",
    dict: "object",
}


def explain_outer_name(name: str) -> str:
    """Return how an expression gets the value of a notebook's variable.

    Returns:
        The end of a message, after a semicolon; an empty string if there is no such variable.
    """
    namespace = _outer_namespace()
    if not _is_own_variable(name, namespace):
        return ""

    place, way = _describe_outside(namespace, name)
    value = namespace[name]
    if isinstance(value, FunctionType | BuiltinFunctionType | type):
        return f"; {place} has a function `{name}`: a task calls it, as `action: {name}`"
    return (
        f"; {place} has a variable `{name}`: declare `parameters: {{{name}: "
        f"{_declaration(name, value)}}}`, pass it with {way}, and read "
        f"`{{{{ parameters.{name} }}}}`"
    )


def explain_unpassed_name(name: str) -> str:
    """Return how a parameter gets the value of the notebook's variable of that name.

    Returns:
        The end of a message, after a semicolon; an empty string if there is no such variable.
    """
    namespace = _outer_namespace()
    if not _is_own_variable(name, namespace) or callable(namespace[name]):
        return ""

    place, way = _describe_outside(namespace, name)
    return f"; {place} has a variable `{name}`: pass it with {way}"


def explain_outer_function(name: str) -> str:
    """Return how a workflow calls a notebook's function, or an empty string if there is none."""
    namespace = _outer_namespace()
    if not isinstance(namespace.get(name), FunctionType):
        return ""

    place, _ = _describe_outside(namespace, name)
    return (
        f"; {place} has a function `{name}`: an expression cannot call it, but a task can, as "
        f"`action: {name}`"
    )


def _outer_namespace() -> dict[str, Any]:
    """Return the variables of the notebook or the script, by name."""
    main = sys.modules.get("__main__")
    return {} if main is None else vars(main)


def _is_own_variable(name: str, namespace: dict[str, Any]) -> bool:
    if name not in namespace or name.startswith("_") or name in _IPYTHON_NAMES:
        return False
    return not isinstance(namespace[name], ModuleType)


def _describe_outside(namespace: dict[str, Any], name: str) -> tuple[str, str]:
    """Return where the variables are, and how one of them becomes a parameter."""
    call = f"`run({{'{name}': {name}}})`"
    if "get_ipython" in namespace:
        return "the notebook", f"`--set {name}` (in Python: {call})"
    return "the program", call


def _declaration(name: str, value: Any) -> str:
    kind = _PARAMETER_TYPES.get(type(value), "any")
    if _SECRET_NAME.search(name):
        return f"{{type: {kind}, secret: true}}"
    return f"{{type: {kind}}}"

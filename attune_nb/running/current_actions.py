"""The functions of an earlier run as they are defined now."""

from __future__ import annotations

import functools
import sys
from types import FunctionType
from typing import TYPE_CHECKING, Any

from attune_nb.actions.registry import registered_functions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attune_nb.running.request import Actions

__all__ = ["current_actions"]

# types of the functions that have a name in a module
_FUNCTIONS = (FunctionType, type(functools.cache(lambda: None)))


def current_actions(actions: Actions) -> Actions:
    """Return actions with each function replaced by the one that its module defines now.

    A cell that is run again, or a module that is loaded again, defines another function of the
    same name. A registered action is the one that was registered last under its name. Lambdas,
    functions made by functions, methods and workflows stay as they are.
    """
    return {name: _current(action) for name, action in actions.items()}


def _current(action: Any) -> Any:
    if type(action) not in _FUNCTIONS:
        return action

    defined = _find_definition(_namespace_of(action), action.__qualname__)
    if callable(defined) and not isinstance(defined, type):
        return defined

    registered = getattr(action, "__attune_action__", None)
    if registered is not None:
        newest = registered_functions().get(registered.name)
        if getattr(newest, "__qualname__", None) == action.__qualname__:
            return newest
    return action


def _namespace_of(action: Any) -> Mapping[str, Any]:
    """Return the names that the module of a function defines now.

    The namespace of a notebook is that of its functions; `__main__` may be another module, if a
    program has started IPython. A wrapper has the globals of its decorator's module.
    """
    own_globals: Mapping[str, Any] = getattr(action, "__globals__", {})
    if action.__module__ == own_globals.get("__name__") == "__main__":
        return own_globals
    if action.__module__ in sys.modules:
        return vars(sys.modules[action.__module__])
    return own_globals


def _find_definition(namespace: Mapping[str, Any], path: str) -> Any:
    """Return the value that a namespace has under a path such as `Class.function`, or None."""
    first, *attributes = path.split(".")
    value = namespace.get(first)
    for name in attributes:
        value = getattr(value, name, None)
    return value

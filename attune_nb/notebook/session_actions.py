"""The actions that a task can name in a notebook: core actions, functions and workflows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.actions.registry import registered_functions
from attune_nb.help.describe_action import describe_function, describe_workflow
from attune_nb.running.workflow import Workflow

if TYPE_CHECKING:
    from collections.abc import Callable

    from attune_nb.help.describe_action import ActionDescription
    from attune_nb.notebook.session import Session

__all__ = ["available_actions", "describe_action"]


def available_actions(session: Session) -> dict[str, Callable[..., Any] | Workflow]:
    """Return all actions by the name that a task's `action` can have."""
    return {**registered_functions(), **session.functions(), **session.workflows}


def describe_action(name: str, action: Callable[..., Any] | Workflow) -> ActionDescription:
    """Return the description of a function or of a workflow as an action."""
    if isinstance(action, Workflow):
        return describe_workflow(name, action.description, action.parameters)
    return describe_function(name, action)

"""The actions that a task can name in a notebook: core actions, functions, workflows, packs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.actions.registry import registered_functions
from attune_nb.help.describe_action import describe_function, describe_workflow
from attune_nb.packs.model import PackAction, PackWorkflow
from attune_nb.running.workflow import Workflow

if TYPE_CHECKING:
    from collections.abc import Callable

    from attune_nb.help.describe_action import ActionDescription
    from attune_nb.notebook.session import Session

    AnyAction = Callable[..., Any] | Workflow | PackAction | PackWorkflow

__all__ = ["available_actions", "describe_action"]


def available_actions(session: Session) -> dict[str, AnyAction]:
    """Return all actions by the name that a task's `action` can have."""
    packs = session.pack_set
    return {
        **registered_functions(),
        **packs.actions,
        **packs.workflows,
        **session.functions(),
        **session.workflows,
    }


def describe_action(name: str, action: AnyAction) -> ActionDescription:
    """Return the description of a function, a workflow, or an action of a pack."""
    if isinstance(action, Workflow):
        return describe_workflow(name, action.description, action.parameters)
    if isinstance(action, PackWorkflow):
        spec = action.spec
        text = spec.description or spec.label
        return describe_workflow(name, text, spec.parameters)

    if isinstance(action, PackAction):
        text = action.description or action.label
        if not text:
            text = f"An action of the pack {action.pack.ref}."
        return describe_workflow(name, text, action.parameters)

    return describe_function(name, action)

"""The parameters that a workflow declares: which are secret, and which are text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune_nb.language.parameter_specs import secret_names, specs_by_name

if TYPE_CHECKING:
    from attune_nb.running.workflow_view import WorkflowView

__all__ = ["parameter_names", "secret_parameter_names", "text_parameter_names"]


def parameter_names(workflow: WorkflowView) -> list[str]:
    """Return the names of the parameters that a workflow declares, in the order of the text."""
    declared = workflow.parameters
    if not declared:
        return []
    return list(specs_by_name(declared))


def secret_parameter_names(workflow: WorkflowView) -> list[str]:
    """Return the names of the parameters that a workflow declares as `secret: true`."""
    return secret_names(workflow.parameters)


def text_parameter_names(workflow: WorkflowView) -> list[str]:
    """Return the names of the parameters whose declared type is `string`, and no other."""
    declared = workflow.parameters
    if not declared:
        return []
    specs = specs_by_name(declared)
    return [name for name, spec in specs.items() if spec.get("type") == "string"]

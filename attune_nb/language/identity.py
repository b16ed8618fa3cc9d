"""Texts that identify tasks and workflows.

Digests of these texts stand in stores: they decide whether durations of two runs may be compared,
and whether a workflow that is used as an action has changed. Therefore a text must stay the same
when a field is renamed.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from attune_nb.language import parameter_specs

if TYPE_CHECKING:
    from attune_nb.language.model import Task, WorkflowSpec

__all__ = ["task_identity", "workflow_identity"]

# the names in the texts of fields that have been renamed since
_FIRST_NAMES = {"attune_fields": "kept"}
# fields that the first texts did not have: they stand in a text only if they are set
_LATER_FIELDS = ("max_failures", "rate_limit", "start", "report_every", "wait_for")

# fields that change nothing about what a workflow does
_NO_PART = ("own_name",)


def task_identity(task: Task) -> str:
    """Return a text that is equal for tasks that do the same."""
    values = _field_texts(task)
    values["tasks"] = _tuple_text([task_identity(inner) for inner in task.tasks])
    return _call_text("Task", values)


def workflow_identity(workflow: WorkflowSpec) -> str:
    """Return a text that is equal for workflows that do the same, without secret defaults."""
    values = _field_texts(workflow)
    values["tasks"] = _tuple_text([task_identity(task) for task in workflow.tasks])
    values["parameters"] = repr(parameter_specs.mask_secrets(workflow.parameters))
    return _call_text("Workflow", values)


def _field_texts(value: Any) -> dict[str, str]:
    """Return the `repr` of every field by its first name, in order."""
    texts = {}
    for field in fields(value):
        field_value = getattr(value, field.name)
        is_unset = field.name in _LATER_FIELDS and field_value == field.default
        if field.repr and not is_unset and field.name not in _NO_PART:
            name = _FIRST_NAMES.get(field.name, field.name)
            texts[name] = repr(field_value)
    return texts


def _call_text(name: str, texts: dict[str, str]) -> str:
    arguments = ", ".join(f"{key}={text}" for key, text in texts.items())
    return f"{name}({arguments})"


def _tuple_text(texts: list[str]) -> str:
    """Return texts as Python writes a tuple."""
    if len(texts) == 1:
        return f"({texts[0]},)"
    return f"({', '.join(texts)})"

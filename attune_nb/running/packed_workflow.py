"""The workflow of a ref: one of a pack, or one that runs an action of a pack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from attune_nb.errors import LookupFailed, nearest
from attune_nb.language.model import RESERVED_TARGETS
from attune_nb.running.workflow import Workflow, loads
from attune_nb.values.frozen import thaw

if TYPE_CHECKING:
    from collections.abc import Collection

    from attune_nb.packs.model import PackAction
    from attune_nb.packs.pack_set import PackSet

__all__ = ["workflow_of_ref"]

# refs in a message
_MAX_REFS = 20


def workflow_of_ref(
    packs: PackSet, ref: str, parameters: Collection[str] | None = None
) -> Workflow:
    """Return the workflow of a ref; of an action, a workflow with one task.

    The output of that workflow is `{result: ...}`, the result of the action.

    Args:
        packs: The packs.
        ref: The ref of an action or a workflow.
        parameters: The names of the parameters that the run gets; by default all. The task gets
            these, and those that are required or have a default.

    Raises:
        LookupFailed: There is no such action or workflow, or it cannot be used.
    """
    problem = packs.explain_unusable(ref)
    if problem is not None:
        raise LookupFailed(problem)
    if ref in packs.workflows:
        return Workflow(packs.workflows[ref].spec)
    if ref in packs.actions:
        return _workflow_of_action(packs.actions[ref], parameters)

    hint = nearest(ref, packs.refs)
    if not hint and packs.refs:
        hint = f"; there are {', '.join(packs.refs[:_MAX_REFS])}"
    raise LookupFailed(f"there is no action or workflow `{ref}` in the packs{hint}")


def _workflow_of_action(action: PackAction, parameters: Collection[str] | None) -> Workflow:
    task_name = action.ref.rpartition(".")[2]
    if task_name in RESERVED_TARGETS:
        task_name = action.ref

    document: dict[str, Any] = {
        "ref": action.ref,
        "label": action.label,
        "description": action.description,
        "parameters": thaw(action.parameters),
        "tasks": [
            {
                "name": task_name,
                "action": action.ref,
                "input": _make_input(action, parameters),
            }
        ],
        "output_map": {"result": f"{{{{ task[{task_name!r}].result }}}}"},
    }
    document = {key: value for key, value in document.items() if value}
    text = yaml.safe_dump(document, allow_unicode=True, sort_keys=False)
    return loads(text, action.ref)


def _make_input(action: PackAction, parameters: Collection[str] | None) -> dict[str, str]:
    """Return the input that passes on the parameters that have a value."""
    names = []
    for name, spec in action.parameters.items():
        has_value = "default" in spec or spec.get("required") is True
        if has_value or parameters is None or name in parameters:
            names.append(name)
    return {name: f"{{{{ parameters[{name!r}] }}}}" for name in names}

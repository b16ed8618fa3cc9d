"""Make a workflow of its two files: that of the action, and that of the tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune_nb.language.load import load_workflow
from attune_nb.packs.model import PackWorkflow

if TYPE_CHECKING:
    from pathlib import Path

    from attune_nb.packs.reading.pack_files import PackFolder
    from attune_nb.packs.reading.read_action import WorkflowFields

__all__ = ["load_pair"]


def load_pair(fields: WorkflowFields, path: Path, folder: PackFolder) -> PackWorkflow:
    """Return the workflow of an action's file.

    Args:
        fields: The content of the action's file.
        path: That file.
        folder: The pack's folder.

    Raises:
        WorkflowError: The file of the tasks has problems.
    """
    text = folder.read_text(fields.workflow_file)
    spec = load_workflow(text, folder.name_of(fields.workflow_file), packed=fields.packed)
    return PackWorkflow(
        ref=fields.packed.ref,
        file=path,
        workflow_file=fields.workflow_file,
        spec=spec,
        enabled=fields.enabled,
        permission_sets=fields.permission_sets,
    )

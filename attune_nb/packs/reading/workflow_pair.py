"""Make a workflow of its two files: that of the action, and that of the tasks."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from attune_nb.errors import WorkflowError
from attune_nb.language.load import load_workflow
from attune_nb.language.reading import yaml_source
from attune_nb.packs.model import PackWorkflow
from attune_nb.packs.reading.pack_files import LISTED_FOLDERS, PackFolder, file_exists
from attune_nb.packs.reading.read_action import ACTIONS_FOLDER, read_action_file
from attune_nb.packs.reading.read_manifest import MANIFEST_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from attune_nb.language.model import WorkflowSpec
    from attune_nb.packs.reading.read_action import ActionFile

__all__ = ["explain_pack_file", "find_pair", "load_pair", "workflow_name"]

# files that are looked at to find the one that names a workflow's file
_MAX_FILES = 2000

# a key at the start of a line, or in braces
_WORKFLOW_FILE = re.compile(r"""(?:^|[{,])\s*["']?workflow[_-]file["']?\s*:""", re.MULTILINE)

_GRAPH_SUFFIX = ".workflow"


def load_pair(action_file: ActionFile, path: Path, folder: PackFolder) -> PackWorkflow:
    """Return the workflow of an action's file.

    Args:
        action_file: The content of that file.
        path: The file.
        folder: The pack's folder.

    Raises:
        WorkflowError: One of the files has problems; with those of both.
    """
    errors = action_file.errors
    fields = action_file.workflow
    if fields is None:
        raise WorkflowError(errors)

    try:
        text = folder.read_text(fields.workflow_file)
        spec = load_workflow(text, folder.name_of(fields.workflow_file), packed=fields.packed)
    except WorkflowError as error:
        raise WorkflowError([*errors, *error.problems], error.unfinished) from None
    if errors:
        raise WorkflowError(errors)

    return PackWorkflow(
        ref=fields.packed.ref,
        file=path,
        workflow_file=fields.workflow_file,
        spec=spec,
        enabled=fields.enabled,
        permission_sets=fields.permission_sets,
    )


def find_pair(path: Path, text: str) -> WorkflowSpec | None:
    """Return the workflow that a file is one half of, or None if it stands alone.

    Args:
        path: A file of an action that names a file of tasks; or such a file of tasks, below the
            folder `actions` of a pack.
        text: Its text.

    Raises:
        WorkflowError: One of the two files has problems.
    """
    if _WORKFLOW_FILE.search(text):
        return _load_from_action(path, text)

    folder = _find_folder(path)
    if folder is None:
        return None
    real = path.resolve()
    for action_path in _candidates(folder, real):
        action_file = _read_candidate(action_path, folder)
        if action_file is None or action_file.workflow is None:
            continue
        if action_file.workflow.workflow_file.resolve() == real:
            return load_pair(action_file, action_path, folder).spec
    return None


def explain_pack_file(path: Path, text: str) -> str | None:
    """Return the nature of a pack's file that is no workflow, and its use; or None.

    Args:
        path: A file that cannot be read as a workflow.
        text: Its text.
    """
    try:
        data = yaml_source.parse(text, str(path)).data
    except WorkflowError:
        return None
    if not isinstance(data, dict) or "tasks" in data or "workflow" in data:
        return None

    ref = data.get("ref")
    folder = _find_folder(path)
    if "entry_point" in data and folder is not None:
        call = f"load_pack({str(folder.shown)!r}).run({ref!r}, ...)"
        command = f"attune-nb run {ref} --pack {folder.shown}"
        return (
            f"this is the action `{ref}` of a pack, not a workflow; `{call}` runs it, and in a "
            f"shell `{command}`"
        )
    if path.name == MANIFEST_FILE and ref is not None:
        call = f"load_pack({str(path.parent)!r})"
        return f"this describes a pack, not a workflow; `{call}` reads the pack"
    if path.parent.name in LISTED_FOLDERS and file_exists(path.parent.parent / MANIFEST_FILE):
        return (
            f"this belongs to the `{path.parent.name}` of a pack, which the Attune platform runs; "
            "here run its actions and workflows"
        )
    return None


def workflow_name(path: Path) -> str:
    """Return the name of a file of tasks without its endings."""
    return path.stem.removesuffix(_GRAPH_SUFFIX)


def _load_from_action(path: Path, text: str) -> WorkflowSpec | None:
    """Return the workflow of an action's file, or None if the file is something else."""
    document = yaml_source.parse(text, str(path))
    data = document.data
    if not isinstance(data, dict) or "tasks" in data or "workflow" in data:
        return None

    folder = _find_folder(path)
    if folder is None:
        folder = PackFolder(path.parent, path.resolve().parent)
    real = folder.real / path.resolve().relative_to(folder.real)
    action_file = read_action_file(document, real, folder, None)
    if not action_file.names_workflow:
        return None
    return load_pair(action_file, real, folder).spec


def _find_folder(path: Path) -> PackFolder | None:
    """Return the folder of the pack that a file is in, or None if it is below no `actions`."""
    real = path.resolve()
    for parent in real.parents:
        if parent.name == ACTIONS_FOLDER:
            root = parent.parent
            shown = root if path.is_absolute() else Path(os.path.relpath(root))
            return PackFolder(shown, root)
    return None


def _candidates(folder: PackFolder, workflow_file: Path) -> Iterator[Path]:
    """Yield the files of actions that may name a file of tasks; the likeliest comes first."""
    name = workflow_name(workflow_file)
    paths = folder.list_yaml_files(ACTIONS_FOLDER)[:_MAX_FILES]
    paths.sort(key=lambda path: path.stem != name)

    for path in paths:
        try:
            text = folder.read_text(path)
        except WorkflowError:
            continue
        if path != workflow_file and workflow_file.name in text:
            yield path


def _read_candidate(path: Path, folder: PackFolder) -> ActionFile | None:
    """Return the content of an action's file, or None if it is not an action's."""
    try:
        document = folder.read_yaml(path, "an action")
        return read_action_file(document, path, folder, None)
    except WorkflowError:
        return None

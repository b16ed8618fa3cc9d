"""Read the folder of a pack. Nothing in it runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from attune_nb.errors import Problem, WorkflowError
from attune_nb.language.reading.yaml_source import sort_by_position
from attune_nb.packs.contents import PackContents
from attune_nb.packs.reading.pack_files import PackFolder
from attune_nb.packs.reading.read_action import ACTIONS_FOLDER, read_action_file
from attune_nb.packs.reading.read_manifest import MANIFEST_FILE, read_manifest
from attune_nb.packs.reading.workflow_pair import load_pair

if TYPE_CHECKING:
    from attune_nb.packs.model import PackAction, PackManifest, PackWorkflow
    from attune_nb.packs.reading.read_action import ActionFile

__all__ = ["find_packs", "read_pack"]

# folders of a pack that are listed, and not run
LISTED_FOLDERS = ("permission_sets", "queues", "rules", "sensors", "triggers")


def find_packs(folder: str | Path) -> list[Path]:
    """Return the folders of packs: the folder itself, or those directly within it.

    Raises:
        WorkflowError: The folder cannot be opened, or neither is a pack nor holds one.
    """
    opened = PackFolder.open(Path(folder))
    if (opened.real / MANIFEST_FILE).exists():
        return [opened.shown]

    manifests = opened.real.glob(f"*/{MANIFEST_FILE}")
    names = sorted(path.parent.name for path in manifests)
    if not names:
        message = (
            f"`{opened.shown}` is no pack and holds none: neither it nor a folder within it has a "
            f"`{MANIFEST_FILE}`"
        )
        raise WorkflowError([Problem(message)], noun="the pack")
    return [opened.shown / name for name in names]


def read_pack(folder: str | Path) -> PackContents:
    """Read a pack: its manifest, its plain actions, then its workflows.

    An action or workflow with a problem is left out; the problem is in `problems`.

    Raises:
        WorkflowError: The folder is no pack: it has no `pack.yaml` with a valid `ref`.
    """
    return _PackLoader(PackFolder.open(Path(folder))).load()


class _PackLoader:
    """Reads the files of one pack, and collects their problems in the order of the files."""

    def __init__(self, folder: PackFolder) -> None:
        self.folder = folder
        self.problems: list[Problem] = []
        self.actions: dict[str, PackAction] = {}
        self.workflows: dict[str, PackWorkflow] = {}
        self.refused: dict[str, tuple[Problem, ...]] = {}
        self.file_by_ref: dict[str, str] = {}

    def load(self) -> PackContents:
        manifest, problems = read_manifest(self.folder)
        self.problems += sort_by_position(problems)

        pending = []
        for path in self._list_files(ACTIONS_FOLDER):
            action_file = self._read_action_file(path, manifest)
            if action_file is None:
                continue
            if action_file.workflow is not None:
                pending.append((path, action_file))
            else:
                self._add(action_file)
        for path, action_file in pending:
            self._add_workflow(path, action_file)

        listed = {name: self._list_names(name) for name in LISTED_FOLDERS}
        return PackContents(
            manifest=manifest,
            actions=self.actions,
            workflows=self.workflows,
            refused=self.refused,
            listed={name: names for name, names in listed.items() if names},
            problems=tuple(self.problems),
        )

    def _list_files(self, name: str) -> list[Path]:
        try:
            return self.folder.list_yaml_files(name)
        except WorkflowError as error:
            self.problems += error.problems
            return []

    def _list_names(self, name: str) -> tuple[str, ...]:
        return tuple(path.stem for path in self._list_files(name))

    def _read_action_file(self, path: Path, manifest: PackManifest) -> ActionFile | None:
        """Return an action's file, or None after its problem has been noted."""
        try:
            document = self.folder.read_yaml(path, "an action")
            action_file = read_action_file(document, path, self.folder, manifest)
        except WorkflowError as error:
            self.problems += error.problems
            self.refused[f"{manifest.ref}.{path.stem}"] = error.problems
            return None

        ref = action_file.ref
        if ref is None:
            ref = f"{manifest.ref}.{path.stem}"
        elif ref in self.file_by_ref:
            message = f"`{ref}` is the ref of `{self.file_by_ref[ref]}`, too; use another"
            action_file.reader.add_problem(message, "ref")
        else:
            self.file_by_ref[ref] = path.name

        problems = sort_by_position(action_file.problems)
        self.problems += problems
        errors = tuple(problem for problem in problems if problem.severity == "error")
        if not errors:
            return action_file
        self.refused.setdefault(ref, errors)
        return None

    def _add(self, action_file: ActionFile) -> None:
        if action_file.action is not None:
            self.actions[action_file.action.ref] = action_file.action

    def _add_workflow(self, path: Path, action_file: ActionFile) -> None:
        if action_file.workflow is None:
            return
        try:
            workflow = load_pair(action_file.workflow, path, self.folder)
        except WorkflowError as error:
            self.problems += error.problems
            self.refused[action_file.workflow.packed.ref] = error.problems
            return
        self.workflows[workflow.ref] = workflow

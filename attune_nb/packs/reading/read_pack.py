"""Read the folder of a pack. Nothing in it runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from attune_nb.errors import Position, Problem, Source, WorkflowError
from attune_nb.language.load import load_workflow
from attune_nb.packs.contents import PackContents
from attune_nb.packs.model import PackWorkflow
from attune_nb.packs.reading.pack_files import (
    LISTED_FOLDERS,
    PackFolder,
    explain_os_error,
    file_exists,
)
from attune_nb.packs.reading.read_action import ACTIONS_FOLDER, ActionFile, read_action_file
from attune_nb.packs.reading.read_manifest import MANIFEST_FILE, read_manifest
from attune_nb.packs.reading.workflow_pair import load_pair, workflow_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from attune_nb.language.model import WorkflowSpec
    from attune_nb.packs.model import PackAction
    from attune_nb.packs.reading.read_manifest import ManifestFile

__all__ = ["find_packs", "read_pack"]

# folders of workflows beside those that an action names; they have a ref of their own
WORKFLOW_FOLDERS = (f"{ACTIONS_FOLDER}/workflows", "workflows")


def find_packs(folder: str | Path) -> list[Path]:
    """Return the folders of packs: the folder itself, or those directly within it.

    Hidden folders are left out.

    Raises:
        WorkflowError: The folder cannot be opened, or neither is a pack nor holds one.
    """
    opened = PackFolder.open(Path(folder))
    if opened.has_file(MANIFEST_FILE):
        return [opened.shown]

    try:
        folders = sorted(opened.real.iterdir())
    except OSError as error:
        message = f"cannot read `{opened.shown}`: {explain_os_error(error)}"
        raise WorkflowError([Problem(message)], noun="the pack") from None

    visible = [inner for inner in folders if not inner.name.startswith(".")]
    names = [inner.name for inner in visible if file_exists(inner / MANIFEST_FILE)]
    if not names:
        message = (
            f"`{opened.shown}` is no pack and holds none: neither it nor a folder within it has a "
            f"`{MANIFEST_FILE}`"
        )
        raise WorkflowError([Problem(message)], noun="the pack")
    return [opened.shown / name for name in names]


def read_pack(folder: str | Path) -> PackContents:
    """Read a pack: its manifest, its plain actions, then its workflows.

    A workflow is named by an action, or stands alone in the folder `workflows` with its own ref.
    An action or workflow with a problem is left out; the problem is in `problems`.

    Raises:
        WorkflowError: The folder is no pack: it has no `pack.yaml` with a valid `ref`.
    """
    opened = PackFolder.open(Path(folder))
    return _PackLoader(opened, read_manifest(opened)).load()


class _PackLoader:
    """Reads the files of one pack, and collects their problems.

    Args:
        folder: The pack's folder.
        manifest_file: Its file `pack.yaml`.
    """

    def __init__(self, folder: PackFolder, manifest_file: ManifestFile) -> None:
        self.folder = folder
        self.manifest = manifest_file.manifest
        self.problems = list(manifest_file.problems)
        self.dependency_positions = manifest_file.dependency_positions

        self.actions: dict[str, PackAction] = {}
        self.workflows: dict[str, PackWorkflow] = {}
        self.refused: dict[str, tuple[Problem, ...]] = {}
        self.file_by_ref: dict[str, str] = {}
        self.workflow_files: set[Path] = set()
        # folders that cannot be read
        self.unreadable: set[str] = set()

    def load(self) -> PackContents:
        """Return the content of the pack."""
        pending = []
        for path, action_file in self._read_action_files():
            if action_file.names_workflow:
                pending.append((path, action_file))
            else:
                self._add_action(path, action_file)

        for path, action_file in pending:
            self._add_workflow(path, action_file)

        for name in WORKFLOW_FOLDERS:
            for path in self._list_files(name):
                if path.resolve() not in self.workflow_files:
                    self._add_lone_workflow(path)

        usable = self.actions.keys() | self.workflows.keys()
        refused = {ref: faults for ref, faults in self.refused.items() if ref not in usable}
        listed = {name: self._list_names(name) for name in LISTED_FOLDERS}
        return PackContents(
            manifest=self.manifest,
            shown_folder=self.folder.shown,
            actions=self.actions,
            workflows=self.workflows,
            refused=refused,
            listed={name: names for name, names in listed.items() if names},
            problems=tuple(self.problems),
            dependency_positions=self.dependency_positions,
        )

    def _list_files(self, name: str) -> list[Path]:
        if name.partition("/")[0] in self.unreadable:
            return []

        try:
            return self.folder.list_yaml_files(name)
        except WorkflowError as error:
            self.problems += error.problems
            self.unreadable.add(name)
            return []

    def _list_names(self, name: str) -> tuple[str, ...]:
        return tuple(path.stem for path in self._list_files(name))

    def _read_action_files(self) -> Iterator[tuple[Path, ActionFile]]:
        """Yield the actions' files, and note the problems of those that cannot be read.

        The tasks of a workflow may lie beside them, in a file that an action names.
        """
        paths = self._list_files(ACTIONS_FOLDER)
        outcomes = [(path, self._read_action_file(path)) for path in paths]
        for _, outcome in outcomes:
            if isinstance(outcome, ActionFile) and outcome.workflow is not None:
                self.workflow_files.add(outcome.workflow.workflow_file.resolve())

        for path, outcome in outcomes:
            holds_tasks = not isinstance(outcome, ActionFile) or outcome.holds_tasks
            if holds_tasks and path.resolve() in self.workflow_files:
                continue
            if isinstance(outcome, ActionFile):
                self._note_ref(path, outcome)
                yield path, outcome
            else:
                self.problems += outcome
                self._refuse(f"{self.manifest.ref}.{path.stem}", outcome)

    def _read_action_file(self, path: Path) -> ActionFile | tuple[Problem, ...]:
        """Return an action's file, or the problems with which it cannot be read."""
        try:
            document = self.folder.read_yaml(path, "an action")
            return read_action_file(document, path, self.folder, self.manifest)
        except WorkflowError as error:
            return tuple(error.problems)

    def _note_ref(self, path: Path, action_file: ActionFile) -> None:
        ref = action_file.ref
        if ref is not None and ref in self.file_by_ref:
            message = f"`{ref}` is the ref of `{self.file_by_ref[ref]}`, too; use another"
            action_file.reader.add_problem(message, "ref")
        elif ref is not None:
            self.file_by_ref[ref] = path.name

    def _add_action(self, path: Path, action_file: ActionFile) -> None:
        self.problems += action_file.problems
        if action_file.action is not None and not action_file.errors:
            self.actions[action_file.action.ref] = action_file.action
        else:
            self._refuse(self._ref_of(path, action_file), action_file.errors)

    def _add_workflow(self, path: Path, action_file: ActionFile) -> None:
        self.problems += [item for item in action_file.problems if item.severity != "error"]
        try:
            workflow = load_pair(action_file, path, self.folder)
        except WorkflowError as error:
            self.problems += error.problems
            self._refuse(self._ref_of(path, action_file), error.problems)
            return
        self.workflows[workflow.ref] = workflow

    def _add_lone_workflow(self, path: Path) -> None:
        """Add a workflow that no action names, and that has its own ref."""
        try:
            text = self.folder.read_text(path)
            spec = load_workflow(text, self.folder.name_of(path))
        except WorkflowError as error:
            self.problems += error.problems
            self._refuse(f"{self.manifest.ref}.{workflow_name(path)}", error.problems)
            return

        problem = self._find_ref_fault(spec)
        if problem is not None:
            position = Position(Source(self.folder.name_of(path), text), 1, 1)
            self.problems.append(Problem(problem, position))
            return
        ref = str(spec.ref)
        self.file_by_ref[ref] = path.name
        self.workflows[ref] = PackWorkflow(ref=ref, file=path, workflow_file=path, spec=spec)

    def _find_ref_fault(self, spec: WorkflowSpec) -> str | None:
        """Return why a workflow without an action cannot be called, or None if it can."""
        if spec.ref is None:
            return (
                "no action names this workflow with `workflow_file`, and it has no `ref` of its "
                "own; write one"
            )
        if spec.ref.partition(".")[0] != self.manifest.ref:
            return f"`{spec.ref[:80]}` is a ref of another pack; this is pack `{self.manifest.ref}`"
        if spec.ref in self.file_by_ref:
            return f"`{spec.ref[:80]}` is the ref of `{self.file_by_ref[spec.ref]}`, too"
        return None

    def _ref_of(self, path: Path, action_file: ActionFile) -> str:
        """Return the ref of a file; without a valid one, the ref that its name suggests."""
        if action_file.ref is not None:
            return action_file.ref
        return f"{self.manifest.ref}.{path.stem}"

    def _refuse(self, ref: str, problems: tuple[Problem, ...]) -> None:
        self.refused.setdefault(ref, problems)

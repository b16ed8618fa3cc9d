"""A pack for its user: its actions and workflows as tables, its problems, and its runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb import html
from attune_nb.errors import ParameterError, Problem, WorkflowError
from attune_nb.packs.pack_set import PackSet
from attune_nb.packs.reading.pack_files import file_exists
from attune_nb.packs.reading.read_manifest import MANIFEST_FILE
from attune_nb.packs.reading.read_pack import find_packs, read_pack
from attune_nb.running.open_packs import PackView, open_packs, to_pack_path
from attune_nb.running.pack_checks import check_packs
from attune_nb.running.pack_tables import PackTable, ProblemList, action_row, workflow_row
from attune_nb.running.packed_workflow import workflow_of_ref
from attune_nb.running.prepare import read_names
from attune_nb.running.workflow import Workflow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from os import PathLike
    from typing import Unpack

    from attune_nb.packs.contents import PackContents
    from attune_nb.packs.model import PackAction
    from attune_nb.running.open_packs import Packs
    from attune_nb.running.request import RunChanges
    from attune_nb.running.run import Run

__all__ = ["Pack", "PackList", "load_pack"]

_ACTION_COLUMNS = ("action", "runner", "parameters", "output", "label")
_WORKFLOW_COLUMNS = ("workflow", "tasks", "parameters", "label")

# names in a message
_MAX_NAMES = 20


class Pack(PackView):
    """A pack of actions and workflows, read from its folder. Reading it runs nothing.

    Args:
        contents: The content of the folder.
    """

    def __init__(self, contents: PackContents) -> None:
        super().__init__(contents)
        self._set = PackSet([contents])

    @property
    def actions(self) -> PackTable[PackAction]:
        """The actions that run as processes, by ref; a table in a notebook."""
        return PackTable(
            self.contents.actions,
            _ACTION_COLUMNS,
            action_row,
            self._set.explain_unusable,
            self._describe_refused(),
        )

    @property
    def workflows(self) -> PackTable[Workflow]:
        """The workflows, by ref; a table in a notebook."""
        workflows = {ref: Workflow(item.spec) for ref, item in self.contents.workflows.items()}
        return PackTable(
            workflows,
            _WORKFLOW_COLUMNS,
            workflow_row,
            self._set.explain_unusable,
            self._describe_refused(),
        )

    @property
    def problems(self) -> ProblemList:
        """The problems and hints of the pack's files, with file, line and column."""
        return ProblemList(self.contents.problems)

    def run(
        self,
        ref: str,
        parameters: Mapping[str, Any] | None = None,
        **options: Unpack[RunChanges],
    ) -> Run:
        """Run an action or a workflow of this pack.

        The output of an action's run is `{"result": ...}`, the result of the action.

        Args:
            ref: `pack.name`, such as `hostkit.disk`.
            parameters: Values for its parameters; defaults fill the rest.
            options: As in `Workflow.run`; `packs` are further packs, whose actions a workflow uses.

        Raises:
            AttuneError: As `Workflow.run` does.
            LookupFailed: The pack has no such action or workflow, or it cannot be used.
        """
        further_packs = open_packs(options.pop("packs", ()))
        options["packs"] = PackSet(
            [self.contents, *further_packs.contents], further_packs.unreadable
        )
        values = read_names("parameters", parameters)
        if values is None:
            values = {}
        workflow = workflow_of_ref(self._set, ref, values)
        return workflow.run(values, **options)

    def check(self, packs: Packs = ()) -> ProblemList:
        """Return every problem that can be found without running anything.

        These are the problems of its files, missing packs that it needs, and tasks of its
        workflows whose action does not exist or does not take the task's input.

        Args:
            packs: Packs that it needs. Packs beside its folder are found without this.
        """
        return check_packs([self.contents], open_packs(packs))

    def __repr__(self) -> str:
        return f"<{self.heading()}>"

    def heading(self) -> str:
        """Return the pack's name, its version and its content in one line."""
        words = [f"pack {self.ref} {self.version}".rstrip()]
        if self.contents.actions or not self.contents.workflows:
            words.append(_count(len(self.contents.actions), "action"))
        if self.contents.workflows:
            words.append(_count(len(self.contents.workflows), "workflow"))
        for folder, names in self.contents.listed.items():
            words.append(f"{folder} (not run here): {', '.join(names[:_MAX_NAMES])}")

        errors = self.problems.errors
        if errors:
            words.append(_count(len(errors), "problem"))
        name, *parts = words
        return html.printable(f"{name}: {'; '.join(parts)}")

    def __str__(self) -> str:
        parts = [self.heading()]
        if self.contents.actions:
            parts.append(repr(self.actions))
        if self.contents.workflows:
            parts.append(repr(self.workflows))
        if self.contents.problems:
            parts.append(str(self.problems))
        return "\n\n".join(parts)

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        printer.text(str(self))

    def _repr_html_(self) -> str:
        return str(html.element("div", *self.html_parts(), style=html.BREAK_WORDS))

    def html_parts(self) -> list[object]:
        """Return the heading and the tables."""
        parts: list[object] = [html.element("div", html.element("b", self.heading()))]
        if self.contents.actions:
            parts += self.actions.html_parts()
        if self.contents.workflows:
            parts += self.workflows.html_parts()
        if self.contents.problems:
            parts += self.problems.html_parts()
        return parts

    def _describe_refused(self) -> str:
        refs = list(self.contents.refused)
        if not refs:
            return ""
        return f"with a problem, so not listed: {', '.join(refs[:_MAX_NAMES])}"


class PackList(list[Pack]):
    """Packs, which a notebook shows one below another.

    Args:
        packs: The packs.
        unreadable: The problems of packs that cannot be read.
    """

    def __init__(self, packs: Iterable[Pack] = (), unreadable: Iterable[Problem] = ()) -> None:
        super().__init__(packs)
        self.unreadable = ProblemList(unreadable)

    def __str__(self) -> str:
        parts = [str(pack) for pack in self]
        if self.unreadable:
            parts.append(str(self.unreadable))
        return "\n\n".join(parts)

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        printer.text(str(self))

    def _repr_html_(self) -> str:
        parts: list[object] = []
        for pack in self:
            parts += pack.html_parts()
        if self.unreadable:
            parts += self.unreadable.html_parts()
        return str(html.element("div", *parts, style=html.BREAK_WORDS))


def load_pack(
    folder: str | PathLike[str],
    *,
    install: bool = False,
    constraints: Mapping[str, str] | None = None,
) -> Pack:
    """Read a pack from its folder. Nothing in it runs.

    Args:
        folder: The folder with `pack.yaml`.
        install: Install the packages that the pack needs and that are missing, in an environment
            of its own; the lines of progress are printed.
        constraints: Further limits to the versions of packages: `{"attune-sdk": "0.3.0"}`. A value
            is a version, or a range such as `<0.4`.

    Returns:
        The pack. Actions and workflows with a problem are left out; `pack.problems` has the
        problems, `pack.check()` more of them.

    Raises:
        WorkflowError: The folder is no pack.
        ParameterError: An argument is invalid.
        PackError: The installation failed.
    """
    if constraints is not None and not install:
        raise ParameterError("`constraints` is for an installation: pass `install=True`, too")

    path = to_pack_path(folder)
    if not file_exists(path / MANIFEST_FILE):
        try:
            inner = [str(inner_folder) for inner_folder in find_packs(path)]
        except WorkflowError:
            inner = []
        if inner not in ([], [str(path)]):
            message = f"`{path}` holds {_count(len(inner), 'pack')}; load one of them: "
            message += ", ".join(f"`{name}`" for name in inner[:_MAX_NAMES])
            raise WorkflowError([Problem(message)], noun="the pack")

    pack = Pack(read_pack(path))
    if install:
        from attune_nb.packs.environments.install import install_pack  # noqa: PLC0415 - slow

        install_pack(
            pack.manifest,
            pack.contents.actions.values(),
            constraints=constraints,
            progress=_print_progress,
        )

    return pack


def _print_progress(line: str) -> None:
    """Print a line of an installation at once, with control characters as visible text."""
    print(html.printable(line), flush=True)  # noqa: T201 - the user asked for it


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"

"""A workflow as a user reads it: its parts, its table, its text."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING, Any

from attune_nb import html
from attune_nb.errors import Problem, WorkflowError
from attune_nb.language import summary
from attune_nb.values.describe import describe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from attune_nb.language.model import Task, WorkflowSpec
    from attune_nb.templates.template import Template

__all__ = ["WorkflowView", "check_type", "default_ref"]

# rows of a table
_MAX_ROWS = 50


class WorkflowView:
    """A workflow that was read and checked. Equal workflows have the same meaning.

    Args:
        spec: The workflow's data.
    """

    def __init__(self, spec: WorkflowSpec) -> None:
        self._spec = spec

    @property
    def spec(self) -> WorkflowSpec:
        """The workflow's data."""
        return self._spec

    @property
    def name(self) -> str:
        """The workflow's `name`, else that of its file, its ref, its label or its first task."""
        return self._spec.name

    @property
    def own_name(self) -> str | None:
        """The `name` that the text gives the workflow."""
        return self._spec.own_name

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The tasks in the order of the text; those within parallel tasks are not among them."""
        return self._spec.tasks

    @property
    def parameters(self) -> Mapping[str, Any] | None:
        """The declared parameters."""
        return self._spec.parameters

    @property
    def vars(self) -> tuple[tuple[str, Template], ...]:
        """The variables and the templates of their first values."""
        return self._spec.vars

    @property
    def output_map(self) -> Template | None:
        """The template of the run's output."""
        return self._spec.output_map

    @property
    def ref(self) -> str | None:
        """The name within a pack: `pack.name`."""
        return self._spec.ref

    @property
    def label(self) -> str | None:
        """The title."""
        return self._spec.label

    @property
    def description(self) -> str | None:
        """The description."""
        return self._spec.description

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags."""
        return self._spec.tags

    @property
    def version(self) -> str:
        """The version."""
        return self._spec.version

    @property
    def output(self) -> Any:
        """The declared schema of the output."""
        return self._spec.output

    @property
    def cancellation_policy(self) -> str:
        """The policy for running tasks when a run is cancelled."""
        return self._spec.cancellation_policy

    @property
    def timeout(self) -> float | None:
        """The seconds that a run may take."""
        return self._spec.timeout

    def task(self, path: str) -> Task:
        """Return a task by its name; one within a parallel task by `parallel/name`.

        Raises:
            KeyError: There is no such task.
        """
        return self._spec.task(path)

    def walk(self) -> Iterator[tuple[str, Task]]:
        """Yield every task with its path, those within parallel tasks after the task itself."""
        return self._spec.walk()

    def sources(self, name: str) -> tuple[str, ...]:
        """Return the names of the tasks with a transition to a task, in the order of the text."""
        return self._spec.sources(name)

    def entries(self) -> tuple[Task, ...]:
        """Return the tasks that a run begins with: no transition leads to them."""
        return self._spec.entries()

    def to_yaml(self) -> str:
        """Return the canonical text: one spelling for everything, older forms turned into `next`.

        Loading it returns an equal workflow; a condition gets its braces. The default of a
        secret parameter is part of it, as in the text: keep secrets in the keystore instead.
        """
        from attune_nb.language import export  # noqa: PLC0415 - few need it

        return export.to_yaml(self._spec)

    def export(self, folder: str | Path, *, ref: str | None = None) -> tuple[Path, Path]:
        """Write the two files of an Attune pack: the action, and the workflow's graph.

        A folder without `pack.yaml` gets one. The two files together mean the same as the
        workflow; parts that the Attune platform does not know are logged as warnings.

        Args:
            folder: The pack's folder; nothing is written outside it.
            ref: `pack.name`, by default the workflow's own.

        Returns:
            The paths of `actions/NAME.yaml` and `actions/workflows/NAME.workflow.yaml`.

        Raises:
            WorkflowError: The ref is missing or malformed, it is of another pack than the folder
                is, or a file cannot be written.
        """
        from attune_nb.language import pack_export  # noqa: PLC0415 - few need it

        check_type(folder, (str, PathLike), "the folder of a pack must be a path")
        if ref is None:
            ref = self.ref
        else:
            check_type(ref, (str,), "`ref` must be a string")

        return pack_export.write_pack(self._spec, folder, ref)

    def graph(self, ax: Axes | None = None, *, dark: bool | None = None) -> Figure:
        """Draw the tasks and the transitions between them; `run.graph` draws a run of them.

        Args:
            ax: The axes to draw on; by default those of a new figure.
            dark: Whether the chart is for a dark page; by default it is light or dark as its page.
        """
        from attune_nb.charts import graph  # noqa: PLC0415 - matplotlib is slow to import

        return graph(self, ax=ax, dark=dark)

    @staticmethod
    def json_schema() -> dict[str, Any]:
        """Return a JSON Schema (2020-12) of a workflow's text, for editors."""
        from attune_nb.language import editor_schema  # noqa: PLC0415 - few need it

        return editor_schema.json_schema()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, WorkflowView):
            return self._spec == other.spec
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self._spec)

    def __repr__(self) -> str:
        fields = repr(self._spec).removeprefix(type(self._spec).__name__)
        return f"{type(self).__name__}{fields}"

    def __str__(self) -> str:
        return html.printable(summary.render_text(self._spec))

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        printer.text(str(self))

    def _repr_html_(self) -> str:
        rows = summary.task_rows(self._spec)[:_MAX_ROWS]
        columns = [name for name in summary.COLUMNS if any(row[name] for row in rows)]
        heading = html.element("b", summary.heading(self._spec))
        parts: list[object] = [html.element("div", heading), html.table(columns, rows)]

        hidden_count = len(self.tasks) - _MAX_ROWS
        if hidden_count > 0:
            parts.append(html.element("div", f"and {hidden_count:,} more"))

        return str(html.element("div", *parts))


def default_ref(folder: str | Path, name: str, pack: str = "default") -> str:
    """Return the ref of a workflow without one that is exported into a folder.

    Args:
        folder: The folder, which may hold a pack.
        name: The workflow's name.
        pack: The pack, if the folder holds none.
    """
    from attune_nb.language import pack_export  # noqa: PLC0415 - few need it

    pack_of_folder = pack_export.find_pack_name(folder)
    if pack_of_folder is not None:
        pack = pack_of_folder
    return f"{pack}.{name}"


def check_type(value: object, types: tuple[type, ...], rule: str) -> None:
    """Check the type of an argument.

    Args:
        value: The argument.
        types: The types that it may have.
        rule: The first part of the error's message.

    Raises:
        WorkflowError: The argument has another type.
    """
    if not issubclass(type(value), types):
        raise WorkflowError([Problem(f"{rule}, not {describe(value)}")])

"""`Workflow`: what is read from text, with the verbs that need the whole engine."""

from __future__ import annotations

from dataclasses import fields
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from attune_nb import html
from attune_nb.errors import ParameterError, Problem, WorkflowError
from attune_nb.language import load as loading
from attune_nb.language import model, summary
from attune_nb.language.checks import flow
from attune_nb.running.bind_actions import link
from attune_nb.running.prepare import Options, links_of, refuse_unless_map
from attune_nb.running.request import Begun, Manner
from attune_nb.running.start import Run, begin

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from attune_nb.backends.protocol import Backend
    from attune_nb.display.outputs import Display
    from attune_nb.events import Event

    Reader = Callable[[list[Event]], None]
    Progress = bool | str | Callable[[], Display]
    Actions = Mapping[str, "Callable[..., Any] | Workflow"]

__all__ = ["Run", "Workflow", "load", "load_file", "load_parameters", "loads"]

_SHOWN = 50  # rows of a table


class Workflow(model.WorkflowSpec):
    """A workflow that was read from text, ready to run."""

    def __str__(self) -> str:
        return html.printable(summary.render_text(self))

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        printer.text(str(self))

    def _repr_html_(self) -> str:
        rows = summary.task_rows(self)[:_SHOWN]
        told = [name for name in summary.COLUMNS if any(row[name] for row in rows)]
        table = html.table(told, rows)
        more = len(self.tasks) - _SHOWN
        rest = [html.element("div", f"and {more:,} more")] if more > 0 else []
        named = html.element("b", summary.heading(self))
        return str(html.element("div", html.element("div", named), table, *rest))

    def check(
        self, actions: Actions | None = None, *, allow_imports: bool = False
    ) -> list[Problem]:
        """Give every problem that can be known before a run, those of actions included."""
        refuse_unless_map("actions", actions)
        options = Options(load=load_file, actions=actions or {}, allow_imports=allow_imports)
        return [*flow.find_problems(self), *link(self, links_of(options))[1]]

    def to_yaml(self) -> str:
        """Give the canonical text: one spelling for everything, older forms turned into `next`.

        Loading it gives an equal workflow; a condition gets its braces. A secret parameter's
        default stands in it, as in the text: keep secrets in the keystore instead.
        """
        from attune_nb.language import export  # noqa: PLC0415 - few need it

        return export.to_yaml(self)

    def export(self, folder: str | Path, *, ref: str | None = None) -> tuple[Path, Path]:
        """Write the two files of an Attune pack: the action, and the workflow's graph.

        Args:
            folder: The pack's folder; nothing is written outside it.
            ref: `pack.name`, by default the workflow's own.

        Returns:
            The paths of `actions/NAME.yaml` and `actions/workflows/NAME.workflow.yaml`.

        Raises:
            WorkflowError: There is no such ref, or the files cannot be written.
        """
        _refuse_unless(folder, (str, PathLike), "a pack is written to a folder's path")
        _refuse_unless("" if ref is None else ref, str, "a ref is text")
        from attune_nb.language import export  # noqa: PLC0415

        return export.write_pack(self, folder, self.ref if ref is None else ref)

    @staticmethod
    def json_schema() -> dict[str, Any]:
        """Give a JSON Schema (2020-12) of a workflow's text, for editors."""
        from attune_nb.language import editor_schema  # noqa: PLC0415 - few need it

        return editor_schema.json_schema()

    def run(
        self,
        parameters: Mapping[str, Any] | None = None,
        *,
        backend: str | Backend = "threads",
        workers: int | None = None,
        concurrency: int | None = None,
        mock: Mapping[str, Any] | None = None,
        dry_run: bool | None = None,
        actions: Actions | None = None,
        allow_imports: bool = False,
        config: Mapping[str, Any] | None = None,
        keystore: Mapping[str, Any] | None = None,
        progress: Progress = "auto",
        readers: list[Reader] | None = None,
        background: bool = False,
        store: str | PathLike[str] | None = None,
        name: str | None = None,
    ) -> Run:
        """Run the workflow.

        Args:
            parameters: Values for the declared parameters; defaults fill the rest.
            backend: "threads", "processes", "dask", "inline", or a backend.
            workers: The most threads for one task; or how many worker processes (by default as
                many as there are cores). A Dask cluster that is there already has its own.
            concurrency: Overrides every task's own.
            mock: Made-up results by task: a value is the result, an exception the failure,
                `attune_nb.Timeout` a timeout; a callable gets the rendered input, once for
                each item and attempt, and returns or raises.
            dry_run: Run no action at all, and wait out no delay; a task without a mock gives
                null. True by default where `mock` is given; False runs what is not mocked.
            actions: Functions for this run, by name; or workflows, which run as one task.
            allow_imports: Whether an action may be `module:function`.
            config: What `config` holds.
            keystore: What `keystore` holds; its texts are never shown.
            progress: "auto" shows it in a notebook and in a terminal; True anywhere, False
                nowhere. Or a function that opens a display.
            readers: Called with the new events, in the engine's thread.
            background: Return at once; `run.wait()` waits.
            store: The SQLite file that keeps a record of the run; by default the one that the
                environment's ATTUNE_NB_STORE names, else `.attune/runs.db` in the current
                folder. "none": the run is kept in memory only.
            name: What to call the workflow.

        Raises:
            BackendError: There is no such backend, or the system gives no thread.
            ParameterError: The parameters do not fit, or another option is not what it can be.
            StoreError: The store cannot be used.
            WorkflowError: An action does not exist or does not take the task's input.
        """
        if not isinstance(readers or [], list | tuple) or not all(map(callable, readers or [])):
            raise ParameterError(f"`readers` is a list of functions, not {readers!r}")
        options = Options(
            load=load_file,
            actions={} if actions is None else actions,
            mock={} if mock is None else mock,
            dry_run=mock is not None if dry_run is None else dry_run,
            allow_imports=allow_imports,
            config=config,
            keystore=keystore,
            backend=backend,
            workers=workers,
            concurrency=concurrency,
        )
        manner = Manner(
            progress=progress,
            readers=tuple(readers or ()),
            background=background,
            store=store,
            name=name,
        )
        given = {} if parameters is None else parameters
        begun = Begun(workflow=self, parameters=given, options=options, manner=manner)
        return begin(begun, given)


def load(source: str | Path) -> Workflow:
    """Read a workflow: a path, or text that holds a line break.

    Raises:
        WorkflowError: With every problem, each with its line and column.
    """
    if isinstance(source, str) and ("\n" in source or not source.strip()):
        return loads(source)
    return load_file(source)


def loads(text: str, name: str = "<text>", *, above: str = "") -> Workflow:
    """Read a workflow from text.

    Args:
        text: The YAML.
        name: What errors call the text.
        above: What stands over it where a person sees it, such as a cell's first line;
            the lines of errors count from there.

    Raises:
        WorkflowError: With every problem, each with its line and column.
    """
    _refuse_unless(text, str, "a workflow is text")
    plain = loading.load_workflow(text, name, above)
    return Workflow(**{each.name: getattr(plain, each.name) for each in fields(plain)})


def load_file(path: str | Path) -> Workflow:
    """Read a workflow from a file.

    Raises:
        WorkflowError: The file cannot be read; or every problem, with its line and column.
    """
    _refuse_unless(path, (str, PathLike), "a workflow is read from a path or from text")
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:  # a NUL in the name is a ValueError
        reason = getattr(error, "strerror", None) or (
            "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else str(error)
        )
        hint = "; `loads` reads text of one line" if ":" in str(path) else ""
        told = f"cannot read {str(path)[:200]!r}: {reason}{hint}"
        raise WorkflowError([Problem(told)]) from None
    return loads(text, str(path))


def load_parameters(path: Path) -> dict[str, Any]:
    """Read parameters from a YAML or JSON file.

    Raises:
        ParameterError: The file cannot be read, or holds no map.
    """
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        told = " ".join(str(error).split())
        raise ParameterError(f"cannot read `{path}`: {told}") from None
    if not isinstance(found, dict):
        raise ParameterError(f"`{path}` holds no map of parameters")
    return found


def _refuse_unless(given: Any, kinds: Any, wanted: str) -> None:
    if not isinstance(given, kinds):
        raise WorkflowError([Problem(f"{wanted}, not {type(given).__name__}")])

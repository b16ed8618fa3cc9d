"""`%attune` and `%%attune`."""

from __future__ import annotations

import io
import shlex
from inspect import isfunction
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring
from IPython.display import display
from traitlets.config import Configurable

from attune_nb import html
from attune_nb.api import Run, Workflow, loads
from attune_nb.errors import AttuneError, WorkflowError, nearest
from attune_nb.notebook.progress import CellProgress

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["AttuneMagics", "register"]

COMMANDS = ("run", "list", "show")


class _Refused(Exception):  # noqa: N818 - shown to a person as a message, not caught by name
    """An error shown by its own lines, without Python's traceback."""

    def _render_traceback_(self) -> list[str]:
        return str(self).splitlines()


class _Text:
    """A text that a notebook shows as preformatted, escaped HTML."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return str(html.element("pre", html.text(self.text, longest=20_000)))


@magics_class
class AttuneMagics(Magics, Configurable):
    """Define and run workflows in cells."""

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self._live = shell
        self.workflows: dict[str, Workflow] = {}
        self.texts: dict[str, str] = {}

    @no_var_expand  # type: ignore[untyped-decorator, unused-ignore]
    @line_cell_magic  # type: ignore[untyped-decorator, unused-ignore]
    @magic_arguments()
    @argument("words", nargs="*", help="a name for the cell's workflow, or a command")
    @argument("--set", action="append", default=[], help="NAME=EXPR: a parameter; repeatable")
    @argument("-o", "--out", help="a variable for the Run")
    @argument("--backend", default="threads", help="threads or inline")
    @argument("--workers", type=int, help="the most threads for a task")
    @argument("--concurrency", type=int, help="overrides every task's own")
    @argument("--define", action="store_true", help="define the workflow, do not run it")
    @argument("--no-progress", action="store_true", help="show nothing while it runs")
    @argument("--help", action="store_true", help="show this")
    def attune(self, line: str, cell: str | None = None) -> Any:
        """Define a workflow in a cell and run it; or `%attune run NAME`, `list`, `show NAME`."""
        options = self._options(line)
        if options.help:
            print(self.attune.__doc__)  # noqa: T201 - help is for the cell's output
            return None
        if cell is not None:
            return self._cell(cell, options)
        if not options.words:
            raise UsageError(f"%attune needs a command: {', '.join(COMMANDS)}")
        command, *rest = options.words
        if command == "list":
            return self._list()
        if command == "show":
            return _Text(self.texts[self._known(rest)])
        if command == "run":
            name = self._known(rest)
            options.set += rest[1:]
            return self._run(self.workflows[name], name, options)
        hint = nearest(command, COMMANDS)
        raise UsageError(f"%attune has no command `{command}`{hint}")

    def _options(self, line: str) -> Any:
        try:
            return parse_argstring(self.attune, line)
        except ValueError as error:
            raise UsageError(f"%attune: {error} in `{line}`") from None

    def _cell(self, cell: str, options: Any) -> Any:
        if len(options.words) > 1:
            given = shlex.join(options.words[1:])
            raise UsageError(f"%%attune takes one name; `{given}` is left over")
        name = options.words[0] if options.words else "cell"
        try:
            workflow = loads(cell, "<cell>")
        except WorkflowError as error:
            raise _Refused(str(error)) from None
        self.workflows[name], self.texts[name] = workflow, cell
        if options.define:
            return _Text(f"{name}: {len(workflow.tasks)} tasks, defined")
        return self._run(workflow, name, options)

    def _run(self, workflow: Workflow, name: str, options: Any) -> Run | None:
        readers, clear = self._progress(quiet=options.no_progress)
        try:
            run = workflow.run(
                self._parameters(options.set),
                backend=options.backend,
                workers=options.workers,
                concurrency=options.concurrency,
                actions=self._functions(workflow),
                readers=readers,
                name=name,
            )
        except AttuneError as error:
            raise _Refused(str(error)) from None
        clear()
        for failure in run.failures()[-1:]:
            if failure.traceback and run.status == "failed":
                print(failure.traceback)  # noqa: T201 - the user's own frames, in the cell
        if options.out:
            self._live.user_ns[options.out] = run
            display(run)  # type: ignore[no-untyped-call, unused-ignore]
            return None
        return run

    def _progress(self, *, quiet: bool) -> tuple[list[Any], Callable[[], None]]:
        if quiet or not hasattr(self.shell, "kernel"):
            return [], lambda: None
        handle = display(_Text("starting"), display_id=True)  # type: ignore[no-untyped-call, unused-ignore]
        progress = CellProgress(lambda text: handle.update(_Text(text)))
        return [progress.read], lambda: handle.update(_Text(""))

    def _functions(self, workflow: Workflow) -> dict[str, Callable[..., Any]]:
        """Give the notebook's own functions, and whatever else callable the workflow names."""
        space = self.shell.user_ns if self.shell else {}
        named = {task.action for task in workflow.tasks}
        return {
            name: value
            for name, value in space.items()
            if (name in named and callable(value)) or (isfunction(value) and name[0] != "_")
        }

    def _parameters(self, pairs: list[str]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for pair in pairs:
            name, sign, expression = pair.partition("=")
            if not sign:
                raise UsageError(f"--set takes NAME=EXPR, not `{pair}`")
            try:
                found[name] = eval(expression, self._live.user_ns)  # noqa: S307 - the user's own cell
            except (NameError, SyntaxError):
                found[name] = expression
        return found

    def _known(self, words: list[str]) -> str:
        if not words:
            raise UsageError("name a workflow; `%attune list` shows them")
        if words[0] not in self.workflows:
            hint = nearest(words[0], self.workflows)
            raise UsageError(f"there is no workflow `{words[0]}`{hint}")
        return words[0]

    def _list(self) -> Any:
        lines = [f"{name}: {len(each.tasks)} tasks" for name, each in self.workflows.items()]
        return _Text("\n".join(lines) or "no workflow is defined yet")


def register(shell: InteractiveShell) -> None:
    """Register the magics; doing it again changes nothing."""
    _draw_figures(shell)
    known = shell.magics_manager.registry
    if "AttuneMagics" not in known:
        shell.register_magics(AttuneMagics(shell))


def _draw_figures(shell: InteractiveShell) -> None:
    """Show matplotlib figures as pictures, also where `%matplotlib inline` was never said."""
    formatter: Any = shell.display_formatter
    png = formatter.formatters["image/png"]
    name = ("matplotlib.figure", "Figure")
    try:
        png.lookup_by_type(".".join(name))
    except KeyError:
        png.for_type_by_name(*name, _png)


def _png(figure: Any) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, bbox_inches="tight")
    return buffer.getvalue()

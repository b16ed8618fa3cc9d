"""`%attune` and `%%attune`."""

from __future__ import annotations

import io
from inspect import isfunction
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand
from IPython.core.magic_arguments import argument, magic_arguments
from traitlets.config import Configurable

from attune_nb.api import Run, Workflow, loads
from attune_nb.errors import BackendError, nearest
from attune_nb.notebook import measuring
from attune_nb.notebook.progress import CellProgress, Text, in_kernel
from attune_nb.notebook.words import split_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

    from attune_nb.events import Event

__all__ = ["AttuneMagics", "register"]

COMMANDS = ("run", "list", "show", "metrics", "bench")


@magics_class
class AttuneMagics(Magics, Configurable):
    """Define and run workflows in cells."""

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self._live = shell
        self.workflows: dict[str, Workflow] = {}
        self.texts: dict[str, str] = {}
        self.last: dict[str, Run] = {}  # by the workflow's name, the latest last

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
        """Define a workflow in a cell and run it; or give a command.

        `%attune run NAME`, `list`, `show NAME`, `metrics [RUN]`, `bench clone|fanout`. RUN is a
        variable that holds a Run, or the name of a workflow whose last run is meant.
        """
        options = self._options(line)
        if options.help:
            print(self.attune.__doc__)  # noqa: T201 - help is for the cell's output
            return None
        if cell is not None:
            return self._cell(line, cell, options)
        if not options.words:
            raise UsageError(f"%attune needs a command: {', '.join(COMMANDS)}")
        command, *rest = options.words
        if command == "list":
            return self._list()
        if command == "show":
            return Text(self.texts[self._known(rest)])
        if command == "metrics":
            return measuring.metrics(self._run_of(rest))
        if command == "bench":
            return self._bench(rest)
        if command == "run":
            name = self._known(rest)
            options.set = [*options.set, *rest[1:]]  # the list itself is the default of every line
            return self._run(self.workflows[name], name, options)[0]
        hint = nearest(command, COMMANDS)
        raise UsageError(f"%attune has no command `{command}`{hint}")

    def _options(self, line: str) -> Any:
        try:
            parser: Any = self.attune
            return parser.parser.parse_args(split_line(line))
        except ValueError as error:
            raise UsageError(f"%attune: {error} in `{line}`") from None

    def _cell(self, line: str, cell: str, options: Any) -> Any:
        if len(options.words) > 1:
            given = " ".join(options.words[1:])
            raise UsageError(f"%%attune takes one name; `{given}` is left over")
        name = options.words[0] if options.words else "cell"
        workflow = loads(cell, "<cell>", above=f"%%attune {line}")
        self.workflows[name], self.texts[name] = workflow, cell
        if options.define:
            return Text(f"{name}: {len(workflow.tasks)} tasks, defined")
        run, panel = self._run(workflow, name, options)
        if panel is None:
            return run
        panel.replace(run)  # the panel becomes the outcome: one output for the cell, not two
        self._live.displayhook.update_user_ns(run)  # and so that `_` is the Run all the same
        return None

    def _run(self, workflow: Workflow, name: str, options: Any) -> tuple[Run, CellProgress | None]:
        panels: list[CellProgress] = []

        def panel() -> Callable[[list[Event]], None]:
            panels.append(CellProgress())
            return panels[0].read

        run = workflow.run(
            self._parameters(options.set),
            backend=options.backend,
            workers=options.workers,
            concurrency=options.concurrency,
            actions=self._actions(workflow),
            progress=panel if in_kernel() and not options.no_progress else False,
            name=name,
        )
        self.last.pop(name, None)
        self.last[name] = run
        for failure in run.failures()[-1:]:
            if failure.traceback and run.status == "failed":
                print(failure.traceback)  # noqa: T201 - the user's own frames, in the cell
        if options.out:
            self._live.user_ns[options.out] = run
        return run, panels[0] if panels else None

    def _actions(self, workflow: Workflow) -> dict[str, Callable[..., Any] | Workflow]:
        """Give what an action may be here: the notebook's functions, and its other workflows.

        All functions are given, so that a mistyped name is told the nearest; of what else can
        be called, only what the workflow names.
        """
        named = {task.action for _, task in workflow.walk()}
        functions = {
            name: value
            for name, value in self._live.user_ns.items()
            if (name in named and callable(value)) or (isfunction(value) and name[0] != "_")
        }
        others = {name: each for name, each in self.workflows.items() if each is not workflow}
        return {**others, **functions}

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
            except Exception as error:  # noqa: BLE001 - whatever the expression raises
                raise UsageError(f"--set {pair}: {type(error).__name__}: {error}") from None
        return found

    def _known(self, words: list[str]) -> str:
        if not words:
            raise UsageError("name a workflow; `%attune list` shows them")
        if words[0] not in self.workflows:
            hint = nearest(words[0], self.workflows)
            raise UsageError(f"there is no workflow `{words[0]}`{hint}")
        return words[0]

    def _run_of(self, words: list[str]) -> Run:
        """Give the run that is meant: the last one, if nothing is said."""
        if not words:
            if not self.last:
                raise UsageError("nothing has run yet")
            return next(reversed(self.last.values()))
        found = self._live.user_ns.get(words[0], self.last.get(words[0]))
        if not isinstance(found, Run):
            hint = nearest(words[0], self.last)
            raise UsageError(
                f"`{words[0]}` is no variable with a Run, and no workflow that ran{hint}"
            )
        return found

    def _bench(self, words: list[str]) -> Any:
        from IPython.display import display  # noqa: PLC0415 - only a shell has it

        from attune_nb.bench import charted  # noqa: PLC0415 - pandas and matplotlib are heavy

        try:
            df, figures = charted(" ".join(words))
        except BackendError as error:
            raise UsageError(f"%attune bench: {error}") from None
        for figure in figures.values():
            display(figure)  # type: ignore[no-untyped-call, unused-ignore]
        return df

    def _list(self) -> Any:
        lines = [f"{name}: {len(each.tasks)} tasks" for name, each in self.workflows.items()]
        return Text("\n".join(lines) or "no workflow is defined yet")


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

"""`%attune` and `%%attune`."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand
from IPython.core.magic_arguments import argument, magic_arguments
from traitlets import Bool, Enum, Integer, Unicode

from attune_nb.display.outputs import CellDisplay, Display, Text, in_kernel
from attune_nb.html import printable
from attune_nb.notebook import completion
from attune_nb.notebook.command import Begin, command_of, listed, parsed
from attune_nb.notebook.commands_inspect import counted_tasks
from attune_nb.notebook.post_mortem import Caught
from attune_nb.notebook.session import Session
from attune_nb.notebook.split_line import split_line
from attune_nb.running.prepare import BACKENDS
from attune_nb.running.resume import resume
from attune_nb.running.run import BaseRun, Run
from attune_nb.running.workflow import loads

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

    from attune_nb.running.history import AnyRun
    from attune_nb.running.workflow import Workflow

__all__ = ["AttuneMagics", "register", "unregister"]


@magics_class
class AttuneMagics(Magics):
    """Define and run workflows in cells."""

    backend = Enum(BACKENDS, BACKENDS[0], help="Where attempts run.").tag(config=True)
    workers = Integer(
        None, allow_none=True, min=1, help="The most threads for a task, or worker processes."
    ).tag(config=True)
    concurrency = Integer(None, allow_none=True, min=1, help="Overrides every task's own.").tag(
        config=True
    )
    progress = Bool(default_value=True, help="Whether a cell shows how far its run has come.").tag(
        config=True
    )
    allow_imports = Bool(
        default_value=False, help="Whether an action may be `module:function`."
    ).tag(config=True)
    store = Unicode(
        "",
        help="The record of runs, a file; or `none`. "
        "Empty: what ATTUNE_NB_STORE names, else `.attune/runs.db`.",
    ).tag(config=True)
    out = Unicode("", help="A variable for every Run, such as `run`.").tag(config=True)

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self.session = Session(shell)
        self._live = shell
        self._shown: tuple[AnyRun, int] | None = None  # a run, and the cell that shows it already

    @no_var_expand  # type: ignore[untyped-decorator, unused-ignore]
    @line_cell_magic  # type: ignore[untyped-decorator, unused-ignore]
    @magic_arguments()
    @argument("words", nargs="*", help="a name for the cell's workflow, or a command")
    @argument("--set", action="append", default=[], metavar="NAME=EXPR",
              help="a parameter: an expression of the notebook, else text; repeatable")  # fmt: skip
    @argument("--params", metavar="FILE|DICT", help="parameters: a YAML or JSON file, or a dict")
    @argument("-o", "--out", metavar="VAR", help="a variable for the Run")
    @argument("--backend", help="where attempts run: threads, processes, dask or inline")
    @argument("--workers", type=int, metavar="N", help="threads for a task, or worker processes")
    @argument("--concurrency", type=int, metavar="N", help="overrides every task's own")
    @argument("--background", action="store_true", help="return at once; `await run` waits")
    @argument("--define", action="store_true", help="define the workflow, do not run it")
    @argument("--dry-run", action="store_true", help="walk it without running any action")
    @argument("--mock", action="append", default=[], metavar="TASK=EXPR",
              help="a task's result, in place of running it; repeatable")  # fmt: skip
    @argument("--debug", action="store_true",
              help="inline: breakpoints work, and `%%debug` lands in a failed action")  # fmt: skip
    @argument("--from", dest="at", metavar="TASK",
              help="run this task and what it leads to; reuse the rest of a run")  # fmt: skip
    @argument("--retry-failed", nargs="?", const="", metavar="RUN",
              help="run only what failed in an earlier run; the last one")  # fmt: skip
    @argument("--resume", nargs="?", const="", metavar="RUN",
              help="go on with a run whose kernel is gone; the last one")  # fmt: skip
    @argument("--store", metavar="FILE|none", help="the record of runs")
    @argument("--no-progress", action="store_true", help="show nothing while it runs")
    @argument("--quiet", action="store_true", help="show nothing at all")
    @argument("--help", action="store_true", help="show this")
    def attune(self, line: str, cell: str | None = None) -> Any:
        """Define a workflow in a cell and run it; or give a command.

        `%%attune [NAME] [options]` over a workflow's YAML runs it; `%attune run NAME k=v` runs
        it again; `%attune COMMAND` tells of workflows and runs.
        """
        if cell is None and line.rstrip().endswith(";"):  # as after any expression of a cell
            self._line(_split(line.rstrip()[:-1]))
            return None
        return self._line(_split(line)) if cell is None else self._cell(line, cell)

    def _line(self, words: list[str]) -> Any:
        if words and words[0] != "run" and not words[0].startswith("-"):
            done = command_of(words[0])(self.session, words[1:])
            if isinstance(done, Begin):
                return self._carry(done.make, done.name, self._options([]), Caught())
            return done
        options = self._options(words)
        if options.help or not words:
            return self._help()
        if len(options.words) < 2:  # noqa: PLR2004 - `run` and a name
            raise UsageError("%attune run takes a workflow's name; `%attune list` shows them")
        _, name, *pairs = options.words
        options.set = [*options.set, *pairs]  # the list itself is the default of every line
        return self._run(self.session.workflow(name), name, options)

    def _options(self, words: list[str]) -> Any:
        parser: Any = self.attune
        options = parsed(parser.parser, words)
        options.out = options.out or self.out or None
        if options.out is not None and not options.out.isidentifier():
            raise UsageError(f"--out takes a variable's name, not `{options.out}`")
        return options

    def _help(self) -> Text:
        parser: Any = self.attune
        return Text(f"{parser.parser.format_help().strip()}\n\n{listed()}")

    def _cell(self, line: str, cell: str) -> Any:
        options = self._options(_split(line))
        if options.help:
            return self._help()
        if len(options.words) > 1:
            given = " ".join(options.words[1:])
            raise UsageError(f"%%attune takes one name; `{given}` is left over")
        name = options.words[0] if options.words else "cell"
        if name.startswith("core."):
            raise UsageError(f"`{name}` would hide an action of core's; choose another name")
        workflow = loads(cell, "<cell>", above=f"%%attune {line}")
        self.session.define(name, workflow, cell)
        if options.define:
            return Text(f"{name}: {counted_tasks(workflow)}, defined")
        return self._run(workflow, name, options)

    def _run(self, workflow: Workflow, name: str, options: Any) -> Run | None:
        """Run a workflow, or what an earlier run of it has left to be done."""
        actions = self.session.actions(workflow)
        caught = Caught()
        if options.debug and options.backend not in (None, "inline"):
            told = f"--debug runs inline, in this thread: not on `--backend {options.backend}`"
            print(told, file=sys.stderr)  # noqa: T201 - for the cell's own output
        given: dict[str, Any] = {
            "backend": "inline" if options.debug else options.backend,
            "workers": options.workers,
            "concurrency": options.concurrency,
            "mock": self.session.values(options.mock, "--mock") or None,
            "dry_run": True if options.dry_run else None,
            "allow_imports": self.allow_imports or None,
        }
        given = {key: each for key, each in given.items() if each is not None}
        given |= {
            "actions": caught.around(actions) if options.debug else actions,
            "background": options.background,
        }
        values = self.session.parameters(options.params, options.set)
        made = self._made(workflow, name, options, values, given)
        return self._carry(made, name, options, caught)

    def _made(
        self, workflow: Workflow, name: str, options: Any, values: dict[str, Any], given: Any
    ) -> Callable[[Any], Run]:
        """Give what makes the run, once it knows how its progress is shown."""
        earlier = {
            "--from": options.at,
            "--retry-failed": options.retry_failed,
            "--resume": options.resume,
        }
        asked = [option for option, each in earlier.items() if each is not None]
        if len(asked) > 1:
            raise UsageError(f"{' and '.join(asked)}: one of them, not both")
        store = options.store or self.store or None
        if options.resume is not None:
            given.pop("dry_run", None)
            run_id = self.session.interrupted(name, options.resume, store)
            return lambda shown: resume(
                run_id, store, parameters=values, workflow=workflow, progress=shown, **given
            )
        if asked:
            before = self.session.earlier(name, options.retry_failed or "", store)
            given |= {"store": store} if store else {}
            if options.at:
                return lambda shown: before.fork(
                    options.at, values, workflow, progress=shown, **given
                )
            return lambda shown: before.retry(
                parameters=values, workflow=workflow, progress=shown, **given
            )
        defaults = {
            "backend": self.backend,
            "workers": self.workers,
            "concurrency": self.concurrency,
            "store": store,
            "name": name,
        }
        return lambda shown: workflow.run(values, progress=shown, **{**defaults, **given})

    def _carry(
        self, make: Callable[[Any], Run], name: str, options: Any, caught: Caught
    ) -> Run | None:
        """Make a run; it is the cell's value, and is shown once, by its panel or as it."""
        displays: list[Display] = []

        def display() -> Display:
            displays.append(CellDisplay())
            return displays[0]

        shows = in_kernel() and self.progress and not (
            options.no_progress or options.quiet or options.debug
        )  # fmt: skip
        run = make(display if shows else False)
        self.session.keep(name, run)
        if options.out:
            self._live.user_ns[options.out] = run
        self._tell_failure(run, caught)
        if displays and run.has_ended:
            displays[0].replace(run)  # the panel becomes the outcome: one output, not two
        if options.quiet and not in_kernel():  # a terminal would show an empty `Out[1]:`
            self._live.displayhook.update_user_ns(run)
            return None
        if displays or options.quiet:
            self._shown = run, self._live.execution_count
        return run

    def show_unless_shown(self, run: AnyRun) -> None:
        """Show nothing for a run that its cell has shown already.

        Raises:
            NotImplementedError: It is to be shown; IPython goes on with its other formats.
        """
        shown, self._shown = self._shown, None
        if shown is None or shown[0] is not run or shown[1] != self._live.execution_count:
            raise NotImplementedError

    def _tell_failure(self, run: Run, caught: Caught) -> None:
        if run.status != "failed":
            return
        raised = caught.raised()
        if raised is not None:
            self._live.showtraceback(raised)
            return
        told = run.failure_text()
        if told:
            print(printable(told))  # noqa: T201 - the user's own frames, in the cell


def _split(line: str) -> list[str]:
    try:
        return split_line(line)
    except ValueError as error:
        raise UsageError(f"%attune: {error} in `{line}`") from None


def register(shell: InteractiveShell) -> None:
    """Register the magics and their completion; doing it again changes nothing."""
    _draw_figures(shell)
    if "AttuneMagics" not in shell.magics_manager.registry:
        magics = AttuneMagics(shell)
        shell.register_magics(magics)
        line_magic: Any = magics.attune
        completion.register(shell, magics.session, line_magic.parser)
        formatter: Any = shell.display_formatter
        formatter.ipython_display_formatter.for_type(BaseRun, magics.show_unless_shown)


def unregister(shell: InteractiveShell) -> None:
    """Take away what `register` has added."""
    manager = shell.magics_manager
    magics = manager.registry.pop("AttuneMagics", None)
    for kind in ("line", "cell"):
        manager.magics[kind].pop("attune", None)
    if magics in shell.configurables:
        shell.configurables.remove(magics)
    completion.unregister(shell)
    formatter: Any = shell.display_formatter
    formatter.ipython_display_formatter.pop(BaseRun, None)


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

"""The magics `%attune` and `%%attune`."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand
from IPython.core.magic_arguments import argument, magic_arguments
from traitlets import Bool, Enum, Integer, Unicode

from attune_nb.display.log_output import CELL_LIMIT
from attune_nb.display.outputs import Text
from attune_nb.notebook import (  # noqa: F401 - importing them registers their commands
    commands_control,
    commands_form,
    commands_help,
    commands_inspect,
    commands_logs,
    commands_packs,
    commands_records,
    completion,
)
from attune_nb.notebook.cell_problems import CellChecker
from attune_nb.notebook.cell_runner import CellRunner
from attune_nb.notebook.command import (
    PendingRun,
    check_variable_name,
    format_commands,
    get_command,
    parse_words,
)
from attune_nb.notebook.commands_workflows import define_workflow, print_warnings
from attune_nb.notebook.pending_runs import prepare_pending_run
from attune_nb.notebook.secret_options import SECRET_ARGUMENTS
from attune_nb.notebook.session import UNNAMED, Session
from attune_nb.notebook.split_line import remove_comment, split_line
from attune_nb.running.prepare import BACKENDS
from attune_nb.running.run import BaseRun
from attune_nb.running.workflow import loads

if TYPE_CHECKING:
    from argparse import Namespace

    from IPython.core.interactiveshell import InteractiveShell

    from attune_nb.running.run import Run

__all__ = ["AttuneMagics", "register", "unregister"]


def _add_secret_arguments(function: Any) -> Any:
    """Add the options of secrets to the magic's own."""
    for item in reversed(SECRET_ARGUMENTS):
        function = argument(item.name, help=item.help, **item.settings)(function)
    return function


@magics_class
class AttuneMagics(Magics):
    """Define and run workflows in cells."""

    backend = Enum(BACKENDS, BACKENDS[0], help="Where attempts run.").tag(config=True)
    workers = Integer(
        None, allow_none=True, min=1, help="The most threads for a task, or worker processes."
    ).tag(config=True)
    concurrency = Integer(
        None, allow_none=True, min=1, help="Overrides the concurrency of every task."
    ).tag(config=True)
    progress = Bool(default_value=True, help="Whether a cell shows the progress of its run.").tag(
        config=True
    )
    raise_on_failure = Bool(
        default_value=True, help="Whether a cell fails if its run does not succeed."
    ).tag(config=True)
    allow_imports = Bool(
        default_value=False, help="Whether an action may be `module:function`."
    ).tag(config=True)
    store = Unicode(
        "",
        help="The record of runs: a file, or `none`. "
        "If empty, the file in ATTUNE_NB_STORE, otherwise `.attune/runs.db`.",
    ).tag(config=True)
    otel = Bool(
        default_value=False, help="Whether spans of the runs are sent by OpenTelemetry."
    ).tag(config=True)
    out = Unicode("", help="A variable for every Run, such as `run`.").tag(config=True)

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self.session = Session(shell)
        self.cell_runner = CellRunner(shell, self.session)
        self.cell_checker = CellChecker(self.session)

    @no_var_expand  # type: ignore[untyped-decorator, unused-ignore]
    @line_cell_magic  # type: ignore[untyped-decorator, unused-ignore]
    @magic_arguments()
    @argument("words", nargs="*", help="a name for the cell's workflow, or a command")
    @argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=EXPR",
        help="a parameter: an expression of the notebook, otherwise a string; repeatable",
    )
    @argument("--params", metavar="FILE|DICT", help="parameters: a YAML or JSON file, or a dict")
    @argument("-o", "--out", metavar="VAR", help="a variable for the Run")
    @argument("--backend", help="where attempts run: threads, processes, dask or inline")
    @argument("--workers", type=int, metavar="N", help="threads for a task, or worker processes")
    @argument(
        "--concurrency", type=int, metavar="N", help="overrides the concurrency of every task"
    )
    @argument("--background", action="store_true", help="return at once; `await run` waits")
    @argument("--define", action="store_true", help="define the workflow, do not run it")
    @argument("--dry-run", action="store_true", help="run the workflow without its actions")
    @argument(
        "--mock",
        action="append",
        default=[],
        metavar="TASK=EXPR",
        help="a result for a task; no action runs then, as with --dry-run; repeatable",
    )
    @argument(
        "--answer",
        action="append",
        default=[],
        metavar="TASK=VALUE|FILE",
        help="an answer to a question, or a YAML file with answers by task; repeatable",
    )
    @argument(
        "--debug",
        action="store_true",
        help="run inline: breakpoints work, and `%%debug` opens the action that failed",
    )
    @argument(
        "--from",
        dest="from_task",
        metavar="TASK",
        help="run this task and those that follow it; reuse the other results of a run",
    )
    @argument(
        "--retry-failed",
        nargs="?",
        const="",
        metavar="RUN",
        help="run only the failed tasks and items of an earlier run, by default the last",
    )
    @argument(
        "--resume",
        nargs="?",
        const="",
        metavar="RUN",
        help="continue a run whose kernel is gone, by default the last one",
    )
    @argument(
        "--pass-env",
        action="append",
        default=[],
        metavar="NAME",
        help="a variable of the environment that actions of packs get; `AWS_*` means all that "
        "begin so; repeatable",
    )
    @argument("--no-raise", action="store_true", help="do not fail the cell if the run fails")
    @_add_secret_arguments
    @argument("--store", metavar="FILE|none", help="the record of runs")
    @argument(
        "--logs",
        metavar="all|none|N",
        help="how many of the lines that actions print and log are shown, by default "
        f"{CELL_LIMIT}; `run.logs()` has all",
    )
    @argument(
        "--otel",
        action="store_true",
        help="send spans of the run by OpenTelemetry, to the tracer provider that is set",
    )
    @argument("--no-progress", action="store_true", help="show no progress while it runs")
    @argument("--quiet", action="store_true", help="show nothing at all")
    @argument("--help", action="store_true", help="show this help")
    def attune(self, line: str, cell: str | None = None) -> Any:
        """Define a workflow in a cell and run it; or carry out a command.

        `%%attune [NAME] [options]` above a workflow's YAML runs it; `%attune run NAME k=v` runs
        it again; `%attune COMMAND` shows or changes workflows and runs.
        """
        if cell is not None:
            return self._run_cell(line, cell)

        # as in a cell, a semicolon hides the value
        line = remove_comment(line).rstrip()
        if line.endswith(";"):
            self._run_line(self._split(line[:-1]))
            return None
        return self._run_line(self._split(line))

    def _split(self, line: str) -> list[str]:
        """Return the words of a line, with the notebook's variables in them.

        Raises:
            UsageError: A quote or a bracket is not closed.
        """
        try:
            return split_line(line, self.session.shell.user_ns)
        except ValueError as error:
            raise UsageError(f"%attune: {error} in `{line}`") from None

    def _run_line(self, words: list[str]) -> Any:
        """Carry out the command of a line, or run a defined workflow."""
        if words and words[0] != "run" and not words[0].startswith("-"):
            return self._run_command(words[0], words[1:])

        options = self._parse_options(words)
        if options.help or not words:
            return self._help()

        match options.words:
            case [_, name, *pairs]:
                # a new list, since the list of the parser is the default of all lines
                options.set = [*options.set, *pairs]
                return self._run_workflow(name, options)
            case _:
                raise UsageError("%attune run takes a workflow's name; `%attune list` shows them")

    def _run_command(self, name: str, words: list[str]) -> Any:
        result = get_command(name)(self.session, words)
        if isinstance(result, PendingRun):
            words = [] if result.out is None else ["--out", result.out]
            return self._start(result, self._parse_options(words))
        return result

    def _run_cell(self, line: str, text: str) -> Any:
        """Define the workflow of a cell, and run it unless the line says `--define`."""
        options = self._parse_options(self._split(remove_comment(line)))
        if options.help:
            return self._help()

        if len(options.words) > 1:
            raise UsageError(f"%%attune takes one name: remove `{' '.join(options.words[1:])}`")
        if options.words and options.words[0].startswith("core."):
            raise UsageError(
                f"`{options.words[0]}` cannot be a workflow's name: `core.` is reserved for "
                "built-in actions; choose another name"
            )

        workflow = loads(text, "<cell>", above=f"%%attune {line}")
        if options.words:
            name = options.words[0]
        else:
            own_name = workflow.own_name
            name = own_name or UNNAMED
        print_warnings(workflow)
        message = define_workflow(self.session, name, workflow, text)
        if options.define:
            return message
        return self._run_workflow(name, options)

    def _run_workflow(self, name: str, options: Namespace) -> Run | None:
        defaults = self.run_defaults() | self.reader_options(otel=options.otel)
        pending_run = prepare_pending_run(self.session, name, options, defaults)
        return self._start(pending_run, options)

    def run_defaults(self) -> dict[str, Any]:
        """Return the configured options of a run."""
        return {
            "backend": self.backend,
            "workers": self.workers,
            "concurrency": self.concurrency,
            "store": self.store or None,
            **self.reader_options(),
        }

    def reader_options(self, *, otel: bool = False) -> dict[str, Any]:
        """Return the option for the readers of a run, if its spans are to be sent.

        Args:
            otel: Whether the line asks for it.

        Raises:
            ParameterError: OpenTelemetry is not installed, or not set up.
        """
        if not (otel or self.otel):
            return {}

        from attune_nb.otel import reader_from_environment  # noqa: PLC0415 - few need it

        return {"readers": [reader_from_environment()]}

    def _start(self, pending_run: PendingRun, options: Namespace) -> Run | None:
        hides_progress = options.no_progress or options.debug
        raises = self.raise_on_failure and not options.no_raise
        return self.cell_runner.start(
            pending_run._replace(raises=pending_run.raises and raises),
            out=options.out,
            quiet=options.quiet,
            debug=options.debug,
            background=options.background,
            has_progress=self.progress and not hides_progress,
        )

    def _parse_options(self, words: list[str]) -> Namespace:
        magic: Any = self.attune
        options = parse_words(magic.parser, words)

        if not options.out and self.out:
            options.out = self.out
        check_variable_name(options.out)
        return options

    def _help(self) -> Text:
        magic: Any = self.attune
        option_help = magic.parser.format_help().strip()
        return Text(f"{option_help}\n\n{format_commands()}")


def register(shell: InteractiveShell) -> None:
    """Register the magics and their completion; a second call changes nothing."""
    _register_figures(shell)
    if "AttuneMagics" in shell.magics_manager.registry:
        return

    magics = AttuneMagics(shell)
    shell.register_magics(magics)
    magic: Any = magics.attune
    completion.register(shell, magics.session, magic.parser)
    magics.cell_checker.start()

    formatter: Any = shell.display_formatter
    formatter.ipython_display_formatter.for_type(BaseRun, magics.cell_runner.display_once)


def unregister(shell: InteractiveShell) -> None:
    """Remove everything that `register` has added."""
    manager = shell.magics_manager
    magics = manager.registry.pop("AttuneMagics", None)
    for kind in ("line", "cell"):
        manager.magics[kind].pop("attune", None)
    if magics in shell.configurables:
        shell.configurables.remove(magics)

    completion.unregister(shell)
    if magics is not None:
        magics.cell_checker.stop()
    formatter: Any = shell.display_formatter
    formatter.ipython_display_formatter.pop(BaseRun, None)


def _register_figures(shell: InteractiveShell) -> None:
    """Show matplotlib figures as pictures, also without `%matplotlib inline`."""
    display_formatter: Any = shell.display_formatter
    png_formatter = display_formatter.formatters["image/png"]
    try:
        png_formatter.lookup_by_type("matplotlib.figure.Figure")
    except KeyError:
        png_formatter.for_type_by_name("matplotlib.figure", "Figure", _draw_png)


def _draw_png(figure: Any) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, bbox_inches="tight")
    return buffer.getvalue()

"""The `attune-nb` command: a thin layer over the same calls that Python makes.

Exit status: 0 succeeded, 1 the run failed, 2 wrong usage or an invalid workflow, 3 the run waits
for an answer, unattended, 130 interrupted, 143 ended by SIGTERM, 129 by SIGHUP.
"""

from __future__ import annotations

from typing import Annotated

import typer

import attune_nb
from attune_nb.cli.control_commands import accept, answer, cancel, pause, rerun
from attune_nb.cli.file_commands import check, export, graph
from attune_nb.cli.help_command import explain
from attune_nb.cli.log_commands import logs
from attune_nb.cli.pack_commands import pack_commands
from attune_nb.cli.publish_command import publish
from attune_nb.cli.record_commands import explore, forget, runs, show, timeline
from attune_nb.cli.repeat_commands import fork, retry
from attune_nb.cli.run_commands import resume, run
from attune_nb.cli.serve_command import serve
from attune_nb.cli.trial_commands import bench, demo
from attune_nb.cli.usage_errors import CommandGroup

__all__ = ["app", "main"]

app = typer.Typer(
    cls=CommandGroup, no_args_is_help=True, add_completion=False, rich_markup_mode=None
)

# in the order of `attune-nb --help`
for command in (
    run,
    check,
    runs,
    show,
    logs,
    forget,
    cancel,
    pause,
    answer,
    resume,
    rerun,
    accept,
    retry,
    fork,
    timeline,
    explore,
    graph,
    export,
    publish,
    serve,
    demo,
    bench,
):
    app.command()(command)
app.add_typer(pack_commands, name="pack")
# `help --store` explains an option
app.command("help", context_settings={"ignore_unknown_options": True})(explain)


def main() -> None:
    """Run the command line."""
    app(prog_name="attune-nb")


def _print_version(is_requested: bool) -> None:
    """Print the version of attune_nb, and exit."""
    if is_requested:
        typer.echo(f"attune-nb {attune_nb.__version__}")
        raise typer.Exit


@app.callback()
def _attune_nb(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="print the version and exit"
        ),
    ] = False,
) -> None:
    """Run workflows, and look at the record of their runs."""

"""The command for the lines that the actions of a run have printed and logged: `logs`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from attune_nb.cli.options import LatestRunId, Store  # noqa: TC001 - typer reads them
from attune_nb.cli.output import ERRORS, exit_status, exit_with_error
from attune_nb.cli.stored_runs import open_stored_run
from attune_nb.display.log_output import (
    ALL,
    MAX_LENGTH,
    TerminalLogs,
    lines_text,
    read_limit,
    shows_colours,
)
from attune_nb.display.outputs import TerminalDisplay
from attune_nb.display.terminal import is_terminal
from attune_nb.errors import AttuneError
from attune_nb.running.log_view import LogView

if TYPE_CHECKING:
    from collections.abc import Collection

    from attune_nb.display.outputs import Display
    from attune_nb.running.request import LogsOption

__all__ = ["logs", "read_logs_option"]


def logs(
    run: LatestRunId = None,
    task: Annotated[
        str | None,
        typer.Argument(metavar="TASK", help="only lines of this task, or path: deploy[3]/ping"),
    ] = None,
    index: Annotated[
        int | None, typer.Option(metavar="N", help="only lines of the item of this index")
    ] = None,
    attempt: Annotated[
        int | None, typer.Option(metavar="N", help="only lines of the attempt of this number")
    ] = None,
    level: Annotated[
        str | None,
        typer.Option(
            metavar="LEVEL", help="stdout or stderr; or a logging level: it and those above"
        ),
    ] = None,
    tail: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="only the last N lines")
    ] = None,
    follow: Annotated[
        bool,
        typer.Option(
            "--follow", "-f", help="print further lines until the run ends; exit with its status"
        ),
    ] = False,
    store: Store = None,
) -> None:
    """Print what the actions of a run have printed and logged, also while it is running.

    Each line has its date (in UTC), its task with the index of the item, and its level.
    """
    has_colours = shows_colours(sys.stdout)
    try:
        recorded_run = open_stored_run(run, store)
        selection = recorded_run.select_logs(task, index, attempt, level)
        # a file gets long lines in full
        max_length = MAX_LENGTH if is_terminal(sys.stdout) else ALL
        view = LogView(recorded_run, selection, max_length)
        batches = view.follow(tail) if follow else [view.new_lines(tail)]
        for lines in batches:
            if lines:
                typer.echo(lines_text(lines, has_colours=has_colours))

        if not view.count:
            ERRORS.print(view.explain_none(), markup=False)
        if follow:
            _exit_with_status(recorded_run.run_id, store)
    except AttuneError as error:
        exit_with_error(error)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def read_logs_option(logs: str | None, *, as_json: bool) -> LogsOption:
    """Return the option of a run for the lines that it prints.

    Args:
        logs: As it was typed, or None.
        as_json: Whether standard output is for the outcome alone.

    Raises:
        ParameterError: It cannot be used.
    """
    limit = read_limit(logs)
    if limit is None:
        limit = ALL
    if not limit:
        return "none"

    def open_output(with_items: Collection[str], display: Display | None) -> TerminalLogs:
        terminal = display if isinstance(display, TerminalDisplay) else None
        return TerminalLogs(
            with_items,
            limit,
            terminal,
            command="`attune-nb logs` prints them",
            to_stderr=as_json,
        )

    return open_output


def _exit_with_status(run_id: str, store: str | None) -> None:
    """Exit with the status of a run that has ended.

    Raises:
        StoreError: The record cannot be read.
    """
    ended_run = open_stored_run(run_id, store)
    if ended_run.status == "interrupted":
        ERRORS.print(f"the process of run {run_id} is gone: `resume` continues it", markup=False)
    raise typer.Exit(exit_status(ended_run))

"""The output of a command: the outcome of a run, or an error; and its exit status."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NoReturn

import typer
from rich.console import Console

from attune_nb.errors import AttuneError
from attune_nb.html import printable
from attune_nb.running.store_paths import store_option

if TYPE_CHECKING:
    from attune_nb.errors import QuestionOpen
    from attune_nb.running.history import AnyRun
    from attune_nb.running.run import Run
    from attune_nb.running.workflow import Workflow

__all__ = [
    "ERRORS",
    "EXIT_STATUSES",
    "exit_status",
    "exit_with_error",
    "exit_with_outcome",
    "exit_with_question",
    "exit_without_extra",
    "hint_at_next_command",
    "print_run",
    "print_warnings",
]

# standard error, where a terminal may show progress
ERRORS = Console(stderr=True, highlight=False, soft_wrap=True)

# Exit status by status of the run, otherwise 1. After a second interrupt the command ends
# while the run is still cancelling or running.
_EXIT_STATUS = {"succeeded": 0, "cancelled": 130, "cancelling": 130, "running": 130}

# exit status of a command whose run waits for an answer
_QUESTION_OPEN = 3

EXIT_STATUSES = {
    0: "The run succeeded, or the command did its work.",
    1: "The run did not succeed, or it is paused; or a page was published with a failure.",
    2: "Wrong usage, an invalid workflow, or another error.",
    _QUESTION_OPEN: "The run waits for an answer, and nobody can give it here.",
    129: "The command was ended by SIGHUP.",
    130: "The command was interrupted with Ctrl-C, or the run was cancelled.",
    143: "The command was ended by SIGTERM.",
}
"""The exit statuses, with their meanings."""


def exit_status(ended_run: AnyRun) -> int:
    """Return the exit status of a command that made a run."""
    return _EXIT_STATUS.get(ended_run.status, 1)


def print_run(run_view: AnyRun, *, as_json: bool) -> None:
    """Print the outcome of a run, for a person or as JSON."""
    if as_json:
        outcome = {
            "run_id": run_view.run_id,
            "status": run_view.status,
            "kind": run_view.kind,
            "output": run_view.output,
            "error": run_view.error,
            "failures": [failed_task.description for failed_task in run_view.failed_tasks()],
            "alerts": run_view.alerts,
            "duration_ms": run_view.duration_ms,
        }
        typer.echo(json.dumps(outcome, default=repr))
        return

    typer.echo(repr(run_view))
    if run_view.output is not None:
        typer.echo(f"output: {json.dumps(run_view.output, default=repr)}")


def print_warnings(workflow: Workflow) -> None:
    """Print a line for each warning of a workflow that is about to run."""
    for problem in workflow.warnings():
        ERRORS.print(f"warning: {printable(str(problem))}", markup=False)


def hint_at_next_command(ended_run: Run, code_words: str) -> None:
    """Print the command that continues a paused run, or that retries a failed one.

    Args:
        ended_run: The run, which ends with this process.
        code_words: The options that no record holds, as words of the command line.
    """
    if ended_run.store is None:
        return

    words = f"{ended_run.run_id}{code_words}{store_option(ended_run.store)}"
    if ended_run.status == "paused":
        ERRORS.print(f"`attune-nb resume {words}` continues it", markup=False)
    elif ended_run.status in ("failed", "timed_out"):
        ERRORS.print(f"`attune-nb retry {words}` runs what failed again", markup=False)


def exit_with_question(error: QuestionOpen, code_words: str, *, as_json: bool) -> NoReturn:
    """Print a run that waits for an answer, and how to go on; exit with status 3.

    After Ctrl-C the status is 130.

    Args:
        error: The error, whose message has the command that continues the run.
        code_words: The options that no record holds, as words of the command line.
        as_json: Print the run as JSON.
    """
    message = str(error)
    if error.run is not None:
        print_run(error.run, as_json=as_json)
        command = f"attune-nb resume {error.run.run_id}"
        message = message.replace(command, f"{command}{code_words}")
    ERRORS.print(message, markup=False)
    raise typer.Exit(130 if error.interrupted else _QUESTION_OPEN)


def exit_with_error(error: Exception) -> NoReturn:
    """Print an error and exit with status 2."""
    ERRORS.print(str(error), markup=False)
    raise typer.Exit(2)


def exit_with_outcome(ended_run: Run, code_words: str, *, as_json: bool) -> NoReturn:
    """Print the outcome of a run, and exit with its status."""
    print_run(ended_run, as_json=as_json)
    hint_at_next_command(ended_run, code_words)
    raise typer.Exit(exit_status(ended_run))


def exit_without_extra(error: ImportError, extra: str) -> NoReturn:
    """Exit with the command that installs an extra of this package.

    Args:
        error: The error of the import of a package that the extra installs.
        extra: The name of the extra.

    Raises:
        ImportError: The error has another cause.
    """
    package = "" if error.name is None else error.name.partition(".")[0]
    if package in ("", "attune_nb"):
        raise error
    exit_with_error(AttuneError(f"{package} is missing: pip install 'attune_nb[{extra}]'"))

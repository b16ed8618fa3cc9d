"""The `attune-nb` command, run as a user runs it: in a process of its own."""

import subprocess
import sys

from typer.testing import CliRunner

from attune_nb.cli import app

__all__ = ["GREET", "attune", "attune_command", "attune_here"]

# a workflow of one task
GREET = "tasks:\n  - name: greet\n    action: core.echo\n    input: {message: hello}\n"


def attune(*arguments, before="", as_module=False, **options):
    """Run `attune-nb` with arguments; return the finished process.

    Args:
        arguments: The words after `attune-nb`.
        before: Python statements that the process executes first.
        as_module: Start it as `python -m attune_nb`.
        options: Further options of `subprocess.run`, such as `cwd`.
    """
    command = attune_command(*arguments, before=before)
    if as_module:
        command = [sys.executable, "-P", "-m", "attune_nb", *arguments]
    options = {"capture_output": True, "text": True, "timeout": 120, **options}
    return subprocess.run(command, check=False, **options)


def attune_command(*arguments, before=""):
    """Return the words that start `attune-nb` as a process; see `attune`."""
    code = f"{before}\nfrom attune_nb.cli import main; main()"
    # -P: as the installed command starts, without the current folder on the path
    return [sys.executable, "-P", "-c", code, *arguments]


def attune_here(*arguments):
    """Run `attune-nb` with arguments in this process; return its outcome.

    The outcome has `exit_code`, `stdout` and `stderr`. Standard input is no terminal.
    """
    return CliRunner().invoke(app, arguments, prog_name="attune-nb")

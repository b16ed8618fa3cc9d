"""The `attune-nb` command, run as a user runs it: in a process of its own."""

import subprocess
import sys

__all__ = ["GREET", "attune", "attune_command"]

# a workflow of one task
GREET = "tasks:\n  - name: greet\n    action: core.echo\n    input: {message: hello}\n"


def attune(*arguments, before="", **options):
    """Run `attune-nb` with arguments; return the finished process.

    Args:
        arguments: The words after `attune-nb`.
        before: Python statements that the process executes first.
        options: Further options of `subprocess.run`, such as `cwd`.
    """
    command = attune_command(*arguments, before=before)
    options = {"capture_output": True, "text": True, "timeout": 120, **options}
    return subprocess.run(command, check=False, **options)


def attune_command(*arguments, before=""):
    """Return the words that start `attune-nb` as a process; see `attune`."""
    code = f"{before}\nfrom attune_nb.cli import main; main()"
    # -P: as the installed command starts, without the current folder on the path
    return [sys.executable, "-P", "-c", code, *arguments]

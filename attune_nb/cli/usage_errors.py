"""Wrong usage of the command line, and missing packages: one line of error, and exit status 2."""

from __future__ import annotations

import sys
from typing import Any

import typer
from typer.core import TyperGroup

from attune_nb.cli.end_signals import handle_end_signals
from attune_nb.cli.output import ERRORS

__all__ = ["CommandGroup"]

# of click, or of the copy of click in Typer
_UsageError: Any = typer.BadParameter.__bases__[0]

# a small installation, for workers and schedules, lacks these packages
_LEFT_OUT = {
    "IPython": "ipython",
    "PIL": "pillow",
    "comm": "comm",
    "ipywidgets": "ipywidgets",
    "matplotlib": "matplotlib",
    "numpy": "numpy",
    "pandas": "pandas",
}

# the beginning of click's message about words that no option takes
_EXTRA = "Got unexpected extra argument"


class CommandGroup(TyperGroup):
    """The commands, which say in one line what is wrong with the words after them."""

    def main(self, *arguments: Any, standalone_mode: bool = True, **options: Any) -> Any:
        """Run a command, and end the process unless `standalone_mode` is False."""
        parent: Any = super()
        if not standalone_mode:
            return parent.main(*arguments, standalone_mode=False, **options)

        with handle_end_signals() as signals:
            try:
                status = parent.main(*arguments, standalone_mode=False, **options)
            except _UsageError as error:
                status = _print_usage_error(error)
            except ModuleNotFoundError as error:
                status = _print_missing_package(error)
            except typer.Abort:
                status = 1

        exit_status = status if isinstance(status, int) else 0
        sys.exit(signals.exit_status(exit_status))


def _print_missing_package(error: ModuleNotFoundError) -> int:
    """Print which package a command needs; return the exit status.

    Raises:
        ModuleNotFoundError: It is another module.
    """
    top_name, _, _ = (error.name or "").partition(".")
    package = _LEFT_OUT.get(top_name)
    if package is None:
        raise error

    ERRORS.print(
        f"this command needs {package}, which this small installation lacks; install it: "
        f"`pip install {package}`, or the whole package: `pip install attune_nb`",
        markup=False,
    )
    return 2


def _print_usage_error(error: Any) -> int:
    """Print an error of usage, or the help if there were no words; return the exit status."""
    message = error.format_message()
    if message.startswith("Usage:"):
        error.show()
        return 2

    if message.startswith(_EXTRA) and _takes_secrets(error.ctx):
        # `--secret NAME` with a value after it
        message = f"{_EXTRA}(s); not shown here, since it may be a secret"

    # an option without its value has no context
    path = "attune-nb" if error.ctx is None else error.ctx.command_path
    ERRORS.print(f"{path}: {message} (`{path} --help` shows the usage)", markup=False)
    return 2


def _takes_secrets(context: Any) -> bool:
    """Return whether a command has the option `--secret`."""
    if context is None:
        return False
    return any("--secret" in parameter.opts for parameter in context.command.params)

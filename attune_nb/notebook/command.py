"""The commands of `%attune`: their arguments, their help, and the table of all commands."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, NamedTuple

from IPython.core.error import UsageError

from attune_nb.display.outputs import Text
from attune_nb.errors import BackendError, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from attune_nb.notebook.session import Session
    from attune_nb.running.run import Run

__all__ = [
    "COMMANDS",
    "DARK",
    "LIVE_RUN",
    "RUN",
    "WORKFLOW",
    "CommandArgument",
    "MagicCommand",
    "PendingRun",
    "argument",
    "check_variable_name",
    "command",
    "format_commands",
    "get_command",
    "option_names",
    "parse_words",
]


class CommandArgument(NamedTuple):
    """A positional argument or an option of a command.

    Attributes:
        name: As in `ArgumentParser.add_argument`; an option begins with "-".
        kind: Selects the candidates that Tab offers for it: "run", "live run", "workflow", "graph",
            "task", "action", "parameter", "help", or "" for none.
        help: One line.
        settings: Further keywords of `ArgumentParser.add_argument`.
        aliases: Further names of an option.
    """

    name: str
    kind: str
    help: str
    settings: dict[str, Any]
    aliases: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All its names."""
        return (self.name, *self.aliases)

    @property
    def is_option(self) -> bool:
        """Whether it is an option."""
        return self.name.startswith("-")

    @property
    def takes_value(self) -> bool:
        """Whether it is an option whose value is the next word."""
        return self.is_option and self.settings.get("action") != "store_true"


class _CommandParser(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        """Raise UsageError; argparse's own method would end the kernel."""
        raise UsageError(f"%attune {self.prog.split()[-1]}: {message}")


def option_names(parser: argparse.ArgumentParser) -> list[str]:
    """Return all options of a parser, long and short."""
    return [*parser._option_string_actions]  # noqa: SLF001 - argparse has no public way


def parse_words(parser: argparse.ArgumentParser, words: Sequence[str]) -> argparse.Namespace:
    """Parse the words of a line.

    Raises:
        UsageError: The parser does not take them. For an unknown option the message suggests
            the nearest one.
    """
    options, unknown_words = parser.parse_known_args(words)
    if unknown_words:
        hint = _suggest_option(parser, unknown_words)
        shown = " ".join(unknown_words)
        if "--secret" in words:
            # the value of a secret may stand after its name
            shown = "not shown, since one may be a secret; `--secret` takes a NAME alone"
        parser.error(f"unrecognized arguments: {shown}{hint}")
    return options


def _suggest_option(parser: argparse.ArgumentParser, words: Sequence[str]) -> str:
    """Return a hint at an option that resembles one of the words, or an empty string."""
    long_options = [name for name in option_names(parser) if name.startswith("--")]
    for word in words:
        hint = nearest(word.partition("=")[0], long_options)
        if word.startswith("-") and hint:
            return hint
    return ""


class MagicCommand:
    """A command of `%attune`: its name, its arguments, and the function that carries it out."""

    def __init__(
        self, name: str, function: Callable[..., Any], arguments: Sequence[CommandArgument]
    ) -> None:
        self.name = name
        self.arguments = arguments
        docstring = function.__doc__ or ""
        self.help = docstring.partition("\n")[0]
        self._function = function

        self._parser = _CommandParser(prog=f"%attune {name}", description=self.help, add_help=False)
        for item in arguments:
            self._parser.add_argument(*item.names, help=item.help, **item.settings)
        self._parser.add_argument("--help", action="store_true", help="show this help")

    @property
    def parser(self) -> argparse.ArgumentParser:
        """The parser of its words."""
        return self._parser

    def format_help(self) -> str:
        """Return the help of the command and its options, as text."""
        return self._parser.format_help().rstrip()

    def __call__(self, session: Session, words: Sequence[str]) -> Any:
        """Carry out the command, or show its help.

        Raises:
            UsageError: The words are not its arguments, or a backend or a file failed.
        """
        if "--help" in words:
            return Text(self.format_help())

        if any(item.kind == "help" for item in self.arguments):
            # an option that is to be explained
            words = [word.lstrip("-") for word in words]
        options = vars(parse_words(self._parser, words))
        del options["help"]
        try:
            return self._function(session, **options)
        except (BackendError, OSError) as error:
            raise UsageError(f"%attune {self.name}: {error}") from None


class PendingRun(NamedTuple):
    """A run that a command is about to start.

    Attributes:
        name: The workflow's name in the session.
        start: Starts the run; its argument is the `progress` option of `Workflow.run`.
        raises: Whether its cell fails if the run does not succeed.
        out: A variable for the Run, or None.
    """

    name: str
    start: Callable[[Any], Run]
    raises: bool = True
    out: str | None = None


COMMANDS: dict[str, MagicCommand] = {}
"""All commands by name."""


def argument(
    name: str, kind: str, description: str, aliases: tuple[str, ...] = (), **settings: Any
) -> CommandArgument:
    """Return an argument of a command."""
    return CommandArgument(name, kind, description, settings, aliases)


RUN = argument(
    "run",
    "run",
    "a variable, a workflow's name or an id, with /TASK[INDEX] a run within it; the latest run",
    nargs="?",
)
LIVE_RUN = argument(
    "run",
    "live run",
    "a variable, a workflow's name or an id, with /TASK[INDEX] a run within it; the latest run; "
    "also one of another process",
    nargs="?",
)
WORKFLOW = argument("name", "workflow", "the name of a defined workflow")
DARK = argument("--dark", "", "always dark; by default as the page is", action="store_true")


def command(*arguments: CommandArgument) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function as the command of its name; the first line of its docstring is help."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        name = function.__name__.strip("_")
        COMMANDS[name] = MagicCommand(name, function, arguments)
        return function

    return register


def check_variable_name(name: str | None) -> None:
    """Check the value of `--out`.

    Raises:
        UsageError: It cannot be a variable's name.
    """
    if name and not name.isidentifier():
        raise UsageError(f"--out takes a variable's name, not `{name}`")


def get_command(name: str) -> MagicCommand:
    """Return a command by its name.

    Raises:
        UsageError: There is no such command.
    """
    if name in COMMANDS:
        return COMMANDS[name]

    hint = nearest(name, [*COMMANDS, "run"])
    if not hint:
        hint = "; `%attune --help` lists the commands"
    raise UsageError(f"%attune has no command `{name}`{hint}")


def format_commands() -> str:
    """Return the list of all commands, one a line."""
    lines = ["commands (`%attune COMMAND --help` shows the options of one):"]
    width = max(map(len, COMMANDS))
    for name, entry in sorted(COMMANDS.items()):
        lines.append(f"  {name:<{width}}  {entry.help}")
    return "\n".join(lines)

"""What a command of `%attune` is: its words, its help, and how it is found."""

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
    "RUN",
    "WORKFLOW",
    "Begin",
    "Command",
    "Word",
    "command",
    "command_of",
    "listed",
    "parsed",
    "word",
]


class Word(NamedTuple):
    """One word or option of a command; `kind` says what completes it."""

    name: str
    kind: str
    help: str
    options: dict[str, Any]

    @property
    def takes_a_value(self) -> bool:
        """Whether it is an option, and the word after it is its value."""
        return self.name.startswith("-") and self.options.get("action") != "store_true"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        """Raise instead of leaving the kernel."""
        raise UsageError(f"%attune {self.prog.split()[-1]}: {message}")


def parsed(parser: argparse.ArgumentParser, words: Sequence[str]) -> argparse.Namespace:
    """Parse the words of a line; of an option that there is not, the nearest is told.

    Raises:
        UsageError: They are not what the parser takes.
    """
    given, left = parser.parse_known_args(words)
    if left:
        known = [each for each in parser._option_string_actions if each.startswith("--")]  # noqa: SLF001 - argparse tells no other way
        odd = [each.partition("=")[0] for each in left if each.startswith("-")]
        hints = (nearest(each, known) for each in odd)
        parser.error(f"unrecognized arguments: {' '.join(left)}{next(filter(None, hints), '')}")
    return given


class Command:
    """A command: its name, its words, and the function that does it."""

    def __init__(self, name: str, act: Callable[..., Any], words: Sequence[Word]) -> None:
        self.name, self.words, self._act = name, words, act
        self.help = (act.__doc__ or "").partition("\n")[0]
        self._parser = _Parser(prog=f"%attune {name}", description=self.help, add_help=False)
        for word in words:
            self._parser.add_argument(word.name, help=word.help, **word.options)
        self._parser.add_argument("--help", action="store_true", help="show this")

    def __call__(self, session: Session, words: Sequence[str]) -> Any:
        """Do it, or show its help."""
        if "--help" in words:
            return Text(self._parser.format_help().rstrip())
        given = vars(parsed(self._parser, words))
        del given["help"]
        try:
            return self._act(session, **given)
        except (BackendError, OSError) as error:
            raise UsageError(f"%attune {self.name}: {error}") from None


class Begin(NamedTuple):
    """A run that a command makes: what it is called, and how, given what shows its progress."""

    name: str
    make: Callable[[Any], Run]


COMMANDS: dict[str, Command] = {}


def word(name: str, kind: str, told: str, **options: Any) -> Word:
    """Make a word of a command."""
    return Word(name, kind, told, options)


RUN = word("run", "run", "a variable, a workflow's name or an id; the latest run", nargs="?")
WORKFLOW = word("name", "workflow", "the name of a defined workflow")
DARK = word("--dark", "", "for a dark page", action="store_true")


def command(*words: Word, name: str = "") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a function a command: under its own name, or the one given."""

    def added(act: Callable[..., Any]) -> Callable[..., Any]:
        called = name or act.__name__.strip("_")
        COMMANDS[called] = Command(called, act, words)
        return act

    return added


def command_of(name: str) -> Command:
    """Give a command by its name.

    Raises:
        UsageError: There is none.
    """
    if name not in COMMANDS:
        hint = nearest(name, [*COMMANDS, "run"]) or "; `%attune --help` lists them"
        raise UsageError(f"%attune has no command `{name}`{hint}")
    return COMMANDS[name]


def listed() -> str:
    """Give all commands, a line each."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {each.help}" for name, each in sorted(COMMANDS.items())]
    return "\n".join(["commands (`%attune COMMAND --help` says more):", *lines])

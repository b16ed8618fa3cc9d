"""The options of `%%attune` and of the commands of `%attune`, and the settings, as declared."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from attune_nb.help.options import SETTING, Option
from attune_nb.notebook.command import COMMANDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from IPython.core.interactiveshell import InteractiveShell
    from IPython.core.magic import Magics

__all__ = ["CELL_OPTIONS", "command_options", "list_options", "magic_options", "settings"]

CELL_OPTIONS = "%%attune"
"""The owner of the options that a cell and `%attune run` take."""

_NO_VALUE = (argparse._StoreTrueAction, argparse._HelpAction)  # noqa: SLF001 - no public names


def list_options(shell: InteractiveShell | None) -> list[Option]:
    """Return all options of a notebook; without the magics those of the commands alone."""
    options: list[Option] = []
    manager: Any = getattr(shell, "magics_manager", None)
    magics = None if manager is None else manager.registry.get("AttuneMagics")
    if magics is not None:
        options += magic_options(magics.attune.parser)
        options += settings(type(magics))
    for name in COMMANDS:
        options += command_options(name)
    return options


def magic_options(parser: argparse.ArgumentParser) -> list[Option]:
    """Return the options of a parser of `magic_arguments`."""
    return list(_read(parser, CELL_OPTIONS))


def command_options(name: str) -> list[Option]:
    """Return the arguments and options of a command of `%attune`."""
    return list(_read(COMMANDS[name].parser, f"%attune {name}"))


def settings(magics: type[Magics]) -> list[Option]:
    """Return what `%config` sets, such as `AttuneMagics.out`."""
    found = []
    for name, trait in sorted(magics.class_own_traits(config=True).items()):
        default = trait.default()
        text = "" if default in (None, "") else json.dumps(default)
        found.append(Option(SETTING, (f"AttuneMagics.{name}",), "", trait.help, text))
    return found


def _read(parser: argparse.ArgumentParser, owner: str) -> Iterator[Option]:
    for action in parser._actions:  # noqa: SLF001 - argparse has no public list
        names: tuple[str, ...] = (action.dest,)
        if action.option_strings:
            # the short name comes first
            names = tuple(sorted(action.option_strings, key=len))
        value = ""
        if not isinstance(action, _NO_VALUE):
            value = _value_of(action)
        yield Option(owner, names, value, action.help or "")


def _value_of(action: argparse.Action) -> str:
    """Return the form of the value of an option, or of an argument."""
    if isinstance(action.metavar, str):
        value = action.metavar
    elif action.choices is not None:
        value = "|".join(map(str, action.choices))
    else:
        value = action.dest.upper()

    if action.nargs == "?":
        return f"[{value}]"
    if action.nargs == "*":
        return f"[{value} ...]"
    return value

"""The pages about options: of the notebook, of the command line, and settings."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import typer

from attune_nb.cli import app
from attune_nb.cli.option_table import find_commands, read_options
from attune_nb.cli.output import EXIT_STATUSES
from attune_nb.notebook.command import COMMANDS
from attune_nb.notebook.magics import AttuneMagics
from attune_nb.notebook.option_table import command_options, magic_options, settings
from attune_nb.reference.settings import VARIABLES
from reference_pages.blocks import join_sections, table, word_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attune_nb.help.options import Option

__all__ = ["command_line_page", "notebook_page", "settings_page"]

_BARE_OPTION = re.compile(r"(?<![`\w-])(--[a-z][a-z-]*)(?![^`]*`(?:[^`]*`[^`]*`)*[^`]*$)")

_VARIABLE_GROUPS = {
    "read": "Variables of the environment",
    "OpenTelemetry": "Variables of OpenTelemetry",
    "packs": "Variables of an action of a pack",
}


def notebook_page() -> str:
    """Return the page of the magics."""
    introduction = """
# In a notebook

`%load_ext attune_nb` adds two magics. `%%attune [NAME]` above a workflow's YAML runs it.
`%attune COMMAND` carries out one of the commands below.

RUN stands for a variable with a Run, the name of a workflow, or the id of a run. Without it the
latest run is meant. A line of a magic ends at ` #`. `{name}` and `$name` stand for the notebook's
variable `name` there.
"""
    magics: Any = AttuneMagics.attune
    cell_options = [option for option in magic_options(magics.parser) if option.is_option]
    sections = {
        "`%%attune`": (
            "The options of a cell. `%attune run NAME` takes them too, and parameters as "
            "`key=value`.\n\n" + _option_table(cell_options)
        )
    }
    for name in sorted(COMMANDS):
        options = [option for option in command_options(name) if "--help" not in option.names]
        parts = [_sentence(COMMANDS[name].help), _usage(f"%attune {name}", options)]
        sections[f"`%attune {name}`"] = "\n\n".join([*parts, _option_table(options)])
    return join_sections(introduction, sections)


def command_line_page() -> str:
    """Return the page of the command line."""
    introduction = """
# On the command line

`attune-nb COMMAND --help` shows the same as this page. `python -m attune_nb` is another name of
`attune-nb`.
"""
    status_rows = [(f"{status}", text) for status, text in EXIT_STATUSES.items()]
    sections = {"Exit status": table(status_rows, ("Status", "Meaning"))}

    for name, command in find_commands(typer.main.get_command(app)).items():
        text, _, details = str(command.help).partition("\n\n")
        paragraphs = [_sentence(" ".join(text.split()))]
        paragraphs += [" ".join(part.split()) for part in details.split("\n\n") if part.strip()]
        options = read_options(command, name)
        sections[f"`{name}`"] = "\n\n".join(
            [*paragraphs, _usage(name, options), _option_table(options)]
        )
    return join_sections(introduction, sections)


def settings_page() -> str:
    """Return the page of the settings of the magics, and of the environment."""
    introduction = """
# Settings

An option of a cell or a command comes before a setting, and a setting before a variable of the
environment.
"""
    rows = [
        (f"`{option.names[0]}`", option.help, f"`{option.default}`" if option.default else "")
        for option in settings(AttuneMagics)
    ]
    text = (
        "`%config AttuneMagics.NAME = VALUE` sets one for a notebook. "
        "`c.AttuneMagics.NAME = VALUE` in the configuration of IPython sets it for all.\n\n"
    )
    sections = {
        "Settings of the magics": text + table(rows, ("Setting", "Meaning", "Default")),
    }
    for group, title in _VARIABLE_GROUPS.items():
        variables = [entry for entry in VARIABLES if entry.group == group]
        sections[title] = word_table(variables, "Variable")
    return join_sections(introduction, sections)


def _usage(command: str, options: Sequence[Option]) -> str:
    """Return the line that a command is written as."""
    words = [command, *(option.value for option in options if not option.is_option)]
    if any(option.is_option for option in options):
        words.append("[options]")
    return f"```text\n{' '.join(words)}\n```"


def _option_table(options: Sequence[Option]) -> str:
    has_arguments = not all(option.is_option for option in options)
    heading = "Option or argument" if has_arguments else "Option"
    rows = []
    for option in options:
        text = _sentence(option.help)
        if option.default:
            text += f" Default: `{option.default}`."
        rows.append((f"`{option.text}`", text))
    if not rows:
        return ""
    return table(rows, (heading, "Meaning"))


def _sentence(text: str) -> str:
    """Return a text that begins with a capital and ends with a full stop."""
    if not text:
        return ""
    # bare dashes would become one long dash
    text = _BARE_OPTION.sub(r"`\1`", text)
    return text[0].upper() + text[1:].rstrip(".") + "."

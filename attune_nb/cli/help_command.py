"""The command `help`: it explains a word of the language, or an action."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from attune_nb.actions.registry import registered_functions
from attune_nb.cli.action_files import load_action_files
from attune_nb.cli.option_table import find_commands, read_options
from attune_nb.cli.options import Actions  # noqa: TC001 - typer reads the annotations
from attune_nb.cli.output import exit_with_error
from attune_nb.errors import AttuneError, LookupFailed
from attune_nb.help.lookup import find_help, overview, suggest_word
from attune_nb.help.page import Paragraph
from attune_nb.notebook.session_actions import describe_action

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attune_nb.help.options import Option
    from attune_nb.help.page import Block, Page

__all__ = ["explain"]

Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[WORD]",
        help="a key, a function, a status, a topic, an action, an option, an error, a column, "
        "a term",
    ),
]


def explain(context: typer.Context, words: Words = None, actions: Actions = None) -> None:
    """Explain a key, a function, a status, an option, an error or a term; or list them."""
    if not words:
        typer.echo(repr(overview("attune-nb help")))
        return

    # `help retry delay` means the key `delay` of `retry`
    word = ".".join(words)
    group = context.find_root().command
    commands: Mapping[str, Any] = getattr(group, "commands", {})
    options = [
        option
        for name, command in find_commands(group).items()
        for option in read_options(command, name)
    ]
    try:
        available = {**registered_functions(), **load_action_files(actions)}
        page = _find_help(word, available, commands, options)
    except AttuneError as error:
        exit_with_error(error)
    typer.echo(repr(page))


def _find_help(
    word: str, actions: Mapping[str, Any], commands: Mapping[str, Any], options: list[Option]
) -> Page:
    """Return all that there is about a word.

    Raises:
        LookupFailed: Nothing has this name; the message suggests the nearest one.
    """
    action = describe_action(word, actions[word]) if word in actions else None
    command_blocks: list[Block] = []
    if word in commands:
        command_blocks = [
            Paragraph(f"`attune-nb {word} --help` shows the options of this command.")
        ]

    page = find_help(word, action, command_blocks, options)
    if page is None:
        option_names = [name for option in options for name in option.names]
        hint = suggest_word(word, [*actions, *commands, *option_names])
        if not hint:
            hint = "; `attune-nb help` lists all words"
        raise LookupFailed(f"there is no help for `{word}`{hint}")
    return page

"""The commands of `%attune` that explain: words of the language, and actions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from IPython.core.error import UsageError

from attune_nb.actions.registry import find_action
from attune_nb.display.outputs import Text
from attune_nb.errors import nearest
from attune_nb.help.describe_action import action_page, summarize_action
from attune_nb.help.lookup import find_help, overview, suggest_word
from attune_nb.help.page import Code, Paragraph
from attune_nb.notebook.command import COMMANDS, argument, command
from attune_nb.notebook.option_table import list_options
from attune_nb.notebook.session_actions import available_actions, describe_action

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from attune_nb.help.page import Block, Page
    from attune_nb.notebook.session import Session
    from attune_nb.notebook.session_actions import AnyAction

__all__: list[str] = []

_WORDS = argument(
    "words",
    "help",
    "a key, a function, a status, a topic, an action, an option, an error, a column, a term",
    nargs="*",
)


@command(argument("name", "action", "an action; all actions", nargs="?"))
def _actions(session: Session, name: str | None) -> Text | Page:
    """List the names that a task's `action` can have here, or show the arguments of one."""
    actions = available_actions(session)
    if name is None:
        return Text(_list_actions(actions))
    if ":" in name:
        return action_page(describe_action(name, _import_function(session, name)))
    if name in actions:
        return action_page(describe_action(name, actions[name]))

    hint = nearest(name, actions)
    if not hint:
        hint = "; `%attune actions` lists them"
    raise UsageError(f"there is no action `{name}`{hint}")


def _import_function(session: Session, name: str) -> Callable[..., Any]:
    """Return the function of `module:function`.

    Raises:
        UsageError: Imports are not allowed, or there is no such function.
    """
    try:
        return find_action(name, {}, allow_imports=session.allows_imports).function
    except KeyError as error:
        raise UsageError(str(error.args[0])) from None


def _list_actions(actions: dict[str, AnyAction]) -> str:
    width = max(map(len, actions))

    lines = []
    for name, action in actions.items():
        summary = summarize_action(describe_action(name, action))
        lines.append(f"{name:<{width}}  {summary}".rstrip())
    lines.append("`%attune actions NAME` shows the arguments of one")
    return "\n".join(lines)


@command(_WORDS)
def _help(session: Session, words: list[str]) -> Page:
    """Explain a key, a function, a status, an option, an error or a term; or list them."""
    if not words:
        return overview("%attune help")

    # `help retry delay` means the key `delay` of `retry`
    word = ".".join(words)

    actions = available_actions(session)
    action = describe_action(word, actions[word]) if word in actions else None
    command_blocks = _command_blocks(word) if word in COMMANDS else []

    options = list_options(session.shell)
    page = find_help(word, action, command_blocks, options)
    if page is None:
        option_names = [name for option in options for name in option.names]
        hint = suggest_word(word, [*COMMANDS, *actions, *option_names])
        if not hint:
            hint = "; `%attune help` lists all words"
        raise UsageError(f"there is no help for `{word}`{hint}")
    return page


def _command_blocks(name: str) -> list[Block]:
    """Return the blocks about a command of `%attune`."""
    entry = COMMANDS[name]
    return [
        Paragraph(f"`%attune {name}` is a command: {entry.help}"),
        Code(entry.format_help(), "text"),
    ]

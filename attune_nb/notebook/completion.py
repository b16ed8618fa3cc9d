"""Tab completion of lines with `%attune`, and of cells under `%%attune`."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from IPython.core.completer import SimpleCompletion, context_matcher

from attune_nb.help.lookup import known_words
from attune_nb.notebook.cell_completion import complete_cell
from attune_nb.notebook.command import COMMANDS, option_names
from attune_nb.notebook.session_actions import available_actions
from attune_nb.running.declared_parameters import parameter_names
from attune_nb.running.prepare import BACKENDS
from attune_nb.running.run_selection import RUN_STATUSES

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable, Iterable

    from IPython.core.completer import CompletionContext
    from IPython.core.interactiveshell import InteractiveShell

    from attune_nb.notebook.command import MagicCommand
    from attune_nb.notebook.session import Session
    from attune_nb.running.workflow import Workflow

__all__ = ["register", "unregister"]

# the magic, and the words after it up to the cursor
_LINE = re.compile(r"^.*?(%%?)attune\b[ \t]*(.*)$")

# fixed values that follow a word
_VALUES = {
    "--backend": BACKENDS,
    "--logs": ("all", "none"),
    "--level": ("stdout", "stderr", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
    "bench": ("clone", "fanout"),
}


def register(shell: InteractiveShell, session: Session, parser: ArgumentParser) -> None:
    """Add the matcher of `%attune` to the shell's completer.

    Args:
        shell: IPython's shell.
        session: The names to complete.
        parser: The parser of the magic's options.
    """
    unregister(shell)
    completer: Any = shell.Completer
    completer.custom_matchers.append(_create_matcher(session, parser))


def unregister(shell: InteractiveShell) -> None:
    """Remove the matcher from the shell's completer."""
    completer: Any = shell.Completer
    completer.custom_matchers[:] = [
        matcher for matcher in completer.custom_matchers if not hasattr(matcher, "is_of_attune")
    ]


def _create_matcher(session: Session, parser: ArgumentParser) -> Callable[..., Any]:
    @context_matcher(identifier="attune_nb")  # type: ignore[untyped-decorator, unused-ignore]
    def matcher(context: CompletionContext) -> Any:
        magic_line, _, body = context.full_text.partition("\n")
        before = context.text_until_cursor

        line = _LINE.match(before)
        if line is not None:
            sign, text = line.groups()
            unsorted, fragment = _complete_line(session, parser, text, is_cell=sign == "%%")
            candidates = sorted(unsorted)
        elif magic_line.startswith("%%attune") and context.cursor_line > 0:
            lines = body.split("\n")
            above = lines[: context.cursor_line - 1]
            candidates, fragment = complete_cell(above, before, lines, available_actions(session))
        else:
            return {"completions": []}

        # keys and arguments stay in the order in which a person writes them
        matches = [name for name in dict.fromkeys(candidates) if name.startswith(fragment)]
        return {
            "completions": [SimpleCompletion(match, type="attune") for match in matches],
            "matched_fragment": fragment,
            "ordered": True,
            "suppress": bool(matches),
        }

    # `unregister` finds it by this
    attune_matcher: Any = matcher
    attune_matcher.is_of_attune = True
    return attune_matcher  # type: ignore[no-any-return]


def _complete_line(
    session: Session, parser: ArgumentParser, text: str, *, is_cell: bool
) -> tuple[Iterable[str], str]:
    """Return the candidates for the word at the cursor, and its part before the cursor."""
    *words, fragment = re.split(r"\s+", text)
    words = [word for word in words if word]

    candidates = _option_values(session, words, fragment)
    if candidates is None and fragment.startswith("-"):
        candidates = _options(parser, words, is_cell=is_cell)
    elif candidates is None:
        candidates = _words(session, words, fragment, is_cell=is_cell)
    return candidates, fragment


def _option_values(session: Session, words: list[str], fragment: str) -> Iterable[str] | None:
    """Return the values of the option before the cursor; None if no such option is there."""
    option = words[-1] if words else ""

    if option in _VALUES:
        return _VALUES[option]
    if option == "--set":
        return _parameter_pairs(session, words, fragment)
    if option == "--mock":
        return _mock_pairs(session, words, fragment)
    if option == "--answer":
        return _answer_pairs(session, words, fragment)
    if option in ("--params", "--keystore"):
        return session.variables_of_type(dict)
    if option in ("--retry-failed", "--resume") and not fragment.startswith("-"):
        return session.run_names()
    if option == "--from":
        workflow = _find_workflow(session, words)
        return [path for path, _ in workflow.walk()] if workflow is not None else []
    return None


def _options(parser: ArgumentParser, words: list[str], *, is_cell: bool) -> list[str]:
    """Return the options of the magic, or of the command of a line."""
    if is_cell or not words or words[0] == "run":
        return option_names(parser)

    command = COMMANDS.get(words[0])
    if command is None:
        return ["--help"]
    return ["--help", *(item.name for item in command.arguments if item.is_option)]


def _words(session: Session, words: list[str], fragment: str, *, is_cell: bool) -> Iterable[str]:
    """Return the candidates for a word that is not an option and not the value of one."""
    if is_cell:
        return [] if words else session.workflows
    if not words:
        return [*COMMANDS, "run"]

    if words == ["run"]:
        return [*session.workflows, *session.pack_set.refs]
    if words[0] == "run":
        return _parameter_pairs(session, words, fragment)
    if words[0] in COMMANDS:
        return _command_words(session, COMMANDS[words[0]], words, fragment)
    return []


def _command_words(
    session: Session, command: MagicCommand, words: list[str], fragment: str
) -> Iterable[str]:
    """Return the candidates for the next argument of a command."""
    kind = _kind_of_next_argument(command, words)

    if kind in ("run", "live run", "graph"):
        return _run_words(session, kind, fragment)
    if kind == "workflow":
        return session.workflows
    if kind == "action":
        return available_actions(session)
    if kind == "help":
        return [*known_words(), *available_actions(session), *COMMANDS]
    if kind == "status":
        return RUN_STATUSES
    if kind == "task":
        return _task_names(session, words)
    if kind == "parameter":
        return _parameter_pairs(session, words, fragment)
    return []


def _run_words(session: Session, kind: str, fragment: str) -> Iterable[str]:
    """Return the candidates for a run, or for something else that stands in its place."""
    if "/" in fragment:
        return session.child_paths(fragment)
    words = session.run_names()
    if kind == "live run":
        words += session.live_run_ids()
    elif kind == "graph":
        words += session.workflows
    return words


def _kind_of_next_argument(command: MagicCommand, words: list[str]) -> str:
    """Return the kind of the argument at the cursor, "" if the command takes none there."""
    for item in command.arguments:
        if item.is_option and words[-1] in item.names:
            return item.kind

    # positional arguments are counted; `words[0]` is the command itself
    value_options: set[str] = set()
    for item in command.arguments:
        if item.takes_value:
            value_options.update(item.names)
    count = 0
    for previous, word in pairwise(words):
        if not word.startswith("-") and previous not in value_options:
            count += 1

    positional = [item for item in command.arguments if not item.is_option]
    if positional and positional[-1].settings.get("nargs") == "*":
        # the last one may be repeated
        count = min(count, len(positional) - 1)
    return positional[count].kind if count < len(positional) else ""


def _task_names(session: Session, words: list[str]) -> list[str]:
    """Return the tasks of the run that a line names; otherwise of the latest run."""
    run = None
    if len(words) > 1:
        run = session.find_run(words[1])
    if run is None:
        run = session.latest_run()

    if run is None:
        return []
    return [task.name for task in run.workflow.tasks]


def _find_workflow(session: Session, words: list[str]) -> Workflow | None:
    """Return the first workflow that is named among the words, or None."""
    packs = session.pack_set
    for word in words:
        if word in session.workflows or packs.is_usable(word):
            return session.get_workflow(word)
    return None


def _parameter_pairs(session: Session, words: list[str], fragment: str) -> list[str]:
    """Return `NAME=` for the parameters of the line's workflow; after the sign, variables."""
    workflow = _find_workflow(session, words)
    names: Iterable[str] = []
    if workflow is not None and workflow.parameters:
        names = parameter_names(workflow)
    return _pairs(session, names, fragment)


def _mock_pairs(session: Session, words: list[str], fragment: str) -> list[str]:
    """Return `TASK=` for the tasks of the line's workflow; after the sign, variables."""
    workflow = _find_workflow(session, words)
    names: Iterable[str] = []
    if workflow is not None:
        names = [task.name for task in workflow.tasks]
    return _pairs(session, names, fragment)


def _answer_pairs(session: Session, words: list[str], fragment: str) -> list[str]:
    """Return `TASK=` for the tasks of the line's workflow that ask; after the sign, variables."""
    workflow = _find_workflow(session, words)
    names: Iterable[str] = []
    if workflow is not None:
        names = [path for path, task in workflow.walk() if task.action == "core.ask"]
    return _pairs(session, names, fragment)


def _pairs(session: Session, names: Iterable[str], fragment: str) -> list[str]:
    name, sign, _ = fragment.partition("=")
    if not sign:
        return [f"{candidate}=" for candidate in names]

    variables = [variable for variable in session.shell.user_ns if not variable.startswith("_")]
    return [f"{name}={variable}" for variable in variables]

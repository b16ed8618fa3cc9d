"""What Tab offers on a line with `%attune`, and inside a cell under `%%attune`."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from IPython.core.completer import SimpleCompletion, context_matcher

from attune_nb.actions.registry import registered_functions
from attune_nb.notebook.cell_completion import offers
from attune_nb.notebook.command import COMMANDS
from attune_nb.running.prepare import BACKENDS
from attune_nb.running.run import BaseRun

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable, Iterable

    from IPython.core.completer import CompletionContext
    from IPython.core.interactiveshell import InteractiveShell

    from attune_nb.notebook.session import Session
    from attune_nb.running.workflow import Workflow

__all__ = ["register", "unregister"]

_LINE = re.compile(r"^.*?(%%?)attune\b[ \t]*(.*)$")
_NAMES = {"--backend": BACKENDS, "bench": ("clone", "fanout")}


def register(shell: InteractiveShell, session: Session, parser: ArgumentParser) -> None:
    """Have the shell ask here too."""
    completer: Any = shell.Completer
    unregister(shell)
    completer.custom_matchers.append(_matcher(session, parser))


def unregister(shell: InteractiveShell) -> None:
    """Have it ask here no more."""
    completer: Any = shell.Completer
    completer.custom_matchers[:] = [
        each for each in completer.custom_matchers if not hasattr(each, "is_of_attune")
    ]


def _matcher(session: Session, parser: ArgumentParser) -> Callable[..., Any]:
    @context_matcher(identifier="attune_nb")  # type: ignore[untyped-decorator, unused-ignore]
    def matcher(context: CompletionContext) -> Any:
        first, _, body = context.full_text.partition("\n")
        before = context.text_until_cursor
        here = _LINE.match(before)
        if here is not None:
            words, fragment = _words_before(here[2])
            found = _on_line(session, parser, words, fragment, is_cell=here[1] == "%%")
        elif first.startswith("%%attune") and context.cursor_line > 0:
            lines = body.split("\n")
            above = lines[: context.cursor_line - 1]
            found, fragment = offers(
                above, before, lines, [*registered_functions(), *_names_of(session)]
            )
        else:
            return {"completions": []}
        wanted = sorted(each for each in dict.fromkeys(found) if each.startswith(fragment))
        return {
            "completions": [SimpleCompletion(each, type="attune") for each in wanted],
            "matched_fragment": fragment,
            "suppress": bool(wanted),
        }

    made: Any = matcher
    made.is_of_attune = True
    return made  # type: ignore[no-any-return]


def _names_of(session: Session) -> list[str]:
    return [*session.functions(), *session.workflows]


def _words_before(text: str) -> tuple[list[str], str]:
    """Give the words before the one at the cursor, and what there is of that one."""
    *words, fragment = re.split(r"\s+", text)
    return [each for each in words if each], fragment


def _on_line(
    session: Session, parser: ArgumentParser, words: list[str], fragment: str, *, is_cell: bool
) -> Iterable[str]:
    taken = _taken_by(session, words, fragment)
    if taken is not None:
        return taken
    runs_something = is_cell or not words or words[0] == "run"
    if fragment.startswith("-"):
        if runs_something:
            return [each for action in parser._actions for each in action.option_strings]  # noqa: SLF001 - argparse tells no other way
        given = COMMANDS.get(words[0])
        named = [each.name for each in given.words] if given else []
        return ["--help", *(each for each in named if each.startswith("-"))]
    if not words:
        return session.workflows if is_cell else [*COMMANDS, "run"]
    if is_cell:
        return []
    if words[0] == "run":
        return session.workflows if len(words) == 1 else _pairs(session, words, fragment)
    return _of_command(session, words)


def _taken_by(session: Session, words: list[str], fragment: str) -> Iterable[str] | None:
    """Give what the option before the cursor takes; None where there is none that does."""
    option = words[-1] if words else ""
    if option in _NAMES:
        return _NAMES[option]
    if option in ("--set", "--mock"):
        return _pairs(session, words, fragment, of_tasks=option == "--mock")
    if option == "--params":
        return session.names_of(dict)
    if option in ("--retry-failed", "--resume") and not fragment.startswith("-"):
        return _runs(session)
    if option == "--from":
        workflow = _workflow_in(session, words)
        return [path for path, _ in workflow.walk()] if workflow is not None else []
    return None


def _runs(session: Session) -> list[str]:
    return [*session.last, *session.runs, *session.names_of(BaseRun)]


def _workflow_in(session: Session, words: list[str]) -> Workflow | None:
    """Give the workflow that is named among the words."""
    name = next((each for each in words if each in session.workflows), None)
    return session.workflows.get(name or "")


def _of_command(session: Session, words: list[str]) -> Iterable[str]:
    command = COMMANDS.get(words[0])
    if command is None:
        return []
    by_option = {each.name: each.kind for each in command.words}
    places = [each.kind for each in command.words if not each.name.startswith("-")]
    values = {each.name for each in command.words if each.takes_a_value}
    at = sum(not each.startswith("-") and before not in values for before, each in pairwise(words))
    kind = by_option.get(words[-1], places[at] if at < len(places) else "")
    if kind in ("run", "graph"):
        return [*_runs(session), *session.workflows] if kind == "graph" else _runs(session)
    if kind == "workflow":
        return session.workflows
    if kind == "task":
        run = session.find(words[1]) if len(words) > 1 else None
        run = run or next(reversed(session.last.values()), None)
        return [task.name for task in run.workflow.tasks] if run is not None else []
    return []


def _pairs(
    session: Session, words: list[str], fragment: str, *, of_tasks: bool = False
) -> Iterable[str]:
    """Give `name=` for each parameter (or task), and after the sign the notebook's names."""
    name, sign, _ = fragment.partition("=")
    if sign:
        names = [each for each in session.shell.user_ns if not each.startswith("_")]
        return [f"{name}={each}" for each in names]
    workflow = _workflow_in(session, words)
    if workflow is None:
        return []
    named = [task.name for task in workflow.tasks] if of_tasks else workflow.parameters or {}
    return [f"{each}=" for each in named]

"""The problems of a cell that is being written, for the JupyterLab extension to underline.

The extension opens a comm and sends the text of a cell as `{"id": ..., "text": ...}`. The answer
is `{"id": ..., "problems": [...]}`, see `find_cell_problems`. Nothing is run or imported for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from comm import get_comm_manager

from attune_nb.errors import WorkflowError
from attune_nb.running.workflow import loads

if TYPE_CHECKING:
    from collections.abc import Iterable

    from comm.base_comm import BaseComm

    from attune_nb.errors import Position, Problem
    from attune_nb.notebook.session import Session
    from attune_nb.running.workflow import Workflow

__all__ = ["find_cell_problems", "register", "unregister"]

_TARGET = "attune.check"

# problems of an answer
_MAX_PROBLEMS = 50
# characters of a text that is checked: the kernel does nothing else meanwhile
_MAX_TEXT_LENGTH = 200_000


def register(session: Session) -> None:
    """Answer the extension, if the session is one of a kernel."""
    if getattr(session.shell, "kernel", None) is None:
        return

    def accept(comm: BaseComm, _: object) -> None:
        comm.on_msg(lambda message: _answer(session, comm, message))

    get_comm_manager().register_target(_TARGET, accept)


def unregister() -> None:
    """Answer no more; comms that are open stay so."""
    get_comm_manager().targets.pop(_TARGET, None)


def find_cell_problems(session: Session, text: str) -> list[dict[str, Any]]:
    """Return the problems of a cell, the first 50.

    Args:
        session: The session whose functions and workflows the cell may use.
        text: The cell, with its first line `%%attune`.

    Returns:
        For each problem its `message`, its `severity`, and its `line` and `column`, which count
        from 1 at the beginning of the cell. Columns are counted as JavaScript does, in units of
        UTF-16. A problem without a position is one of the first line.
    """
    if len(text) > _MAX_TEXT_LENGTH:
        return []
    first_line, _, body = text.partition("\n")

    try:
        workflow = loads(body, "<cell>", above=first_line)
    except WorkflowError as error:
        problems: Iterable[Problem] = error.problems
    else:
        problems = _check(session, workflow)
    return [_to_message(problem) for problem in problems][:_MAX_PROBLEMS]


def _answer(session: Session, comm: BaseComm, message: dict[str, Any]) -> None:
    data = message["content"]["data"]

    try:
        problems = find_cell_problems(session, data["text"])
    except Exception:  # noqa: BLE001 - objects of the notebook may raise anything
        # a run of the cell shows the error
        problems = []
    comm.send({"id": data["id"], "problems": problems})


def _check(session: Session, workflow: Workflow) -> list[Problem]:
    options = session.code_options(workflow)
    # a name that is being written must not import a module
    if options.pop("allow_imports", False):
        for _, task in workflow.walk():
            if task.action is not None and ":" in task.action:
                options["actions"].setdefault(task.action, _accept)
    return workflow.check(**options)


def _accept(**_: Any) -> None:
    """Accept any input, in place of an action that a run would import."""


def _to_message(problem: Problem) -> dict[str, Any]:
    line = 1
    column = 1
    if problem.position is not None:
        line = problem.position.line
        column = 1 + _utf16_length(_text_before(problem.position))
    return {
        "message": problem.message,
        "severity": problem.severity,
        "line": line,
        "column": column,
    }


def _text_before(position: Position) -> str:
    """Return the line of a position up to its column."""
    lines = position.source.text.splitlines()
    if position.line > len(lines):
        return ""
    return lines[position.line - 1][: position.column - 1]


def _utf16_length(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2

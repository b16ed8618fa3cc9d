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

__all__ = ["CellChecker", "find_cell_problems"]

_TARGET = "attune.check"

# problems of an answer
_MAX_PROBLEMS = 50
# characters of a text that is checked, about 2,000 lines: it takes 0.3 s, and the kernel does
# nothing else meanwhile
_MAX_TEXT_LENGTH = 50_000


class CellChecker:
    """Answers the extension in a kernel; in another shell it does nothing.

    A kernel assigns the output of its threads to the last message, which would be that of a check.
    So the output is assigned to the last cell again after a check.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._shell: Any = session.shell
        self._cell: Any = None

    @property
    def _is_in_kernel(self) -> bool:
        return getattr(self._shell, "kernel", None) is not None

    def start(self) -> None:
        """Answer from now on."""
        if self._is_in_kernel:
            self._note_cell()
            self._shell.events.register("pre_run_cell", self._note_cell)
            get_comm_manager().register_target(_TARGET, self._accept)

    def stop(self) -> None:
        """Accept no more comms; those that are open stay so."""
        if self._is_in_kernel:
            get_comm_manager().unregister_target(_TARGET, self._accept)
            self._shell.events.unregister("pre_run_cell", self._note_cell)

    def _note_cell(self, *_: object) -> None:
        self._cell = self._shell.get_parent()

    def _accept(self, comm: BaseComm, _: object) -> None:
        comm.on_msg(lambda message: self._answer(comm, message))
        self._shell.set_parent(self._cell)

    def _answer(self, comm: BaseComm, message: dict[str, Any]) -> None:
        data = message["content"]["data"]
        try:
            problems = find_cell_problems(self._session, data["text"])
        except Exception:  # noqa: BLE001 - objects of the notebook may raise anything
            # a run of the cell shows the error
            problems = []

        comm.send({"id": data.get("id"), "problems": problems})
        self._shell.set_parent(self._cell)


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

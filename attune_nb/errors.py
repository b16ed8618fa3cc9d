"""The errors of attune_nb, in one tree.

    AttuneError               the root: catches all of them
    ├── WorkflowError         a workflow's text is invalid; holds all its problems
    ├── ParameterError        the parameters of a run do not fit the workflow
    ├── TemplateError         an expression cannot be compiled or evaluated
    ├── ActionError           an action failed; an action raises it to add data to the message
    │   └── NotSendable       an object cannot be pickled, or unpickled in the other process
    ├── Timeout               an attempt took too long; an action may raise it too
    ├── BackendError          the backend cannot be used
    │   └── BackendUnavailable  the backend was lost during the run: the run pauses
    ├── StoreError            the store cannot be read or written
    ├── PackError             an Attune pack lacks what it needs on this machine
    ├── LookupFailed          a run has no such task, or the task has not run yet
    ├── CommandRefused        a run of another process did not carry out a command
    ├── QuestionOpen          a run waits for an answer, and is unattended
    └── RunFailed             a run did not succeed (raised by a cell and `Run.raise_for_status`)
        └── RunCancelled      a run was cancelled

A problem in a text has a `Position`. Every error can be pickled: the arguments of its
constructor are the exception's `args`.
"""

from __future__ import annotations

import difflib
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "ActionError",
    "AttuneError",
    "BackendError",
    "BackendUnavailable",
    "CommandRefused",
    "LookupFailed",
    "NotSendable",
    "PackError",
    "ParameterError",
    "Position",
    "Problem",
    "QuestionOpen",
    "RunCancelled",
    "RunFailed",
    "Source",
    "StoreError",
    "TemplateError",
    "Timeout",
    "WorkflowError",
    "nearest",
]

# problems in a message; `WorkflowError.problems` has all of them
_MAX_SHOWN = 30
# characters of a line in an excerpt
_MAX_LINE = 160

Severity = Literal["error", "warning", "hint"]


class Source(msgspec.Struct, frozen=True):
    """A text and the name under which it is shown: a file's path, or `<cell>`."""

    name: str
    text: str

    def __repr__(self) -> str:
        return f"Source({self.name!r}, {len(self.text)} characters)"


class Position(msgspec.Struct, frozen=True):
    """A place in a text. Lines and columns count from 1."""

    source: Source
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.source.name}, line {self.line}, column {self.column}"

    def of(self, fragment: str, skip: int = 0) -> Position:
        """Return the position of a fragment in the text that begins here, or this one.

        The search covers this line and the lines after it that are indented further, as the
        lines of a block string are. A fragment at the very beginning has this position.

        Args:
            fragment: The fragment as written; its first line is searched for.
            skip: How many earlier occurrences of that line to skip.
        """
        first_line = fragment.strip().partition("\n")[0].rstrip()
        if not first_line:
            return self

        for number, start, line in self._lines():
            column = line.find(first_line, start)
            while column >= 0 and skip:
                column = line.find(first_line, column + 1)
                skip -= 1
            if column >= 0:
                before = line[start:column].strip("\"' ")
                if number == self.line and not before:
                    return self
                return Position(self.source, number, column + 1)
        return self

    def _lines(self) -> Iterator[tuple[int, int, str]]:
        """Yield number, first column from 0 and text of this line and its indented lines."""
        lines = _split(self.source.text)
        own_line = ""
        if self.line <= len(lines):
            own_line = lines[self.line - 1]
        yield self.line, self.column - 1, own_line

        for number, line in enumerate(lines[self.line :], start=self.line + 1):
            if line.strip() and _indent(line) <= _indent(own_line):
                return
            yield number, 0, line

    def excerpt(self, around: int = 1) -> str:
        """Return the line, `around` lines on either side, and a caret under the column."""
        lines = _split(self.source.text)
        first = max(0, self.line - 1 - around)

        excerpt = []
        for number, line in enumerate(lines[first : self.line + around], start=first + 1):
            excerpt.append(f"{number:>5} | {line[:_MAX_LINE]}")
            if number == self.line:
                indent = " " * min(self.column - 1, _MAX_LINE)
                excerpt.append(f"{'':>5} | {indent}^")
        return "\n".join(excerpt)


@lru_cache(maxsize=4)
def _split(text: str) -> list[str]:
    """Return the lines of a text; cached, since a text may have many problems."""
    return text.splitlines()


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


class Problem(msgspec.Struct, frozen=True):
    """One fault in a workflow's text, or a hint about it."""

    message: str
    position: Position | None = None
    severity: Severity = "error"

    def __str__(self) -> str:
        if self.position is None:
            return self.message
        return f"{self.position}: {self.message}"

    def explain(self) -> str:
        """Return the message, and below it the lines of the text with a caret."""
        if self.position is None:
            return str(self)
        return f"{self}\n{self.position.excerpt()}"


class AttuneError(Exception):
    """The root of every error that attune_nb raises on purpose."""


class _PlainError(AttuneError):
    """An error whose message is enough: IPython shows it without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return f"{type(self).__name__}: {self}".splitlines()


class WorkflowError(_PlainError):
    """A workflow's text is invalid. `problems` holds all its problems, in the order of the text.

    Args:
        problems: The problems.
        unfinished: Whether there may be more, because the search stopped at its limit.
        noun: The thing that has the problems: the workflow, or the pack.
    """

    def __init__(
        self, problems: Iterable[Problem], unfinished: bool = False, noun: str = "the workflow"
    ) -> None:
        self.problems = tuple(problems)
        self.unfinished = unfinished
        self.noun = noun
        super().__init__(self.problems, unfinished, noun)

    def __str__(self) -> str:
        count = len(self.problems)
        at_least = ""
        if self.unfinished:
            at_least = "at least "

        heading = f"{at_least}{count:,} problem{'s' * (count != 1)}"
        if count == 1 and not self.unfinished:
            heading = f"{self.noun} has a problem"
        if count > _MAX_SHOWN:
            heading += f"; the first {_MAX_SHOWN}"

        lines = [f"{heading}:"]
        lines += [problem.explain() for problem in self.problems[:_MAX_SHOWN]]
        if count > _MAX_SHOWN:
            lines.append(f"and {at_least}{count - _MAX_SHOWN:,} more")
        return "\n".join(lines)


class ParameterError(_PlainError):
    """The parameters of a run do not fit the parameters that the workflow declares."""


class TemplateError(_PlainError):
    """An expression cannot be compiled or evaluated.

    Args:
        message: The fault and its remedy.
        expression: The template as written, shortened.
        position: Its position, if it comes from a file or a cell.
    """

    def __init__(
        self, message: str, expression: str = "", position: Position | None = None
    ) -> None:
        super().__init__(message, expression, position)
        self.message = message
        self.expression = expression
        self.position = position

    def __str__(self) -> str:
        message = self.message
        if self.expression:
            message += f" in {self.expression}"
        if self.position:
            message += f" ({self.position})"
        return message


class ActionError(AttuneError):
    """An action failed.

    Args:
        message: The reason; a workflow reads it as `result().error`.
        data: Values that the action had before it failed (an exit code, a body);
            a workflow reads them as `result().KEY`.
    """

    def __init__(self, message: str, data: dict[str, Any] | None = None) -> None:
        super().__init__(message, data)
        self.message = message
        self.data: dict[str, Any] = {}
        # not `if data`: an array of NumPy, say, has no truth value
        if data is not None:
            self.data = data

    def __str__(self) -> str:
        return str(self.message)


class NotSendable(ActionError):  # noqa: N818 - users write this name in `on_error`
    """An object cannot be pickled for another process, or cannot be unpickled there."""


class Timeout(AttuneError):  # noqa: N818 - users write this name in `on_error`
    """An attempt took too long. An action that raises it ends as `timed_out`."""


class BackendError(_PlainError):
    """The backend is unknown, or it does not meet the needs of the run."""


class BackendUnavailable(BackendError):  # noqa: N818 - it names the state of the backend
    """The backend is lost, with the attempts in progress.

    Finished attempts are kept. The run pauses; `resume` continues it on another backend.
    """


class StoreError(_PlainError):
    """The store cannot be read or written."""


class PackError(_PlainError):
    """An Attune pack lacks what it needs on this machine, or its installation failed."""


class LookupFailed(_PlainError):  # noqa: N818 - `LookupError` is Python's
    """A run has no such task, or the task has not run yet."""


CommandRefusal = Literal["ended", "interrupted", "missing", "too_old", "refused", "unheard", "lost"]
"""Why a command was not carried out, as `CommandRefused.reason`."""


class CommandRefused(_PlainError):  # noqa: N818 - pairs with LookupFailed
    """A run of another process did not carry out a command.

    Args:
        message: The reason, and the remedy.
        reason: The kind of reason. The run has `ended`, is `interrupted`, or is `missing` in the
            store; its process has a `too_old` version, has `refused` the command, or has not
            taken it yet (`unheard`); the command was `lost` with its file.
    """

    def __init__(self, message: str, reason: CommandRefusal = "refused") -> None:
        super().__init__(message, reason)
        self.reason: CommandRefusal = reason

    def __str__(self) -> str:
        return str(self.args[0])


class QuestionOpen(_PlainError):  # noqa: N818 - it names the state of the run
    """A run waits for an answer, and no person can give it where the run was started.

    The run is paused: with the answer, `resume` continues it.

    Args:
        message: The questions, and how to answer them.
        run: The `Run`; None after the error was pickled.
        interrupted: Whether a person broke off the reading of an answer with Ctrl-C.
    """

    def __init__(self, message: str, run: Any = None, *, interrupted: bool = False) -> None:
        super().__init__(message)
        self.run = run
        self.interrupted = interrupted

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self.args


class RunFailed(_PlainError):  # noqa: N818 - pairs with RunCancelled
    """A run did not succeed. Raised by `Run.raise_for_status`, and by the cell that ran it.

    Args:
        message: The reason.
        run: The run, which is not pickled with the error.

    Attributes:
        run: The Run; None if a notebook's page could not be made, or after pickling.
    """

    def __init__(self, message: str, run: Any = None) -> None:
        super().__init__(message)
        self.run = run

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self.args


class RunCancelled(RunFailed):
    """A run was cancelled."""


def nearest(name: str, candidates: Iterable[str], cutoff: float = 0.6) -> str:
    """Return `; did you mean `x`?` for the closest candidate, or an empty string.

    Args:
        name: The unknown name.
        candidates: The known names.
        cutoff: How much the names must resemble each other, from 0 (not at all) to 1 (equal).
    """
    names = sorted(set(candidates))

    matches = difflib.get_close_matches(name, names, n=1, cutoff=cutoff)
    if not matches:
        matches = [candidate for candidate in names if candidate.lower() == name.lower()]
    if not matches:
        return ""
    return f"; did you mean `{matches[0]}`?"

"""What can go wrong, in one tree.

    AttuneError               catch this to catch them all
    ├── WorkflowError         the text of a workflow is wrong: every problem at once
    ├── ParameterError        the parameters of a run do not fit the workflow
    ├── TemplateError         an expression cannot be compiled or evaluated
    ├── ActionError           an action failed; raise it to give data along with the message
    │   └── NotSendable       something cannot go to, or come from, another process
    ├── Timeout               an attempt took too long; an action may raise it too
    ├── BackendError          the place where attempts run is not usable
    │   └── BackendUnavailable  it was, and is gone: the run pauses
    ├── StoreError            the record of runs cannot be read or written
    ├── LookupFailed          a run has no such task, or the task has not run yet
    ├── RunFailed             a run ended failed (raised only when asked to)
    └── RunCancelled          a run was cancelled (raised only when asked to)

Whatever came from text knows its `Position`. Every error survives pickling: the
constructor's arguments are the exception's `args`.
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
    "LookupFailed",
    "NotSendable",
    "ParameterError",
    "Position",
    "Problem",
    "RunCancelled",
    "RunFailed",
    "Source",
    "StoreError",
    "TemplateError",
    "Timeout",
    "WorkflowError",
    "nearest",
]

_SHOWN = 30  # problems in a message; `problems` has them all

Severity = Literal["error", "warning", "hint"]


class Source(msgspec.Struct, frozen=True):
    """A text and the name a person knows it by: a file's path, or `<cell>`."""

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
        """Give the place of a fragment of the text that begins here, where it can be found.

        Only what is indented further than this line, as the lines of a block text are, is
        searched; what begins this text has the text's own place.

        Args:
            fragment: As written; its first line is looked for.
            skip: How often that line has stood in the text before.
        """
        wanted = fragment.strip().partition("\n")[0].rstrip()
        for number, start, line in self._lines() if wanted else ():
            at = line.find(wanted, start)
            while at >= 0 and skip:
                at, skip = line.find(wanted, at + 1), skip - 1
            if at >= 0:
                begins = number == self.line and not line[start:at].strip("\"' ")
                return self if begins else Position(self.source, number, at + 1)
        return self

    def _lines(self) -> Iterator[tuple[int, int, str]]:
        lines = _split(self.source.text)
        own = lines[self.line - 1] if self.line <= len(lines) else ""
        yield self.line, self.column - 1, own
        for number, line in enumerate(lines[self.line :], start=self.line + 1):
            if line.strip() and _indent(line) <= _indent(own):
                return
            yield number, 0, line

    def excerpt(self, around: int = 1) -> str:
        """Give the line itself, `around` lines on either side, and a caret under the column."""
        lines = _split(self.source.text)
        first = max(0, self.line - 1 - around)
        shown = []
        for number, text in enumerate(lines[first : self.line + around], start=first + 1):
            shown.append(f"{number:>5} | {text[:160]}")
            if number == self.line:
                shown.append(f"{'':>5} | {' ' * min(self.column - 1, 160)}^")
        return "\n".join(shown)


@lru_cache(maxsize=4)
def _split(text: str) -> list[str]:
    return text.splitlines()  # once a text, however many problems it has


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


class Problem(msgspec.Struct, frozen=True):
    """One thing that is wrong (or merely odd) in a workflow's text."""

    message: str
    position: Position | None = None
    severity: Severity = "error"

    def __str__(self) -> str:
        where = f"{self.position}: " if self.position else ""
        return f"{where}{self.message}"

    def explain(self) -> str:
        """Give the message, and below it the lines of the text with a caret."""
        if self.position is None:
            return str(self)
        return f"{self}\n{self.position.excerpt()}"


class AttuneError(Exception):
    """The root of every error that attune_nb raises on purpose."""


class _PlainError(AttuneError):
    """An error whose message says it all: IPython shows it without Python's traceback."""

    def _render_traceback_(self) -> list[str]:
        return f"{type(self).__name__}: {self}".splitlines()


class WorkflowError(_PlainError):
    """A workflow's text is wrong. `problems` holds every problem found, in text order.

    Args:
        problems: What is wrong.
        unfinished: Whether there may be more: after so many, the search has ended.
    """

    def __init__(self, problems: Iterable[Problem], unfinished: bool = False) -> None:
        self.problems = tuple(problems)
        self.unfinished = unfinished
        super().__init__(self.problems, unfinished)

    def __str__(self) -> str:
        count = len(self.problems)
        least = "at least " if self.unfinished else ""
        heading = f"{least}{count:,} problem{'s' * (count != 1)}"
        if count == 1 and not least:
            heading = "the workflow has a problem"
        if count > _SHOWN:
            heading += f"; the first {_SHOWN}"
        shown = [problem.explain() for problem in self.problems[:_SHOWN]]
        if count > _SHOWN:
            shown.append(f"and {least}{count - _SHOWN:,} more")
        return "\n".join([f"{heading}:", *shown])


class ParameterError(_PlainError):
    """The parameters given to a run do not fit what the workflow declares."""


class TemplateError(_PlainError):
    """An expression cannot be compiled or evaluated.

    Args:
        message: What is wrong and what to do.
        expression: The template as written, shortened.
        position: Where it stands, when it came from a file or a cell.
    """

    def __init__(
        self, message: str, expression: str = "", position: Position | None = None
    ) -> None:
        super().__init__(message, expression, position)
        self.message = message
        self.expression = expression
        self.position = position

    def __str__(self) -> str:
        where = f" ({self.position})" if self.position else ""
        what = f" in {self.expression}" if self.expression else ""
        return f"{self.message}{what}{where}"


class ActionError(AttuneError):
    """An action failed.

    Args:
        message: What went wrong; a workflow reads it as `result().error`.
        data: What the action had to give before it failed (an exit code, a body);
            a workflow reads its keys as `result().KEY`.
    """

    def __init__(self, message: str, data: dict[str, Any] | None = None) -> None:
        super().__init__(message, data)
        self.message = message
        self.data = data or {}

    def __str__(self) -> str:
        return self.message


class NotSendable(ActionError):  # noqa: N818 - a word that users write in `on_error`
    """Something cannot be sent to a worker process, or not be made again there or back here."""


class Timeout(AttuneError):  # noqa: N818 - the word that users write
    """An attempt took too long. An action that raises it ends as `timed_out`."""


class BackendError(_PlainError):
    """The backend is unknown, or cannot do what was asked of it."""


class BackendUnavailable(BackendError):  # noqa: N818 - it says what the backend is
    """The place where attempts run is gone, with all that was under way there.

    What has ended is kept; the run pauses, and goes on with `resume` once there is another.
    """


class StoreError(_PlainError):
    """The record of runs cannot be read or written."""


class LookupFailed(_PlainError):  # noqa: N818 - `LookupError` is Python's
    """A run is asked for a task that it has not, or that has not run yet."""


class RunFailed(_PlainError):  # noqa: N818 - the name a reader expects beside RunCancelled
    """A run ended `failed` or `timed_out`; raised by `Run.raise_for_status`."""


class RunCancelled(_PlainError):  # noqa: N818
    """A run was cancelled; raised by `Run.raise_for_status`."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Give `; did you mean `x`?` for the closest of the known names, or nothing."""
    names = sorted(set(known))
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if not close:
        close = [each for each in names if each.lower() == name.lower()][:1]
    return f"; did you mean `{close[0]}`?" if close else ""

"""Single faults in a request to the server, or in a workflow's file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from attune_nb.errors import AttuneError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from attune_nb.errors import Problem

__all__ = ["ProblemReply", "StartRefused", "problems_by_field", "problems_of_text"]

# problems in an answer
_MAX_PROBLEMS = 20


class ProblemReply(msgspec.Struct, frozen=True, omit_defaults=True):
    """One fault in a request, or in a workflow's file.

    Attributes:
        message: The fault, and the remedy.
        line: The line of the file, from 1; 0 if there is none.
        column: The column, from 1; 0 if there is none.
        field: The parameter, or the field of an answer, that has the fault.
    """

    message: str
    line: int = 0
    column: int = 0
    field: str = ""


class StartRefused(AttuneError):  # noqa: N818 - pairs with `CommandRefused`
    """A run is not started.

    Args:
        status: The status of HTTP.
        message: The reason, and the remedy.
        problems: Single faults.
    """

    def __init__(self, status: int, message: str, problems: Sequence[ProblemReply] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.problems = tuple(problems)


def problems_of_text(problems: Iterable[Problem]) -> tuple[ProblemReply, ...]:
    """Return the problems of a workflow's text: at most 20."""
    replies = []
    for problem in problems:
        position = problem.position
        if position is None:
            replies.append(ProblemReply(problem.message))
        else:
            replies.append(ProblemReply(problem.message, position.line, position.column))

        if len(replies) == _MAX_PROBLEMS:
            break
    return tuple(replies)


def problems_by_field(messages: Mapping[str, str]) -> tuple[ProblemReply, ...]:
    """Return the problems of values, from their messages by field."""
    return tuple(ProblemReply(message, field=name) for name, message in messages.items())

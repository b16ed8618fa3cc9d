"""One route of the server: its address, its handler, and the description of its methods."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tornado.web import RequestHandler

__all__ = ["PARAMETERS", "PREFIX", "Operation", "Route"]

PREFIX = "/attune"
"""The beginning of all addresses, after the base URL of the server."""

PARAMETERS = {"run_id": "[0-9a-f]{12}", "number": r"\d{1,18}"}
"""The parts of a path that are parameters, and the regular expressions of their values."""


class Operation(NamedTuple):
    """The description of one method of a route, for people and for OpenAPI.

    Attributes:
        summary: One line.
        query: A struct with the parameters of the address.
        body: A struct with the fields of the body.
        headers: The headers of a request that it reads, with their meaning.
        answers: The type of the body of each status; None for a body that is no JSON. A text is the
            media type of such a body.
    """

    summary: str
    query: type | None = None
    body: Any = None
    headers: Mapping[str, str] = {}
    answers: Mapping[int, Any] = {}


class Route(NamedTuple):
    """One address, and the handler of its methods.

    Attributes:
        path: The address below `attune`; `{run_id}` stands for the id of a run.
        handler: The class of the handler.
        operations: The descriptions of its methods, by their names in capital letters.
    """

    path: str
    handler: type[RequestHandler]
    operations: Mapping[str, Operation]

    @property
    def pattern(self) -> str:
        """The regular expression of the address, from `attune` on."""
        return PREFIX + re.sub(r"\{(\w+)\}", _parameter_pattern, self.path)


def _parameter_pattern(match: re.Match[str]) -> str:
    return f"(?P<{match[1]}>{PARAMETERS[match[1]]})"

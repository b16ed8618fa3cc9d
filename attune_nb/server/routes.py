"""All routes of the server: one table, for the application, its description, and its tests."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from attune_nb.server.drawing import AttemptsHandler, AttemptsQuery, GraphHandler
from attune_nb.server.pages import RunsPage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tornado.web import RequestHandler

__all__ = ["PREFIX", "ROUTES", "Operation", "Route"]

PREFIX = "/attune"
"""The beginning of all addresses, after the base URL of the server."""

# the parts of a path that are parameters, and what they match
_PARAMETERS = {"run_id": "[0-9a-f]{12}"}


class Operation(NamedTuple):
    """The description of one method of a route, for people and for OpenAPI.

    Attributes:
        summary: One line.
        query: A struct with the parameters of the address.
        body: A struct with the fields of the body.
        answers: The type of the body of each status; None for a body that is no JSON. A text is the
            media type of such a body.
    """

    summary: str
    query: type | None = None
    body: type | None = None
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
    return f"(?P<{match[1]}>{_PARAMETERS[match[1]]})"


ROUTES: list[Route] = [
    Route("/?", RunsPage, {"GET": Operation("the page of all runs", answers={200: "text/html"})}),
    Route(
        "/runs/{run_id}",
        RunsPage,
        {"GET": Operation("the page of one run", answers={200: "text/html"})},
    ),
    Route(
        "/api/runs/{run_id}/attempts",
        AttemptsHandler,
        {
            "GET": Operation(
                "the attempts of a run after an event, as packed columns",
                query=AttemptsQuery,
                answers={200: "application/octet-stream"},
            )
        },
    ),
    Route(
        "/api/runs/{run_id}/graph",
        GraphHandler,
        {
            "GET": Operation(
                "where the tasks of a run's workflow and its transitions are drawn",
                answers={200: dict[str, Any]},
            )
        },
    ),
]

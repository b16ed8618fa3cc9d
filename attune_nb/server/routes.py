"""All routes of the server: one table, for the application, its description, and its tests."""

from __future__ import annotations

from attune_nb.server.access import ErrorReply
from attune_nb.server.command_handlers import (
    CommandHandler,
    CommandReply,
    CommandsHandler,
    RunCommand,
)
from attune_nb.server.drawing_routes import DRAWING_ROUTES
from attune_nb.server.openapi import OpenApiHandler
from attune_nb.server.pages import RunsPage
from attune_nb.server.route import Operation, Route

__all__ = ["ROUTES"]

ROUTES: list[Route] = [
    Route("/?", RunsPage, {"GET": Operation("the page of all runs", answers={200: "text/html"})}),
    Route(
        "/runs/{run_id}",
        RunsPage,
        {"GET": Operation("the page of one run", answers={200: "text/html"})},
    ),
    Route(
        "/api/openapi.json",
        OpenApiHandler,
        {"GET": Operation("this description of the API", answers={200: "application/json"})},
    ),
    Route(
        "/api/runs/{run_id}/commands",
        CommandsHandler,
        {
            "POST": Operation(
                "send a command to a run; 202 if its process has not taken it within 2 s",
                body=RunCommand,
                answers={
                    200: CommandReply,
                    202: CommandReply,
                    404: ErrorReply,
                    409: ErrorReply,
                    422: ErrorReply,
                },
            )
        },
    ),
    Route(
        "/api/runs/{run_id}/commands/{number}",
        CommandHandler,
        {
            "GET": Operation(
                "what has become of a command", answers={200: CommandReply, 404: ErrorReply}
            )
        },
    ),
    *DRAWING_ROUTES,
]

"""All routes of the server: one table, for the application, its description, and its tests."""

from __future__ import annotations

from attune_nb.server.drawing.routes import DRAWING_ROUTES
from attune_nb.server.live.messages import Delta, Gone, ListDelta, RunList, Snapshot
from attune_nb.server.live.run_rows import RunFilter
from attune_nb.server.starts.handlers import AllRunsHandler, StartRequest
from attune_nb.server.starts.routes import IDEMPOTENCY_KEY, START_ANSWERS, START_ROUTES
from attune_nb.server.web.access import ErrorReply
from attune_nb.server.web.command_handlers import (
    CommandHandler,
    CommandReply,
    CommandsHandler,
    RunCommand,
)
from attune_nb.server.web.openapi import OpenApiHandler
from attune_nb.server.web.pages import RunsPage
from attune_nb.server.web.route import Operation, Route
from attune_nb.server.web.run_handlers import RunHandler
from attune_nb.server.web.streams import ListSocket, RunSocket, RunStream, StreamQuery

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
        "/api/runs",
        AllRunsHandler,
        {
            "GET": Operation(
                "runs, the newest first; those within other runs only by `parent`",
                query=RunFilter,
                answers={200: RunList, 422: ErrorReply},
            ),
            "POST": Operation(
                "start a run of a workflow file; 200 if an earlier request with this key has",
                body=StartRequest,
                headers=IDEMPOTENCY_KEY,
                answers=START_ANSWERS,
            ),
        },
    ),
    Route(
        "/api/runs/{run_id}",
        RunHandler,
        {
            "GET": Operation(
                "the state of a run as it stands now", answers={200: Snapshot, 404: ErrorReply}
            )
        },
    ),
    Route(
        "/api/socket",
        ListSocket,
        {
            "GET": Operation(
                "a WebSocket: the list of runs, and then its changes",
                answers={101: RunList | ListDelta},
            )
        },
    ),
    Route(
        "/api/runs/{run_id}/socket",
        RunSocket,
        {
            "GET": Operation(
                "a WebSocket: the state of a run, and then its changes until it has ended",
                query=StreamQuery,
                answers={101: Snapshot | Delta | Gone, 404: ErrorReply},
            )
        },
    ),
    Route(
        "/api/runs/{run_id}/stream",
        RunStream,
        {
            "GET": Operation(
                "the messages of the socket as server-sent events, for `curl -N`",
                query=StreamQuery,
                answers={200: "text/event-stream", 404: ErrorReply},
            )
        },
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
                "the outcome of a command", answers={200: CommandReply, 404: ErrorReply}
            )
        },
    ),
    *START_ROUTES,
    *DRAWING_ROUTES,
]

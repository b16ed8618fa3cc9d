"""The routes that feed the drawings of a run: timeline, graph, items, lines, trace."""

from __future__ import annotations

from typing import Any

from attune_nb.server.drawing.handlers import (
    AttemptsHandler,
    AttemptsQuery,
    ExploreScript,
    GraphHandler,
    ItemsHandler,
    LinesHandler,
    TraceHandler,
)
from attune_nb.server.drawing.item_rows import ItemList, ItemsQuery
from attune_nb.server.drawing.line_pages import LinePage, LinesQuery
from attune_nb.server.web.access import ErrorReply
from attune_nb.server.web.route import Operation, Route

__all__ = ["DRAWING_ROUTES"]

DRAWING_ROUTES: list[Route] = [
    Route(
        "/explore.js",
        ExploreScript,
        {"GET": Operation("the script that draws runs", answers={200: "text/javascript"})},
    ),
    Route(
        "/api/runs/{run_id}/attempts",
        AttemptsHandler,
        {
            "GET": Operation(
                "the attempts of a run after an event, as packed columns",
                query=AttemptsQuery,
                answers={200: "application/octet-stream", 404: ErrorReply, 422: ErrorReply},
            )
        },
    ),
    Route(
        "/api/runs/{run_id}/graph",
        GraphHandler,
        {
            "GET": Operation(
                "where the tasks of a run's workflow and its transitions are drawn",
                answers={200: dict[str, Any], 404: ErrorReply},
            )
        },
    ),
    Route(
        "/api/runs/{run_id}/items",
        ItemsHandler,
        {
            "GET": Operation(
                "the items of a task with short texts of their results, failures first",
                query=ItemsQuery,
                answers={200: ItemList, 404: ErrorReply, 422: ErrorReply},
            )
        },
    ),
    Route(
        "/api/runs/{run_id}/lines",
        LinesHandler,
        {
            "GET": Operation(
                "the lines that the actions of a run printed and logged",
                query=LinesQuery,
                answers={200: LinePage, 404: ErrorReply, 422: ErrorReply},
            )
        },
    ),
    Route(
        "/api/runs/{run_id}/trace",
        TraceHandler,
        {
            "GET": Operation(
                "the run as a trace that Perfetto opens",
                answers={200: "application/gzip", 404: ErrorReply},
            )
        },
    ),
]
"""The rows of the table of routes, see `routes.ROUTES`."""

"""The routes that resume and retry runs, and those that a form for a new run needs."""

from __future__ import annotations

from attune_nb.server.starts.handlers import (
    LogHandler,
    LogQuery,
    RepeatRequest,
    ResumeHandler,
    RetryHandler,
    StartReply,
    WorkflowList,
    WorkflowsHandler,
    WorkflowsQuery,
)
from attune_nb.server.web.access import ErrorReply
from attune_nb.server.web.route import Operation, Route

__all__ = ["IDEMPOTENCY_KEY", "START_ANSWERS", "START_ROUTES"]

IDEMPOTENCY_KEY = {
    "Idempotency-Key": "the id of the new run, 12 hexadecimal digits; a request that is sent again "
    "with it starts no second run"
}
"""The header of a request that starts a run."""

_RESUME_ANSWERS = {
    201: StartReply,
    404: ErrorReply,
    409: ErrorReply,
    422: ErrorReply,
    429: ErrorReply,
}

START_ANSWERS = {200: StartReply, **_RESUME_ANSWERS}
"""The answers to a request that starts a new run; 200 if an earlier request has."""

START_ROUTES: list[Route] = [
    Route(
        "/api/workflows",
        WorkflowsHandler,
        {
            "GET": Operation(
                "the workflow files below the folder of the server, with forms for parameters",
                query=WorkflowsQuery,
                answers={200: WorkflowList, 404: ErrorReply},
            )
        },
    ),
    Route(
        "/api/runs/{run_id}/resume",
        ResumeHandler,
        {
            "POST": Operation(
                "continue a run whose process is gone",
                body=RepeatRequest,
                answers=_RESUME_ANSWERS,
            )
        },
    ),
    Route(
        "/api/runs/{run_id}/retry",
        RetryHandler,
        {
            "POST": Operation(
                "run the failures of a run again, as a new run; 200 if an earlier request has",
                body=RepeatRequest,
                headers=IDEMPOTENCY_KEY,
                answers=START_ANSWERS,
            )
        },
    ),
    Route(
        "/api/runs/{run_id}/log",
        LogHandler,
        {
            "GET": Operation(
                "the output of a run that a server has started; `X-Attune` has the next offset",
                query=LogQuery,
                answers={200: "text/plain", 404: ErrorReply, 422: ErrorReply},
            )
        },
    ),
]

"""The routes of the loopback API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from attune_nb.packs.api import artifact_routes, execution_routes, inquiry_routes, key_routes
from attune_nb.packs.api.call import Call

if TYPE_CHECKING:
    from collections.abc import Callable

    from attune_nb.packs.api.run_services import RunServices

    Answer = Callable[[RunServices, Call], tuple[int, Any]]

__all__ = ["ROUTES", "Call", "Route"]


class Route(NamedTuple):
    """A method and a path, and the function that answers them.

    Attributes:
        answer: Called with the run's services and the request; returns the HTTP status and the
            reply, or raises an `ApiError`. It runs in a thread, so it may block.
    """

    method: str
    path: str
    answer: Answer


_KEYS = "/api/v1/keys"
_ARTIFACTS = "/api/v1/artifacts"
_INQUIRIES = "/api/v1/inquiries"
_EXECUTIONS = "/api/v1/executions"

# a ref may hold any character, also an encoded slash
_REF = r"{ref:[\s\S]+}"
_ID = r"{id:\d{1,15}}"

ROUTES = (
    Route("POST", _KEYS, key_routes.create),
    Route("GET", f"{_KEYS}/{_REF}", key_routes.read),
    Route("PUT", f"{_KEYS}/{_REF}", key_routes.update),
    Route("POST", f"{_ARTIFACTS}/ref/{_REF}/versions/file", artifact_routes.allocate_by_ref),
    Route("POST", f"{_ARTIFACTS}/{_ID}/versions/file", artifact_routes.allocate),
    Route("POST", _ARTIFACTS, artifact_routes.create),
    Route("GET", _ARTIFACTS, artifact_routes.read_page),
    Route("POST", f"{_ARTIFACTS}/{_ID}/progress", artifact_routes.append_progress),
    Route("GET", f"{_ARTIFACTS}/ref/{_REF}", artifact_routes.read_by_ref),
    Route("GET", f"{_ARTIFACTS}/{_ID}", artifact_routes.read),
    Route("POST", _INQUIRIES, inquiry_routes.create),
    Route("GET", _INQUIRIES, inquiry_routes.read_page),
    Route("GET", f"{_INQUIRIES}/{_ID}", inquiry_routes.read),
    Route("POST", f"{_EXECUTIONS}/execute", execution_routes.create),
    Route("GET", _EXECUTIONS, execution_routes.read_page),
    Route("GET", f"{_EXECUTIONS}/{_ID}", execution_routes.read),
    Route("POST", f"{_EXECUTIONS}/{_ID}/cancel", execution_routes.cancel),
)

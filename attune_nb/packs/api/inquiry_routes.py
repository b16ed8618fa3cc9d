"""The routes for inquiries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.packs.api.inquiries import InquiryRequest
from attune_nb.packs.api.replies import ApiError, decode_body, page, wrap

if TYPE_CHECKING:
    from attune_nb.packs.api.call import Call
    from attune_nb.packs.api.inquiries import Inquiries
    from attune_nb.packs.api.run_services import RunServices

__all__ = ["create", "read", "read_page"]


def create(services: RunServices, call: Call) -> tuple[int, Any]:
    """Open an inquiry: a question of the run."""
    request = decode_body(call.body, InquiryRequest)
    execution = call.attempt.execution
    if request.execution is not None:
        execution = request.execution
    return 201, wrap(_inquiries(services).open(call.attempt.task, execution, request))


def read(services: RunServices, call: Call) -> tuple[int, Any]:
    """Return an inquiry, with its answer once there is one.

    Raises:
        ApiError: There is none.
    """
    inquiry = _inquiries(services).find(call.id)
    if inquiry is None:
        raise ApiError(404, "NOT_FOUND", f"there is no inquiry {call.id}")
    return 200, wrap(inquiry)


def read_page(services: RunServices, call: Call) -> tuple[int, Any]:
    """Return a page of the inquiries of the run."""
    chosen = []
    for inquiry in _inquiries(services).all():
        is_chosen = call.query.get("status", inquiry.status) == inquiry.status
        execution = str(inquiry.execution)
        if is_chosen and call.query.get("execution", execution) == execution:
            chosen.append(inquiry)
    return 200, page(chosen, *call.page())


def _inquiries(services: RunServices) -> Inquiries:
    if services.inquiries is None:
        raise ApiError(503, "UNAVAILABLE", "the run has not begun, or has ended")
    return services.inquiries

"""Inquiries: questions that an action asks while it runs, and that a person answers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Inquiries", "InquiryRequest", "InquiryView", "format_time"]


class InquiryRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The body of `POST /inquiries`."""

    prompt: str
    execution: int | None = None
    response_schema: dict[str, Any] | None = None
    assigned_to: Any = None
    timeout_at: datetime | None = None


class InquiryView(msgspec.Struct, frozen=True, kw_only=True):
    """An inquiry in the platform's shape; times are in UTC, as ISO 8601.

    Attributes:
        status: pending, responded, timeout or cancelled.
        response: The answer; None until then.
        has_response: Whether there is one.
    """

    id: int
    execution: int
    prompt: str
    response_schema: Any
    assigned_to: Any
    status: str
    response: Any
    has_response: bool
    timeout_at: str | None
    responded_at: str | None
    created: str
    updated: str


class Inquiries(Protocol):
    """The inquiries of a run, as its API uses them."""

    def open(self, task: str, execution: int, request: InquiryRequest) -> InquiryView:
        """Open an inquiry, and return at once.

        Args:
            task: The path of the task that asks; empty within a nested workflow.
            execution: The number of the execution.
            request: The question.

        Raises:
            ApiError: The question cannot be asked.
        """

    def find(self, inquiry_id: int) -> InquiryView | None:
        """Return the current state of an inquiry for which an action waits; None if there is none.

        Raises:
            ApiError: No person can answer it while the action waits.
        """

    def all(self) -> Sequence[InquiryView]:
        """Return the inquiries, oldest first."""


def format_time(seconds: float | None) -> str | None:
    """Return a time since the epoch as ISO 8601, in UTC."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat()

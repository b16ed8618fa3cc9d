"""The inquiries that actions of packs open through the API of their run."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import TYPE_CHECKING

from attune_nb.errors import ParameterError
from attune_nb.packs.api.inquiries import InquiryView, format_time
from attune_nb.packs.api.replies import ApiError

if TYPE_CHECKING:
    from attune_nb.conductor.state import Inquiry
    from attune_nb.engine.driver import Driver
    from attune_nb.packs.api.inquiries import InquiryRequest

__all__ = ["RunInquiries"]


class RunInquiries:
    """Opens inquiries as questions of a run, and reads their answers.

    Args:
        driver: The driver of the run.
        is_inline: Whether attempts run in the thread of the driver, which then asks no question.
    """

    def __init__(self, driver: Driver, *, is_inline: bool) -> None:
        self._driver = driver
        self._is_inline = is_inline
        # the executions that asked, by the id of the inquiry
        self._executions: dict[int, int] = {}

    def open(self, task: str, execution: int, request: InquiryRequest) -> InquiryView:
        """Open an inquiry, see `Inquiries`."""
        visit = self._visit_of(task)
        timeout = None
        if request.timeout_at is not None:
            timeout = max(0.0, request.timeout_at.timestamp() - time.time())

        schema = request.response_schema
        if not schema:
            # the SDK sends an empty schema for any answer
            schema = None
        try:
            inquiry = self._driver.open_inquiry(
                task,
                visit,
                request.prompt,
                schema,
                assigned_to=request.assigned_to,
                timeout=timeout,
            )
        except (ParameterError, ValueError) as error:
            raise ApiError(HTTPStatus.BAD_REQUEST, "BAD_REQUEST", str(error)) from None

        self._executions[inquiry.id] = execution
        return self._view(inquiry)

    def find(self, inquiry_id: int) -> InquiryView | None:
        """Return an inquiry that an action waits for, see `Inquiries`."""
        inquiry = self._driver.find_inquiry(inquiry_id)
        if inquiry is None:
            return None

        if inquiry.status == "pending":
            if self._is_inline and inquiry_id not in self._driver.state.inquiries:
                raise ApiError(
                    HTTPStatus.CONFLICT,
                    "CONFLICT",
                    "with the backend `inline` no question is asked while an action runs; use the "
                    "backend `threads`, or let a later task wait for the answer (`wait_for`)",
                )
            self._driver.awaited_inquiries.add(inquiry_id)
        return self._view(inquiry)

    def all(self) -> list[InquiryView]:
        """Return the inquiries, oldest first."""
        return [self._view(inquiry) for inquiry in self._driver.list_inquiries()]

    def _visit_of(self, task: str) -> int:
        """Return the number of the execution of a task that is in progress."""
        if not task:
            raise ApiError(
                HTTPStatus.CONFLICT,
                "CONFLICT",
                "only an action of the outermost workflow can ask a question; ask there, and pass "
                "the answer as a parameter",
            )

        visits = []
        for (path, visit), execution in self._driver.state.executions.items():
            if path == task and execution.outcome is None:
                visits.append(visit)
        if not visits:
            raise ApiError(HTTPStatus.CONFLICT, "CONFLICT", f"task `{task}` has ended")
        return max(visits)

    def _view(self, inquiry: Inquiry) -> InquiryView:
        created = format_time(inquiry.opened_at)
        responded_at = format_time(inquiry.responded_at)
        updated = created if responded_at is None else responded_at
        return InquiryView(
            id=inquiry.id,
            execution=self._executions.get(inquiry.id, 0),
            prompt=inquiry.prompt,
            response_schema=inquiry.response_schema,
            assigned_to=inquiry.assigned_to,
            status=inquiry.status,
            response=inquiry.response,
            has_response=inquiry.status == "responded",
            timeout_at=format_time(inquiry.timeout_at),
            responded_at=responded_at,
            created=str(created),
            updated=str(updated),
        )

"""The JSON part of the rows of events, without the values of the workflow.

Fields that are not named here are skipped when a row is decoded: results are never decoded. A
text is `Any`, as the store has an object in place of a text that UTF-8 cannot hold.
"""

from __future__ import annotations

from typing import Any

import msgspec

from attune_nb.events import RunStatus, TaskStatus  # noqa: TC001 - msgspec reads the annotations

__all__ = [
    "AskData",
    "AttemptsData",
    "BatchData",
    "CountData",
    "ErrorData",
    "GroupData",
    "IndexData",
    "InquiryData",
    "RequestData",
    "ResumeData",
    "RunEndData",
    "StartData",
    "TaskEndData",
    "TaskStartData",
]


class GroupData(msgspec.Struct, frozen=True, array_like=True):
    """A group of attempts in a row, without the indexes of its items."""

    attempt: int
    status: int
    count: int
    items: msgspec.Raw
    start: float
    end: float
    seconds: float
    retryable: bool
    begun: bool
    message: msgspec.Raw


class BatchData(msgspec.Struct, frozen=True):
    """The JSON part of a batch in a row. The results are skipped when it is decoded."""

    total: int | None = None
    begun: int | None = None
    errors: list[tuple[int, msgspec.Raw]] = []
    groups: list[GroupData] = []


class AttemptsData(msgspec.Struct, frozen=True):
    """The data of `AttemptsEnded`."""

    batch: BatchData


class ErrorData(msgspec.Struct, frozen=True):
    """An error."""

    message: Any = ""


class StartData(msgspec.Struct, frozen=True):
    """The data of `RunStarted`."""

    started_at: float = 0.0


class ResumeData(msgspec.Struct, frozen=True):
    """The data of `RunResumed`."""

    started_at: float = 0.0
    doubts: list[tuple[str, int, int, int]] = []


class RequestData(msgspec.Struct, frozen=True):
    """The data of `PauseRequested` and `CancelRequested`."""

    reason: Any = ""


class IndexData(msgspec.Struct, frozen=True):
    """The data of `RerunRequested`."""

    index: int


class TaskStartData(msgspec.Struct, frozen=True):
    """The data of `TaskStarted`."""

    total: int | None = 1
    with_items: bool = False


class CountData(msgspec.Struct, frozen=True):
    """The data of `RetriesPlanned`."""

    count: int


class TaskEndData(msgspec.Struct, frozen=True):
    """The data of `TaskEnded`."""

    status: TaskStatus
    error: ErrorData | None = None
    handled: bool = False


class AskData(msgspec.Struct, frozen=True):
    """The data of `AskOpened`."""

    prompt: Any = ""
    response_schema: Any = None
    inquiry: int = 0


class InquiryData(msgspec.Struct, frozen=True):
    """The data of `InquiryAwaited` and `InquiryEnded`."""

    inquiry: int = 0


class RunEndData(msgspec.Struct, frozen=True):
    """The data of `RunEnded`."""

    status: RunStatus
    error: Any = None

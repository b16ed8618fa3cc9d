"""Executions: actions and workflows that a running action starts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attune_nb.packs.attempt_token import AttemptIdentity

__all__ = ["ExecutionRequest", "ExecutionStatus", "ExecutionView", "Executions"]

ExecutionStatus = Literal["running", "completed", "failed", "cancelled", "timeout"]
"""The status of an execution, in the words of the platform."""


class ExecutionRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The body of `POST /executions/execute`."""

    action_ref: str
    parameters: dict[str, Any] = {}
    env_vars: dict[str, str] = {}
    timeout_seconds: float | None = None


class ExecutionView(msgspec.Struct, frozen=True, kw_only=True):
    """An execution in the platform's shape; times are in UTC, as ISO 8601.

    Attributes:
        id: A number, from 1, of this run; or the number of an attempt of the run.
        parent: The number of the attempt that started it.
        config: Its parameters.
        result: The envelope of an action, the output of a workflow; empty until its end.
    """

    id: int
    action_ref: str
    parent: int | None
    config: dict[str, Any]
    result: dict[str, Any]
    status: ExecutionStatus
    created: str
    started_at: str
    updated: str
    timeout_seconds: int | None = None


class Executions(Protocol):
    """The executions that the actions of a run have started."""

    def start(self, attempt: AttemptIdentity, request: ExecutionRequest) -> ExecutionView:
        """Start an action or a workflow of the run's packs, and return at once.

        Raises:
            ApiError: No action or workflow has this ref, or too many executions run already.
        """

    def find(self, execution_id: int) -> ExecutionView | None:
        """Return the current state of an execution; None if there is no such execution."""

    def cancel(self, execution_id: int) -> ExecutionView | None:
        """Stop an execution, unless it has ended; return it, or None if there is none."""

    def all(self) -> Sequence[ExecutionView]:
        """Return the executions, oldest first."""

    def close(self) -> None:
        """Stop all executions, and wait for their ends."""

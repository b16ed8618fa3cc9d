"""The routes for executions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.packs.api.executions import ExecutionRequest, ExecutionView
from attune_nb.packs.api.replies import ApiError, decode_body, now, page, wrap

if TYPE_CHECKING:
    from attune_nb.packs.api.call import Call
    from attune_nb.packs.api.executions import Executions
    from attune_nb.packs.api.run_services import RunServices

__all__ = ["cancel", "create", "read", "read_page"]


def create(services: RunServices, call: Call) -> tuple[int, Any]:
    """Start an action or a workflow of the run's packs.

    Raises:
        ApiError: It cannot be started.
    """
    request = decode_body(call.body, ExecutionRequest)
    if request.env_vars:
        raise ApiError(501, "NOT_IMPLEMENTED", "`env_vars` of an execution are not served here")
    execution = _executions(services).start(call.attempt, request)
    # this is the only reply whose fields the SDK reads outside `data`
    return 201, {**msgspec.structs.asdict(execution), **wrap(execution)}


def read(services: RunServices, call: Call) -> tuple[int, Any]:
    """Return an execution with its result, or the attempt that sent the request.

    Raises:
        ApiError: There is none.
    """
    if call.id == call.attempt.execution:
        return 200, wrap(_describe_attempt(call))
    return 200, wrap(_require(call, _executions(services).find(call.id)))


def cancel(services: RunServices, call: Call) -> tuple[int, Any]:
    """Stop an execution.

    Raises:
        ApiError: There is none.
    """
    return 200, wrap(_require(call, _executions(services).cancel(call.id)))


def read_page(services: RunServices, call: Call) -> tuple[int, Any]:
    """Return a page of the executions that actions have started."""
    executions = _executions(services).all()
    status = call.query.get("status")
    if status is not None:
        executions = [execution for execution in executions if execution.status == status]
    return 200, page(executions, *call.page())


def _describe_attempt(call: Call) -> ExecutionView:
    time = now()
    return ExecutionView(
        id=call.attempt.execution,
        action_ref=call.attempt.action,
        parent=None,
        config={},
        result={},
        status="running",
        created=time,
        started_at=time,
        updated=time,
    )


def _require(call: Call, execution: ExecutionView | None) -> ExecutionView:
    if execution is None:
        raise ApiError(404, "NOT_FOUND", f"there is no execution {call.id} of this run")
    return execution


def _executions(services: RunServices) -> Executions:
    if services.executions is None:
        raise ApiError(503, "UNAVAILABLE", "the run has not begun, or has ended")
    return services.executions

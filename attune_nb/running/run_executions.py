"""The actions and workflows that actions of packs run through the API of their run."""

from __future__ import annotations

import threading
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.actions.cancel import CancelToken
from attune_nb.backends.threads.backend import ThreadBackend
from attune_nb.errors import ActionError, LookupFailed, Timeout, nearest
from attune_nb.packs.api.executions import ExecutionView
from attune_nb.packs.api.replies import ApiError, now
from attune_nb.running.child_book import ChildBook
from attune_nb.running.child_workflow import ChildWorkflow, raise_for_end
from attune_nb.running.new_run_id import new_run_id
from attune_nb.running.prepare import bind_workflow
from attune_nb.values.frozen import thaw
from attune_nb.values.guard import error_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from attune_nb.language.model import WorkflowSpec
    from attune_nb.packs.api.executions import ExecutionRequest, ExecutionStatus
    from attune_nb.packs.attempt_token import AttemptIdentity
    from attune_nb.running.request import RunOptions

    _Function = Callable[[dict[str, Any], CancelToken], Any]

__all__ = ["RunExecutions"]

# executions that run at the same time: an action may run itself again and again
_MAX_RUNNING = 100


class _Execution:
    """An execution, and the thread that runs it.

    Attributes:
        view: Its current state.
        has_timed_out: Whether its timeout is the reason why it was cancelled.
    """

    def __init__(self, view: ExecutionView) -> None:
        self.view = view
        self.token = CancelToken()
        self.has_timed_out = False
        self.thread: threading.Thread | None = None

    def time_out(self) -> None:
        """Stop the execution at its timeout."""
        self.has_timed_out = True
        self.token.cancel()

    def end(self, status: ExecutionStatus, result: Any) -> None:
        """Store the end of the execution."""
        if not isinstance(result, dict):
            result = {"result": result}
        self.view = msgspec.structs.replace(
            self.view, status=status, result=thaw(result), updated=now()
        )


class RunExecutions:
    """Runs actions and workflows of packs in threads of this process. Threads may share it.

    Args:
        options: The options of the run, with its session.
    """

    def __init__(self, options: RunOptions) -> None:
        self._options = options
        self._executions: dict[int, _Execution] = {}
        self._lock = threading.Lock()
        self._is_closed = False

    def start(self, attempt: AttemptIdentity, request: ExecutionRequest) -> ExecutionView:
        """Start an action or a workflow, see `Executions`."""
        try:
            function, timeout = _find_function(request.action_ref, self._options)
        except LookupFailed as error:
            raise ApiError(HTTPStatus.NOT_FOUND, "NOT_FOUND", str(error)) from None
        if request.timeout_seconds is not None:
            timeout = request.timeout_seconds

        with self._lock:
            execution = self._add(attempt, request, timeout)
            execution.thread = threading.Thread(
                target=_run,
                args=(execution, function, request.parameters, timeout),
                name=f"attune execution {execution.view.id}",
                daemon=True,
            )
            execution.thread.start()
            return execution.view

    def find(self, execution_id: int) -> ExecutionView | None:
        """Return the current state of an execution, see `Executions`."""
        execution = self._executions.get(execution_id)
        return None if execution is None else execution.view

    def cancel(self, execution_id: int) -> ExecutionView | None:
        """Stop an execution, see `Executions`."""
        execution = self._executions.get(execution_id)
        if execution is None:
            return None
        execution.token.cancel()
        return execution.view

    def all(self) -> list[ExecutionView]:
        """Return the executions, oldest first."""
        with self._lock:
            return [execution.view for execution in self._executions.values()]

    def close(self) -> None:
        """Stop all executions, and wait for their ends."""
        with self._lock:
            self._is_closed = True
            executions = list(self._executions.values())
        for execution in executions:
            execution.token.cancel()
        for execution in executions:
            if execution.thread is not None:
                execution.thread.join()

    def _add(
        self, attempt: AttemptIdentity, request: ExecutionRequest, timeout: float | None
    ) -> _Execution:
        running = [item for item in self._executions.values() if item.view.status == "running"]
        if self._is_closed:
            raise ApiError(HTTPStatus.SERVICE_UNAVAILABLE, "UNAVAILABLE", "the run has ended")
        if len(running) >= _MAX_RUNNING:
            message = f"{_MAX_RUNNING} executions run already; does an action run itself?"
            raise ApiError(HTTPStatus.TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS", message)

        seconds = None
        if timeout is not None:
            seconds = int(timeout)
        time = now()
        view = ExecutionView(
            id=len(self._executions) + 1,
            action_ref=request.action_ref,
            parent=attempt.execution,
            config=request.parameters,
            result={},
            status="running",
            created=time,
            started_at=time,
            updated=time,
            timeout_seconds=seconds,
        )
        execution = _Execution(view)
        self._executions[view.id] = execution
        return execution


def _find_function(ref: str, options: RunOptions) -> tuple[_Function, float | None]:
    """Return the function of an action or a workflow, and the seconds that it may take.

    The function takes the parameters, and the token that cancels it.

    Raises:
        LookupFailed: No action or workflow has this ref, or it cannot be used.
    """
    packs = options.packs
    problem = packs.explain_unusable(ref)
    if problem is not None:
        raise LookupFailed(problem)

    if ref in packs.workflows:
        workflow = _child_workflow(packs.workflows[ref].spec, ref, options)
        return lambda parameters, token: _run_workflow(workflow, parameters, token), None

    session = options.pack_session
    if ref in packs.actions and session is not None:
        action = packs.actions[ref]
        problem = session.explain_interpreter(action)
        if problem is not None:
            raise LookupFailed(f"action `{ref}` cannot run: {problem}")
        function = session.make_function(action, "")
        return lambda parameters, token: function(parameters, cancel=token), action.timeout

    hint = nearest(ref, packs.refs)
    raise LookupFailed(f"there is no action or workflow `{ref}` in the packs of the run{hint}")


def _child_workflow(spec: WorkflowSpec, ref: str, options: RunOptions) -> ChildWorkflow:
    return ChildWorkflow(spec, ref, replace(options, backend="threads"), bind_workflow)


def _run_workflow(workflow: ChildWorkflow, parameters: dict[str, Any], token: CancelToken) -> Any:
    """Run a workflow in this thread; return its output.

    Raises:
        Timeout: The run took too long.
        ActionError: The run did not succeed for another reason.
    """
    bound = workflow.bound()
    prepared = replace(bound.prepare(parameters), backend=ThreadBackend(bound.options.workers))
    driver = prepared.make_driver([], open_child=ChildBook().open_child)
    with token.on_cancel(lambda: driver.cancel("the task was stopped", force=True)):
        driver.run(new_run_id(), workflow.name, prepared.recorded_parameters)
    return raise_for_end(workflow, driver)


def _run(
    execution: _Execution,
    function: _Function,
    parameters: dict[str, Any],
    timeout: float | None,
) -> None:
    """Run an execution to its end, in its thread."""
    timer = None
    if timeout is not None:
        timer = threading.Timer(timeout, execution.time_out)
        timer.daemon = True
        timer.start()

    try:
        result = function(parameters, execution.token)
    except Exception as error:  # noqa: BLE001 - it is the result of the execution
        execution.end(_status_of(execution, error), _failure_of(error))
    else:
        execution.end("completed", result)
    finally:
        if timer is not None:
            timer.cancel()


def _status_of(execution: _Execution, error: Exception) -> ExecutionStatus:
    if execution.has_timed_out or isinstance(error, Timeout):
        return "timeout"
    if execution.token.cancelled:
        return "cancelled"
    return "failed"


def _failure_of(error: Exception) -> dict[str, Any]:
    """Return the result of an execution that failed: its envelope, if it has one."""
    failure: dict[str, Any] = {"succeeded": False}
    if isinstance(error, ActionError) and isinstance(error.data, dict):
        failure |= error.data
    failure.setdefault("error", error_text(error))
    return failure

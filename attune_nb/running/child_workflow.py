"""Workflows that tasks run, and how their runs end."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from attune_nb.errors import ActionError, Timeout
from attune_nb.events import FAILED, SUCCEEDED, TIMED_OUT, ErrorInfo, TaskEnded
from attune_nb.language.load import load_workflow
from attune_nb.results.error_titles import format_title
from attune_nb.results.failures import explain_error, find_failed_tasks
from attune_nb.results.mistakes import find_mistakes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from attune_nb.engine.driver import Driver
    from attune_nb.language.model import WorkflowSpec
    from attune_nb.results.failures import FailedTask
    from attune_nb.running.prepared_run import BoundWorkflow
    from attune_nb.running.request import RunOptions
    from attune_nb.store.reading import StoredRun
    from attune_nb.values.secrets import Mask

    Bind = Callable[[WorkflowSpec, RunOptions], BoundWorkflow]

__all__ = ["MAX_DEPTH", "ChildWorkflow", "NestingError", "raise_for_end"]

_log = logging.getLogger("attune_nb")

MAX_DEPTH = 20
"""The most levels of workflows within workflows."""

# the separator of the path to the task of an innermost run
_STEP = ", "


class NestingError(ActionError):
    """Workflows run each other without end."""


class ChildWorkflow:
    """A workflow that a task runs. It is bound to its actions before its first run.

    Args:
        spec: The workflow.
        name: Its name in messages.
        options: The options of the run that it is part of.
        bind: Finds its actions.
    """

    def __init__(self, spec: WorkflowSpec, name: str, options: RunOptions, bind: Bind) -> None:
        self.spec = spec
        self.name = name
        self.depth = options.depth + 1
        self._outer_options = options
        self._options = replace(options, mock={}, answers={}, concurrency=None, depth=self.depth)
        self._bind = bind
        self._bound: BoundWorkflow | None = None
        # each note on a handled failure is logged once, not for each item that runs the workflow
        self._logged: set[str] = set()

    def bound(self) -> BoundWorkflow:
        """Return the workflow with its actions.

        Raises:
            AttuneError: An action cannot be used, or workflows run each other without end.
        """
        if self._bound is None:
            if self.depth > MAX_DEPTH:
                raise NestingError(
                    f"workflows are nested deeper than {MAX_DEPTH} levels; "
                    f"does `{self.name}` run itself?"
                )
            self._bound = self._bind(self.spec, self._options)
        return self._bound

    @cached_property
    def _text(self) -> str:
        """The canonical text of the workflow, with its secrets."""
        return self._to_record(str)

    def recorded_text(self, mask: Mask) -> str:
        """Return the canonical text of the workflow, without the secrets of a mask."""
        if not mask:
            return self._text
        return self._to_record(mask.text)

    def _to_record(self, hide: Callable[[str], str]) -> str:
        from attune_nb.language import export  # noqa: PLC0415 - a run without a store needs none of it

        return export.to_record(self.spec, hide)

    def holds_secret(self, mask: Mask) -> bool:
        """Return whether the text of the workflow holds a secret of a mask."""
        return bool(mask) and self.recorded_text(mask) != self._text

    def as_recorded(self, stored: StoredRun) -> ChildWorkflow:
        """Return the workflow that a run on record began with, which may have changed since.

        Raises:
            WorkflowError: Its text cannot be read.
        """
        if stored.text == self._text or stored.options.get("masked_text"):
            return self
        spec = load_workflow(stored.text, stored.source.name, is_recorded=True)
        return ChildWorkflow(spec, self.name, self._outer_options, self._bind)

    def outcome_of(self, driver: Driver) -> tuple[int, Any, ErrorInfo | None]:
        """Return how a run of the workflow has ended: the status, the output, the error."""
        state = driver.state
        failed_tasks = _failed_tasks_of(driver)

        if state.status == "succeeded":
            self._log_mistakes(failed_tasks)
            return SUCCEEDED, state.output, None
        if state.status == "timed_out":
            message = f"workflow `{self.name}`: {state.error}"
            return TIMED_OUT, None, ErrorInfo(type="Timeout", message=message)
        return FAILED, None, self._error_of(driver, failed_tasks)

    def _error_of(self, driver: Driver, failed_tasks: Sequence[FailedTask]) -> ErrorInfo:
        """Return the error of a run that did not succeed, with the path to its task."""
        # the message of endless nesting is passed on as it is, not wrapped once a level
        cause = _nesting_error(driver)
        if cause is not None:
            return cause

        state = driver.state
        data = {"status": state.status, "run_id": driver.run_id}
        failed_task = _only_failure(failed_tasks)
        if failed_task is None or state.status != "failed":
            error_text = "" if state.error is None else state.error
            reason = explain_error(error_text, failed_tasks)
            message = f"workflow `{self.name}` {state.status}: {reason}"
            return ErrorInfo(type=ActionError.__name__, message=message, data=data)

        error = failed_task.first.error
        head = f"workflow `{self.name}`{_STEP}task `{failed_task.task}`"
        if failed_task.first.index is not None:
            head += f"{_STEP}item {failed_task.first.index}"
        # an error of a run within the run names its own path
        title = error.message
        if not title.startswith("workflow `"):
            title = _message_of(error)
        return ErrorInfo(
            type=ActionError.__name__,
            message=f"{head}: {title}",
            traceback=error.traceback,
            data=data,
            position=error.position,
            bases=tuple(dict.fromkeys([error.type, *error.bases])),
        )

    def _log_mistakes(self, failed_tasks: Sequence[FailedTask]) -> None:
        """Log failures that the workflow handled and that look like mistakes."""
        for mistake in find_mistakes(failed_tasks):
            if mistake not in self._logged:
                self._logged.add(mistake)
                _log.warning("workflow `%s` within another one: %s", self.name, mistake)


def raise_for_end(workflow: ChildWorkflow, driver: Driver) -> Any:
    """Return the output of a run of a workflow that an action has started.

    Raises:
        Timeout: The run took too long.
        ActionError: The run did not succeed for another reason.
    """
    code, output, cause = workflow.outcome_of(driver)
    if cause is None:
        return output
    if code == TIMED_OUT:
        raise Timeout(cause.message)
    raise ActionError(cause.message, cause.data)


def _failed_tasks_of(driver: Driver) -> list[FailedTask]:
    state = driver.state
    return find_failed_tasks(
        driver.events,
        lambda key, index: state.executions[key].items[index],
        state.context.mask.value,
    )


def _only_failure(failed_tasks: Sequence[FailedTask]) -> FailedTask | None:
    """Return the task whose only failure ended the run, or None if there are several failures."""
    unhandled = [failed_task for failed_task in failed_tasks if not failed_task.handled]
    if len(unhandled) == 1 and unhandled[0].failed == 1:
        return unhandled[0]
    return None


def _message_of(error: ErrorInfo) -> str:
    """Return the type and the message of an error, without the line, which its traceback has."""
    return format_title(
        ErrorInfo(type=error.type, message=error.message),
        has_type=error.type not in (ActionError.__name__, "TemplateError"),
    )


def _nesting_error(driver: Driver) -> ErrorInfo | None:
    """Return the error of endless nesting that ended a run, or None."""
    for event in driver.events:
        error = event.error if isinstance(event, TaskEnded) else None
        if error is not None and error.type == NestingError.__name__:
            return error
    return None

"""One attempt: render the input, call the action, freeze what comes back."""

from __future__ import annotations

import inspect
import traceback
from pathlib import Path
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from attune_nb.backends.attempt.context_slice import slice_context
from attune_nb.context import ItemScope
from attune_nb.errors import ActionError, TemplateError, Timeout
from attune_nb.events import FAILED, TIMED_OUT, ErrorInfo
from attune_nb.values.frozen import freeze, thaw

if TYPE_CHECKING:
    from types import TracebackType

    from attune_nb.actions.cancel import CancelToken
    from attune_nb.actions.registry import Action
    from attune_nb.context import WorkflowContext
    from attune_nb.templates.template import Template

__all__ = [
    "THREAD_TIMEOUT_EFFECT",
    "Call",
    "cancelled_error",
    "not_sendable_error",
    "timeout_error",
    "worker_lost_error",
]

THREAD_TIMEOUT_EFFECT = (
    "a Python function in a thread cannot be stopped, so it may still be running; "
    "what it gives will be dropped"
)
"""What becomes of a plain function that took too long, in a thread of this process."""

_BARE = (LookupError, SystemExit, StopIteration)
_NOT_OF_USERS = (str(Path(__file__).parents[2]), "<template>")


class Call:
    """The action of a task, with its input template and context. Threads may share it.

    Attributes:
        is_async: Whether the action is a coroutine function, which runs in an event loop.
        is_cancellable: Whether the action can be cancelled while it runs: it takes a `cancel`
            argument, or is a coroutine function.
    """

    __slots__ = (
        "action",
        "context",
        "evaluate",
        "function",
        "is_async",
        "is_cancellable",
        "template",
    )

    def __init__(self, action: Action, template: Template, context: WorkflowContext) -> None:
        self.action = action
        self.context = context
        self.evaluate = template.evaluate
        self.function = action.function
        self.template = template
        self.is_async = inspect.iscoroutinefunction(action.function)
        self.is_cancellable = action.cancellable or self.is_async

    def slice_context(self) -> WorkflowContext:
        """Give the part of the context that the input reads."""
        return slice_context(self.context, self.template)

    def render(self, item: Any, index: Any) -> Any:
        """Render the input for one item."""
        return self.evaluate(ItemScope(self.context, item, index))

    def start(self, rendered: Any, token: CancelToken) -> Any:
        """Call the action with a rendered input; give what it gives, perhaps a coroutine."""
        given = thaw(rendered) if self.action.mutable_input else rendered
        if self.action.whole_input:
            return self.function(given)
        if self.action.cancellable:
            return self.function(cancel=token, **given)
        return self.function(**given)

    def invoke(self, rendered: Any, token: CancelToken) -> Any:
        """Call the action with a rendered input; give the frozen result."""
        result = self.start(rendered, token)
        if type(result) is CoroutineType:
            # asyncio is a tenth of what importing this package takes
            from attune_nb.backends.attempt.run_coroutine import run_coroutine  # noqa: PLC0415

            result = run_coroutine(result, token)
        return freeze(result)

    def describe_error(self, error: BaseException) -> tuple[int, ErrorInfo]:
        """Turn what an attempt raised into its status and plain data, secrets masked.

        The traceback holds the frames of the user's own code.
        """
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_NOT_OF_USERS):
            trace = trace.tb_next
        of_template = isinstance(error, TemplateError)
        lines = _formatted(error, trace)
        if of_template and trace is None:
            lines = []  # an expression of the workflow: its position says where
        mask = self.context.mask
        data = error.data if isinstance(error, ActionError) else None
        return TIMED_OUT if isinstance(error, Timeout) else FAILED, ErrorInfo(
            type=type(error).__name__,
            message=mask.text(_message(error)),
            traceback=mask.text("".join(lines)),
            data=freeze(mask.value(data)),
            retryable=not of_template,
            position=error.position if isinstance(error, TemplateError) else None,
        )


def _formatted(error: BaseException, trace: TracebackType | None) -> list[str]:
    try:
        return traceback.format_exception(type(error), error, trace)
    except SystemError:  # CPython 3.11 parses a line for its carets, which two threads may not
        return traceback.format_exception_only(type(error), error)


def _message(error: BaseException) -> str:
    name = type(error).__name__
    try:
        told = str.__str__(str(error))  # perhaps of a class of its own, that stays here
        # `'url'` or `3` says nothing without the name
        return f"{name}: {told}" if told and isinstance(error, _BARE) else told or name
    except Exception:  # noqa: BLE001 - an exception's own `__str__` may raise anything
        return name


def timeout_error(
    seconds: float, became: str = "it was stopped", error: BaseException | None = None
) -> ErrorInfo:
    """Say that an attempt took longer than it may, and what became of it.

    `error` is what a stopped action raised: what it had to give until then is kept.
    """
    data = freeze(error.data) if isinstance(error, ActionError) else None
    return ErrorInfo(type="Timeout", message=f"no end within {seconds:g} s; {became}", data=data)


def cancelled_error() -> ErrorInfo:
    """Say that an attempt was not made, or given up on, because the run was to stop."""
    return ErrorInfo(type="Cancelled", message="the run was cancelled", retryable=False)


def not_sendable_error(message: str) -> ErrorInfo:
    """Say that an attempt was not made, as what it needs cannot go to its worker."""
    return ErrorInfo(type="NotSendable", message=message, retryable=False)


def worker_lost_error(deaths: int, why: str, *, idempotent: bool) -> ErrorInfo:
    """Say that an attempt ended its worker, or may have.

    Args:
        deaths: How many workers ended while they were at it alone.
        why: What is known of their end.
        idempotent: Whether it may be made again.
    """
    if not idempotent:
        told = (
            f"the worker ended while it was at this item ({why}); the action is declared not "
            "idempotent, so it is not made again by itself: see whether it was done"
        )
    else:
        told = (
            f"the worker ended {deaths} times while it was at this item alone ({why}); look for "
            "what ends a process: a crash in compiled code, or more memory than there is"
        )
    return ErrorInfo(type="WorkerLost", message=told, retryable=idempotent)

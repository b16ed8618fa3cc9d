"""One attempt: render the input, call the action, freeze what comes back."""

from __future__ import annotations

import asyncio
import inspect
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attune_nb.context import ItemScope, freeze, thaw
from attune_nb.errors import ActionError, TemplateError
from attune_nb.events import ErrorInfo

if TYPE_CHECKING:
    from collections.abc import Callable

    from attune_nb.actions.cancel import CancelToken
    from attune_nb.actions.registry import Action
    from attune_nb.context import WorkflowContext
    from attune_nb.templates.template import Template

__all__ = ["Call", "describe"]

_PACKAGE = str(Path(__file__).parent.parent)


class Call:
    """What a task does to each of its items; safe to share between threads."""

    __slots__ = ("context", "evaluate", "function")

    def __init__(
        self, found: Action, template: Template, context: WorkflowContext, cancel: CancelToken
    ) -> None:
        self.context = context
        self.evaluate = template.evaluate
        self.function = _prepared(found, cancel)

    def render(self, item: Any, index: Any) -> Any:
        """Render the input for one item."""
        return self.evaluate(ItemScope(self.context, item, index))

    def invoke(self, rendered: Any) -> Any:
        """Call the action with a rendered input; give the frozen result."""
        result = self.function(**rendered)
        if inspect.iscoroutine(result):
            result = _await(result)
        return freeze(result)


def _prepared(found: Action, cancel: CancelToken) -> Callable[..., Any]:
    function = found.function
    if found.cancellable:
        return lambda **given: function(cancel=cancel, **given)
    if found.mutable_input:
        return lambda **given: function(**thaw(given))
    return function


def _await(coroutine: Any) -> Any:
    """Run a coroutine to its end, also where this thread already runs a loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    box: list[Any] = []
    thread = threading.Thread(target=lambda: box.append(_caught(coroutine)))
    thread.start()
    thread.join()
    value, error = box[0]
    if error is not None:
        raise error
    return value


def _caught(coroutine: Any) -> tuple[Any, BaseException | None]:
    try:
        return asyncio.run(coroutine), None
    except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
        return None, error


def describe(error: BaseException) -> ErrorInfo:
    """Turn an exception into plain data, with the frames of the user's own code."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_PACKAGE):
        trace = trace.tb_next
    lines = traceback.format_exception(type(error), error, trace)
    data = freeze(error.data) if isinstance(error, ActionError) else None
    return ErrorInfo(
        type=type(error).__name__,
        message=str(error) or type(error).__name__,
        traceback="".join(lines),
        data=data,
        retryable=not isinstance(error, TemplateError),
        position=getattr(error, "position", None) if isinstance(error, TemplateError) else None,
    )

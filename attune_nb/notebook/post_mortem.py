"""The error of an action as it was raised, so that `%debug` opens in the action's frame.

Used by `%%attune --debug`.
"""

from __future__ import annotations

from functools import wraps
from importlib import resources
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any

from attune_nb.running.workflow import Workflow

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

__all__ = ["ErrorCapture"]

_PACKAGE_FOLDER = str(resources.files("attune_nb"))


class ErrorCapture:
    """Records the last error that an action raised.

    Attributes:
        error: The error, or None.
    """

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def wrap_actions(self, actions: Mapping[str, Any]) -> dict[str, Any]:
        """Return the same actions, wrapped so that their errors are recorded."""
        wrapped: dict[str, Any] = {}
        for name, action in actions.items():
            is_function = not isinstance(action, Workflow)
            wrapped[name] = self._wrap(action) if is_function else action
        return wrapped

    def exc_info(self) -> tuple[type, BaseException, TracebackType | None] | None:
        """Return the error as `sys.exc_info` does, or None.

        Its traceback begins at the first frame that is not of this package.
        """
        if self.error is None:
            return None

        traceback = self.error.__traceback__
        while traceback is not None and _is_own_frame(traceback):
            traceback = traceback.tb_next
        if traceback is None:
            traceback = self.error.__traceback__
        return type(self.error), self.error, traceback

    def _wrap(self, function: Callable[..., Any]) -> Callable[..., Any]:
        if iscoroutinefunction(function):

            @wraps(function)
            async def call_async(*args: Any, **kwargs: Any) -> Any:
                try:
                    return await function(*args, **kwargs)
                except Exception as error:
                    self.error = error
                    raise

            return call_async

        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            try:
                return function(*args, **kwargs)
            except Exception as error:
                self.error = error
                raise

        return call


def _is_own_frame(traceback: TracebackType) -> bool:
    return traceback.tb_frame.f_code.co_filename.startswith(_PACKAGE_FOLDER)

"""`--debug`: the last error of an action as it was raised, for `%debug` to land in its frame."""

from __future__ import annotations

from functools import wraps
from importlib import resources
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any

from attune_nb.running.workflow import Workflow

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

__all__ = ["Caught"]

_OURS = str(resources.files("attune_nb"))


class Caught:
    """Keeps the last error that an action raised."""

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def around(self, actions: Mapping[str, Any]) -> dict[str, Any]:
        """Give the same actions, whose errors are kept on their way."""
        return {
            name: each if isinstance(each, Workflow) else self._around(each)
            for name, each in actions.items()
        }

    def _around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        if iscoroutinefunction(function):

            @wraps(function)
            async def later(*args: Any, **kwargs: Any) -> Any:
                try:
                    return await function(*args, **kwargs)
                except Exception as error:
                    self.error = error
                    raise

            return later

        @wraps(function)
        def called(*args: Any, **kwargs: Any) -> Any:
            try:
                return function(*args, **kwargs)
            except Exception as error:
                self.error = error
                raise

        return called

    def raised(self) -> tuple[type, BaseException, TracebackType | None] | None:
        """Give what to show: the error, from the first frame that is not of this package."""
        if self.error is None:
            return None
        frames = self.error.__traceback__
        while frames is not None and frames.tb_frame.f_code.co_filename.startswith(_OURS):
            frames = frames.tb_next
        return type(self.error), self.error, frames or self.error.__traceback__

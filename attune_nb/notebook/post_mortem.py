"""The errors of actions as they were raised, so that `%debug` opens in the frame of an action."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["ErrorCapture"]

_PACKAGE_FOLDER = str(resources.files("attune_nb"))

# errors that are kept while a run is in progress: each keeps the variables of its frames alive
_MAX_ERRORS = 4


class ErrorCapture:
    """Keeps a few errors that the actions of a run raise, each of another type or message."""

    def __init__(self) -> None:
        self._errors: dict[tuple[str, str], BaseException] = {}
        self._is_closed = False

    def record(self, error: BaseException) -> None:
        """Keep an error, unless it has no frame of the user's own code; called in any thread."""
        if self._is_closed or len(self._errors) >= _MAX_ERRORS:
            return
        if _first_own_frame(error) is not None:
            self._errors.setdefault((type(error).__name__, _message_of(error)), error)

    def find(self, type_name: str, message: str) -> tuple[BaseException, TracebackType] | None:
        """Return an exception that was recorded, with its traceback, or None.

        The traceback begins at the first frame that is not of this package.

        Args:
            type_name: The name of its type.
            message: Its message, in which secrets may be masked.
        """
        candidates = [
            exception for (name, _), exception in self._errors.items() if name == type_name
        ]
        if not candidates:
            return None

        # with a masked secret only the type decides
        exception = candidates[0]
        for candidate in candidates:
            if _message_of(candidate) in message:
                exception = candidate
                break
        traceback = _first_own_frame(exception)
        if traceback is None:
            return None
        return exception, traceback

    def close(self) -> None:
        """Drop the errors, and keep no more."""
        self._is_closed = True
        self._errors.clear()


def _message_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - an exception's own `__str__` may raise anything
        return ""


def _first_own_frame(error: BaseException) -> TracebackType | None:
    """Return the part of a traceback that begins at the first frame of the user's code."""
    traceback = error.__traceback__
    while traceback is not None and _is_of_package(traceback):
        traceback = traceback.tb_next
    return traceback


def _is_of_package(traceback: TracebackType) -> bool:
    file_name = traceback.tb_frame.f_code.co_filename
    return file_name.startswith(_PACKAGE_FOLDER) or file_name == "<template>"

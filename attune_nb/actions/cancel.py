"""The signal that an attempt is to end."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["CancelToken"]


class CancelToken:
    """A flag that is set once and never cleared; any thread may set or watch it."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._callbacks: dict[object, Callable[[], object]] = {}

    def __repr__(self) -> str:
        return f"CancelToken(cancelled={self.cancelled})"

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` has been called."""
        return self._event.is_set()

    def cancel(self) -> None:
        """Set the flag and call all callbacks in this thread; a second call does nothing.

        If a callback raises, the others are still called; then the first error is raised.
        """
        with self._lock:
            self._event.set()
            callbacks = list(self._callbacks.values())
            self._callbacks.clear()

        errors: list[Exception] = []
        for callback in callbacks:
            try:
                callback()
            except Exception as error:  # noqa: BLE001 - the other callbacks must be called
                errors.append(error)
        if errors:
            raise errors[0]

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until cancelled, at most `seconds`; return whether it was cancelled."""
        return self._event.wait(seconds)

    @contextmanager
    def on_cancel(self, callback: Callable[[], object]) -> Iterator[None]:
        """Call `callback` once if the flag is set while the block runs.

        If the flag is set already, the callback is called at once, in this thread. It may
        still be running in the cancelling thread when the block ends.
        """
        key = object()
        with self._lock:
            is_cancelled = self._event.is_set()
            if not is_cancelled:
                self._callbacks[key] = callback

        if is_cancelled:
            callback()
        try:
            yield
        finally:
            with self._lock:
                self._callbacks.pop(key, None)

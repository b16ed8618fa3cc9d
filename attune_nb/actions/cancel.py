"""How an action that is under way learns that nobody wants its answer any more."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["CancelToken"]


class CancelToken:
    """A flag that is raised once and never lowered; any thread may raise or watch it."""

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
        """Raise the flag and call every callback in this thread; a second call does nothing.

        Every callback is called even when one of them fails; the first failure is then raised.
        """
        with self._lock:
            self._event.set()
            callbacks = list(self._callbacks.values())
            self._callbacks.clear()
        failure: Exception | None = None
        for callback in callbacks:
            try:
                callback()
            except Exception as error:  # noqa: BLE001 - the others must still be told
                failure = failure or error
        if failure is not None:
            raise failure

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until cancelled, at most `seconds`; True if cancelled."""
        return self._event.wait(seconds)

    @contextmanager
    def on_cancel(self, callback: Callable[[], object]) -> Iterator[None]:
        """Have `callback` called, once, if the flag is raised while the block runs.

        If the flag is up already, it is called at once, in this thread. It may still be
        running in the cancelling thread when the block ends.
        """
        key = object()
        with self._lock:
            late = self._event.is_set()
            if not late:
                self._callbacks[key] = callback
        if late:
            callback()
        try:
            yield
        finally:
            with self._lock:
                self._callbacks.pop(key, None)

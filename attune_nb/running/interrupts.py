"""Interrupts (Ctrl-C) during a call that runs a workflow: no run is lost or left half-changed.

Python raises `KeyboardInterrupt` between any two instructions of the main thread: before the run
exists, while its record's thread is being started, or between two changes of its state. While a
call holds interrupts, one is raised only in an action, in the code of the items, and while the
call waits. Anywhere else it is remembered until then.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Self

from attune_nb.backends.attempt.attempt import Call
from attune_nb.backends.attempt.item_source import ItemSource

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

__all__ = ["HeldInterrupts"]

# the functions that run code of users in the driver's thread; what they hold is of one attempt
_USER_CODE = frozenset(
    function.__code__ for function in (Call.invoke, Call.describe_error, ItemSource.read_next)
)

# seconds after which an interrupt is raised wherever it comes: something does not end
_PATIENCE = 2.0


class HeldInterrupts:
    """A context in which interrupts are held; in other threads than the main one it does nothing.

    When it ends, an interrupt that came meanwhile is raised.

    Attributes:
        at_end: Called at the end of the context, unless an interrupt is raised then.
        on_interrupt: Called when an interrupt is held, while a run is under way: it cancels that.
    """

    def __init__(self) -> None:
        self.at_end: Callable[[], None] | None = None
        self.on_interrupt: Callable[[], None] | None = None
        self._held_since: float | None = None
        self._is_let_in = False
        self._former_handler: Any = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            handler = signal.getsignal(signal.SIGINT)
            # ignored, or left to the system: no `KeyboardInterrupt` comes of it
            if callable(handler):
                self._former_handler = handler
                signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        # code of the user may have set another handler
        is_own_handler = signal.getsignal(signal.SIGINT) == self._handle
        if self._former_handler is not None and is_own_handler:
            signal.signal(signal.SIGINT, self._former_handler)
        self.raise_held()
        if self.at_end is not None:
            self.at_end()

    @property
    def has_held(self) -> bool:
        """Whether an interrupt has come that was not raised yet."""
        return self._held_since is not None

    def drop_held(self) -> None:
        """Drop the interrupt that was held: the run is cancelled."""
        self._held_since = None

    def raise_held(self) -> None:
        """Raise the interrupt that was held, if any.

        Raises:
            KeyboardInterrupt: One was held.
        """
        if self.has_held:
            self.drop_held()
            self.hold()
            self._former_handler(signal.SIGINT, sys._getframe())  # noqa: SLF001 - as Python does

    def let_in(self) -> None:
        """Raise the interrupt that was held, and let the next one in; it ends this state.

        Raises:
            KeyboardInterrupt: One was held, or has just come.
        """
        self._is_let_in = True
        self.raise_held()

    def hold(self) -> None:
        """Hold interrupts again."""
        self._is_let_in = False

    def _handle(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        is_overdue = self._held_since is not None and now - self._held_since > _PATIENCE
        if self._is_let_in or is_overdue or _runs_user_code(frame):
            self._is_let_in = False
            self._former_handler(number, frame)
            return

        if self._held_since is None:
            self._held_since = now
        if self.on_interrupt is not None:
            self.on_interrupt()


def _runs_user_code(frame: FrameType | None) -> bool:
    """Return whether a frame is code of a user within an attempt, or was called by it."""
    while frame is not None:
        if frame.f_code in _USER_CODE:
            return True
        frame = frame.f_back
    return False

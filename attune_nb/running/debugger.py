"""`breakpoint()` in an action: the debugger that it opens."""

from __future__ import annotations

import os
import sys
from bdb import BdbQuit
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["PassedBreakpoints", "breakpoint_hook", "has_chosen_hook", "open_debugger"]


def has_chosen_hook() -> bool:
    """Return whether the user has chosen what `breakpoint()` does.

    By PYTHONBREAKPOINT, or by the debugger of JupyterLab or of an editor that is switched on.
    """
    debugpy: Any = sys.modules.get("debugpy")
    is_connected = debugpy is not None and bool(debugpy.is_client_connected())
    return is_connected or "PYTHONBREAKPOINT" in os.environ


@contextmanager
def breakpoint_hook(hook: Callable[..., None]) -> Iterator[None]:
    """Let `breakpoint()` call another hook for a while."""
    previous_hook = sys.breakpointhook
    sys.breakpointhook = hook
    try:
        yield
    finally:
        sys.breakpointhook = previous_hook


class PassedBreakpoints:
    """Says once that `breakpoint()` did not stop, and what to do."""

    def __init__(self) -> None:
        self._has_warned = False

    def warn(self, frame: Any, reason: str) -> None:
        """Print the place of a breakpoint and the reason why it did not stop.

        Args:
            frame: The frame that called `breakpoint()`.
            reason: The reason, or how to stop there.
        """
        if self._has_warned:
            return

        self._has_warned = True
        name = frame.f_code.co_name
        sys.stderr.write(
            f"breakpoint() in `{name}`, line {frame.f_lineno}, did not stop: {reason}\n"
        )


def open_debugger(frame: Any, debugger_class: type) -> None:
    """Open a debugger in a frame; quitting it cancels the run.

    Args:
        frame: The frame where it stops.
        debugger_class: `pdb.Pdb` or a subclass.
    """
    quitting_class = type("Debugger", (_QuittingCancels, debugger_class), {})
    debugger: Any = quitting_class()
    debugger.set_trace(frame)


class _QuittingCancels:
    """A debugger whose `quit` cancels the run, which might stop again at every further item."""

    def trace_dispatch(self, frame: Any, event: str, argument: Any) -> Any:
        """Handle an event of the program that is debugged.

        Raises:
            KeyboardInterrupt: The person has quit.
        """
        parent: Any = super()
        try:
            return parent.trace_dispatch(frame, event, argument)
        except BdbQuit:
            raise KeyboardInterrupt from None

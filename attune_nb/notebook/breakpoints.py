"""`breakpoint()` in an action: it stops under `--debug`.

The debugger of JupyterLab, which every kernel imports, lets `breakpoint()` pass without a word if
nobody has switched it on. So the magic puts a hook of its own in its place while a run goes on.
"""

from __future__ import annotations

import os
import sys
from bdb import BdbQuit
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from attune_nb.display.outputs import in_kernel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["watch_breakpoints"]


@contextmanager
def watch_breakpoints(shell: InteractiveShell, *, debug: bool) -> Iterator[None]:
    """Let `breakpoint()` open IPython's debugger while a run goes on.

    Without `debug` it does not stop in a kernel, and a warning says so once. A hook that the
    user has chosen stays: that of a connected debugger, or of PYTHONBREAKPOINT.
    """
    is_chosen = "PYTHONBREAKPOINT" in os.environ or _is_debugger_connected()
    if is_chosen or not (debug or in_kernel()):
        yield
        return

    previous_hook = sys.breakpointhook
    sys.breakpointhook = _Hook(shell, debug=debug)
    try:
        yield
    finally:
        sys.breakpointhook = previous_hook


class _Hook:
    """Called by `breakpoint()`, in the thread of the action."""

    def __init__(self, shell: Any, *, debug: bool) -> None:
        self._shell = shell
        self._debug = debug
        self._has_warned = False

    def __call__(self, *_: Any, **__: Any) -> None:
        """Open the debugger in the frame that called `breakpoint()`, or warn."""
        frame = sys._getframe(1)  # noqa: SLF001 - the only way to the caller's frame
        if not self._debug:
            self._warn(frame, "run the cell with `--debug` to stop there")
        elif in_kernel() and not self._shell.kernel._allow_stdin:  # noqa: SLF001 - no public way
            self._warn(frame, "nobody can answer the debugger here")
        else:
            debugger_class = type("Debugger", (_QuittingCancels, self._shell.debugger_cls), {})
            debugger: Any = debugger_class()
            debugger.set_trace(frame)

    def _warn(self, frame: Any, reason: str) -> None:
        if self._has_warned:
            return
        self._has_warned = True
        name = frame.f_code.co_name
        sys.stderr.write(
            f"breakpoint() in `{name}`, line {frame.f_lineno}, did not stop: {reason}\n"
        )


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


def _is_debugger_connected() -> bool:
    """Return whether the debugger of JupyterLab or of an editor is switched on."""
    debugpy: Any = sys.modules.get("debugpy")
    return debugpy is not None and bool(debugpy.is_client_connected())

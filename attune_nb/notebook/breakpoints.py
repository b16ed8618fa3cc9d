"""`breakpoint()` in an action: it stops under `--debug`.

The debugger of JupyterLab, which every kernel imports, lets `breakpoint()` pass without a word
unless it was switched on. So the magic puts a hook of its own in its place while a run goes on.
"""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from attune_nb.display.outputs import in_kernel
from attune_nb.running.debugger import (
    PassedBreakpoints,
    breakpoint_hook,
    has_chosen_hook,
    open_debugger,
)

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["watch_breakpoints"]


def watch_breakpoints(shell: InteractiveShell, *, debug: bool) -> AbstractContextManager[None]:
    """Let `breakpoint()` open IPython's debugger while a run goes on.

    Without `debug` it does not stop in a kernel, and a warning says so once. A hook that the
    user has chosen stays.
    """
    if has_chosen_hook() or not (debug or in_kernel()):
        return nullcontext()
    return breakpoint_hook(_Hook(shell, debug=debug))


class _Hook:
    """Called by `breakpoint()`, in the thread of the action."""

    def __init__(self, shell: Any, *, debug: bool) -> None:
        self._shell = shell
        self._debug = debug
        self._passed = PassedBreakpoints()

    def __call__(self, *_: Any, **__: Any) -> None:
        """Open the debugger in the frame that called `breakpoint()`, or warn."""
        frame = sys._getframe(1)  # noqa: SLF001 - the only way to the caller's frame
        if not self._debug:
            self._passed.warn(frame, "run the cell with `--debug` to stop there")
        elif in_kernel() and not self._shell.kernel._allow_stdin:  # noqa: SLF001 - no public way
            self._passed.warn(frame, "nobody can answer the debugger here")
        else:
            open_debugger(frame, self._shell.debugger_cls)

"""`--debug`: attempts in this thread, where `breakpoint()` opens Python's debugger."""

from __future__ import annotations

import pdb  # noqa: T100 - this is the option's purpose
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from attune_nb.errors import ParameterError
from attune_nb.running.debugger import (
    PassedBreakpoints,
    breakpoint_hook,
    has_chosen_hook,
    open_debugger,
)

if TYPE_CHECKING:
    from attune_nb.cli.options import Backend

__all__ = ["debug_options", "stop_at_breakpoints"]


def debug_options(backend: Backend, *, debug: bool, no_progress: bool) -> dict[str, Any]:
    """Return the options of a run that follow from `--debug` and `--no-progress`.

    Raises:
        ParameterError: Another backend was chosen, where no debugger can stop.
    """
    options: dict[str, Any] = {}
    if backend is not None:
        options["backend"] = backend
    if debug and backend not in (None, "inline"):
        raise ParameterError(
            f"--debug runs the workflow inline, in this thread: remove `--backend {backend}`"
        )
    if debug:
        options["backend"] = "inline"
    if debug or no_progress:
        options["progress"] = False
    return options


def stop_at_breakpoints(*, debug: bool) -> AbstractContextManager[None]:
    """Let `breakpoint()` open Python's debugger; quitting it cancels the run.

    Without `debug` it does not stop, as the debugger would share the terminal with the progress
    and with other attempts; a line says so once. A hook that the user has chosen stays.
    """
    if has_chosen_hook():
        return nullcontext()
    if debug:
        return breakpoint_hook(_open_pdb)

    passed = PassedBreakpoints()

    def warn(*_: Any, **__: Any) -> None:
        frame = sys._getframe(1)  # noqa: SLF001 - the only way to the caller's frame
        passed.warn(frame, "run with `--debug` to stop there")

    return breakpoint_hook(warn)


def _open_pdb(*_: Any, **__: Any) -> None:
    frame = sys._getframe(1)  # noqa: SLF001 - the only way to the caller's frame
    open_debugger(frame, pdb.Pdb)

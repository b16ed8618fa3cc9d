"""Starting a run in a cell: its progress, its outcome, and the variables that hold it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from attune_nb.display.outputs import CellDisplay, Display, in_kernel
from attune_nb.html import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

    from attune_nb.notebook.command import PendingRun
    from attune_nb.notebook.post_mortem import ErrorCapture
    from attune_nb.notebook.session import Session
    from attune_nb.running.history import AnyRun
    from attune_nb.running.run import Run

__all__ = ["CellRunner"]


class CellRunner:
    """Starts runs in cells; a cell shows its run once, as its panel or as its value."""

    def __init__(self, shell: InteractiveShell, session: Session) -> None:
        self._shell = shell
        self._session = session
        # a run that its cell shows already, and the number of the cell
        self._shown: tuple[AnyRun, int] | None = None

    def start(
        self,
        pending_run: PendingRun,
        error_capture: ErrorCapture,
        *,
        out: str | None,
        quiet: bool,
        has_progress: bool,
    ) -> Run | None:
        """Start a run, and return it as the value of the cell.

        Args:
            pending_run: The run to start.
            error_capture: Holds the error of an action with `--debug`.
            out: A variable for the Run.
            quiet: Show nothing.
            has_progress: Show the progress, if this is a notebook.
        """
        displays: list[Display] = []

        def create_display() -> Display:
            displays.append(CellDisplay())
            return displays[0]

        progress_option: Callable[[], Display] | bool = False
        if has_progress and not quiet and in_kernel():
            progress_option = create_display
        run = pending_run.start(progress_option)

        self._session.add_run(pending_run.name, run)
        if out:
            self._shell.user_ns[out] = run

        self._show_failure(run, error_capture)
        if displays and run.has_ended:
            # the panel becomes the outcome: one output, not two
            displays[0].replace(run)

        # a terminal would show an empty `Out[1]:`
        if quiet and not in_kernel():
            displayhook: Any = self._shell.displayhook
            displayhook.update_user_ns(run)
            return None

        if displays or quiet:
            self._shown = run, self._shell.execution_count
        return run

    def display_once(self, run: AnyRun) -> None:
        """Display nothing for a run that its cell shows already; an IPython display formatter.

        Raises:
            NotImplementedError: The cell does not show it yet; IPython uses its other formatters.
        """
        shown = self._shown
        self._shown = None
        if shown is None:
            raise NotImplementedError

        shown_run, execution_count = shown
        if shown_run is not run or execution_count != self._shell.execution_count:
            raise NotImplementedError

    def _show_failure(self, run: Run, error_capture: ErrorCapture) -> None:
        """Print the user's own frames of a run that failed; with `--debug`, the traceback."""
        if run.status != "failed":
            return

        exc_info = error_capture.exc_info()
        if exc_info is not None:
            self._shell.showtraceback(exc_info)
            return

        text = run.failure_text()
        if text:
            sys.stdout.write(f"{printable(text)}\n")

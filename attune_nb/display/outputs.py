"""Where a run's progress is shown: in the cell, in the terminal, or nowhere.

The engine's thread tells a display what has happened, one thread redraws all displays ten
times a second, and once the run has ended the last drawing stands: nothing is drawn over it.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from attune_nb import html
from attune_nb.display import redraw
from attune_nb.display.panel import View, panel
from attune_nb.events import RunEnded, RunResumed
from attune_nb.results.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attune_nb.display.controls import Controls
    from attune_nb.events import Event
    from attune_nb.results.protocols import LiveRun

__all__ = ["CellDisplay", "Display", "TerminalDisplay", "Text", "in_kernel", "open_display"]

LOG_WAIT = 5.0  # seconds between two blocks of lines in a file
INTERRUPT = "interrupt the kernel to cancel"
_TYPED = "font-family:var(--jp-code-font-family,monospace);font-size:13px"


def in_kernel() -> bool:
    """Tell whether this is a Jupyter kernel, whose cells take display updates."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return hasattr(shell, "kernel")


def shows_widgets() -> bool:
    """Tell whether the front end is one that shows widgets.

    A kernel cannot ask, but it can tell who started it: a Jupyter server names the notebook's
    session, VS Code leaves its process's number, and Colab has its own package. nbconvert,
    nbclient and papermill do none of this. `ATTUNE_NB_WIDGETS` set to 0 or 1 decides.
    """
    said = os.environ.get("ATTUNE_NB_WIDGETS", "")
    if said in ("0", "1"):
        return said == "1"
    known = ("JPY_SESSION_NAME", "VSCODE_PID", "VSCODE_CWD")
    return any(name in os.environ for name in known) or "google.colab" in sys.modules


def open_display(wanted: bool | str) -> Display | None:
    """Open what shows progress, or give None where there is no place for it.

    "auto" shows it in a notebook's cell and in a terminal, of what is run from there and not by
    an action; True also where the output is neither, as plain lines.
    """
    is_called_by_a_person = threading.current_thread() is threading.main_thread()
    if wanted is False or (wanted == "auto" and not is_called_by_a_person):
        return None
    if in_kernel():
        return CellDisplay()
    if wanted is True or sys.stderr.isatty():
        return TerminalDisplay()
    return None


class Text:
    """A text that a notebook shows as preformatted, escaped HTML."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        shown = html.text(self.text, max_length=100_000)
        return str(html.element("pre", shown, style=_TYPED))  # a page's own `pre` may have another


class Display:
    """Shows the progress of a run until it ends; then what came of it.

    Attributes:
        hears_answers: Whether a person can answer a question elsewhere, such as in another
            cell, once the call that runs has returned.
    """

    hears_answers = False

    def __init__(self) -> None:
        self.progress = Progress()
        self.run: LiveRun | None = None
        self.in_background = False
        self._began = time.monotonic()
        self._lock = threading.RLock()  # of the progress, and of whoever draws
        self._is_over = False

    def read(self, events: Sequence[Event]) -> None:
        """Take new events in; called in the engine's thread."""
        with self._lock:
            self.progress.read(events)
            for each in events:
                if isinstance(each, RunResumed):
                    self._began = time.monotonic() - each.time
            if any(isinstance(each, RunEnded) for each in events):
                self._end()

    def attach(self, run: LiveRun, *, background: bool) -> None:
        """Tell whose progress it is, and whether the cell has gone on meanwhile."""
        with self._lock:
            self.run, self.in_background = run, background
            if self._is_over and background:
                self.replace(run)
            elif not self._is_over:
                redraw.keep_drawn(self)

    def draw(self) -> None:
        """Show how far the run has come."""
        with self._lock:
            if not self._is_over:
                if self.progress.status != "paused":  # the clock stands still with the run
                    spent = time.monotonic() - self._began
                    self.progress.now = max(self.progress.now, spent)
                self.show()

    def drop(self) -> None:
        """Show nothing any more, of a run that could not begin."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        redraw.close(self)
        self._is_over = True
        self.finish()

    def show(self) -> None:
        """Draw; the lock is held, and the run has not ended."""
        raise NotImplementedError

    def finish(self) -> None:
        """Draw for the last time; the lock is held."""
        raise NotImplementedError

    def replace(self, shown: object) -> None:
        """Put something else in the display's place, for good."""
        raise NotImplementedError


class CellDisplay(Display):
    """An output of the cell, updated in place.

    While a cell blocks its kernel no click is handled, so there is only HTML; the widgets of a
    run in the background come where the front end shows them. Either gives way to what is
    static in the end, so that a saved notebook shows it without a kernel.

    The output is made here, in the cell's own thread, so that updates which come later from
    other threads reach this cell and no other.
    """

    hears_answers = True

    def __init__(self) -> None:
        from IPython.display import display  # noqa: PLC0415 - not needed outside a notebook

        super().__init__()
        self._controls: Controls | None = None
        self._pause = ""  # that is told by the text beside the widgets
        self._handle: Any = display(Text("starting"), display_id=True)  # type: ignore[no-untyped-call, unused-ignore]

    def attach(self, run: LiveRun, *, background: bool) -> None:
        """Tell whose progress it is; one in the background gets its buttons."""
        super().attach(run, background=background)
        with self._lock:
            if background and not self._is_over and self._controls is None and shows_widgets():
                from attune_nb.display.controls import Controls  # noqa: PLC0415 - slow to import

                self._controls = Controls(run, self.progress)
                self._pause = self.progress.pause
                self._handle.update(self._controls.box)

    def show(self) -> None:
        """Update the output."""
        if self._controls is not None:
            self._controls.show(self.progress)
            if self._pause != self.progress.pause:  # that text does not change by itself
                self._pause = self.progress.pause
                self._handle.update(self._controls.box)
        else:
            hint = "`run.cancel()` cancels" if self.in_background else INTERRUPT
            self._handle.update(View(panel(self.progress, hint), self.progress.text()))

    def finish(self) -> None:
        """Leave a line, or the Run itself where no other output of the cell will show it."""
        shown = self.run if self.in_background else None
        self.replace(Text(self.progress.heading()) if shown is None else shown)

    def replace(self, shown: object) -> None:
        """Put something else in the output's place, for good."""
        self._handle.update(shown)
        if self._controls is not None:
            self._controls.close()
            self._controls = None


class TerminalDisplay(Display):
    """Lines on standard error, drawn over themselves in a terminal.

    Where standard error is a file, one block of lines every few seconds.
    """

    def __init__(self) -> None:
        from rich.console import Console  # noqa: PLC0415 - not needed in a notebook
        from rich.live import Live  # noqa: PLC0415

        super().__init__()
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._live: Live | None = None
        self._written = time.monotonic()
        if self._console.is_terminal:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()

    def show(self) -> None:
        """Draw the lines again."""
        from rich.text import Text as Line  # noqa: PLC0415

        if self._live is not None:
            self._live.update(Line(self.progress.text()), refresh=True)
        elif time.monotonic() - self._written >= LOG_WAIT:
            self._written = time.monotonic()
            self._console.print(self.progress.text(), markup=False)

    def finish(self) -> None:
        """Take the lines away; in a file, say how it ended."""
        if self._live is not None:
            self._live.stop()
        else:
            self._console.print(self.progress.heading(), markup=False)

    def replace(self, shown: object) -> None:
        """Write it below what is there."""
        self._console.print(repr(shown), markup=False)

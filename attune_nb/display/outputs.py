"""Displays of a run's progress: in the cell, in the terminal, or none.

The engine's thread passes events to a display, and one thread redraws all displays ten times a
second. After the end of a run its last drawing stays: no later one can overwrite it.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from attune_nb import html
from attune_nb.display import redraw
from attune_nb.display.cell_outputs import open_output as open_in_cell
from attune_nb.display.panel import View, format_update_time, panel
from attune_nb.display.static_text import static_text
from attune_nb.display.terminal import is_terminal
from attune_nb.events import RunEnded, RunResumed, RunStarted
from attune_nb.results.progress import Progress
from attune_nb.results.statuses import RESUME

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.live import Live

    from attune_nb.display.cell_outputs import OpenOutput
    from attune_nb.display.controls import Controls
    from attune_nb.events import Event
    from attune_nb.results.protocols import LiveRun

__all__ = [
    "CellDisplay",
    "Display",
    "TerminalDisplay",
    "Text",
    "in_ipython",
    "in_kernel",
    "open_display",
    "takes_input",
]

LOG_WAIT = 5.0
"""Seconds between two blocks of lines if standard error is a file."""
HIDDEN_WAIT = 1.0
"""Seconds between two updates of the HTML that the widgets hide."""
INTERRUPT = "interrupt the kernel to cancel"

_CODE_STYLE = "font-family:var(--jp-code-font-family,monospace);font-size:13px"

# characters of a text
_MAX_TEXT = 100_000


def in_kernel() -> bool:
    """Return whether this is a Jupyter kernel, whose cells take display updates."""
    ipython = sys.modules.get("IPython")
    if ipython is None:
        return False
    return hasattr(ipython.get_ipython(), "kernel")


def in_ipython() -> bool:
    """Return whether this is a session of IPython, in a terminal or in a kernel."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and ipython.get_ipython() is not None


def shows_widgets() -> bool:
    """Return whether the front end shows widgets.

    A kernel cannot ask the front end, but its environment shows which program started it: a
    Jupyter server sets the notebook's session, VS Code its process id, and Colab has a package.
    nbconvert, nbclient and papermill have none of these. `ATTUNE_NB_WIDGETS` overrides this
    with 0 or 1.
    """
    setting = os.environ.get("ATTUNE_NB_WIDGETS", "")
    if setting in ("0", "1"):
        return setting == "1"

    names = ("JPY_SESSION_NAME", "VSCODE_PID", "VSCODE_CWD")
    return any(name in os.environ for name in names) or "google.colab" in sys.modules


def takes_input() -> bool:
    """Return whether a person can answer a question in this kernel.

    A program that executes a notebook (nbclient, nbconvert, papermill) forbids its cells to ask
    for input; a front end with a person before it allows it. A page with widgets but without
    input, such as one of Voila, sets ATTUNE_NB_WIDGETS=1.
    """
    if os.environ.get("ATTUNE_NB_WIDGETS", "") == "1":
        return True

    from IPython import get_ipython  # noqa: PLC0415 - a kernel has imported it

    kernel = getattr(get_ipython(), "kernel", None)
    return bool(getattr(kernel, "_allow_stdin", True))


def open_display(progress: bool | str) -> Display | None:
    """Open the display for a run's progress, or return None if there is none.

    Args:
        progress: "auto" shows progress in a notebook's cell and in a terminal, but not for runs
            that an action starts. True also prints plain lines to any other output.
    """
    in_main_thread = threading.current_thread() is threading.main_thread()
    if progress is False or (progress == "auto" and not in_main_thread):
        return None
    if in_kernel():
        return CellDisplay()
    if progress is True or sys.stderr.isatty():
        return TerminalDisplay()
    return None


# set by Jupyter for its kernels, and so for the processes that a cell starts
_KERNEL_VARIABLE = "JPY_PARENT_PID"


class Text:
    """A text that a notebook shows as preformatted HTML."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        # with a style of its own, since a page's style of `pre` may differ
        content = html.text(self.text, max_length=_MAX_TEXT)
        return str(html.element("pre", content, style=_CODE_STYLE))


class Display:
    """Shows the progress of a run until it ends, and then its result.

    Attributes:
        on_end: Called when the run has ended and its result is shown, or None.
    """

    def __init__(self) -> None:
        self.on_end: Callable[[], None] | None = None
        self.progress = Progress()
        self.run: LiveRun | None = None
        self.in_background = False
        self._started = time.monotonic()
        # guards the progress and the drawing
        self._lock = threading.RLock()
        self._is_over = False

    def read(self, events: Sequence[Event]) -> None:
        """Process new events; called in the engine's thread."""
        with self._lock:
            self.progress.read(events)
            for event in events:
                if isinstance(event, RunStarted | RunResumed):
                    self._started = time.monotonic() - event.time
            if any(isinstance(event, RunEnded) for event in events):
                self._end()

    def attach(self, run: LiveRun, *, background: bool) -> None:
        """Set the run that is shown, and whether its cell has returned already."""
        with self._lock:
            self.run = run
            self.in_background = background
            if not background and run.store is not None:
                # this process waits for the run, so another one continues it
                self.progress.resume_command = f"`attune-nb resume {run.run_id}`"
            else:
                self.progress.resume_command = RESUME
            if self._is_over and background:
                self.replace(run)
            elif not self._is_over:
                redraw.keep_drawn(self)

    def draw(self) -> None:
        """Show the present progress."""
        with self._lock:
            if self._is_over:
                return
            # the clock of a paused run stands still
            if self.progress.status != "paused":
                elapsed = time.monotonic() - self._started
                self.progress.now = max(self.progress.now, elapsed)
            self.show()

    def drop(self) -> None:
        """End the display of a run that could not start."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        redraw.close(self)
        self._is_over = True
        self.finish()
        if self.on_end is not None:
            self.on_end()

    def show(self) -> None:
        """Draw the progress; called with the lock held, before the end of the run."""
        raise NotImplementedError

    def finish(self) -> None:
        """Draw for the last time; called with the lock held."""
        raise NotImplementedError

    def replace(self, output: object) -> None:
        """Replace the display by an output that stays."""
        raise NotImplementedError


class CellDisplay(Display):
    """An output of the cell, updated in place.

    While a cell blocks its kernel, clicks are not handled, so the output is HTML only. A run in
    the background gets widgets below it if the front end shows them. While they are shown they
    hide the HTML. A saved notebook whose kernel is gone shows only the HTML. At the end a static
    output replaces both.

    The outputs are created in the cell's own thread, so that later updates from other threads
    reach this cell.

    Attributes:
        open_output: Opens a further output of the same cell.

    Args:
        open_output: Opens an output; by default one of the cell that runs.
    """

    def __init__(self, open_output: OpenOutput | None = None) -> None:
        super().__init__()
        self.open_output = open_in_cell if open_output is None else open_output
        self._controls: Controls | None = None
        self._controls_handle: Any = None
        # when the HTML behind the widgets was sent, and what it said of a pause
        self._sent: tuple[float, str] = (0.0, "")
        self._handle: Any = self.open_output(Text("starting"))

    def attach(self, run: LiveRun, *, background: bool) -> None:
        """Set the run that is shown; a run in the background gets buttons."""
        super().attach(run, background=background)
        with self._lock:
            if not background or self._is_over or self._controls is not None:
                return
            if shows_widgets():
                self._show_controls(run)
            else:
                # the cell has returned, so an interrupt of the kernel cancels nothing any more
                self._send_panel()

    def _show_controls(self, run: LiveRun) -> None:
        from attune_nb.display.controls import Controls  # noqa: PLC0415 - slow to import

        self._controls = Controls(run, self.progress, hidden_class=self._static_class)
        self._controls_handle = self.open_output(self._controls.box)
        self._send_panel()

    @property
    def _static_class(self) -> str:
        """The class of the HTML that the widgets hide."""
        return f"attune-static-{id(self)}"

    def show(self) -> None:
        """Update the outputs."""
        if self._controls is None:
            self._send_panel()
            return

        self._controls.show(self.progress)
        sent_at, pause = self._sent
        is_due = time.monotonic() - sent_at >= HIDDEN_WAIT
        if is_due or pause != self.progress.pause_note:
            self._send_panel()

    def _send_panel(self) -> None:
        """Send the panel as HTML and text."""
        self._sent = (time.monotonic(), self.progress.pause_note)
        hint = INTERRUPT
        if self.in_background:
            hint = "`run.cancel()` cancels"
        if self._controls is not None and self.run is not None:
            # the widgets hide it as long as the run has a kernel
            hint = _describe_lost_kernel(self.run)

        # no form is shown here
        content = panel(self.progress, hint, questions=self.progress.questions)
        markup = static_text(content, self._static_class)
        updated = f"last update {format_update_time()}"
        self._handle.update(View(markup, f"{self.progress.text()}\n  {updated}"))

    def finish(self) -> None:
        """Leave one line, or the Run itself if no other output of the cell will show it."""
        if self.in_background and self.run is not None:
            self.replace(self.run)
            self._replace_in_next_cell(self.run)
        else:
            self.replace(Text(self.progress.heading()))

    def _replace_in_next_cell(self, output: object) -> None:
        """Replace the display once more when the next cell starts.

        nbclient, and with it nbconvert and papermill, drops the messages between two cells.
        """
        from IPython import get_ipython  # noqa: PLC0415 - a kernel has imported it

        shell_events = get_ipython().events  # type: ignore[no-untyped-call, unused-ignore]

        def replace_again(*_: object) -> None:
            shell_events.unregister("pre_run_cell", replace_again)
            self.replace(output)

        shell_events.register("pre_run_cell", replace_again)

    def replace(self, output: object) -> None:
        """Replace the display by an output that stays."""
        # the end of the run and the cell may replace it at the same time
        with self._lock:
            self._handle.update(output)
            if self._controls is not None:
                self._controls_handle.update(View(html.Markup(), ""))
                self._controls.close()
                self._controls = None


def _describe_lost_kernel(run: LiveRun) -> str:
    if run.store is None:
        return "if its kernel is gone, so is the run: it has no record"
    return f"if its kernel is gone, `%attune resume {run.run_id}` continues it"


class TerminalDisplay(Display):
    """Lines on standard error, redrawn in place in a terminal.

    If standard error is a file, a block of lines every few seconds.

    Attributes:
        on_release: Called when a person has typed an answer, before the lines are drawn again.
    """

    def __init__(self) -> None:
        from rich.console import Console  # noqa: PLC0415 - not needed in a notebook

        super().__init__()
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._live: Live | None = None
        self._is_held = False
        self.on_release: Callable[[], None] | None = None
        self._last_written = time.monotonic()
        self._start_live()

    def _start_live(self) -> None:
        from rich.live import Live  # noqa: PLC0415 - not needed in a notebook

        # The console takes any output for a terminal if FORCE_COLOR is set. A kernel sets it, and
        # gives a command of a cell (`!attune-nb run`) a terminal that the cell shows as text.
        if is_terminal(sys.stderr) and _KERNEL_VARIABLE not in os.environ:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()

    @property
    def is_held(self) -> bool:
        """Whether nothing may be drawn, as a person is typing."""
        return self._is_held

    def hold(self) -> None:
        """Remove the lines, and draw nothing until `release`: a person is typing."""
        with self._lock:
            self._is_held = True
            if self._live is not None and not self._is_over:
                self._live.stop()

    def release(self) -> None:
        """Draw again."""
        with self._lock:
            self._is_held = False
            if self.on_release is not None:
                self.on_release()
            if not self._is_over:
                # a new one: the cursor has moved since the last drawing
                self._start_live()

    def show(self) -> None:
        """Draw the lines again."""
        from rich.text import Text as Line  # noqa: PLC0415 - not needed in a notebook

        if self._is_held:
            return
        if self._live is not None:
            self._live.update(Line(self.progress.text()), refresh=True)
        elif time.monotonic() - self._last_written >= LOG_WAIT:
            self._last_written = time.monotonic()
            self._console.print(self.progress.text(), markup=False)

    def finish(self) -> None:
        """Remove the lines; in a file, print the end of the run."""
        if self._live is not None:
            self._live.stop()
        else:
            self._console.print(self.progress.heading(), markup=False)

    def replace(self, output: object) -> None:
        """Print an output below the lines."""
        self._console.print(repr(output), markup=False)

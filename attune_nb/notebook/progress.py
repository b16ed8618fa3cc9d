"""Where a run's progress is shown: in the cell, in the terminal, or nowhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from attune_nb import html
from attune_nb.events import RunEnded
from attune_nb.results.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from attune_nb.events import Event

__all__ = ["CellProgress", "TerminalProgress", "Text", "in_kernel", "progress_reader"]

LEAST_WAIT = 0.1  # seconds between two updates: ten a second, whatever the number of items
LOG_WAIT = 5.0  # seconds between two blocks of lines in a file


def in_kernel() -> bool:
    """Tell whether this is a Jupyter kernel, whose cells take display updates."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return hasattr(shell, "kernel")


def progress_reader(wanted: bool | str) -> Callable[[list[Event]], None] | None:
    """Give a reader that shows progress, or None where there is no place for it.

    "auto" shows it in a notebook's cell and in a terminal; True also where the output is
    neither, as plain lines.
    """
    if wanted is False:
        return None
    if in_kernel():
        return CellProgress().read
    if wanted is True or sys.stderr.isatty():
        return TerminalProgress().read
    return None


class Text:
    """A text that a notebook shows as preformatted, escaped HTML."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return str(html.element("pre", html.text(self.text, longest=100_000)))


class _Throttled:
    """Shows the progress at most ten times a second, and always once the run has ended."""

    def __init__(self) -> None:
        self.progress = Progress()
        self._shown = -LEAST_WAIT

    def read(self, events: list[Event]) -> None:
        """Take new events in."""
        self.progress.read(events)
        ended = any(isinstance(each, RunEnded) for each in events)
        if ended or time.monotonic() - self._shown >= LEAST_WAIT:
            self._shown = time.monotonic()
            self.show(ended=ended)

    def show(self, *, ended: bool) -> None:
        """Show how far the run has come."""
        raise NotImplementedError


class CellProgress(_Throttled):
    """An output of the cell, updated in place.

    The output is made here, in the cell's own thread, so that updates which come later from
    the engine's thread reach this cell and no other.
    """

    def __init__(self) -> None:
        from IPython.display import display  # noqa: PLC0415 - not needed outside a notebook

        super().__init__()
        self._handle: Any = display(Text("starting"), display_id=True)  # type: ignore[no-untyped-call, unused-ignore]

    def show(self, *, ended: bool) -> None:
        """Update the output; once the run has ended, one line is left of it."""
        self._handle.update(Text(self.progress.heading() if ended else self.progress.text()))

    def replace(self, shown: object) -> None:
        """Put something else in the output's place, for good."""
        self._handle.update(shown)


class TerminalProgress(_Throttled):
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

    def show(self, *, ended: bool) -> None:
        """Draw the lines again, or take them away once the run has ended."""
        from rich.text import Text as Line  # noqa: PLC0415

        if self._live is None:
            if ended or time.monotonic() - self._written >= LOG_WAIT:
                self._written = time.monotonic()
                text = self.progress.heading() if ended else self.progress.text()
                self._console.print(text, markup=False)
        elif ended:
            self._live.stop()
        else:
            self._live.update(Line(self.progress.text()), refresh=True)

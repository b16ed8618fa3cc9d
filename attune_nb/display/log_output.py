"""The first log lines of a run: below the cell that began it, or in the terminal."""

from __future__ import annotations

import os
import sys
import threading
import time
from itertools import groupby
from typing import TYPE_CHECKING, Any, TextIO

from attune_nb import html
from attune_nb.display import redraw
from attune_nb.display.cell_outputs import open_output
from attune_nb.display.outputs import CellDisplay, TerminalDisplay, in_kernel
from attune_nb.display.panel import View
from attune_nb.display.terminal import is_terminal
from attune_nb.errors import ParameterError, nearest
from attune_nb.events import RunEnded
from attune_nb.results.log_text import format_more, shown_line
from attune_nb.values.describe import describe_with_value
from attune_nb.values.named_values import plain_text

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from attune_nb.display.cell_outputs import OpenOutput
    from attune_nb.display.outputs import Display
    from attune_nb.events import Event
    from attune_nb.log_lines import LogLine
    from attune_nb.results.log_text import ShownLine

    LogsOption = str | int | None

__all__ = [
    "ALL",
    "CELL_LENGTH",
    "CELL_LIMIT",
    "MAX_LENGTH",
    "CellLogs",
    "LogOutput",
    "TerminalLogs",
    "lines_markup",
    "lines_text",
    "open_log_output",
    "read_limit",
    "shows_colours",
    "write_lines",
]

ALL = sys.maxsize
"""No limit to the lines that are shown."""

CELL_LIMIT = 100
"""The most lines that a cell shows, unless the option `logs` says otherwise."""

MAX_LENGTH = 1_000
"""Characters of a line that are shown."""

CELL_LENGTH = 300
"""Characters of a line that the cell of its run shows: about four rows."""

# seconds between two updates of a cell
_UPDATE_WAIT = 0.2

_STYLE = "font-family:var(--jp-code-font-family,monospace);font-size:12px;line-height:1.4"
_LINES_STYLE = "white-space:pre-wrap;overflow-wrap:anywhere;max-height:36em;overflow-y:auto"
_MUTED = "color:var(--jp-ui-font-color2,#767676)"
# reads on a light page and on a dark one
_WARNING = "background:rgba(213,94,0,0.12)"


def read_limit(value: Any) -> int | None:
    """Return the most lines that the option `logs` lets a run show; None for the default.

    Raises:
        ParameterError: It is none of "all", "none" and a number.
    """
    value = plain_text(value)
    if value is None:
        return None
    if value == "all":
        return ALL
    if value == "none":
        return 0
    if type(value) is str and value.isascii() and value.isdigit():
        value = int(value)
    if type(value) is int and value >= 0:
        return value

    hint = nearest(value, ["all", "none"]) if type(value) is str else ""
    raise ParameterError(
        f'`logs` must be "all", "none" or a number of lines, not {describe_with_value(value)}{hint}'
    )


def open_log_output(
    logs: LogsOption,
    display: Display | None,
    with_items: Collection[str],
    *,
    in_attempt: bool = False,
) -> LogOutput | None:
    """Open the output for the log lines of a run; None if none are shown.

    Args:
        logs: The option of the run.
        display: Shows the progress of the run.
        with_items: The paths of the tasks with items.
        in_attempt: Whether an action starts the run: its lines are printed, and so become lines of
            the attempt of that action.
    """
    limit = read_limit(logs)
    if limit == 0:
        return None

    cell_limit = CELL_LIMIT if limit is None else limit
    if isinstance(display, CellDisplay):
        return CellLogs(with_items, cell_limit, display.open_output)
    in_main_thread = threading.current_thread() is threading.main_thread()
    if in_kernel() and in_main_thread and not in_attempt:
        return CellLogs(with_items, cell_limit)

    terminal = display if isinstance(display, TerminalDisplay) else None
    terminal_limit = ALL if limit is None else limit
    return TerminalLogs(with_items, terminal_limit, terminal)


def lines_text(lines: Sequence[ShownLine], more: str = "", *, has_colours: bool = False) -> str:
    """Return lines as text, and below them how to see more."""
    rows = [line.coloured() if has_colours else str(line) for line in lines]
    if more:
        rows.append(more)
    return "\n".join(rows)


def lines_markup(lines: Sequence[ShownLine], more: str = "") -> html.Markup:
    """Return lines as HTML, and below them how to see more; nothing without lines."""
    if not lines and not more:
        return html.Markup()

    rows = []
    for line in lines:
        style = {"style": _WARNING} if line.is_marked else {}
        # the text is short already
        text = html.text(line.text, len(line.text))
        head = html.element("span", line.head, style=_MUTED)
        rows.append(html.element("div", head, text, **style))
    # a person without a mouse can scroll it, too
    parts = [
        html.element(
            "div", *rows, style=_LINES_STYLE, role="log", aria_label="log lines", tabindex="0"
        )
    ]
    if more:
        parts.append(html.element("div", more, style=_MUTED))
    return html.element("div", *parts, class_="attune-logs", style=_STYLE)


class LogOutput:
    """Shows the first lines of a run, and how many more there are.

    Args:
        with_items: The paths of the tasks with items.
        limit: The most lines.
    """

    # characters after which a line is cut
    _max_length = MAX_LENGTH

    def __init__(self, with_items: Collection[str], limit: int) -> None:
        self._with_items = with_items
        self._limit = limit
        self._count = 0
        self._hidden = 0
        # guards the lines and their drawing
        self._lock = threading.RLock()

    def read(self, lines: Sequence[LogLine]) -> None:
        """Take new lines; called in the engine's thread."""
        with self._lock:
            shown = lines[: self._limit - self._count]
            self._count += len(shown)
            self._hidden += len(lines) - len(shown)
            self._show([shown_line(line, self._with_items, self._max_length) for line in shown])

    def read_events(self, events: Sequence[Event]) -> None:
        """Notice the end of the run; called in the engine's thread, after its lines were read."""
        if any(isinstance(event, RunEnded) for event in events):
            with self._lock:
                self._finish()

    def leave_cell(self) -> None:
        """Prepare for lines that come when the cell, or the call, has returned."""

    def _show(self, lines: Sequence[ShownLine]) -> None:
        """Show further lines; called with the lock held."""
        raise NotImplementedError

    def _finish(self) -> None:
        """Show the last changes at the end of the run; called with the lock held."""
        raise NotImplementedError


class CellLogs(LogOutput):
    """An output of the cell that began the run; also when the cell has returned.

    It is one display with a handle. Other outputs of a thread go to the cell that runs then, and
    updates of a display stay where it was made. So it is made in the cell: with the first lines,
    or when the cell returns.

    Args:
        with_items: As in `LogOutput`.
        limit: As in `LogOutput`.
        open_output: Opens an output; by default one of the cell that runs.
    """

    _max_length = CELL_LENGTH

    def __init__(
        self, with_items: Collection[str], limit: int, open_output: OpenOutput = open_output
    ) -> None:
        super().__init__(with_items, limit)
        self._open_output = open_output
        self._lines: list[ShownLine] = []
        self._handle: Any = None
        self._has_left_cell = False
        self._is_over = False
        self._is_changed = False
        self._updated = 0.0

    def leave_cell(self) -> None:
        """Make the display now: later it would be made in another cell."""
        with self._lock:
            if not self._is_over:
                self._has_left_cell = True
                self._open()

    def _open(self) -> None:
        if self._handle is None:
            self._handle = self._open_output(self._view())
            self._updated = time.monotonic()
            if not self._is_over:
                redraw.keep_drawn(self)

    def _show(self, lines: Sequence[ShownLine]) -> None:
        self._lines += lines
        self._is_changed = True
        if self._is_over:
            self._send()
        elif self._handle is None:
            self._open()
            self._is_changed = False

    def draw(self) -> None:
        """Show the lines that have come; called ten times a second."""
        with self._lock:
            is_due = time.monotonic() - self._updated >= _UPDATE_WAIT
            if self._is_changed and is_due and not self._is_over:
                self._send()

    def _send(self) -> None:
        # before the lines are read: those that come meanwhile are sent with the next update
        self._is_changed = False
        self._updated = time.monotonic()
        self._open()
        self._handle.update(self._view())

    def _view(self) -> View:
        more = format_more(self._hidden, "run.logs()")
        return View(lines_markup(self._lines, more), lines_text(self._lines, more))

    def _finish(self) -> None:
        self._is_over = True
        if self._handle is None:
            return

        redraw.close(self)
        if self._is_changed:
            self._send()
        if self._has_left_cell:
            self._send_in_next_cell()

    def _send_in_next_cell(self) -> None:
        """Update the display once more when the next cell starts.

        nbclient, and with it nbconvert and papermill, drops the messages between two cells.
        """
        from IPython import get_ipython  # noqa: PLC0415 - a kernel has imported it

        shell_events = get_ipython().events  # type: ignore[no-untyped-call, unused-ignore]

        def send_again(*_: object) -> None:
            shell_events.unregister("pre_run_cell", send_again)
            with self._lock:
                self._send()

        shell_events.register("pre_run_cell", send_again)


class TerminalLogs(LogOutput):
    """Lines on standard output and standard error, each with its task before it.

    While the progress is drawn in a terminal they stand above it; while a person types an answer
    they wait.

    Args:
        with_items: As in `LogOutput`.
        limit: As in `LogOutput`.
        display: The progress of the run in the terminal, or None.
        command: How to see the lines that are not shown.
        to_stderr: Whether standard output is for something else.
    """

    def __init__(
        self,
        with_items: Collection[str],
        limit: int,
        display: TerminalDisplay | None,
        *,
        command: str = "run.logs()",
        to_stderr: bool = False,
    ) -> None:
        super().__init__(with_items, limit)
        self._display = display
        self._command = command
        self._to_stderr = to_stderr
        self._waiting: list[ShownLine] = []
        if display is not None:
            display.on_release = self._write_waiting

    def _show(self, lines: Sequence[ShownLine]) -> None:
        self._waiting += lines
        if self._display is None or not self._display.is_held:
            self._write_waiting()

    def _write_waiting(self) -> None:
        with self._lock:
            lines = self._waiting
            self._waiting = []
            # looked up now: a display of progress replaces the streams while it draws
            stdout = sys.stdout
            stderr = sys.stderr
            if self._to_stderr:
                stdout = stderr
            elif is_terminal(stdout) and is_terminal(stderr):
                # one screen: the lines are drawn together
                stderr = stdout

            for stream, group in groupby(lines, lambda line: stderr if line.level else stdout):
                write_lines(stream, list(group))

    def _finish(self) -> None:
        self._write_waiting()
        more = format_more(self._hidden, self._command)
        if more:
            _write_text(sys.stderr, f"{more}\n")


def write_lines(stream: TextIO | None, lines: Sequence[ShownLine]) -> None:
    """Write lines to a stream, in colours if it is a terminal."""
    text = lines_text(lines, has_colours=shows_colours(stream))
    _write_text(stream, f"{text}\n")


def shows_colours(stream: TextIO | None) -> bool:
    """Return whether a stream is a terminal whose user has not refused colours."""
    return not os.environ.get("NO_COLOR") and is_terminal(stream)


def _write_text(stream: TextIO | None, text: str) -> None:
    """Write a text to a stream, if it still takes one.

    While a display of progress is in the terminal, it has replaced the streams by ones that write
    above it, also one that is a file.
    """
    replaced: Any = getattr(stream, "rich_proxied_file", None)
    if replaced is not None and not replaced.isatty():
        stream = replaced
    if stream is None:
        return

    try:
        try:
            stream.write(text)
        except UnicodeEncodeError as error:
            stream.write(text.encode(error.encoding, "backslashreplace").decode(error.encoding))
        stream.flush()
    except (OSError, ValueError):
        # it is closed, or its reader is gone: the run goes on
        return

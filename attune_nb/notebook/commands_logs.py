"""The command of `%attune` for the lines that the actions of a run have printed and logged."""

from __future__ import annotations

import sys
from collections import deque
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.display import display

from attune_nb.display.log_output import (
    CELL_LIMIT,
    MAX_LENGTH,
    lines_markup,
    lines_text,
    write_lines,
)
from attune_nb.display.outputs import Text, in_kernel
from attune_nb.display.panel import View
from attune_nb.errors import LookupFailed, ParameterError
from attune_nb.notebook.command import RUN, argument, command
from attune_nb.running.log_view import LogView

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from attune_nb.notebook.session import Session
    from attune_nb.results.log_text import ShownLine
    from attune_nb.running.history import AnyRun

__all__: list[str] = []


@command(
    RUN,
    argument("task", "task", "only lines of this task, or path: deploy[3]/ping", nargs="?"),
    argument("--index", "", "only lines of the item of this index", type=int, metavar="N"),
    argument("--attempt", "", "only lines of the attempt of this number", type=int, metavar="N"),
    argument(
        "--level", "level", "stdout or stderr; or a logging level: it and those above",
        metavar="LEVEL",
    ),
    argument(
        "--tail", "", f"the last N lines, by default {CELL_LIMIT}", type=int, default=CELL_LIMIT,
        metavar="N",
    ),
    argument("--follow", "", "show further lines until the run ends", action="store_true"),
)  # fmt: skip
def _logs(
    session: Session,
    run: str | None,
    task: str | None,
    index: int | None,
    attempt: int | None,
    level: str | None,
    tail: int,
    *,
    follow: bool,
) -> View | Text | None:
    """Show what the actions of a run have printed and logged, with dates in UTC."""
    if tail < 1:
        raise UsageError(f"%attune logs: `--tail` must be 1 or more, not {tail}")

    selected_run = session.get_run(run)
    try:
        selection = selected_run.select_logs(task, index, attempt, level)
    except (LookupFailed, ParameterError) as error:
        raise UsageError(f"%attune logs: {error}") from None

    view = LogView(selected_run, selection, MAX_LENGTH)
    if follow:
        _follow(selected_run, view, tail)
        return None if view.count else Text(view.explain_none())

    lines = view.new_lines(tail)
    if not lines:
        return Text(view.explain_none())
    return _view_of(lines, view.count)


def _follow(run: AnyRun, view: LogView, tail: int) -> None:
    """Show lines until the run ends; an interrupt of the kernel ends it, and not the run."""
    try:
        if in_kernel():
            _follow_in_cell(view, tail)
            return
        for lines in view.follow(tail):
            write_lines(sys.stdout, lines)
    except KeyboardInterrupt:
        sys.stderr.write(f"run {run.run_id} is no longer followed; it goes on\n")


def _follow_in_cell(view: LogView, tail: int) -> None:
    """Show the last lines in one output that changes."""
    shown: deque[ShownLine] = deque(maxlen=tail)
    handle: Any = None
    for lines in view.follow(tail):
        shown.extend(lines)
        output = _view_of(shown, view.count)
        if handle is None:
            handle = display(output, display_id=True)  # type: ignore[no-untyped-call, unused-ignore]
        else:
            handle.update(output)


def _view_of(lines: Collection[ShownLine], count: int) -> View:
    """Return the last lines of so many as an output."""
    shown: Sequence[ShownLine] = list(lines)
    note = ""
    if len(shown) < count:
        note = (
            f"the last {len(shown):,} of {count:,} lines; `--tail` shows more, and `run.logs()` "
            "has all"
        )
    return View(lines_markup(shown, note), lines_text(shown, note))

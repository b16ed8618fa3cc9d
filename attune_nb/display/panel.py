"""The panel of a run in progress: its state, a bar per task, the last error."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from attune_nb import html
from attune_nb.results.durations import format_duration
from attune_nb.results.in_doubt import format_in_doubt
from attune_nb.results.statuses import COLOURS, format_handled

if TYPE_CHECKING:
    from collections.abc import Iterable

    from attune_nb.html import Markup
    from attune_nb.results.progress import Progress
    from attune_nb.results.timeline import TaskExecution

__all__ = ["View", "format_update_time", "panel"]

_FONT = "font-family:var(--jp-ui-font-family,system-ui,sans-serif);font-size:13px;line-height:1.5"
_INK = "color:var(--jp-ui-font-color1,inherit)"
_MUTED = "color:var(--jp-ui-font-color2,#767676)"
_TRACK = (
    "display:flex;width:14em;height:0.7em;border-radius:3px;overflow:hidden;"
    "background:var(--jp-layout-color3,#d0d0d0)"
)
_CELL = "padding:1px 1em 1px 0;text-align:left;border:none;background:none;white-space:nowrap"
_NUMBER = _CELL.replace("left", "right") + ";font-variant-numeric:tabular-nums"

# characters of the last error
_MAX_ERROR = 200

# characters of the reason of a pause; the reason is short already, and ends with the remedy
_MAX_REASON = 1_000


class View:
    """One state of a display, as HTML and as text."""

    def __init__(self, markup: Markup, text: str) -> None:
        self._markup = markup
        # a message with a lone surrogate cannot be sent to a page
        self._text = text.encode("utf-8", "replace").decode()

    def __repr__(self) -> str:
        return self._text

    def _repr_html_(self) -> str:
        return str(self._markup)


def panel(progress: Progress, hint: str = "", questions: Iterable[str] = ()) -> Markup:
    """Return the panel: state, a line per task in progress or failed, and the last error.

    Args:
        progress: The progress of the run.
        hint: A line about the next possible step of the user.
        questions: A line for each open question that no form shows.
    """
    rows, hidden_count = progress.rows()
    name = html.element("b", progress.name)
    state = html.element("span", _state(progress), style=_MUTED)
    kind = f" ({progress.kind}) " if progress.kind else " "
    parts: list[object] = [html.element("div", name, kind, state)]

    if rows:
        lines = [
            _row(row, progress.state_of(row), progress.rate_and_time_left(row)) for row in rows
        ]
        style = "border-collapse:collapse;border:none;margin:2px 0"
        parts.append(html.element("table", html.element("tbody", *lines), style=style))
    if hidden_count:
        parts.append(html.element("div", f"and {hidden_count:,} more tasks", style=_MUTED))

    errors = [row.last_error for row in rows if row.last_error]
    if errors:
        message = f"last error: {html.shortened(errors[-1], _MAX_ERROR)}"
        parts.append(html.element("div", message, style=f"color:{COLOURS['failed']}"))
    parts += [html.element("div", html.text(line, _MAX_REASON)) for line in questions]
    if progress.in_doubt:
        parts.append(html.element("div", format_in_doubt(progress.in_doubt)))
    if progress.pause_note:
        parts.append(html.element("div", html.text(progress.pause_note, _MAX_REASON)))

    footer = [hint] if hint else []
    if progress.run_id:
        footer.append(f"run {progress.run_id}")
    if footer:
        parts.append(html.element("div", " · ".join(footer), style=_MUTED))
    return html.element(
        "div", *parts, class_="attune-panel", style=f"{_FONT};{_INK};{html.BREAK_WORDS}"
    )


def format_update_time() -> str:
    """Return the time of an update that is made now."""
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _state(progress: Progress) -> str:
    # a panel that was saved and whose kernel is gone shows since when it stands still
    duration = format_duration(progress.now)
    handled = format_handled(progress.handled)
    return f"{progress.status}, {duration}{handled} · last update {format_update_time()}"


def _row(row: TaskExecution, state: str, pace: tuple[str, str]) -> Markup:
    """Return the line of a task: name, bar, counts or state, and its rate and remaining time."""
    bar: list[Markup] = []
    count = state
    lost = ""
    if row.with_items:
        bar = [_bar(row)]
        count = row.item_counts
        lost = row.losses

    lost_status = "cancelled"
    if row.failed:
        lost_status = "failed"
    elif not row.cancelled and not row.skipped:
        # only items that are retrying
        lost_status = "running"
    lost_style = f"{_NUMBER};color:{COLOURS[lost_status]}"
    return html.element(
        "tr",
        html.element("td", row.task, style=_CELL),
        html.element("td", *bar, style=_CELL),
        html.element("td", count, style=_NUMBER),
        html.element("td", lost, style=lost_style),
        *(html.element("td", text, style=_NUMBER) for text in pace),
        style="background:none",
    )


def _bar(row: TaskExecution) -> Markup:
    """Return the bar of succeeded, failed and cancelled items, with texts for screen readers."""
    total = row.total
    if not total:
        total = max(row.done, 1)

    succeeded = min(max(row.done - row.failed - row.cancelled, 0) / total, 1.0)
    failed = min(row.failed / total, 1.0 - succeeded)
    cancelled = min(row.cancelled / total, 1.0 - succeeded - failed)
    shares = {"running": succeeded, "failed": failed, "cancelled": cancelled}

    parts = []
    for status, share in shares.items():
        if share > 0:
            style = f"width:{share * 100:.1f}%;background:{COLOURS[status]}"
            parts.append(html.element("div", style=style))
    return html.element(
        "div",
        *parts,
        role="progressbar",
        aria_label=row.task,
        aria_valuemin="0",
        aria_valuemax=str(total),
        aria_valuenow=str(row.done),
        style=_TRACK,
    )

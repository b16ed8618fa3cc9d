"""What a person sees of a run under way: its state, a bar for each task, the last error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune_nb import html
from attune_nb.results.durations import format_duration
from attune_nb.results.in_doubt import format_in_doubt
from attune_nb.results.statuses import COLOURS

if TYPE_CHECKING:
    from attune_nb.html import Markup
    from attune_nb.results.progress import Progress, TaskProgress

__all__ = ["View", "panel"]

_FONT = "font-family:var(--jp-ui-font-family,system-ui,sans-serif);font-size:13px;line-height:1.5"
_INK = "color:var(--jp-ui-font-color1,inherit)"
_MUTED = "color:var(--jp-ui-font-color2,#767676)"
_TRACK = (
    "display:flex;width:14em;height:0.7em;border-radius:3px;overflow:hidden;"
    "background:var(--jp-layout-color3,#d0d0d0)"
)
_CELL = "padding:1px 1em 1px 0;text-align:left;border:none;background:none;white-space:nowrap"
_NUMBER = _CELL.replace("left", "right") + ";font-variant-numeric:tabular-nums"

_ERROR = 200  # characters of the last error
_LONGEST = 1_000  # characters of why a run is paused: it is cut already, and what to do is last


class View:
    """A moment of a display: as HTML, and as text where there is none."""

    def __init__(self, markup: Markup, text: str) -> None:
        self._markup = markup
        self._text = text

    def __repr__(self) -> str:
        return self._text

    def _repr_html_(self) -> str:
        return str(self._markup)


def panel(progress: Progress, hint: str = "") -> Markup:
    """Draw a run's state, a line for each task under way or failed, and the last error.

    Args:
        progress: How far the run has come.
        hint: What a person can do now.
    """
    rows, more = progress.rows()
    parts: list[object] = [
        html.element(
            "div",
            html.element("b", progress.name),
            " ",
            html.element("span", _state(progress), style=_MUTED),
        )
    ]
    if rows:
        parts.append(
            html.element(
                "table",
                html.element("tbody", *(_row(row, progress.pace(row)) for row in rows)),
                style="border-collapse:collapse;border:none;margin:2px 0",
            )
        )
    if more:
        parts.append(html.element("div", f"and {more:,} more tasks", style=_MUTED))
    error = next((row.last_error for row in reversed(rows) if row.last_error), "")
    if error:
        told = html.shortened(error, _ERROR)
        parts.append(html.element("div", f"last error: {told}", style="color:" + COLOURS["failed"]))
    if progress.doubts:
        parts.append(html.element("div", format_in_doubt(progress.doubts)))
    if progress.pause:
        parts.append(html.element("div", html.text(progress.pause, _LONGEST)))
    if hint:
        parts.append(html.element("div", hint, style=_MUTED))
    return html.element("div", *parts, class_="attune-panel", style=f"{_FONT};{_INK}")


def _state(progress: Progress) -> str:
    return f"{progress.status}, {format_duration(progress.now)}"


def _row(row: TaskProgress, pace: tuple[str, str]) -> Markup:
    counted = row.counted if row.with_items else row.status.replace("_", " ")
    lost = row.lost if row.with_items else ""
    colour = COLOURS["failed" if row.failed else "cancelled"]
    return html.element(
        "tr",
        html.element("td", row.task, style=_CELL),
        html.element("td", *([_bar(row)] if row.with_items else []), style=_CELL),
        html.element("td", counted, style=_NUMBER),
        html.element("td", lost, style=f"{_NUMBER};color:{colour}"),
        *(html.element("td", each, style=_NUMBER) for each in pace),
        style="background:none",
    )


def _bar(row: TaskProgress) -> Markup:
    """Draw what is done, what failed and what was cancelled; a screen reader is told in words."""
    total = max(row.total or row.done, 1)
    good = min(max(row.done - row.failed - row.cancelled, 0) / total, 1.0)
    bad = min(row.failed / total, 1.0 - good)
    cut = min(row.cancelled / total, 1.0 - good - bad)
    parts = [
        html.element("div", style=f"width:{share * 100:.1f}%;background:{COLOURS[status]}")
        for status, share in (("running", good), ("failed", bad), ("cancelled", cut))
        if share > 0
    ]
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

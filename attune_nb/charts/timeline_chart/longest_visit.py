"""The mark of the longest visit of a task that was visited many times."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune_nb.charts.style import SMALL_TEXT
from attune_nb.results.durations import format_duration

if TYPE_CHECKING:
    from attune_nb.charts.timeline_chart.canvas import TimelineCanvas
    from attune_nb.charts.timeline_chart.lanes import Lane

__all__ = ["mark_longest"]

# rows: the distance of the line from the bars, and of the text from the line
_LINE = 0.1
_TEXT = 0.12

# the shortest line, as a share of the whole span
_SHORTEST = 1 / 200

# the shares of the span at which a text begins or ends, so that it stays in the chart
_LEFT = 0.2
_RIGHT = 0.8


def mark_longest(canvas: TimelineCanvas, lane: Lane) -> None:
    """Draw a line above the longest visit, with its number and its time above the line."""
    started = [visit for visit in lane.visits if visit.started]
    if not started:
        return

    longest = max(started, key=_measure)
    if not _measure(longest):
        return

    theme = canvas.theme
    bottom = lane.top + lane.header
    start = longest.start
    end = max(longest.end, start + canvas.span * _SHORTEST)
    canvas.ax.plot(
        [start * canvas.scale, end * canvas.scale],
        [bottom - _LINE, bottom - _LINE],
        color=theme.ink,
        linewidth=2,
        solid_capstyle="butt",
        zorder=3,
    )

    middle = (start + end) / 2
    place = middle
    alignment = "center"
    if middle < canvas.span * _LEFT:
        place = start
        alignment = "left"
    elif middle > canvas.span * _RIGHT:
        place = end
        alignment = "right"
    canvas.ax.text(
        place * canvas.scale,
        bottom - _LINE - _TEXT,
        f"longest visit: #{longest.visit:,}, {format_duration(_measure(longest))}",
        ha=alignment,
        va="bottom",
        fontsize=SMALL_TEXT,
        color=theme.muted,
    )


def _measure(visit: Lane) -> float:
    """Return the seconds of a visit."""
    return visit.end - visit.start

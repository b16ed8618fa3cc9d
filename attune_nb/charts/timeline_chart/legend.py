"""The legend of a timeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from attune_nb.charts.legend import place_legend
from attune_nb.charts.style import COLOURS, HATCHES, STATUSES, clean_text

if TYPE_CHECKING:
    from matplotlib.artist import Artist

    from attune_nb.charts.timeline_chart.canvas import TimelineCanvas

__all__ = ["draw_legend"]


def draw_legend(canvas: TimelineCanvas) -> float:
    """Draw the legend of a timeline; return its height in points."""
    entries = _status_entries(canvas) + _mark_entries(canvas)
    return place_legend(canvas.ax, canvas.theme, entries)


def _status_entries(canvas: TimelineCanvas) -> list[Artist]:
    """Return an entry for each status: first those with a colour of their own."""
    entries: list[Artist] = []
    uncoloured = sorted(canvas.bars.keys() - set(STATUSES))
    for status in (*STATUSES, *uncoloured):
        if status not in canvas.statuses:
            continue

        entry = Patch(
            label=clean_text(status).replace("_", " "),
            linewidth=0,
            facecolor=COLOURS.get(status, canvas.theme.muted),
            edgecolor=canvas.theme.paper,
            hatch=HATCHES.get(status),
        )
        entries.append(entry)

    return entries


def _mark_entries(canvas: TimelineCanvas) -> list[Artist]:
    """Return an entry for each mark."""
    theme = canvas.theme
    entries: list[Artist] = []
    if "retry" in canvas.marks:
        entries.append(Patch(facecolor="none", edgecolor=theme.ink, label="retry"))
    if "retry share" in canvas.marks:
        entries.append(Line2D([], [], color=theme.ink, linewidth=4, label="share of retries"))

    if "waiting" in canvas.marks:
        entries.append(Line2D([], [], color=theme.waiting, linewidth=4, label="waiting"))
    if "skipped" in canvas.marks:
        dot = Line2D(
            [],
            [],
            label="skipped",
            marker="o",
            color=theme.muted,
            linestyle="none",
            markersize=5,
        )
        entries.append(dot)

    if "critical path" in canvas.marks:
        entries.append(Line2D([], [], color=theme.ink, linewidth=1.2, label="critical path"))
    return entries

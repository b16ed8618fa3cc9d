"""The legend of a timeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from attune_nb.charts.legend import place_legend
from attune_nb.charts.style import STATUSES, clean_text
from attune_nb.charts.timeline_chart.lanes import RETRIED

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
    coloured = list(STATUSES)
    coloured.insert(coloured.index("failed") + 1, RETRIED)
    uncoloured = sorted(canvas.bars.keys() - set(coloured))

    entries: list[Artist] = []
    for status in (*coloured, *uncoloured):
        if status in canvas.statuses:
            style = canvas.style_of(status)
            entries.append(Patch(label=_format_label(status), linewidth=0, **style))
    return entries


def _format_label(status: str) -> str:
    if status == RETRIED:
        return "failed, tried again"
    return clean_text(status).replace("_", " ")


def _mark_entries(canvas: TimelineCanvas) -> list[Artist]:
    """Return an entry for each mark."""
    theme = canvas.theme
    entries: list[Artist] = []
    if "retry" in canvas.marks:
        entries.append(Patch(facecolor="none", edgecolor=theme.ink, label="retry"))
    if "retries" in canvas.marks:
        entries.append(Patch(facecolor=theme.muted, linewidth=0, label="retries"))

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

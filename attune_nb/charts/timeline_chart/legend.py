"""The legend of a timeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from attune_nb.charts.legend import place_legend
from attune_nb.charts.style import COLOURS, HATCHES, STATUSES, clean

if TYPE_CHECKING:
    from matplotlib.artist import Artist

    from attune_nb.charts.timeline_chart.canvas import Canvas

__all__ = ["draw_legend"]


def draw_legend(canvas: Canvas) -> float:
    """Draw the legend of a timeline. Gives its height in points, for what stands above it."""
    return place_legend(canvas.ax, canvas.theme, _entries(canvas))


def _entries(canvas: Canvas) -> list[Artist]:
    theme, seen = canvas.theme, canvas.seen
    entries: list[Artist] = []
    for status in (*STATUSES, *sorted(canvas.bars.keys() - set(STATUSES))):
        if status in seen:
            look: dict[str, Any] = {"facecolor": COLOURS.get(status, theme.muted)}
            look |= {"edgecolor": theme.paper, "hatch": HATCHES.get(status) or None}
            entries.append(Patch(label=clean(status).replace("_", " "), linewidth=0, **look))
    if "retry" in seen:
        entries.append(Patch(facecolor="none", edgecolor=theme.ink, label="retry"))
    if "share" in seen:
        entries.append(Line2D([], [], color=theme.ink, linewidth=4, label="share of retries"))
    if "waiting" in seen:
        entries.append(Line2D([], [], color=theme.waiting, linewidth=4, label="waiting"))
    if "skipped" in seen:
        look = {"marker": "o", "color": theme.muted, "linestyle": "none", "markersize": 5}
        entries.append(Line2D([], [], label="skipped", **look))
    if "critical" in seen:
        entries.append(Line2D([], [], color=theme.ink, linewidth=1.2, label="critical path"))
    return entries

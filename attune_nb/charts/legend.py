"""The legend of a chart: what the chart shows, and nothing else."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from attune_nb.charts.style import COLOURS, HATCHES, STATUSES, clean

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from attune_nb.charts.style import Theme
    from attune_nb.charts.timeline_chart.canvas import Canvas

__all__ = ["draw_legend", "legend_height", "place_legend"]

_INCHES = 1.2  # of an entry
_POINTS = 17.0  # of a line of entries


def draw_legend(canvas: Canvas) -> float:
    """Draw the legend of a timeline. Gives its height in points, for what stands above it."""
    return place_legend(canvas.ax, canvas.theme, _entries(canvas))


def legend_height(inches: float, entries: int) -> float:
    """Tell how high a legend of so many entries is on axes of that width. In points."""
    return _lines(inches, entries) * _POINTS


def _lines(inches: float, entries: int) -> int:
    return math.ceil(entries / max(int(inches / _INCHES), 1))


def place_legend(ax: Axes, theme: Theme, entries: list[Artist], *, inside: bool = False) -> float:
    """Put a legend above the axes, or at their top. Gives its height in points."""
    if not entries:
        return 0.0
    lines = _lines(ax.get_window_extent().width / ax.figure.dpi, len(entries))
    legend = ax.legend(
        handles=entries,
        loc="upper left" if inside else "lower left",
        bbox_to_anchor=(0, 1),
        ncols=math.ceil(len(entries) / lines),
        frameon=False,
        fontsize=8.5,
        labelcolor=theme.muted,
        borderaxespad=0.2,
        borderpad=0.2,
        handlelength=1.6,
        columnspacing=1.4,
    )
    legend.set_in_layout(not inside)
    return lines * _POINTS


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

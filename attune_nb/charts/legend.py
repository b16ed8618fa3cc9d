"""The legend of a chart: what the chart shows, and nothing else."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from attune_nb.charts.style import Theme

__all__ = ["legend_height", "place_legend"]

_INCHES = 1.2  # of an entry
_POINTS = 17.0  # of a line of entries


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

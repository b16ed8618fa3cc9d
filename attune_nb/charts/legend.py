"""The legend of a chart, which explains only the marks that the chart has."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from attune_nb.charts.style import SMALL_TEXT

if TYPE_CHECKING:
    from typing import Literal

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from attune_nb.charts.style import Theme

__all__ = ["legend_height", "place_legend"]

_ENTRY_WIDTH = 1.2  # inches
_LINE_HEIGHT = 17.0  # points: of a line of entries


def legend_height(width: float, entries: int) -> float:
    """Return the height of a legend, in points.

    Args:
        width: The width of the axes, in inches.
        entries: The number of entries.
    """
    return _count_lines(width, entries) * _LINE_HEIGHT


def _count_lines(width: float, entries: int) -> int:
    entries_in_line = max(int(width / _ENTRY_WIDTH), 1)
    return math.ceil(entries / entries_in_line)


def place_legend(ax: Axes, theme: Theme, entries: list[Artist], *, inside: bool = False) -> float:
    """Draw a legend above the axes, or at their top; return its height in points.

    Args:
        ax: The axes.
        theme: The neutral colours.
        entries: The entries of the legend.
        inside: Whether the legend stands at the top of the axes, instead of above them.
    """
    if not entries:
        return 0.0

    width = ax.get_window_extent().width / ax.figure.dpi
    lines = _count_lines(width, len(entries))
    corner: Literal["upper left", "lower left"] = "upper left" if inside else "lower left"
    legend = ax.legend(
        handles=entries,
        loc=corner,
        bbox_to_anchor=(0, 1),
        ncols=math.ceil(len(entries) / lines),
        frameon=False,
        fontsize=SMALL_TEXT,
        labelcolor=theme.muted,
        borderaxespad=0.2,
        borderpad=0.2,
        handlelength=1.6,
        columnspacing=1.4,
    )
    legend.set_in_layout(not inside)
    return lines * _LINE_HEIGHT

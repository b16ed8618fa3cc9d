"""Names at the ends of lines, moved apart where they would lie on each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from attune_nb.charts.style import literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from attune_nb.charts.style import Theme

__all__ = ["spread_out"]

_APART = 0.055  # of the axis's height: a line of text


def spread_out(
    ax: Axes, theme: Theme, ends: list[tuple[float, float, str, str]], last: float
) -> None:
    """Write a name beside the end of each line, in the line's colour.

    Args:
        ax: The axes, whose limits are set by what is drawn.
        theme: The neutral colours.
        ends: The x and y of each line's end, its name and its colour.
        last: The right end of the axis.
    """
    low, high = np.log(ax.get_ylim())
    ordered = sorted(ends, key=lambda each: each[1])
    heights = [(np.log(y) - low) / (high - low) for _, y, _, _ in ordered]
    apart = _APART * max(name.count("\n") + 1 for _, _, name, _ in ends)
    for at, height in enumerate(_moved_apart(heights, apart)):
        x, y, name, colour = ordered[at]
        far = x < last or abs(height - heights[at]) > apart / 2
        look: dict[str, Any] = {"fontsize": 9, "color": colour, "va": "center"}
        if far:
            look["arrowprops"] = {"arrowstyle": "-", "color": theme.rule, "linewidth": 0.7}
        place: dict[str, Any] = {"xytext": (1.02, height), "textcoords": "axes fraction"}
        literal(ax.annotate(name, (x, y), **place, **look))


def _moved_apart(heights: list[float], apart: float) -> list[float]:
    """Move sorted heights so that each is as far above the one before it as its text is high."""
    moved = list(heights)
    for _ in range(50):
        for at in range(1, len(moved)):
            lack = apart - (moved[at] - moved[at - 1])
            if lack > 1e-6:  # noqa: PLR2004
                moved[at - 1] -= lack / 2
                moved[at] += lack / 2
    return moved

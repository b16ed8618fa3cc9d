"""The names at the ends of lines, moved apart if they would overlap."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from attune_nb.charts.style import SMALL_TEXT, disable_mathtext

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from attune_nb.charts.style import Theme

__all__ = ["LineEnd", "label_lines"]

# of the axis's width: where the mark of a label is, and its text
_MARK_X = 1.025
_LABEL_X = 1.04

_MARK_AREA = 30.0  # square points

# the height of a line of text, as a share of the axis's height
_LINE_HEIGHT = 0.055

# rounds of moving labels apart, and the overlap that is left alone
_ROUNDS = 50
_OVERLAP = 1e-6


@dataclasses.dataclass(frozen=True)
class LineEnd:
    """The last point of a line, with the line's label and colour."""

    x: float
    y: float
    label: str
    colour: str


def label_lines(ax: Axes, theme: Theme, ends: list[LineEnd], last: float) -> None:
    """Write the label of each line beside its end, after a mark in the line's colour.

    Args:
        ax: The axes, after all lines have been drawn.
        theme: The neutral colours.
        ends: The end of each line.
        last: The right end of the x axis.
    """
    low, high = np.log(ax.get_ylim())
    ordered = sorted(ends, key=lambda end: end.y)
    heights = [(np.log(end.y) - low) / (high - low) for end in ordered]
    text_lines = max(end.label.count("\n") + 1 for end in ends)
    gap = _LINE_HEIGHT * text_lines

    moved = _move_apart(heights, gap)
    for end, height, moved_height in zip(ordered, heights, moved, strict=True):
        ax.scatter(
            [_MARK_X],
            [moved_height],
            marker="s",
            s=_MARK_AREA,
            color=end.colour,
            transform=ax.transAxes,
            clip_on=False,
        )
        options: dict[str, Any] = {"fontsize": SMALL_TEXT, "color": theme.ink, "va": "center"}
        if end.x < last or abs(moved_height - height) > gap / 2:
            options["arrowprops"] = {"arrowstyle": "-", "color": theme.rule, "linewidth": 0.7}
        text = ax.annotate(
            end.label,
            (end.x, end.y),
            xytext=(_LABEL_X, moved_height),
            textcoords="axes fraction",
            **options,
        )
        disable_mathtext(text)


def _move_apart(heights: list[float], gap: float) -> list[float]:
    """Return sorted heights after they were moved so that each is a gap above the one before."""
    moved = list(heights)

    for _ in range(_ROUNDS):
        for index in range(1, len(moved)):
            overlap = gap - (moved[index] - moved[index - 1])
            if overlap > _OVERLAP:
                moved[index - 1] -= overlap / 2
                moved[index] += overlap / 2

    return moved

"""The canvas of a timeline: it collects shapes and draws all of a kind as one artist."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from matplotlib.collections import PolyCollection

from attune_nb.charts.style import COLOURS, HATCHES
from attune_nb.charts.timeline_chart.lanes import EDGED, RETRIED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from attune_nb.charts.style import Theme

    Floats = NDArray[np.float64]

__all__ = ["Mark", "TimelineCanvas"]

Mark = Literal["retry", "waiting", "retries", "skipped", "critical path"]
"""A mark in a timeline, beside the bars of the statuses."""

# the width of the narrowest bar, as a share of the whole span
_NARROWEST = 1 / 300

# the look of attempts that failed and were made again: between success and failure
_RETRIED_FACE = "#F6CDA9"
_RETRIED_HATCH = "\\\\\\\\"

# as many boxes are drawn as pixels in an SVG, which would be too large with a shape for each
_MOST_SHAPES = 3_000


@dataclasses.dataclass
class TimelineCanvas:
    """The axes, and the shapes that will be drawn on them at once.

    Boxes are arrays of shape (n, 4, 2), points arrays of shape (n, 2), both in the units of the
    axes.

    Attributes:
        ax: The axes.
        theme: The neutral colours.
        scale: The units of the x axis in a second.
        span: The seconds that the chart shows.
        bars: The boxes of each status.
        outlines: The boxes of retries.
        waits: The boxes of waits.
        ticks: The points of failures in density strips.
        crosses: The points of crosses, and their size in points.
        dots: The points of skipped tasks.
        statuses: The statuses that have been drawn.
        marks: The marks that have been drawn.
    """

    ax: Axes
    theme: Theme
    scale: float
    span: float
    bars: dict[str, list[Floats]] = dataclasses.field(default_factory=dict)
    outlines: list[Floats] = dataclasses.field(default_factory=list)
    waits: list[Floats] = dataclasses.field(default_factory=list)
    ticks: list[Floats] = dataclasses.field(default_factory=list)
    crosses: list[tuple[Floats, float]] = dataclasses.field(default_factory=list)
    dots: list[tuple[float, float]] = dataclasses.field(default_factory=list)
    statuses: set[str] = dataclasses.field(default_factory=set)
    marks: set[Mark] = dataclasses.field(default_factory=set)

    def make_boxes(self, start: Floats, end: Floats, middle: Floats, height: float) -> Floats:
        """Return boxes, none too narrow to be seen.

        Args:
            start: The start of each box, in seconds.
            end: The end of each box, in seconds.
            middle: The middle of each box in y.
            height: The height of all boxes.
        """
        left = start * self.scale
        right = np.maximum(end, start + self.span * _NARROWEST) * self.scale
        low = middle - height / 2
        high = middle + height / 2
        corners = [(left, low), (right, low), (right, high), (left, high)]
        return np.stack([np.stack(corner, axis=-1) for corner in corners], axis=1)

    def add_bars(self, status: str, boxes: Floats) -> None:
        """Add bars of a status."""
        if len(boxes):
            self.bars.setdefault(status, []).append(boxes)
            self.statuses.add(status)

    def add_crosses(self, boxes: Floats, size: float) -> None:
        """Add crosses in the middle of boxes that failed; size in points."""
        if len(boxes):
            self.crosses.append((boxes.mean(axis=1), size))

    def add_retries(self, boxes: Floats) -> None:
        """Add outlines of retries."""
        if len(boxes):
            self.outlines.append(boxes)
            self.marks.add("retry")

    def add_waits(self, boxes: Floats) -> None:
        """Add times in which nothing ran."""
        if len(boxes):
            self.waits.append(boxes)
            self.marks.add("waiting")

    def add_ticks(self, times: Floats, height: float) -> None:
        """Add ticks for failures in a density strip; times in seconds."""
        if len(times):
            self.ticks.append(np.column_stack([times * self.scale, np.full(len(times), height)]))

    def add_dot(self, time: float, height: float) -> None:
        """Add the dot of a skipped task; time in seconds."""
        self.dots.append((time * self.scale, height))
        self.marks.add("skipped")

    def draw(self) -> None:
        """Draw all shapes."""
        if self.waits:
            self._draw_boxes(np.concatenate(self.waits), facecolor=self.theme.waiting, zorder=1.5)

        for status, boxes in self.bars.items():
            self._draw_bars(status, np.concatenate(boxes))

        if self.outlines:
            self._draw_boxes(
                np.concatenate(self.outlines),
                linewidth=1.0,
                zorder=3,
                facecolor="none",
                edgecolor=self.theme.ink,
            )
        if self.ticks:
            self._draw_ticks()
        if self.crosses:
            self._draw_crosses()
        if self.dots:
            self._draw_dots()

    def style_of(self, status: str) -> dict[str, Any]:
        """Return the colours and the hatch of a status."""
        if status == RETRIED:
            return {
                "facecolor": _RETRIED_FACE,
                "edgecolor": COLOURS["failed"],
                "hatch": _RETRIED_HATCH,
            }
        return {
            "facecolor": COLOURS.get(status, self.theme.muted),
            "edgecolor": self.theme.paper,
            "hatch": HATCHES.get(status),
        }

    def _draw_bars(self, status: str, boxes: Floats) -> None:
        wide = np.ptp(boxes[:, :, 0], axis=1) > self.span * self.scale * EDGED
        linewidth = np.where(wide, 0.4, 0.0)
        self._draw_boxes(boxes, linewidth=linewidth, zorder=2, **self.style_of(status))

    def _draw_ticks(self) -> None:
        x, y = np.concatenate(self.ticks).T
        self.ax.scatter(x, y, marker="|", s=30, zorder=5, color=COLOURS["failed"], linewidth=1.0)

    def _draw_crosses(self) -> None:
        x, y = np.concatenate([points for points, _ in self.crosses]).T
        areas = np.concatenate([np.full(len(points), size * size) for points, size in self.crosses])
        self.ax.scatter(x, y, marker="x", s=areas, zorder=5, color=self.theme.ink, linewidth=1.3)

    def _draw_dots(self) -> None:
        x, y = np.array(self.dots, dtype=float).T
        self.ax.scatter(x, y, s=26, color=self.theme.muted, zorder=5, clip_on=False)

    def _draw_boxes(self, boxes: Floats, linewidth: float | Floats = 0.0, **options: Any) -> None:
        collection = PolyCollection(list(boxes), linewidth=linewidth, **options)
        collection.set_rasterized(len(boxes) > _MOST_SHAPES)
        self.ax.add_collection(collection)

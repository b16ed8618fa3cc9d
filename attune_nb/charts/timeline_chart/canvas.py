"""What a timeline is drawn on: it gathers shapes, and draws all of a kind as one artist."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgb

from attune_nb.charts.style import COLOURS, HATCHES
from attune_nb.charts.timeline_chart.lanes import EDGED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from attune_nb.charts.style import Theme

    Floats = NDArray[np.float64]

__all__ = ["Canvas"]

_NARROWEST = 1 / 300  # of the whole span: what an eye still finds


@dataclasses.dataclass
class Canvas:
    """The axes, and what is gathered to be drawn on it in one go.

    Boxes are arrays (n, 4, 2), points arrays (n, 2), both in the units of the axes.
    """

    ax: Axes
    theme: Theme
    scale: float  # units of the axis in a second
    span: float  # seconds
    bars: dict[str, list[Floats]] = dataclasses.field(default_factory=dict)
    outlines: list[Floats] = dataclasses.field(default_factory=list)
    waits: list[Floats] = dataclasses.field(default_factory=list)
    shares: list[tuple[Floats, Floats]] = dataclasses.field(default_factory=list)
    crosses: list[tuple[Floats, float]] = dataclasses.field(default_factory=list)
    dots: list[tuple[float, float]] = dataclasses.field(default_factory=list)
    seen: set[str] = dataclasses.field(default_factory=set)  # what the legend must explain

    def boxes(self, start: Floats, end: Floats, middle: Floats, height: float) -> Floats:
        """Give rectangles, none too narrow to be seen; times in seconds."""
        left = start * self.scale
        right = np.maximum(end, start + self.span * _NARROWEST) * self.scale
        low, high = middle - height / 2, middle + height / 2
        corners = [(left, low), (right, low), (right, high), (left, high)]
        return np.stack([np.stack(corner, axis=-1) for corner in corners], axis=1)

    def bar(self, status: str, boxes: Floats) -> None:
        """Gather bars of a status."""
        if len(boxes):
            self.bars.setdefault(status, []).append(boxes)
            self.seen.add(status)

    def cross(self, boxes: Floats, size: float) -> None:
        """Gather marks in the middle of what failed; size in points."""
        if len(boxes):
            self.crosses.append((boxes.mean(axis=1), size))

    def retry(self, boxes: Floats) -> None:
        """Gather outlines of what was tried again."""
        if len(boxes):
            self.outlines.append(boxes)
            self.seen.add("retry")

    def wait(self, boxes: Floats) -> None:
        """Gather times in which nothing ran."""
        if len(boxes):
            self.waits.append(boxes)
            self.seen.add("waiting")

    def share(self, boxes: Floats, shares: Floats) -> None:
        """Gather boxes as strong as the share of retries in them, 0 to 1."""
        if len(boxes):
            self.shares.append((boxes, shares))
            self.seen.add("share")

    def dot(self, time: float, height: float) -> None:
        """Gather a skipped task; time in seconds."""
        self.dots.append((time * self.scale, height))
        self.seen.add("skipped")

    def draw(self) -> None:
        """Draw everything that was gathered."""
        if self.waits:
            self._polygons(np.concatenate(self.waits), facecolor=self.theme.waiting, zorder=1.5)
        for status, parts in self.bars.items():
            self._draw_bars(status, np.concatenate(parts))
        if self.outlines:
            look: dict[str, Any] = {"facecolor": "none", "edgecolor": self.theme.ink}
            self._polygons(np.concatenate(self.outlines), linewidth=1.0, zorder=3, **look)
        if self.shares:
            self._draw_shares()
        self._draw_marks()

    def _draw_bars(self, status: str, boxes: Floats) -> None:
        wide = np.ptp(boxes[:, :, 0], axis=1) > self.span * self.scale * EDGED
        look: dict[str, Any] = {"facecolor": COLOURS.get(status, self.theme.muted)}
        look |= {"edgecolor": self.theme.paper, "hatch": HATCHES.get(status) or None}
        self._polygons(boxes, linewidth=np.where(wide, 0.4, 0.0), zorder=2, **look)

    def _draw_shares(self) -> None:
        boxes = np.concatenate([boxes for boxes, _ in self.shares])
        # the root, as one retry among fifty attempts must be seen too
        alpha = np.concatenate([shares for _, shares in self.shares]).clip(0.04, 1.0) ** 0.5
        colours = np.column_stack([np.tile(to_rgb(self.theme.ink), (len(alpha), 1)), alpha])
        self._polygons(boxes, facecolor=colours, zorder=2)

    def _draw_marks(self) -> None:
        if self.crosses:
            x, y = np.concatenate([points for points, _ in self.crosses]).T
            sizes = np.concatenate([np.full(len(points), s * s) for points, s in self.crosses])
            look: dict[str, Any] = {"color": self.theme.ink, "linewidth": 1.3}
            self.ax.scatter(x, y, marker="x", s=sizes, zorder=5, **look)
        if self.dots:
            x, y = np.array(self.dots, dtype=float).T
            self.ax.scatter(x, y, s=26, color=self.theme.muted, zorder=5, clip_on=False)

    def _polygons(self, boxes: Floats, linewidth: float | Floats = 0.0, **look: Any) -> None:
        self.ax.add_collection(PolyCollection(list(boxes), linewidth=linewidth, **look))

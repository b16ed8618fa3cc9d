"""What a graph is drawn on: it gathers shapes and texts, and draws all of a kind as one artist."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

from matplotlib.collections import LineCollection, PathCollection
from matplotlib.path import Path

from attune_nb.charts.style import literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from attune_nb.charts.graph_chart.layout.places import Size
    from attune_nb.charts.graph_chart.layout.routes import Route
    from attune_nb.charts.style import Theme

    Box = tuple[float, float, float, float]  # left, top, right, bottom

__all__ = ["Look", "Sheet", "rounded"]

_ROUND = 0.07  # inches: the radius of a card's corners
_HALF = 0.036  # inches: half of the width of an arrow's head, a little less than its length
_ROUNDNESS = 0.5523  # of a radius: where the handles of a quarter of a circle are


@dataclasses.dataclass(frozen=True)
class Look:
    """How a shape is painted; line widths in points."""

    face: str = "none"
    edge: str = "none"
    width: float = 0.0
    dashed: bool = False
    hatch: str = ""
    above: float = 2.0  # what is drawn later


@dataclasses.dataclass
class Sheet:
    """The axes in inches, and what is gathered to be drawn on it in one go."""

    ax: Axes
    theme: Theme
    scale: float  # of fonts and lines
    sideways: bool  # from the left to the right
    stretch: Size = (1.0, 1.0)
    shapes: dict[Look, list[Path]] = dataclasses.field(default_factory=dict)
    lines: dict[Look, list[list[Size]]] = dataclasses.field(default_factory=dict)

    def at(self, across: float, along: float) -> Size:
        """Give the place on the page of a place across and along the flow."""
        x, y = (along, across) if self.sideways else (across, along)
        return x * self.stretch[0], y * self.stretch[1]

    def shape(self, path: Path, look: Look) -> None:
        """Gather a shape."""
        self.shapes.setdefault(look, []).append(path)

    def straight(self, start: Size, end: Size, look: Look) -> None:
        """Gather a straight link between two places across and along."""
        self.lines.setdefault(look, []).append([self.at(*start), self.at(*end)])

    def route(self, route: Route, look: Look) -> None:
        """Gather a link and the head of its arrow."""
        points = [self.at(*point) for point in route.points]
        self.shape(Path(points, route.codes), look)
        (x, y), (tip_x, tip_y) = points[-1], self.at(*route.tip)
        wide = _HALF * (1 + 0.15 * look.width) / max(math.hypot(tip_x - x, tip_y - y), 1e-9)
        right, down = (y - tip_y) * wide, (tip_x - x) * wide
        corners = [(x + right, y + down), (tip_x, tip_y), (x - right, y - down), (x, y)]
        codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY]
        self.shape(Path(corners, codes), Look(face=look.edge, above=look.above))

    def box(self, left: float, top: float, width: float, height: float) -> Box:
        """Give the left, top, right and bottom of a box on the page."""
        wide, high = self.stretch
        return left * wide, top * high, (left + width) * wide, (top + height) * high

    def text(self, x: float, y: float, words: str, size: float, **look: Any) -> None:
        """Write a text, which is drawn as it is written; size in points."""
        shared: dict[str, Any] = {"va": "center_baseline", "zorder": 4}
        shared |= {"fontsize": size * self.scale}
        literal(self.ax.text(x, y, words, **shared | look))

    def draw(self) -> None:
        """Draw everything that was gathered."""
        for look, paths in self.shapes.items():
            shared: dict[str, Any] = {"facecolor": look.face, "edgecolor": look.edge}
            shared |= {"linewidth": look.width * self.scale, "zorder": look.above}
            shared |= {"hatch": look.hatch or None, "capstyle": "butt"}
            shared |= {"linestyle": (0, (3, 2)) if look.dashed else "solid"}
            self.ax.add_collection(PathCollection(paths, **shared))
        for look, segments in self.lines.items():
            shared = {"colors": look.edge, "linewidths": look.width, "zorder": look.above}
            self.ax.add_collection(LineCollection(segments, **shared))


def rounded(
    left: float,
    top: float,
    right: float,
    bottom: float,
    *,
    radius: float = _ROUND,
    cut: float | None = None,
) -> Path:
    """Give a rectangle with round corners; with `cut`, only what is left of there."""
    radius = min(radius, (right - left) / 2, (bottom - top) / 2)
    handle = radius * (1 - _ROUNDNESS)
    points = [(left + radius, bottom), (left + handle, bottom), (left, bottom - handle)]
    points += [(left, bottom - radius), (left, top + radius), (left, top + handle)]
    points += [(left + handle, top), (left + radius, top)]
    codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3]
    if cut is None:
        points += [(right - radius, top), (right - handle, top), (right, top + handle)]
        points += [(right, top + radius), (right, bottom - radius), (right, bottom - handle)]
        points += [(right - handle, bottom), (right - radius, bottom)]
        codes += [Path.LINETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3]
    else:
        points += [(cut, top), (cut, bottom)]
        codes += [Path.LINETO, Path.LINETO]
    return Path([*points, points[0]], [*codes, Path.CLOSEPOLY])

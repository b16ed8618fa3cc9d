"""The canvas of a graph: it collects shapes and draws all of a style as one artist."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

from matplotlib.collections import LineCollection, PathCollection
from matplotlib.path import Path

from attune_nb.charts.style import disable_mathtext

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from attune_nb.charts.graph_chart.layout.edge_routing import Route
    from attune_nb.charts.graph_chart.layout.layered_graph import Size
    from attune_nb.charts.style import Theme

    Rectangle = tuple[float, float, float, float]  # left, top, right, bottom

__all__ = ["GraphCanvas", "ShapeStyle", "round_corners", "round_left_corners"]

_RADIUS = 0.07  # inches: of a box's corners
_HALF_ARROW = 0.036  # inches: half of the width of an arrow's head
_ROUNDNESS = 0.5523  # of a radius: where the handles of a quarter of a circle are

# how much wider the head of an arrow is for each point of its line's width
_ARROW_GROWTH = 0.15


@dataclasses.dataclass(frozen=True)
class ShapeStyle:
    """The style of a shape.

    Attributes:
        face: The colour inside.
        edge: The colour of the outline.
        width: The width of the outline, in points.
        dashed: Whether the outline is dashed.
        hatch: The hatch inside, if any.
        zorder: The order in which shapes are drawn.
    """

    face: str = "none"
    edge: str = "none"
    width: float = 0.0
    dashed: bool = False
    hatch: str | None = None
    zorder: float = 2.0


@dataclasses.dataclass
class GraphCanvas:
    """The axes in inches, and the shapes that will be drawn on them at once.

    Attributes:
        ax: The axes.
        theme: The neutral colours.
        scale: The scale of fonts and lines.
        sideways: Whether the graph flows from left to right.
        stretch: The factors by which the graph is drawn out in x and y.
        shapes: The paths of each style.
        segments: The straight edges of each style.
    """

    ax: Axes
    theme: Theme
    scale: float
    sideways: bool
    stretch: Size = (1.0, 1.0)
    shapes: dict[ShapeStyle, list[Path]] = dataclasses.field(default_factory=dict)
    segments: dict[ShapeStyle, list[list[Size]]] = dataclasses.field(default_factory=dict)

    def to_page(self, across: float, along: float) -> Size:
        """Return the x and y of a point across and along the flow."""
        x, y = (along, across) if self.sideways else (across, along)
        stretch_x, stretch_y = self.stretch
        return x * stretch_x, y * stretch_y

    def rectangle(self, left: float, top: float, width: float, height: float) -> Rectangle:
        """Return the left, top, right and bottom of a box on the page."""
        stretch_x, stretch_y = self.stretch
        right = (left + width) * stretch_x
        bottom = (top + height) * stretch_y
        return left * stretch_x, top * stretch_y, right, bottom

    def add_shape(self, path: Path, style: ShapeStyle) -> None:
        """Add a shape."""
        self.shapes.setdefault(style, []).append(path)

    def add_line(self, points: list[Size], style: ShapeStyle) -> None:
        """Add an edge of straight parts between points across and along."""
        line = [self.to_page(*point) for point in points]
        self.segments.setdefault(style, []).append(line)

    def add_route(self, route: Route, style: ShapeStyle) -> None:
        """Add an edge and the head of its arrow."""
        points = [self.to_page(*point) for point in route.points]
        self.add_shape(Path(points, route.codes), style)

        x, y = points[-1]
        tip_x, tip_y = self.to_page(*route.tip)
        length = max(math.hypot(tip_x - x, tip_y - y), 1e-9)
        half_width = _HALF_ARROW * (1 + _ARROW_GROWTH * style.width) / length
        right = (y - tip_y) * half_width
        down = (tip_x - x) * half_width
        corners = [(x + right, y + down), (tip_x, tip_y), (x - right, y - down), (x, y)]
        codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY]
        self.add_shape(Path(corners, codes), ShapeStyle(face=style.edge, zorder=style.zorder))

    def write(self, x: float, y: float, text: str, size: float, **options: Any) -> None:
        """Write a text exactly as it is; size in points."""
        settings: dict[str, Any] = {
            "va": "center_baseline",
            "zorder": 4,
            "fontsize": size * self.scale,
        }
        disable_mathtext(self.ax.text(x, y, text, **settings | options))

    def draw(self) -> None:
        """Draw all shapes and edges."""
        for style, paths in self.shapes.items():
            options: dict[str, Any] = {
                "facecolor": style.face,
                "edgecolor": style.edge,
                "linewidth": style.width * self.scale,
                "zorder": style.zorder,
                "hatch": style.hatch,
                "capstyle": "butt",
                "linestyle": (0, (3, 2)) if style.dashed else "solid",
            }
            self.ax.add_collection(PathCollection(paths, **options))

        for style, segments in self.segments.items():
            lines = LineCollection(
                segments, colors=style.edge, linewidths=style.width, zorder=style.zorder
            )
            self.ax.add_collection(lines)


def round_corners(rectangle: Rectangle, radius: float = _RADIUS) -> Path:
    """Return a rectangle with round corners."""
    _, top, right, bottom = rectangle
    radius = _limit_radius(rectangle, radius)
    handle = radius * (1 - _ROUNDNESS)
    points, codes = _round_left_side(rectangle, radius)

    points += [(right - radius, top), (right - handle, top), (right, top + handle)]
    points += [(right, top + radius), (right, bottom - radius), (right, bottom - handle)]
    points += [(right - handle, bottom), (right - radius, bottom)]
    codes += [Path.LINETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3]
    return Path([*points, points[0]], [*codes, Path.CLOSEPOLY])


def round_left_corners(rectangle: Rectangle, cut: float, radius: float = _RADIUS) -> Path:
    """Return the part of a rectangle with round corners that is on the left of `cut`."""
    _, top, _, bottom = rectangle
    points, codes = _round_left_side(rectangle, _limit_radius(rectangle, radius))

    points += [(cut, top), (cut, bottom)]
    codes += [Path.LINETO, Path.LINETO]
    return Path([*points, points[0]], [*codes, Path.CLOSEPOLY])


def _limit_radius(rectangle: Rectangle, radius: float) -> float:
    left, top, right, bottom = rectangle
    return min(radius, (right - left) / 2, (bottom - top) / 2)


def _round_left_side(rectangle: Rectangle, radius: float) -> tuple[list[Size], list[Any]]:
    """Return the points and codes of a rectangle's left side, from the bottom to the top."""
    left, top, _, bottom = rectangle
    handle = radius * (1 - _ROUNDNESS)
    points = [(left + radius, bottom), (left + handle, bottom), (left, bottom - handle)]
    points += [(left, bottom - radius), (left, top + radius), (left, top + handle)]
    points += [(left + handle, top), (left + radius, top)]
    codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3]
    return points, codes

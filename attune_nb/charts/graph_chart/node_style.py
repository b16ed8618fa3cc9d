"""The colours, hatches and drawing order of a graph's nodes and edges."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune_nb.charts.graph_chart.canvas import ShapeStyle
from attune_nb.charts.graph_chart.nodes import Detail
from attune_nb.charts.style import COLOURS, HATCHES

if TYPE_CHECKING:
    from attune_nb.charts.graph_chart.model import GraphEdge
    from attune_nb.charts.style import Theme

__all__ = [
    "BAND_ORDER",
    "BOX_ORDER",
    "EDGE_ORDER",
    "ENCLOSING_ORDER",
    "FAILED_PATH",
    "FAINT",
    "MARK_ORDER",
    "STRONG",
    "choose_colour",
    "edge_style",
    "state_style",
]

# points: the widths of edges
FAILED_PATH = 2.0
STRONG = 1.5
PLAIN = 1.0
FAINT = 0.8

# the order in which shapes are drawn
EDGE_ORDER = 1.0
ENCLOSING_ORDER = 1.5
BOX_ORDER = 2.0
BAND_ORDER = 2.2
MARK_ORDER = 2.6

# statuses of a task in progress that have no colour of their own
_UNDER_WAY = ("waiting", "paused", "retrying")


def choose_colour(status: str, theme: Theme) -> str:
    """Return the colour of a status."""
    if status in _UNDER_WAY:
        return COLOURS["running"]
    return COLOURS.get(status, theme.waiting)


def state_style(status: str, theme: Theme) -> ShapeStyle:
    """Return the style of the band that shows a status."""
    hatch = "||||" if status in _UNDER_WAY else HATCHES.get(status)
    colour = choose_colour(status, theme)
    return ShapeStyle(face=colour, edge=theme.paper, hatch=hatch, zorder=BAND_ORDER)


def edge_style(edge: GraphEdge, theme: Theme, detail: Detail) -> ShapeStyle:
    """Return the style of an edge: strong if it fired, faint if it did not.

    Where there are too many to follow, only the way to a failure is strong.
    """
    is_crowded = detail <= Detail.LABELS
    if edge.on_failed_path and detail < Detail.ALL:
        order = EDGE_ORDER + 0.2
        return ShapeStyle(edge=COLOURS["failed"], width=FAILED_PATH, zorder=order)

    if is_crowded and edge.fired != 0:
        return ShapeStyle(edge=theme.muted, width=FAINT, zorder=EDGE_ORDER + 0.1)
    if edge.fired is None:
        return ShapeStyle(edge=theme.muted, width=PLAIN, zorder=EDGE_ORDER)
    if edge.fired:
        return ShapeStyle(edge=theme.ink, width=STRONG, zorder=EDGE_ORDER + 0.1)
    return ShapeStyle(edge=theme.waiting, width=FAINT, zorder=EDGE_ORDER)

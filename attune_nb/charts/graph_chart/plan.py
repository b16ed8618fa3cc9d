"""The plan of a graph: its level of detail, its direction, and the positions of its parts."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from attune_nb.charts.graph_chart.layout.edge_routing import Route, route_edges
from attune_nb.charts.graph_chart.layout.sugiyama import Layout, Spacing, lay_out
from attune_nb.charts.graph_chart.nodes import Detail, NodeBox, make_box, text_width

if TYPE_CHECKING:
    from attune_nb.charts.graph_chart.layout.sugiyama import Size
    from attune_nb.charts.graph_chart.model import GraphEdge, WorkflowGraph

__all__ = ["LABEL", "LOOP", "Plan", "choose_plan"]

LABEL = 7.5
"""The size of the font of conditions, in points."""

LOOP = 0.14
"""The space between a box and the label of an edge to itself, in inches."""

# the most tasks of which everything is shown, and of which the names are
_MOST_WITH_ALL = 40
_MOST_WITH_NAMES = 110

# with more edges, a reader could neither follow them nor read their conditions
_MOST_EDGES = 400

# the least scale at which everything that is shown can still be read
_LEAST_SCALE = 0.6

# how much larger a graph must become to flow from left to right
_SIDEWAYS_GAIN = 1.15

_LABEL_MARGIN = 0.04  # inches
_LABEL_HEIGHT = LABEL * 1.4 / 72  # inches
_SIDEWAYS_SPACING = Spacing(boxes=0.2)
_DENSE_SPACING = Spacing(boxes=0.07, channels=0.05, ranks=0.1, slope=0.0, steepest=0.0)


@dataclasses.dataclass(frozen=True)
class Plan:
    """The boxes of a graph with their layout: in inches, across and along the flow.

    Attributes:
        detail: How much text is shown.
        sideways: Whether the graph flows from left to right.
        boxes: The box of each node.
        layout: The positions of boxes, edges and labels.
        routes: The route of each edge. Without text there are none, as edges are straight then.
    """

    detail: Detail
    sideways: bool
    boxes: list[NodeBox]
    layout: Layout
    routes: list[Route]

    @property
    def width(self) -> float:
        """The width, in inches."""
        return self.layout.along if self.sideways else self.layout.across

    @property
    def height(self) -> float:
        """The height, in inches."""
        return self.layout.across if self.sideways else self.layout.along

    def scale(self, space: Size) -> float:
        """Return the scale at which the plan fits a width and a height: 1 at most."""
        width, height = space
        return min(1.0, width / max(self.width, 1e-6), height / max(self.height, 1e-6))


def choose_plan(graph: WorkflowGraph, space: Size, least_scale: float) -> Plan:
    """Return the plan with as much text as can be read.

    Args:
        graph: The graph.
        space: The width and height that the plan must fit, in inches.
        least_scale: The scale below which no text is shown.
    """
    if graph.count <= _MOST_WITH_ALL:
        plan = _choose_direction(graph, Detail.ALL, space)
        if plan.scale(space) >= _LEAST_SCALE:
            return plan

    if graph.count <= _MOST_WITH_NAMES and len(graph.edges) <= _MOST_EDGES:
        plan = _choose_direction(graph, Detail.NAMES, space)
        if plan.scale(space) >= least_scale:
            return plan

    return _choose_direction(graph, Detail.SHAPES, space)


def _choose_direction(graph: WorkflowGraph, detail: Detail, space: Size) -> Plan:
    """Return the plan that flows down, unless from left to right it would be larger."""
    down = _make_plan(graph, detail, sideways=False)
    if down.scale(space) == 1.0:
        return down

    right = _make_plan(graph, detail, sideways=True)
    if right.scale(space) > _SIDEWAYS_GAIN * down.scale(space):
        return right
    return down


def _make_plan(graph: WorkflowGraph, detail: Detail, *, sideways: bool) -> Plan:
    boxes = [make_box(node, detail, sideways=sideways) for node in graph.nodes]
    sizes = [_turn((box.width, box.height), sideways=sideways) for box in boxes]
    edges = [(edge.source, edge.target) for edge in graph.edges]
    forks = {number: edge.number for number, edge in enumerate(graph.edges)}
    if not detail:
        layout = lay_out(sizes, edges, {}, forks, _DENSE_SPACING, avoid_boxes=False)
        return Plan(detail, sideways, boxes, layout, routes=[])

    labels = {}
    for number, edge in enumerate(graph.edges):
        if edge.label:
            labels[number] = _label_size(edge, boxes[edge.source], sideways=sideways)

    spacing = _SIDEWAYS_SPACING if sideways else Spacing()
    layout = lay_out(sizes, edges, labels, forks, spacing)
    return Plan(detail, sideways, boxes, layout, route_edges(layout, sizes, edges))


def _label_size(edge: GraphEdge, source: NodeBox, *, sideways: bool) -> Size:
    """Return the size of an edge's label; the label of a loop stands beside its arc."""
    width = text_width(edge.label, LABEL) + _LABEL_MARGIN
    height = _LABEL_HEIGHT
    if edge.source != edge.target:
        return _turn((width, height), sideways=sideways)
    if sideways:
        return height + LOOP, width + source.width
    return width + LOOP, height


def _turn(size: Size, *, sideways: bool) -> Size:
    """Turn a width and a height to across and along, or the other way round."""
    width, height = size
    return (height, width) if sideways else (width, height)

"""The plan of a graph: its level of detail, its direction, and the positions of its parts."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from attune_nb.charts.graph_chart.failed_names import measure_failed_names
from attune_nb.charts.graph_chart.layout.edge_routing import Route, route_edges
from attune_nb.charts.graph_chart.layout.folding import fold
from attune_nb.charts.graph_chart.layout.sugiyama import (
    Spacing,
    lay_out,
    lay_out_dense,
    lay_out_within,
)
from attune_nb.charts.graph_chart.nodes import (
    Detail,
    NodeBox,
    align_widths,
    make_box,
    text_width,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from attune_nb.charts.graph_chart.layout.layered_graph import Size
    from attune_nb.charts.graph_chart.layout.placement import Layout
    from attune_nb.charts.graph_chart.model import GraphEdge, WorkflowGraph

__all__ = ["EDGE", "HIGH", "LABEL", "LOOP", "Plan", "choose_plan"]

LABEL = 8.0
"""The size of the font of conditions, in points."""

EDGE = 0.06
"""The space around the graph, for outlines and lines at its border, in inches."""

HIGH = 13.0
"""The height above which a graph is folded into columns if it can be, in inches."""

LOOP = 0.14
"""The space between a box and the label of an edge to itself, in inches."""

# the most tasks of which everything is shown, of which names and conditions are, and of which
# shortened names are
_MOST_WITH_ALL = 40
_MOST_WITH_NAMES = 60
_MOST_WITH_LABELS = 400

# with more edges, a reader could neither follow them nor read their conditions
_MOST_EDGES = 1_200

# the share of the width that the names of failed tasks may take
_MOST_BESIDE = 0.4

# how much larger a graph must become to flow from left to right
_SIDEWAYS_GAIN = 1.15

_LABEL_MARGIN = 0.04  # inches
_LABEL_HEIGHT = LABEL * 1.4 / 72  # inches
_SIDEWAYS_SPACING = Spacing(boxes=0.2)
_WRAPPED_SPACING = Spacing(boxes=0.24, channels=0.11, ranks=0.24, slope=0.03, steepest=0.3)
_TIGHT_SPACING = Spacing(boxes=0.16, channels=0.07, ranks=0.2, slope=0.02, steepest=0.16)
_DENSE_SPACING = Spacing(boxes=0.07, channels=0.05, ranks=0.1, slope=0.0, steepest=0.0)


@dataclasses.dataclass(frozen=True)
class Plan:
    """The boxes of a graph with their layout: in inches, across and along the flow.

    Attributes:
        detail: How much text is shown.
        sideways: Whether the graph flows from left to right.
        boxes: The box of each node.
        layout: The positions of boxes, edges and labels.
        routes: The route of each edge; none if edges are straight, below the boxes.
        beside: The width for the names of the failed tasks beside a graph without text.
    """

    detail: Detail
    sideways: bool
    boxes: list[NodeBox]
    layout: Layout
    routes: list[Route]
    beside: float = 0.0

    @property
    def width(self) -> float:
        """The width with the space around the graph, in inches."""
        return 2 * EDGE + (self.layout.along if self.sideways else self.layout.across)

    @property
    def height(self) -> float:
        """The height with the space around the graph, in inches."""
        return 2 * EDGE + (self.layout.across if self.sideways else self.layout.along)

    @property
    def has_shortened_names(self) -> bool:
        """Whether any name is not drawn in full."""
        for box in self.boxes:
            names = [line.text for line in box.lines if line.is_name]
            if any(not name.startswith(box.node.name) for name in names):
                return True
        return False

    def place_boxes(self) -> Iterator[tuple[NodeBox, float, float]]:
        """Yield the box of each node with its left and its top on the page, in inches."""
        for box, centre in zip(self.boxes, self.layout.centres, strict=True):
            x, y = _turn(centre, sideways=self.sideways)
            yield box, x - box.width / 2, y - box.height / 2

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
    details = []
    if len(graph.edges) <= _MOST_EDGES:
        if graph.count <= _MOST_WITH_ALL:
            details.append(Detail.ALL)
        if graph.count <= _MOST_WITH_NAMES:
            details.append(Detail.NAMES)
        if graph.count <= _MOST_WITH_LABELS:
            details.append(Detail.LABELS)

    for detail in details:
        plan = _make_best_plan(graph, detail, space)
        if plan.scale(space) >= least_scale:
            return plan

    if graph.count <= _MOST_WITH_LABELS:
        # its edges need too much space, but names matter more
        plan = _make_plan(graph, Detail.LABELS, space, has_channels=False)
        if plan.scale(space) >= least_scale:
            return plan
    return _make_plan_without_text(graph, space)


def _make_plan_without_text(graph: WorkflowGraph, space: Size) -> Plan:
    """Return the plan without text, with the failed tasks named beside it if there is space."""
    width, height = space
    beside = measure_failed_names(graph)
    if beside > _MOST_BESIDE * width:
        beside = 0.0

    plan = _make_plan(graph, Detail.SHAPES, (width - beside, height), has_channels=False)
    return dataclasses.replace(plan, beside=beside)


def _make_best_plan(graph: WorkflowGraph, detail: Detail, space: Size) -> Plan:
    """Return the plan of a detail that can be drawn the largest: wrapped if it must be."""
    if detail == Detail.LABELS:
        return _make_plan(graph, detail, space, wraps=True)

    plan = _choose_direction(graph, detail, space)
    if plan.scale(space) == 1.0 and plan.height <= HIGH:
        return plan

    wrapped = _make_plan(graph, detail, space, wraps=True)
    return max(plan, wrapped, key=lambda plan: (plan.scale(space), -plan.height))


def _choose_direction(graph: WorkflowGraph, detail: Detail, space: Size) -> Plan:
    """Return the plan that flows down, unless from left to right it would be larger."""
    down = _make_plan(graph, detail, space)
    if down.scale(space) == 1.0:
        return down

    right = _make_plan(graph, detail, space, sideways=True)
    if right.scale(space) > _SIDEWAYS_GAIN * down.scale(space):
        return right
    return down


def _make_plan(
    graph: WorkflowGraph,
    detail: Detail,
    space: Size,
    *,
    sideways: bool = False,
    wraps: bool = False,
    has_channels: bool = True,
) -> Plan:
    """Return the plan of a graph.

    Args:
        graph: The graph.
        detail: How much text is shown.
        space: The width and height that the plan should fit, in inches.
        sideways: Whether the graph flows from left to right.
        wraps: Whether layers wrap at the width of the space.
        has_channels: Whether edges keep clear of the boxes. Otherwise layers wrap, too.
    """
    boxes = [make_box(node, detail, sideways=sideways) for node in graph.nodes]
    if detail == Detail.LABELS:
        boxes = align_widths(boxes)
    sizes = [_turn((box.width, box.height), sideways=sideways) for box in boxes]
    edges = [(edge.source, edge.target) for edge in graph.edges]
    forks = {number: edge.number for number, edge in enumerate(graph.edges)}

    labels = {}
    for number, edge in enumerate(graph.edges):
        # a loop needs space for its arc, also without a condition
        text = edge.label if detail > Detail.LABELS else ""
        if text or edge.source == edge.target:
            labels[number] = _label_size(text, edge, boxes[edge.source], sideways=sideways)

    width, height = space
    width -= 2 * EDGE
    spacing = _WRAPPED_SPACING
    if detail == Detail.LABELS:
        spacing = _TIGHT_SPACING
    elif not detail:
        spacing = _DENSE_SPACING

    if not has_channels:
        layout = lay_out_dense(sizes, edges, forks, spacing, width)
    elif wraps:
        layout = lay_out_within(sizes, edges, labels, forks, spacing, width)
    else:
        spacing = _SIDEWAYS_SPACING if sideways else Spacing()
        layout = lay_out(sizes, edges, labels, forks, spacing)

    if not sideways:
        layout = fold(layout, sizes, width, min(height, HIGH) - 2 * EDGE)
    routes = route_edges(layout, sizes, edges) if has_channels else []
    return Plan(detail, sideways, boxes, layout, routes)


def _label_size(text: str, edge: GraphEdge, source: NodeBox, *, sideways: bool) -> Size:
    """Return the size of an edge's label; the label of a loop stands beside its arc."""
    width = text_width(text, LABEL) + _LABEL_MARGIN
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

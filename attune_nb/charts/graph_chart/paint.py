"""The drawing of a graph's boxes and edges on its canvas."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from matplotlib.path import Path

from attune_nb.charts.graph_chart.canvas import ShapeStyle, round_corners, round_left_corners
from attune_nb.charts.graph_chart.model import ENDS, UNREACHED
from attune_nb.charts.graph_chart.node_style import (
    BOX_ORDER,
    ENCLOSING_ORDER,
    MARK_ORDER,
    choose_colour,
    edge_style,
    state_style,
)
from attune_nb.charts.graph_chart.nodes import BAND, BAR, RING, SIDE, STACK, Detail
from attune_nb.charts.graph_chart.plan import LABEL, LOOP
from attune_nb.charts.style import COLOURS

if TYPE_CHECKING:
    from attune_nb.charts.graph_chart.canvas import GraphCanvas, Rectangle
    from attune_nb.charts.graph_chart.model import GraphEdge, NestedGraph, WorkflowGraph
    from attune_nb.charts.graph_chart.nodes import NodeBox, TextLine
    from attune_nb.charts.graph_chart.plan import Plan

__all__ = ["draw_edges", "draw_nodes"]

_NARROWEST_PART = 0.03  # inches: of a bar
_HALF_JOIN = 0.022  # inches: half of the thickness of a join's bar
_JOIN_MARGIN = 0.09  # inches: from the corner of a box to the bar of a join
_HALF_CROSS = 0.03  # inches: half of the cross in the mark where a run fails
_END_GAP = 0.05  # inches: between the mark of an end and its name on the right

# the share of its width that an edge has in a graph without text
_THIN = 0.45


def draw_edges(canvas: GraphCanvas, plan: Plan, graph: WorkflowGraph) -> None:
    """Add the transitions to the canvas."""
    if not plan.routes:
        _draw_segments(canvas, plan, graph)
        return

    written = set()
    for number, edge in enumerate(graph.edges):
        canvas.add_route(plan.routes[number], edge_style(edge, canvas.theme, plan.detail))

        # the edges of a fork share a label
        place = plan.layout.labels.get(number)
        has_label = plan.detail > Detail.LABELS and edge.label != ""
        if has_label and place and place not in written:
            written.add(place)
            _write_condition(canvas, plan, number, edge)


def _draw_segments(canvas: GraphCanvas, plan: Plan, graph: WorkflowGraph) -> None:
    """Add the transitions of a graph without text, as thin straight lines."""
    for number, edge in enumerate(graph.edges):
        first, *_, last = plan.layout.stations[number]
        style = edge_style(edge, canvas.theme, plan.detail)
        thin = style
        if not edge.on_failed_path:
            thin = dataclasses.replace(style, width=style.width * _THIN)

        points = [(first.across, first.end), (last.across, last.start)]
        detour = plan.layout.detours.get((number, 1))
        if number in plan.layout.lines:
            points = plan.layout.lines[number]
        elif detour is not None:
            points[1:1] = [
                (first.across, detour.bottom),
                (detour.track, detour.bottom),
                (detour.track, detour.top),
                (last.across, detour.top),
            ]
        canvas.add_line(points, thin)


def _write_condition(canvas: GraphCanvas, plan: Plan, number: int, edge: GraphEdge) -> None:
    """Write a condition on its edge; the condition of a loop stands beside it."""
    across, along = plan.layout.labels[number]
    align = "center"
    if edge.source == edge.target:
        side = -1 if number in plan.layout.left else 1
        across += LOOP / 2 * side
        points = plan.routes[number].points
        _, start = points[0]
        _, end = points[-1]
        if plan.sideways:
            along = min(start, end)
            align = "left"
        else:
            along = (start + end) / 2

    colour = canvas.theme.ink if edge.fired else canvas.theme.muted
    background = {"facecolor": canvas.theme.paper, "edgecolor": "none", "pad": canvas.scale}
    x, y = canvas.to_page(across, along)
    canvas.write(x, y, edge.label, LABEL, ha=align, color=colour, bbox=background, zorder=3)


def draw_nodes(canvas: GraphCanvas, plan: Plan, graph: WorkflowGraph) -> None:
    """Add the boxes of the tasks and the marks of the ends to the canvas."""
    fired = {edge.target: edge.fired for edge in graph.edges}
    for number, (box, left, top) in enumerate(plan.place_boxes()):
        if box.node.kind in ENDS:
            is_strong = fired.get(number) != 0
            _draw_end(canvas, box, left, top, strong=is_strong)
        else:
            for inner_box, inner_left, inner_top in box.walk(left, top):
                _draw_box(canvas, inner_box, inner_left, inner_top)


def _draw_box(canvas: GraphCanvas, box: NodeBox, left: float, top: float) -> None:
    """Add the box of a task with its text."""
    theme = canvas.theme
    node = box.node
    rectangle = canvas.rectangle(left, top, box.width, box.height)
    status = _status(box)
    if not box.lines:
        _draw_dot(canvas, box, rectangle)
        return

    is_reached = status not in ("", UNREACHED)
    face = theme.rule if box.inner else theme.paper
    width = 1.3 if is_reached else 1.0
    outline = ShapeStyle(
        face=face,
        edge=choose_colour(status, theme),
        width=width,
        dashed=status == UNREACHED,
        zorder=_box_order(box),
    )
    if node.nested is not None:
        rectangle = _draw_card_below(canvas, rectangle, outline)
    canvas.add_shape(round_corners(rectangle), outline)
    if box.bar is not None and node.nested is not None:
        _draw_bar(canvas, node.nested, rectangle, top + box.bar)
    if is_reached:
        canvas.add_shape(round_left_corners(rectangle, left + BAND), state_style(status, theme))
    if node.joins:
        colour = theme.waiting if status == UNREACHED else theme.ink
        _draw_join(canvas, rectangle, colour)

    x = left + SIDE
    if status:
        x += BAND
    for line in box.lines:
        _write_line(canvas, box, line, (x, top + line.offset))


def _draw_card_below(canvas: GraphCanvas, rectangle: Rectangle, style: ShapeStyle) -> Rectangle:
    """Add the card below that of a task which runs a workflow; return the space of the upper."""
    left, top, right, bottom = rectangle
    below = dataclasses.replace(style, zorder=style.zorder - 0.1)
    canvas.add_shape(round_corners((left + STACK, top + STACK, right, bottom)), below)
    return left, top, right - STACK, bottom - STACK


def _draw_bar(canvas: GraphCanvas, nested: NestedGraph, rectangle: Rectangle, top: float) -> None:
    """Add the bar that shows how many runs of a workflow have which status.

    A status of few runs is still seen: its part is never narrower than a line.
    """
    left, _, right, _ = rectangle
    left += BAND + SIDE
    width = right - SIDE - left
    total = sum(count for _, count in nested.runs)
    shared_width = width - _NARROWEST_PART * len(nested.runs)

    for status, count in nested.runs:
        part = _NARROWEST_PART + shared_width * count / total
        style = state_style(status, canvas.theme)
        shape = round_corners((left, top, left + part, top + BAR), radius=0.0)
        canvas.add_shape(shape, style)
        left += part


def _box_order(box: NodeBox) -> float:
    """Return the drawing order of a box: one that encloses others is drawn before them."""
    return ENCLOSING_ORDER if box.inner else BOX_ORDER


def _write_line(
    canvas: GraphCanvas, box: NodeBox, line: TextLine, place: tuple[float, float]
) -> None:
    """Write a line of a box, from a place on."""
    theme = canvas.theme
    is_muted = line.muted or _status(box) == UNREACHED
    options: dict[str, Any] = {"color": theme.muted if is_muted else theme.ink}
    if line.bold:
        options["weight"] = "bold"
    if line.is_name:
        options["gid"] = box.node.path

    x, y = place
    canvas.write(x, y, line.text, line.size, **options)


def _status(box: NodeBox) -> str:
    """Return the status of a box's node, or an empty string without a run."""
    if box.node.state is None:
        return ""
    return box.node.state.status


def _draw_dot(canvas: GraphCanvas, box: NodeBox, rectangle: Rectangle) -> None:
    """Add the box of a task without text."""
    theme = canvas.theme
    status = _status(box)

    if box.inner or status == UNREACHED:
        style = ShapeStyle(
            face=theme.paper,
            edge=choose_colour(status, theme),
            width=0.5,
            zorder=_box_order(box),
        )
    elif status:
        style = state_style(status, theme)
    else:
        style = ShapeStyle(face=theme.muted)
    canvas.add_shape(round_corners(rectangle), style)


def _draw_join(canvas: GraphCanvas, rectangle: Rectangle, colour: str) -> None:
    """Add the mark of a join: a bar where its edges enter."""
    left, top, right, bottom = rectangle
    if canvas.sideways:
        bar = (left - _HALF_JOIN, top + _JOIN_MARGIN, left + _HALF_JOIN, bottom - _JOIN_MARGIN)
    else:
        bar = (left + _JOIN_MARGIN, top - _HALF_JOIN, right - _JOIN_MARGIN, top + _HALF_JOIN)
    canvas.add_shape(round_corners(bar), ShapeStyle(face=colour, zorder=MARK_ORDER))


def _draw_end(canvas: GraphCanvas, box: NodeBox, left: float, top: float, *, strong: bool) -> None:
    """Add the mark of an end: a ring, with a cross in it if the run fails there."""
    theme = canvas.theme
    fails = box.node.kind == "fail"
    if not strong:
        colour = theme.waiting
    elif fails:
        colour = COLOURS["failed"]
    else:
        colour = theme.muted

    if not box.lines:
        rectangle = canvas.rectangle(left, top, box.width, box.height)
        style = ShapeStyle(face=theme.paper, edge=colour, width=0.5)
        canvas.add_shape(round_corners(rectangle), style)
        return

    radius = RING / 2
    if canvas.sideways:
        x = left + radius
        y = top + box.height / 2
    else:
        x = left + box.width / 2
        y = top + radius
    ring = round_corners((x - radius, y - radius, x + radius, y + radius), radius)
    style = ShapeStyle(face=theme.paper, edge=colour, width=1.3, zorder=BOX_ORDER)
    canvas.add_shape(ring, style)
    if fails:
        _draw_cross(canvas, x, y, colour)

    line = box.lines[0]
    if canvas.sideways:
        name_x = x + radius + _END_GAP
        canvas.write(name_x, y, line.text, line.size, ha="left", color=theme.muted)
    else:
        name_y = top + line.offset
        canvas.write(x, name_y, line.text, line.size, ha="center", color=theme.muted)


def _draw_cross(canvas: GraphCanvas, x: float, y: float, colour: str) -> None:
    """Add the cross in the mark of an end where the run fails."""
    points = []
    for right, down in [(-1, -1), (1, 1), (-1, 1), (1, -1)]:
        points.append((x + right * _HALF_CROSS, y + down * _HALF_CROSS))
    cross = Path(points, [Path.MOVETO, Path.LINETO] * 2)
    canvas.add_shape(cross, ShapeStyle(edge=colour, width=1.3, zorder=MARK_ORDER))

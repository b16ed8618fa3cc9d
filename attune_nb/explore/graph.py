"""The graph of a run as plain data: where the boxes of its tasks and the lines between them are.

The positions are those of the engine's own layout, in pixels, so that the page only has to draw.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from typing import TYPE_CHECKING, Any

from attune_nb.charts.graph_chart.layout.edge_routing import ARROW, Route, route_edges
from attune_nb.charts.graph_chart.layout.folding import fold
from attune_nb.charts.graph_chart.layout.sugiyama import (
    Spacing,
    lay_out,
    lay_out_dense,
    lay_out_within,
)
from attune_nb.charts.graph_chart.model import ENDS, read_graph

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attune_nb.charts.graph_chart.layout.layered_graph import Edge
    from attune_nb.charts.graph_chart.layout.placement import Layout
    from attune_nb.charts.graph_chart.model import GraphNode, WorkflowGraph

    Size = tuple[float, float]  # width and height

__all__ = ["build_graph", "build_layout"]

# pixels of an inch, the unit of the layout
_INCH = 90.0

# pixels of a letter of a name, at the size at which the page writes it; of a wide one, twice
_LETTER = 8.0
_SMALL_LETTER = 6.6
_WIDE = "WF"

# pixels
_LINE = 17.0
_PADDING = 9.0
_NARROWEST = 64.0
_WIDEST = 260.0
_END = 74.0
_GAP = 8.0

# letters for the state of a task, in a graph whose states change: of one with items, and of another
_STATE_LETTERS = 18
_ITEM_STATE_LETTERS = 36

# the letter of a command of an SVG path, and the points after its first, by the code of a route
_COMMANDS = {1: "M", 2: "L", 3: "Q", 4: "C"}
_FURTHER_POINTS = {1: 0, 2: 0, 3: 1, 4: 2}

# pixels: a graph is wrapped or folded if it is wider or higher
_WIDTH = 1_800.0
_HEIGHT = 1_500.0

# tasks: in a larger graph the edges are straight, as routes would take seconds
_MOST_ROUTED = 150

# edges of a task: more of them would hide the boxes beside them
_WIDEST_FORK = 30

_TIGHT = Spacing(boxes=0.24, channels=0.1, ranks=0.24, slope=0.03, steepest=0.3)

# up to this number, the boxes of the tasks within a task stand in one row
_MOST_IN_ROW = 4


def build_graph(run: Any) -> dict[str, Any]:
    """Return the graph of a run, which JSON can hold. All lengths are in pixels.

    Returns:
        `width`, `height`, `nodes` and `edges`. A node has its `task` (the path; of an end, the
        transition that leads to it), `kind` (task, parallel, noop, fail), `name`, `action`,
        `status`, `counts` and `visits`, its upper left corner `x`, `y`, its size `w`, `h`. A node
        within another one has the other's number as `within`. An edge has the numbers of its
        nodes, `from` and `to`, its path `d`, the head `tip` of its arrow, its `label` with the
        centre `at`, and how often it has `fired`.
    """
    return _place(read_graph(run))


def build_layout(workflow: Any, nested: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the graph of a workflow, with space for the states that a page draws into it.

    Args:
        workflow: The workflow.
        nested: The workflows that tasks run, by the task's path.

    Returns:
        As `build_graph`, without states. An edge also has the `number` of its transition in the
        task that it begins at.
    """
    if nested is None:
        nested = {}
    return _place(read_graph(workflow, nested), has_state_lines=True)


def _place(graph: WorkflowGraph, *, has_state_lines: bool = False) -> dict[str, Any]:
    boxes = [_Box(node, has_state_line=has_state_lines) for node in graph.nodes]
    sizes = [(box.width / _INCH, box.height / _INCH) for box in boxes]
    edges = [(edge.source, edge.target) for edge in graph.edges]
    labels = {
        number: (_text_width(edge.label, _SMALL_LETTER) / _INCH + 0.1, _LINE / _INCH)
        for number, edge in enumerate(graph.edges)
        if edge.label
    }
    forks = {number: edge.number for number, edge in enumerate(graph.edges)}
    layout, routes = _lay_out(sizes, edges, labels, forks)

    nodes: list[dict[str, Any]] = []
    numbers = []
    for box, (across, along) in zip(boxes, layout.centres, strict=True):
        numbers.append(len(nodes))
        left = across * _INCH - box.width / 2
        top = along * _INCH - box.height / 2
        nodes.extend(box.place(left, top, len(nodes)))

    lines = []
    for number, edge in enumerate(graph.edges):
        line = {
            "from": numbers[edge.source],
            "to": numbers[edge.target],
            "d": _path(routes[number]),
            "tip": _arrow(routes[number]),
            "fired": edge.fired,
        }
        if has_state_lines:
            line["number"] = edge.number
        if edge.on_failed_path:
            line["failed"] = True
        if edge.label and number in layout.labels:
            line["label"] = edge.label
            line["at"] = _pixels(layout.labels[number])
        lines.append(line)

    return {
        "width": round(layout.across * _INCH),
        "height": round(layout.along * _INCH),
        "nodes": nodes,
        "edges": lines,
    }


def _lay_out(
    sizes: Sequence[Size],
    edges: Sequence[Edge],
    labels: Mapping[int, Size],
    forks: Mapping[int, int],
) -> tuple[Layout, list[Route]]:
    """Return the layout and the routes of the edges.

    A graph that would be very wide or high has wrapped layers, or is in columns. In a very large
    one, or one with a very wide fork, the edges are straight, and run below the boxes.
    """
    width = _WIDTH / _INCH
    sources = Counter(source for source, _ in edges)
    targets = Counter(target for _, target in edges)
    widest = max([*sources.values(), *targets.values()], default=0)
    if len(sizes) > _MOST_ROUTED or widest > _WIDEST_FORK:
        layout = lay_out_dense(sizes, edges, forks, Spacing(), width)
        return layout, [_straight_route(layout, number) for number in range(len(edges))]

    layout = lay_out(sizes, edges, labels, forks, Spacing())
    if layout.across > width:
        layout = lay_out_within(sizes, edges, labels, forks, _TIGHT, width)
    layout = fold(layout, sizes, width, _HEIGHT / _INCH)
    return layout, route_edges(layout, sizes, edges)


def _straight_route(layout: Layout, number: int) -> Route:
    """Return the route of an edge without bends, or of one that goes around the ranks."""
    first, *_, last = layout.stations[number]
    if number in layout.lines:
        start, *points = layout.lines[number]
    else:
        start = (first.across, first.end)
        points = [(last.across, last.start)]

    route = Route([start])
    across, along = points[-1]
    for point in points[:-1]:
        route.draw_line(*point)
    route.draw_line(across, along - ARROW)
    return route


class _Box:
    """The box of a node: its size, and the boxes within it.

    Args:
        node: The node.
        is_nested: Whether it is a task of a workflow that a task runs.
        has_state_line: Whether it has space for a state that the page draws.
    """

    def __init__(
        self, node: GraphNode, *, is_nested: bool = False, has_state_line: bool = False
    ) -> None:
        self.node = node
        self.is_nested = is_nested
        self.inner = [
            _Box(child, is_nested=is_nested, has_state_line=has_state_line) for child in node.inner
        ]
        self.nested = ""
        self.runs = ""
        if node.nested is not None:
            self.inner += [_Box(child, is_nested=True) for child in node.nested.nodes]
            hidden = node.nested.hidden
            self.nested = node.nested.title
            if hidden:
                self.nested += f", {hidden:,} of them not shown"
            self.runs = node.nested.counts
        # the height of the texts, above the boxes within
        self._own_height = 0.0
        if node.kind in ENDS:
            self.width = _END
            self.height = _LINE + 6
            return

        state = _state_text(node)
        if has_state_line:
            letters = _ITEM_STATE_LETTERS if "with_items" in node.settings else _STATE_LETTERS
            state = "-" * letters
        small_texts = (node.action, state, self.nested, self.runs)
        widths = [_text_width(text, _SMALL_LETTER) for text in small_texts]
        widths.append(_text_width(node.name, _LETTER))
        width = min(max(widths) + 2 * _PADDING + 8, _WIDEST)
        self.width = max(width, _NARROWEST)
        lines = 1 + sum(map(bool, small_texts))
        self._own_height = lines * _LINE + _PADDING
        self.height = self._own_height
        for row in self._rows():
            inner_width = sum(box.width + _GAP for box in row) + _GAP
            self.width = max(self.width, inner_width)
            self.height += max(box.height for box in row) + _GAP

    def _rows(self) -> list[list[_Box]]:
        """Return the boxes within this one in rows, about as many rows as columns."""
        count = len(self.inner)
        columns = _MOST_IN_ROW
        while columns * columns < count:
            columns += 1
        return [self.inner[start : start + columns] for start in range(0, count, columns)]

    def place(self, left: float, top: float, number: int, within: int | None = None) -> list[Any]:
        """Return this node and those within it, with their places.

        Args:
            left: The left side of the box, in pixels.
            top: Its upper side.
            number: Its number among all nodes.
            within: The number of the node that it is in.
        """
        node = self.node
        placed: dict[str, Any] = {
            "task": None if self.is_nested else node.path,
            "kind": node.kind,
            "name": node.name,
            "x": round(left, 1),
            "y": round(top, 1),
            "w": round(self.width, 1),
            "h": round(self.height, 1),
        }
        if node.action:
            placed["action"] = node.action
        if self.nested:
            placed["nested"] = self.nested
        if self.runs:
            placed["runs"] = self.runs
        if node.on_failed_path:
            placed["failed"] = True
        if node.joins:
            placed["joins"] = True
        if node.state is not None:
            placed["status"] = node.state.status
            placed["counts"] = node.state.counts
            placed["visits"] = node.state.visits
        if within is not None:
            placed["within"] = within

        nodes = [placed]
        down = top + self._own_height
        for row in self._rows():
            right = left + _GAP
            for box in row:
                nodes += box.place(right, down, number + len(nodes), number)
                right += box.width + _GAP
            down += max(box.height for box in row) + _GAP
        return nodes


def _state_text(node: GraphNode) -> str:
    if node.state is None:
        return ""
    status = node.state.status.replace("_", " ")
    visits = f"x{node.state.visits:,}" if node.state.visits > 1 else ""
    return f"● {status} {node.state.counts} {visits}".rstrip()


def _text_width(text: str, letter: float) -> float:
    """Return about how many pixels a text is wide; the page shortens one that is wider."""
    wide = sum(unicodedata.east_asian_width(char) in _WIDE for char in text)
    return (len(text) + wide) * letter


def _pixels(place: Sequence[float]) -> list[float]:
    return [round(place[0] * _INCH, 1), round(place[1] * _INCH, 1)]


def _path(route: Route) -> str:
    """Return a route as the data of an SVG path."""
    commands = []
    further_points = 0
    for point, code in zip(route.points, route.codes, strict=True):
        letter = ""
        if further_points:
            # of the curve that has begun
            further_points -= 1
        else:
            letter = _COMMANDS[code]
            further_points = _FURTHER_POINTS[code]
        commands.append(letter + _format(_pixels(point)))
    return " ".join(commands)


def _arrow(route: Route) -> str:
    """Return the points of an arrow's head."""
    tip = _pixels(route.tip)
    end = _pixels(route.points[-1])
    half = [(tip[1] - end[1]) * 0.45, (end[0] - tip[0]) * 0.45]
    corners = [
        tip,
        [end[0] + half[0], end[1] + half[1]],
        [end[0] - half[0], end[1] - half[1]],
    ]
    return " ".join(_format(corner) for corner in corners)


def _format(point: Sequence[float]) -> str:
    return f"{point[0]:.5g},{point[1]:.5g}"

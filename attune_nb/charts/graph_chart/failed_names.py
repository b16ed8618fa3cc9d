"""The names of the failed tasks, beside a graph that is too large for the names of all tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.path import Path

from attune_nb.charts.graph_chart.canvas import ShapeStyle
from attune_nb.charts.graph_chart.layout.separation import separate
from attune_nb.charts.graph_chart.node_style import EDGE_ORDER
from attune_nb.charts.graph_chart.nodes import text_width
from attune_nb.charts.style import COLOURS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from attune_nb.charts.graph_chart.canvas import GraphCanvas
    from attune_nb.charts.graph_chart.layout.layered_graph import Size
    from attune_nb.charts.graph_chart.model import GraphNode, WorkflowGraph
    from attune_nb.charts.graph_chart.nodes import NodeBox

    PlacedBox = tuple[NodeBox, float, float]  # with its left and its top

__all__ = ["draw_failed_names", "measure_failed_names"]

_SIZE = 8.5  # points: of the font

# inches
_LINE = 0.18  # between two names
_WIDEST = 2.6  # of a name
_LEADER = 0.45  # between the graph and the names
_BEFORE_NAME = 0.05
_LEVEL = 0.15  # of a leader, before its name

# with more names, their leaders would hide the graph
_MOST_LEADERS = 24


def measure_failed_names(graph: WorkflowGraph) -> float:
    """Return the width that the names of the failed tasks take, in inches; 0 without any."""
    nodes = _failed_nodes(graph.nodes)
    if not nodes:
        return 0.0

    texts = [*[node.path for node in nodes], _format_rest(len(nodes))]
    widest = max(text_width(text, _SIZE) for text in texts)
    return _LEADER + min(widest, _WIDEST)


def draw_failed_names(
    canvas: GraphCanvas, boxes: Iterable[PlacedBox], left: float, height: float
) -> None:
    """Write the names of the failed tasks, each at the height of its task.

    Args:
        canvas: The canvas.
        boxes: The boxes of the graph.
        left: The right side of the graph, in inches on the page.
        height: The height that there is, in inches on the page.
    """
    places = sorted(_find_places(canvas, boxes), key=lambda place: place[1][1])
    most = max(int(height / _LINE), 1)
    shown = places
    if len(places) > most:
        shown = places[: most - 1]

    wishes = [y for _, (_, y) in shown]
    hidden = len(places) - len(shown)
    if hidden:
        wishes.append(height)
    tops = _separate_within(wishes, height)

    name_left = left + _LEADER
    has_leaders = len(shown) <= _MOST_LEADERS
    for (node, (x, y)), top in zip(shown, tops, strict=False):
        if has_leaders:
            _draw_leader(canvas, (x, y), (name_left - _BEFORE_NAME, top))
        text = _shorten(node.path)
        canvas.write(name_left, top, text, _SIZE, ha="left", color=canvas.theme.ink, gid=node.path)
    if hidden:
        text = _format_rest(hidden)
        canvas.write(name_left, tops[-1], text, _SIZE, ha="left", color=canvas.theme.muted)


def _failed_nodes(nodes: list[GraphNode] | tuple[GraphNode, ...]) -> list[GraphNode]:
    """Return the failed tasks; of a parallel task those within it, if any of them failed."""
    failed = []
    for node in nodes:
        inner = _failed_nodes(node.inner)
        if inner:
            failed += inner
        elif node.has_failed:
            failed.append(node)
    return failed


def _find_places(canvas: GraphCanvas, boxes: Iterable[PlacedBox]) -> list[tuple[GraphNode, Size]]:
    """Return the failed tasks, each with the middle of the right side of its shape on the page."""
    places = []
    for box, left, top in boxes:
        failed = {node.path for node in _failed_nodes((box.node,))}
        for inner, inner_left, inner_top in box.walk(left, top):
            if inner.node.path in failed:
                rectangle = canvas.rectangle(inner_left, inner_top, inner.width, inner.height)
                _, upper, right, lower = rectangle
                places.append((inner.node, (right, (upper + lower) / 2)))
    return places


def _separate_within(wishes: list[float], height: float) -> list[float]:
    """Return positions of lines that keep apart, and within a height."""
    gaps = [_LINE] * (len(wishes) - 1)
    separated = separate(wishes, [1.0] * len(wishes), gaps)
    last = height - _LINE / 2 - _LINE * len(gaps)

    bounded = []
    for index, position in enumerate(separated):
        first = min(max(position - index * _LINE, _LINE / 2), last)
        bounded.append(first + index * _LINE)
    return bounded


def _draw_leader(canvas: GraphCanvas, start: Size, end: Size) -> None:
    """Draw the line from a task to its name."""
    x, y = end
    points = [start, (x - _LEVEL, y), end]
    path = Path(points, [Path.MOVETO, Path.LINETO, Path.LINETO])
    canvas.add_shape(path, ShapeStyle(edge=COLOURS["failed"], width=0.7, zorder=EDGE_ORDER + 0.3))


def _shorten(name: str) -> str:
    """Shorten a name until it fits; its end stays."""
    shown = name
    while text_width(shown, _SIZE) > _WIDEST:
        shown = "…" + shown.removeprefix("…")[1:]
    return shown


def _format_rest(count: int) -> str:
    return f"and {count:,} more: `run.failures()`"

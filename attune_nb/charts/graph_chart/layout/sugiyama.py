"""The layout of a graph in layers, after Sugiyama, Tagawa and Toda.

The steps are those of Methods for Visual Understanding of Hierarchical System Structures, 1981:
remove cycles, assign layers, reduce crossings, assign coordinates. All coordinates are in inches
*across* the flow and *along* it, so that one layout serves a picture from top to bottom and one
from left to right.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections import defaultdict
from typing import TYPE_CHECKING

from attune_nb.charts.graph_chart.layout.brandes_koepf import assign_positions
from attune_nb.charts.graph_chart.layout.combs import add_combs
from attune_nb.charts.graph_chart.layout.confinement import confine
from attune_nb.charts.graph_chart.layout.crossing_reduction import reduce_crossings
from attune_nb.charts.graph_chart.layout.cycle_removal import find_back_edges
from attune_nb.charts.graph_chart.layout.layered_graph import unique_segments
from attune_nb.charts.graph_chart.layout.layering import (
    assign_layers,
    bundle_edges,
    insert_dummies,
    lower_sources,
    wrap_layers,
)
from attune_nb.charts.graph_chart.layout.placement import Layout, Station
from attune_nb.charts.graph_chart.layout.relaxation import relax
from attune_nb.charts.graph_chart.layout.return_arcs import add_return_arcs

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from attune_nb.charts.graph_chart.layout.layered_graph import Edge, Gap, LayeredGraph, Size
    from attune_nb.charts.graph_chart.layout.placement import Span


__all__ = ["Spacing", "lay_out", "lay_out_dense", "lay_out_within"]

# how often a layout that came out too wide is made again, and how much shorter its rows are then
_MOST_ROUNDS = 7
_LEAST_SHORTENING = 0.9
_MOST_SHORTENING = 0.7

# how much too wide a layout is because of its edges: shorter rows do not help
_HOPELESS = 1.6


@dataclasses.dataclass(frozen=True)
class Spacing:
    """The free space of a layout, in inches.

    Attributes:
        boxes: Between two boxes, across.
        channels: Between two edges or an edge and a box, across.
        ranks: Between two ranks, along.
        slope: The additional space between two ranks, as a share of how far the widest edge goes
            across.
        steepest: The most of that additional space.
    """

    boxes: float = 0.32
    channels: float = 0.16
    ranks: float = 0.27
    slope: float = 0.06
    steepest: float = 0.8


def lay_out(
    sizes: Sequence[Size],
    edges: Sequence[Edge],
    labels: Mapping[int, Size],
    forks: Mapping[int, Hashable],
    spacing: Spacing,
) -> Layout:
    """Lay out a graph.

    Args:
        sizes: The size of each box.
        edges: The source and the target of each edge, by the number of their boxes. An edge may
            join a box to itself, or a pair of boxes once more.
        labels: The size of an edge's label, by the edge's number.
        forks: A value for each edge. Edges from one box that have an equal value share a label.
        spacing: The free space.
    """
    back = find_back_edges(len(sizes), edges)
    layers = assign_layers(len(sizes), edges, back)
    labelled = {number: forks[number] for number in labels}
    graph = insert_dummies(layers, edges, back, labelled, avoid_boxes=True)
    graph.ranks = reduce_crossings(graph.ranks, graph.chains, graph.count, thorough=True)
    graph = add_return_arcs(graph)

    vertex_sizes = _size_vertices(graph, sizes, labels)
    gap = _make_gap(graph, vertex_sizes, spacing)
    positions = relax(graph, assign_positions(graph, gap), gap)
    return _place(graph, vertex_sizes, positions, spacing)


def lay_out_dense(
    sizes: Sequence[Size],
    edges: Sequence[Edge],
    forks: Mapping[int, Hashable],
    spacing: Spacing,
    limit: float,
) -> Layout:
    """Lay out a large graph in a moment, but with edges that run below its boxes.

    Args:
        sizes: As in `lay_out`.
        edges: As in `lay_out`.
        forks: As in `lay_out`. The edges of a wide fork, or a wide join, go around the ranks.
        spacing: The free space.
        limit: The size across at which layers wrap.
    """
    back = find_back_edges(len(sizes), edges)
    layers, order = _order_layers(len(sizes), edges, back)
    widths = [width + spacing.boxes for width, _ in sizes]
    rows = wrap_layers(layers, edges, order, widths, limit + spacing.boxes)
    graph = insert_dummies(rows, edges, back, {}, avoid_boxes=False)
    graph.ranks = reduce_crossings(graph.ranks, graph.chains, graph.count, thorough=False)

    vertex_sizes = _size_vertices(graph, sizes, {})
    positions = _pack_ranks(graph, _make_gap(graph, vertex_sizes, spacing))
    layout = _place(graph, vertex_sizes, positions, spacing)
    return add_combs(layout, bundle_edges(edges, back, forks))


def lay_out_within(
    sizes: Sequence[Size],
    edges: Sequence[Edge],
    labels: Mapping[int, Size],
    forks: Mapping[int, Hashable],
    spacing: Spacing,
    limit: float,
) -> Layout:
    """Lay out a graph within a width: layers wrap as words do, and edges share channels.

    Args:
        sizes: As in `lay_out`.
        edges: As in `lay_out`.
        labels: As in `lay_out`.
        forks: As in `lay_out`. Edges from one box that have an equal value also share a channel.
        spacing: The free space.
        limit: The size across that the layout should keep within. It is larger only if a single
            box is, with the edges that pass it.
    """
    back = find_back_edges(len(sizes), edges)
    layers, order = _order_layers(len(sizes), edges, back)
    widths = [width + spacing.boxes for width, _ in sizes]
    labelled = {number: forks[number] for number in labels}

    layouts: list[Layout] = []
    earlier_rows: list[int] = []
    row_limit = limit + spacing.boxes
    for _ in range(_MOST_ROUNDS):
        rows = wrap_layers(layers, edges, order, widths, row_limit)
        if rows == earlier_rows:
            row_limit *= _LEAST_SHORTENING
            continue
        earlier_rows = rows

        graph = insert_dummies(rows, edges, back, labelled, avoid_boxes=True, forks=forks)
        segments = unique_segments(graph.chains)
        graph.ranks = reduce_crossings(graph.ranks, segments, graph.count, thorough=True)
        graph = add_return_arcs(graph)

        vertex_sizes = _size_vertices(graph, sizes, labels)
        positions = confine(graph, vertex_sizes, _make_gap(graph, vertex_sizes, spacing), limit)
        layout = _place(graph, vertex_sizes, positions, spacing)
        layouts.append(layout)
        if layout.across <= limit or layout.across > _HOPELESS * limit:
            break
        shortening = max(limit / layout.across, _MOST_SHORTENING)
        row_limit *= min(shortening, _LEAST_SHORTENING)

    return min(layouts, key=lambda layout: layout.across)


def _place(
    graph: LayeredGraph,
    sizes: Mapping[int, Size],
    positions: Mapping[int, float],
    spacing: Spacing,
) -> Layout:
    """Return the layout of a graph whose vertices have positions across the flow."""
    positions = _draw_loops_near(graph, positions, _make_gap(graph, sizes, spacing))
    positions = _shift_to_origin(positions, sizes)
    spans = _stack_ranks(graph, sizes, positions, spacing)
    return _place_everything(graph, sizes, positions, spans)


def _draw_loops_near(
    graph: LayeredGraph, positions: Mapping[int, float], gap: Gap
) -> dict[int, float]:
    """Return the positions with the label of each loop beside its box, where nothing else is."""
    nearer = dict(positions)
    outermost: dict[tuple[int, bool], int] = {}

    # the last one stands next to its box
    for number, box in reversed(graph.loops.items()):
        on_left = number in graph.left
        inner = outermost.get((box, on_left), box)
        label = graph.labels[number]
        distance = gap(label, inner)
        if on_left:
            distance = -distance

        nearer[label] = nearer[inner] + distance
        outermost[box, on_left] = label
    return nearer


def _size_vertices(
    graph: LayeredGraph, sizes: Sequence[Size], labels: Mapping[int, Size]
) -> Mapping[int, Size]:
    """Return the size of each vertex: of boxes and labels; others take no space."""
    vertex_sizes: dict[int, Size] = defaultdict(lambda: (0.0, 0.0), enumerate(sizes))
    for number, vertex in graph.labels.items():
        vertex_sizes[vertex] = labels.get(number, (0, 0))
    return vertex_sizes


def _order_layers(
    count: int, edges: Sequence[Edge], back: frozenset[int]
) -> tuple[list[int], list[int]]:
    """Return the layer of each box, and the boxes in an order in which few edges cross."""
    layers = lower_sources(assign_layers(count, edges, back), edges, back)
    graph = insert_dummies(layers, edges, back, {}, avoid_boxes=False)
    ranks = reduce_crossings(graph.ranks, graph.chains, count, thorough=False)
    return layers, list(itertools.chain.from_iterable(ranks))


def _make_gap(graph: LayeredGraph, sizes: Mapping[int, Size], spacing: Spacing) -> Gap:
    """Return the function that gives the least distance of two neighbours in a rank."""

    def gap(left: int, right: int) -> float:
        are_boxes = max(left, right) < graph.count
        free = spacing.boxes if are_boxes else spacing.channels
        return (sizes[left][0] + sizes[right][0]) / 2 + free

    return gap


def _pack_ranks(graph: LayeredGraph, gap: Gap) -> dict[int, float]:
    """Return the positions of the vertices if each rank is packed, and centred at 0."""
    positions: dict[int, float] = {}
    for rank in graph.ranks:
        steps = [gap(left, right) for left, right in itertools.pairwise(rank)]
        packed = itertools.accumulate(steps, initial=-sum(steps) / 2)
        positions |= dict(zip(rank, packed, strict=False))
    return positions


def _shift_to_origin(positions: Mapping[int, float], sizes: Mapping[int, Size]) -> dict[int, float]:
    """Return the positions after they were shifted so that the leftmost box begins at 0."""
    edges = [position - sizes[vertex][0] / 2 for vertex, position in positions.items()]
    left = min(edges, default=0.0)
    return {vertex: position - left for vertex, position in positions.items()}


def _stack_ranks(
    graph: LayeredGraph,
    sizes: Mapping[int, Size],
    positions: Mapping[int, float],
    spacing: Spacing,
) -> list[Span]:
    """Return the start and the end of each rank, along the flow.

    The further the edges between two ranks go across, the more space is between the ranks.
    """
    rank_of = graph.rank_of
    widest = [0.0] * len(graph.ranks)
    for chain in graph.chains:
        for upper, lower in itertools.pairwise(chain):
            index = rank_of[upper]
            distance = abs(positions[upper] - positions[lower])
            widest[index] = max(widest[index], distance)

    spans = []
    start = 0.0
    for rank, distance in zip(graph.ranks, widest, strict=True):
        end = start + max((sizes[vertex][1] for vertex in rank), default=0.0)
        spans.append((start, end))
        start = end + spacing.ranks + min(spacing.slope * distance, spacing.steepest)
    return spans


def _place_everything(
    graph: LayeredGraph,
    sizes: Mapping[int, Size],
    positions: Mapping[int, float],
    spans: list[Span],
) -> Layout:
    """Return the layout of a graph whose vertices have positions, and whose ranks have spans."""
    rank_of = graph.rank_of

    centres = []
    for vertex in range(graph.count):
        start, _ = spans[rank_of[vertex]]
        centres.append((positions[vertex], start + sizes[vertex][1] / 2))

    stations = []
    for chain in graph.chains:
        passed = []
        for vertex in chain:
            start, rank_end = spans[rank_of[vertex]]
            end = rank_end
            if vertex < graph.count:
                end = start + sizes[vertex][1]
            passed.append(Station(positions[vertex], start, end, rank_end))
        stations.append(passed)

    labels = {}
    for number, vertex in graph.labels.items():
        labels[number] = (positions[vertex], sum(spans[rank_of[vertex]]) / 2)

    rights = [position + sizes[vertex][0] / 2 for vertex, position in positions.items()]
    return Layout(
        centres=centres,
        stations=stations,
        labels=labels,
        back=graph.back,
        left=graph.left,
        across=max(rights, default=0.0),
        along=max((end for _, end in spans), default=0.0),
        spans=spans,
        label_sizes={number: sizes[vertex] for number, vertex in graph.labels.items()},
    )

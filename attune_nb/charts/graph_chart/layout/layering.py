"""Layering: the rank of each vertex, and dummy vertices for the edges that pass ranks.

Layers follow the longest paths, as in Sugiyama, Tagawa and Toda, Methods for Visual Understanding
of Hierarchical System Structures, 1981. An edge has a dummy vertex in each rank that it passes
through, so that it has a channel between the boxes. A label is such a vertex too. It stands in a
rank for labels between two layers, after Gansner, Koutsofios, North and Vo, A Technique for
Drawing Directed Graphs, 1993.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from attune_nb.charts.graph_chart.layout.layered_graph import LayeredGraph

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from attune_nb.charts.graph_chart.layout.layered_graph import Bundle, Edge, Ranks

__all__ = ["assign_layers", "bundle_edges", "insert_dummies", "lower_sources", "wrap_layers"]


def assign_layers(count: int, edges: Sequence[Edge], back: frozenset[int]) -> list[int]:
    """Return the layer of each vertex: the number of edges on the longest path to it.

    Args:
        count: The number of vertices.
        edges: The source and the target of each edge.
        back: The numbers of the edges to leave out, so that the graph has no cycle.
    """
    targets: dict[int, list[int]] = defaultdict(list)
    unplaced_sources = [0] * count
    for number, (source, target) in enumerate(edges):
        if number not in back:
            targets[source].append(target)
            unplaced_sources[target] += 1

    layers = [0] * count
    ready = [vertex for vertex in range(count) if not unplaced_sources[vertex]]
    # the list grows while it is read
    for vertex in ready:
        for target in targets[vertex]:
            layers[target] = max(layers[target], layers[vertex] + 1)
            unplaced_sources[target] -= 1
            if not unplaced_sources[target]:
                ready.append(target)

    return layers


def lower_sources(layers: list[int], edges: Sequence[Edge], back: frozenset[int]) -> list[int]:
    """Return the layers with the sources moved down, each above the nearest of its targets.

    A source is a vertex that no edge leads to. In a graph of many sources the first layer would
    be far wider than the others.
    """
    has_source = set()
    nearest_target: dict[int, int] = {}
    for number, (source, target) in enumerate(edges):
        if number in back:
            continue
        has_source.add(target)
        layer = layers[target]
        nearest_target[source] = min(nearest_target.get(source, layer), layer)

    lowered = []
    for vertex, layer in enumerate(layers):
        if vertex in has_source:
            lowered.append(layer)
        else:
            lowered.append(max(nearest_target.get(vertex, 1) - 1, 0))
    return lowered


def wrap_layers(
    layers: list[int],
    edges: Sequence[Edge],
    order: Sequence[int],
    widths: Sequence[float],
    limit: float,
) -> list[int]:
    """Return layers none of which is wider than a limit, if its boxes allow it.

    A layer that is too wide becomes several. Boxes that have the same neighbours fill one of them
    after the other, as words fill lines. Others take turns, so that each stays below its
    neighbours.

    Args:
        layers: The layer of each box.
        edges: The source and the target of each edge.
        order: The boxes, those of a layer in the order in which they should stand.
        widths: The width that each box takes, with the space beside it.
        limit: The width of the widest layer.
    """
    neighbours: dict[int, set[Edge]] = defaultdict(set)
    for source, target in edges:
        neighbours[source].add((0, target))
        neighbours[target].add((1, source))

    boxes_of: dict[int, list[int]] = defaultdict(list)
    for box in order:
        boxes_of[layers[box]].append(box)

    wrapped = list(layers)
    first = 0
    for layer in sorted(boxes_of):
        boxes = boxes_of[layer]
        are_alike = all(neighbours[box] == neighbours[boxes[0]] for box in boxes)
        rows = _split_into_rows(boxes, widths, limit, in_turns=not are_alike)
        for index, row in enumerate(rows):
            for box in row:
                wrapped[box] = first + index
        first += len(rows)
    return wrapped


def _split_into_rows(
    boxes: list[int], widths: Sequence[float], limit: float, *, in_turns: bool
) -> list[list[int]]:
    """Return boxes in as few rows of equal length as fit a limit."""
    total = sum(widths[box] for box in boxes)
    rows = [boxes]
    for count in range(max(math.ceil(total / limit), 1), len(boxes) + 1):
        if in_turns:
            rows = [boxes[first::count] for first in range(count)]
        else:
            length = math.ceil(len(boxes) / count)
            rows = [boxes[first : first + length] for first in range(0, len(boxes), length)]

        lengths = [sum(widths[box] for box in row) for row in rows]
        if max(lengths) <= limit:
            break
    return rows


def insert_dummies(
    layers: list[int],
    edges: Sequence[Edge],
    back: frozenset[int],
    labelled: Mapping[int, Hashable],
    *,
    avoid_boxes: bool,
    forks: Mapping[int, Hashable] | None = None,
) -> LayeredGraph:
    """Return the graph in ranks, with a dummy vertex wherever an edge passes a rank.

    Args:
        layers: The layer of each vertex.
        edges: The source and the target of each edge.
        back: The numbers of the edges that lead up.
        labelled: The numbers of the edges that have a label. Edges from one vertex that have an
            equal value here share a label.
        avoid_boxes: Whether to insert dummy vertices at all.
        forks: With this, edges share their dummy vertices: those from one vertex that have an
            equal value here, or those to one vertex if they are more.
    """
    bundles: dict[int, Bundle] = {}
    if forks is not None:
        bundles = bundle_edges(edges, back, forks)
    builder = _ChainBuilder(layers, edges, back, labelled, bundles)
    numbers = range(len(edges))
    chains = [builder.make_chain(number, with_dummies=avoid_boxes) for number in numbers]
    return LayeredGraph(len(layers), builder.ranks, chains, back, builder.labels)


def bundle_edges(
    edges: Sequence[Edge], back: frozenset[int], forks: Mapping[int, Hashable]
) -> dict[int, Bundle]:
    """Return the bundle of each edge that leads down: edges of a bundle share their channel."""
    down = [number for number in range(len(edges)) if number not in back]
    leaving = Counter((edges[number][0], forks[number]) for number in down)
    entering = Counter(edges[number][1] for number in down)

    bundles: dict[int, Bundle] = {}
    for number in down:
        source, target = edges[number]
        if entering[target] > leaving[source, forks[number]]:
            bundles[number] = ("to", target, None)
        else:
            bundles[number] = ("from", source, forks[number])
    return bundles


class _ChainBuilder:
    """Makes the chain of each edge, and the dummy vertices in it.

    Ranks have even numbers for layers and odd numbers for labels. Only ranks that hold
    something are made.
    """

    def __init__(
        self,
        layers: list[int],
        edges: Sequence[Edge],
        back: frozenset[int],
        labelled: Mapping[int, Hashable],
        bundles: Mapping[int, Bundle],
    ) -> None:
        self._layers = layers
        self._edges = edges
        self._back = back
        self._labelled = labelled
        self._label_rank = {number: self._choose_label_rank(number) for number in labelled}

        self._rank_numbers = sorted({2 * layer for layer in layers} | {*self._label_rank.values()})
        self._index = {rank: index for index, rank in enumerate(self._rank_numbers)}
        self.ranks: Ranks = [[] for _ in self._rank_numbers]
        for vertex, layer in enumerate(layers):
            self.ranks[self._index[2 * layer]].append(vertex)

        self.labels: dict[int, int] = {}
        self._next_vertex = len(layers)
        self._shared_labels: dict[Hashable, int] = {}
        self._bundles = bundles
        self._shared_dummies: dict[Hashable, int] = {}

    def _choose_label_rank(self, number: int) -> int:
        """Return the rank of an edge's label: next to its source, or in its layer for a loop."""
        source, target = self._edges[number]
        layer_rank = 2 * self._layers[source]
        if source == target:
            return layer_rank
        if number in self._back:
            return layer_rank - 1
        return layer_rank + 1

    def make_chain(self, number: int, *, with_dummies: bool) -> list[int]:
        """Return the vertices that an edge passes through, its upper end first."""
        upper, lower = self._edges[number]
        if number in self._back:
            upper, lower = lower, upper
        if not with_dummies:
            return [upper, lower]

        chain = [upper]
        first = self._index[2 * self._layers[upper]]
        last = self._index[2 * self._layers[lower]]
        for index in range(first + 1, last):
            if self._label_rank.get(number) == self._rank_numbers[index]:
                chain.append(self._label_vertex(number, index))
            else:
                chain.append(self._dummy_vertex(number, index))
        chain.append(lower)
        return chain

    def _label_vertex(self, number: int, index: int) -> int:
        """Return the vertex of an edge's label; edges that lead down may share it."""
        if number in self._back:
            vertex = self._add_vertex(index)
        else:
            source, _ = self._edges[number]
            key = (source, self._labelled[number])
            if key not in self._shared_labels:
                self._shared_labels[key] = self._add_vertex(index)
            vertex = self._shared_labels[key]

        self.labels[number] = vertex
        return vertex

    def _dummy_vertex(self, number: int, index: int) -> int:
        """Return the vertex of an edge in a rank that it passes; edges of a bundle share it."""
        if number not in self._bundles:
            return self._add_vertex(index)

        key = (self._bundles[number], index)
        if key not in self._shared_dummies:
            self._shared_dummies[key] = self._add_vertex(index)
        return self._shared_dummies[key]

    def _add_vertex(self, index: int) -> int:
        vertex = self._next_vertex
        self._next_vertex += 1
        self.ranks[index].append(vertex)
        return vertex

"""Return arcs: room beside the boxes for the edges that lead up."""

from __future__ import annotations

import dataclasses

from attune_nb.charts.graph_chart.layout.crossing_reduction import exchange_neighbours
from attune_nb.charts.graph_chart.layout.layered_graph import (
    LayeredGraph,
    find_neighbours,
    unique_segments,
)

__all__ = ["add_return_arcs"]

# rounds of exchanges after the arcs have been put beside their boxes
_EXCHANGES = 16


def add_return_arcs(graph: LayeredGraph) -> LayeredGraph:
    """Give each edge that leads up a vertex beside both its ends, where its arc turns.

    The ranks and chains of the graph are changed in place.

    Returns:
        The graph, with the arcs that stand on the left.
    """
    rank_of = graph.rank_of
    next_vertex = sum(map(len, graph.ranks))
    left = set()
    turns = set()

    # the longest come first and loops last: the shorter an arc, the nearer it is to its boxes
    longest_first = sorted(graph.back, key=lambda number: _order_of_arc(graph.chains[number]))
    for number in longest_first:
        upper, *between, lower = graph.chains[number]
        corners = [upper] if upper == lower else [upper, lower]
        ranks = [graph.ranks[rank_of[corner]] for corner in corners]

        on_left = _is_left_of_middle(ranks, corners)
        if on_left:
            left.add(number)

        added = []
        for rank, corner in zip(ranks, corners, strict=True):
            position = rank.index(corner)
            if not on_left:
                position += 1
            rank.insert(position, next_vertex)
            added.append(next_vertex)
            next_vertex += 1

        turns |= set(added)
        graph.chains[number] = [added[0], *between, *added[1:]]
        if upper == lower:
            graph.labels[number] = added[0]
            graph.loops[number] = upper

    _exchange_dummies(graph, turns)
    return dataclasses.replace(graph, left=frozenset(left))


def _order_of_arc(chain: list[int]) -> tuple[int, bool]:
    """Return a key that sorts the longest arcs first, and loops last."""
    return -len(chain), chain[0] == chain[-1]


def _is_left_of_middle(ranks: list[list[int]], corners: list[int]) -> bool:
    """Return whether the ends of an edge stand in the left halves of their ranks, on average."""
    before = 0
    beside = 0
    for rank, corner in zip(ranks, corners, strict=True):
        before += rank.index(corner)
        beside += len(rank) - 1
    return 2 * before < beside


def _exchange_dummies(graph: LayeredGraph, turns: set[int]) -> None:
    """Exchange dummy vertices until no exchange leaves fewer crossings; boxes and turns stay."""
    above, below = find_neighbours(unique_segments(graph.chains))
    fixed = turns | set(range(graph.count))
    for _ in range(_EXCHANGES):
        ranks = exchange_neighbours(graph.ranks, above, below, fixed)
        if ranks == graph.ranks:
            break
        graph.ranks = ranks

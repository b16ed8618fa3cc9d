"""Cycle removal: the edges that are drawn against the flow.

This is the first step of Sugiyama, Tagawa and Toda, Methods for Visual Understanding of
Hierarchical System Structures, 1981. Without these edges the graph has no cycle, so every other
edge can lead from a layer to a later one.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attune_nb.charts.graph_chart.layout.layered_graph import Edge

    Outgoing = dict[int, list[tuple[int, int]]]  # of each vertex: edge numbers and targets

__all__ = ["find_back_edges"]

_UNVISITED, _ON_PATH, _FINISHED = range(3)


def find_back_edges(count: int, edges: Sequence[Edge]) -> frozenset[int]:
    """Return the numbers of the edges that close a cycle.

    A depth-first search follows the edges in the order in which they are written. It starts at
    the vertices that no edge leads to. An edge from a vertex to itself closes a cycle too.

    Args:
        count: The number of vertices.
        edges: The source and the target of each edge.
    """
    outgoing: Outgoing = defaultdict(list)
    targets = set()
    for number, (source, target) in enumerate(edges):
        outgoing[source].append((number, target))
        if source != target:
            targets.add(target)

    states = [_UNVISITED] * count
    back_edges: set[int] = set()
    roots = sorted(range(count), key=lambda vertex: vertex in targets)
    for root in roots:
        if states[root] == _UNVISITED:
            _search(root, outgoing, states, back_edges)

    return frozenset(back_edges)


def _search(root: int, outgoing: Outgoing, states: list[int], back_edges: set[int]) -> None:
    """Search all vertices that a root leads to; add to `back_edges` and change `states`."""
    path = [(root, iter(outgoing[root]))]
    while path:
        vertex, untried = path[-1]
        states[vertex] = _ON_PATH

        for number, target in untried:
            if states[target] == _ON_PATH:
                back_edges.add(number)
            elif states[target] == _UNVISITED:
                path.append((target, iter(outgoing[target])))
                break
        else:
            states[vertex] = _FINISHED
            path.pop()

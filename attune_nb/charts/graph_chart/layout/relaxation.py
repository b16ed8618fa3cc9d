"""Relaxation: vertices moved nearer to their neighbours, while long edges stay straight."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from attune_nb.charts.graph_chart.layout.separation import separate

if TYPE_CHECKING:
    from attune_nb.charts.graph_chart.layout.layered_graph import Gap, LayeredGraph

    Pulls = dict[int, list[tuple[int, float]]]  # of each vertex: its neighbours and their weights

__all__ = ["relax"]

# sweeps down after the first sweeps down and up; then nothing moves that an eye would see
_MORE_SWEEPS = 11

# the weight of a vertex that must not move, relative to the pull on a box
_FIXED = 1e6


def relax(graph: LayeredGraph, positions: dict[int, float], gap: Gap) -> dict[int, float]:
    """Return the positions after boxes and labels were moved nearer to their neighbours.

    Edges that run straight through more than one rank stay where they are.

    Args:
        graph: The graph.
        positions: The position of each vertex, far enough from its neighbours.
        gap: Returns the least distance between two vertices that stand beside each other.
    """
    positions = dict(positions)
    pulls = _weigh_pulls(graph)
    fixed = _straight_vertices(graph)
    gaps = [_make_gaps(rank, gap) for rank in graph.ranks]

    down = list(range(len(graph.ranks)))
    up = down[::-1]
    for index in down + up + down * _MORE_SWEEPS:
        rank = graph.ranks[index]
        wishes = []
        weights = []
        for vertex in rank:
            if vertex in fixed:
                wish = positions[vertex]
                weight = _FIXED
            else:
                wish, weight = _weigh_wish(vertex, pulls[vertex], positions)
            wishes.append(wish)
            weights.append(weight)

        separated = separate(wishes, weights, gaps[index])
        positions |= dict(zip(rank, separated, strict=True))

    return positions


def _make_gaps(rank: list[int], gap: Gap) -> list[float]:
    """Return the least distance of each vertex of a rank from the next one."""
    return [gap(left, right) for left, right in itertools.pairwise(rank)]


def _weigh_wish(
    vertex: int, pulls: list[tuple[int, float]], positions: dict[int, float]
) -> tuple[float, float]:
    """Return the weighted mean of the positions of a vertex's neighbours, and its weight."""
    weight = sum(pull for _, pull in pulls)
    if not weight:
        return positions[vertex], 1 / _FIXED
    return sum(positions[neighbour] * pull for neighbour, pull in pulls) / weight, weight


def _straight_vertices(graph: LayeredGraph) -> set[int]:
    """Return the vertices of the edges that pass through more than one rank."""
    vertices: set[int] = set()
    for chain in graph.chains:
        for pair in itertools.pairwise(chain):
            if min(pair) >= graph.count:
                vertices.update(pair)
    return vertices


def _weigh_pulls(graph: LayeredGraph) -> Pulls:
    """Return the neighbours of each vertex with the weight of their pull.

    The fewer edges a box has on a side, the more each of them pulls: an edge bends where many
    meet.
    """
    pairs: list[tuple[int, int]] = []
    for chain in graph.chains:
        pairs += itertools.pairwise(chain)

    outgoing = Counter(upper for upper, _ in pairs)
    incoming = Counter(lower for _, lower in pairs)
    pulls: Pulls = defaultdict(list)
    for upper, lower in pairs:
        weight = 1 / max(outgoing[upper], incoming[lower])
        pulls[lower].append((upper, weight))
        pulls[upper].append((lower, weight))
    return pulls

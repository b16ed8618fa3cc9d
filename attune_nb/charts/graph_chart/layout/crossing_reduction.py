"""Crossing reduction: the order of the vertices within their ranks.

Sweeps down and up by turns put each rank in the order of the barycentres of its neighbours, as
Sugiyama, Tagawa and Toda do (Methods for Visual Understanding of Hierarchical System Structures,
1981). After each sweep, neighbours in a rank are exchanged if that leaves fewer crossings, as
Gansner, Koutsofios, North and Vo do (A Technique for Drawing Directed Graphs, 1993).
"""

from __future__ import annotations

import bisect
from typing import TYPE_CHECKING

from attune_nb.charts.graph_chart.layout.layered_graph import find_neighbours, find_positions

if TYPE_CHECKING:
    from collections.abc import Container

    from attune_nb.charts.graph_chart.layout.layered_graph import Neighbours, Ranks

__all__ = ["exchange_neighbours", "reduce_crossings"]

# sweeps down or up; few graphs change after as many
_SWEEPS = 16

# sweeps that may follow the best one
_PATIENCE = 4


def reduce_crossings(ranks: Ranks, chains: list[list[int]], count: int, *, thorough: bool) -> Ranks:
    """Return the ranks in an order in which few edges cross.

    Args:
        ranks: The vertices of each rank.
        chains: The vertices that each edge passes through, its upper end first.
        count: The number of the graph's own vertices.
        thorough: Whether to exchange neighbours too, and to sweep until nothing improves. Without
            it the ranks are swept four times.
    """
    above, below = find_neighbours(chains)
    ranks = _order_depth_first(ranks, below, count)
    if not thorough:
        for sweep in range(_PATIENCE):
            ranks = _sweep(ranks, above, below, down=sweep % 2 == 0)
        return ranks

    best = ranks
    fewest = _count_crossings(ranks, below)
    since_best = 0
    for sweep in range(_SWEEPS):
        ranks = _sweep(ranks, above, below, down=sweep % 2 == 0)
        ranks = exchange_neighbours(ranks, above, below)
        crossings = _count_crossings(ranks, below)

        if crossings < fewest:
            best = ranks
            fewest = crossings
            since_best = 0
        else:
            since_best += 1
        if not fewest or since_best > _PATIENCE:
            break

    return best


def exchange_neighbours(
    ranks: Ranks, above: Neighbours, below: Neighbours, fixed: Container[int] = ()
) -> Ranks:
    """Return the ranks after one pass that exchanges neighbours where that saves crossings.

    Args:
        ranks: The vertices of each rank.
        above: The neighbours of each vertex in the ranks above.
        below: The neighbours of each vertex in the ranks below.
        fixed: The vertices that keep their places.
    """
    ranks = [list(rank) for rank in ranks]
    positions = find_positions(ranks)

    for rank in ranks:
        for index in range(len(rank) - 1):
            left = rank[index]
            right = rank[index + 1]
            if left in fixed or right in fixed:
                continue

            saved = _saved_crossings(left, right, above, positions)
            saved += _saved_crossings(left, right, below, positions)
            if saved > 0:
                rank[index] = right
                rank[index + 1] = left
                positions[right] = index
                positions[left] = index + 1

    return ranks


def _order_depth_first(ranks: Ranks, below: Neighbours, count: int) -> Ranks:
    """Return the ranks in the order in which a depth-first search meets their vertices."""
    if not ranks:
        return []

    met: dict[int, int] = {}
    for root in [*ranks[0], *range(count)]:
        unvisited = [root]
        while unvisited:
            vertex = unvisited.pop()
            if vertex not in met:
                met[vertex] = len(met)
                unvisited += reversed(below.get(vertex, []))

    return [sorted(rank, key=lambda vertex: met.get(vertex, len(met))) for rank in ranks]


def _sweep(ranks: Ranks, above: Neighbours, below: Neighbours, *, down: bool) -> Ranks:
    """Return the ranks, each ordered by the barycentres of its vertices, downwards or upwards."""
    neighbours = above if down else below
    indexes = list(range(len(ranks)))
    if not down:
        indexes.reverse()

    # Places are shares of a rank's width, since without channels neighbours stand in many ranks.
    places: dict[int, float] = {}
    for rank in ranks:
        places |= _relative_places(rank)

    swept = list(ranks)
    for index in indexes:
        barycentres = {}
        for vertex in ranks[index]:
            barycentres[vertex] = _barycentre(vertex, neighbours, places)
        swept[index] = sorted(ranks[index], key=barycentres.__getitem__)
        places |= _relative_places(swept[index])

    return swept


def _relative_places(rank: list[int]) -> dict[int, float]:
    """Return the place of each vertex as a share of its rank's width."""
    return {vertex: (index + 0.5) / len(rank) for index, vertex in enumerate(rank)}


def _barycentre(vertex: int, neighbours: Neighbours, places: dict[int, float]) -> float:
    """Return the mean of the places of a vertex's neighbours, or its own place if it has none."""
    own = neighbours.get(vertex)
    if not own:
        return places[vertex]
    return sum(places[neighbour] for neighbour in own) / len(own)


def _saved_crossings(
    left: int, right: int, neighbours: Neighbours, positions: dict[int, int]
) -> int:
    """Return how many crossings fewer there are if two vertices change places."""
    left_ends = [positions[neighbour] for neighbour in neighbours.get(left, ())]
    right_ends = [positions[neighbour] for neighbour in neighbours.get(right, ())]

    saved = 0
    for left_end in left_ends:
        for right_end in right_ends:
            saved += (left_end > right_end) - (left_end < right_end)
    return saved


def _count_crossings(ranks: Ranks, below: Neighbours) -> int:
    """Count the crossings of edges between neighbouring ranks."""
    positions = find_positions(ranks)
    crossings = 0
    for rank in ranks:
        # the lower ends of the edges from vertices further left, sorted
        passed: list[int] = []
        for vertex in rank:
            ends = sorted(positions[neighbour] for neighbour in below.get(vertex, ()))
            for end in ends:
                crossings += len(passed) - bisect.bisect_right(passed, end)
            for end in ends:
                bisect.insort(passed, end)

    return crossings

"""Coordinate assignment: the position of each vertex in its rank, so that long edges run straight.

After Brandes and Köpf, Fast and Simple Horizontal Coordinate Assignment, 2002. Vertices are
aligned in blocks that stand in one line each, and the blocks are moved together. This is done
four times: aligned to the rank above or below, from the left or from the right. Each vertex takes
the mean of the middle two of its four positions. Blocks are moved together as the library dagre
does it.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from typing import TYPE_CHECKING

from attune_nb.charts.graph_chart.layout.layered_graph import find_neighbours, find_positions

if TYPE_CHECKING:
    from attune_nb.charts.graph_chart.layout.layered_graph import (
        Gap,
        LayeredGraph,
        Neighbours,
        Ranks,
    )

    Pairs = set[tuple[int, int]]  # of a vertex and one in the next rank
    Positions = dict[int, float]
    Distances = dict[int, dict[int, float]]  # of each block to its neighbours on one side

__all__ = ["assign_positions"]


def assign_positions(graph: LayeredGraph, gap: Gap) -> dict[int, float]:
    """Return the position of each vertex across the flow.

    Args:
        graph: A graph in which every edge has a vertex in each rank that it passes through.
        gap: Returns the least distance between two vertices that stand beside each other.
    """
    above, below = find_neighbours(graph.chains)
    conflicts = _find_conflicts(graph.ranks, above, graph.count)
    conflicts |= {(lower, upper) for upper, lower in conflicts}

    assignments = []
    for downwards, from_right in itertools.product((True, False), (False, True)):
        ranks = graph.ranks if downwards else graph.ranks[::-1]
        if from_right:
            ranks = [rank[::-1] for rank in ranks]

        neighbours = above if downwards else below
        roots = _align(ranks, neighbours, conflicts)
        positions = _compact(ranks, roots, gap)
        if from_right:
            positions = {vertex: -position for vertex, position in positions.items()}
        assignments.append((from_right, positions))

    return _balance(assignments)


def _find_conflicts(ranks: Ranks, above: Neighbours, count: int) -> Pairs:
    """Return the ends of edges that cross a segment between two dummy vertices.

    Such a segment should be straight, so the edges that cross it are not aligned. These are the
    conflicts of type 1 in the paper.
    """
    conflicts: Pairs = set()
    for upper, lower in itertools.pairwise(ranks):
        positions = {vertex: index for index, vertex in enumerate(upper)}
        low = 0
        scanned = 0
        for index, vertex in enumerate(lower):
            inner = _inner_neighbour(vertex, above, count)
            if inner is not None:
                high = positions[inner]
            elif index == len(lower) - 1:
                high = len(upper) - 1
            else:
                continue

            for scanned_vertex in lower[scanned : index + 1]:
                for neighbour in above.get(scanned_vertex, ()):
                    is_inner = min(neighbour, scanned_vertex) >= count
                    is_between = low <= positions[neighbour] <= high
                    if not is_inner and not is_between:
                        conflicts.add((neighbour, scanned_vertex))
            low = high
            scanned = index + 1

    return conflicts


def _inner_neighbour(vertex: int, above: Neighbours, count: int) -> int | None:
    """Return the dummy vertex above a dummy vertex, or None if either is a vertex of the graph."""
    for neighbour in above.get(vertex, ()):
        if min(neighbour, vertex) >= count:
            return neighbour
    return None


def _align(ranks: Ranks, neighbours: Neighbours, conflicts: Pairs) -> dict[int, int]:
    """Return the root of each vertex: the first vertex of the block that it is aligned in.

    A vertex is aligned with the median of its neighbours, unless the median is aligned with
    another vertex already, or the two would cross an earlier alignment.
    """
    positions = find_positions(ranks)
    roots = {vertex: vertex for vertex in positions}
    aligned: set[int] = set()
    for rank in ranks:
        last = -1
        for vertex in rank:
            for median in _medians(vertex, neighbours, positions):
                is_free = roots[vertex] == vertex and median not in aligned
                is_right_of_last = last < positions[median]
                if is_free and is_right_of_last and (median, vertex) not in conflicts:
                    roots[vertex] = roots[median]
                    aligned.add(median)
                    last = positions[median]

    return roots


def _medians(vertex: int, neighbours: Neighbours, positions: dict[int, int]) -> list[int]:
    """Return the median of a vertex's neighbours: two if their number is even."""
    ordered = sorted(neighbours.get(vertex, ()), key=positions.__getitem__)
    first = (len(ordered) - 1) // 2
    last = len(ordered) // 2
    return ordered[first : last + 1]


def _compact(ranks: Ranks, roots: dict[int, int], gap: Gap) -> Positions:
    """Return the position of each vertex after its block was moved as far as it can be.

    All blocks are moved to the left, then each to its neighbour on the right.
    """
    before: Distances = defaultdict(dict)
    after: Distances = defaultdict(dict)
    for rank in ranks:
        for left_vertex, right_vertex in itertools.pairwise(rank):
            left = roots[left_vertex]
            right = roots[right_vertex]
            distance = max(gap(left_vertex, right_vertex), after[left].get(right, 0.0))
            after[left][right] = distance
            before[right][left] = distance

    order = _sort_blocks(dict.fromkeys(roots.values()), before, after)
    positions: Positions = {}
    for block in order:
        starts = [positions[left] + distance for left, distance in before[block].items()]
        positions[block] = max(starts, default=0.0)

    for block in reversed(order):
        if after[block]:
            ends = [positions[right] - distance for right, distance in after[block].items()]
            positions[block] = max(positions[block], min(ends))

    return {vertex: positions[block] for vertex, block in roots.items()}


def _sort_blocks(blocks: dict[int, None], before: Distances, after: Distances) -> list[int]:
    """Return the blocks in an order in which each follows all blocks on its left."""
    unsorted_before = {block: len(before[block]) for block in blocks}
    ready = [block for block, count in unsorted_before.items() if not count]
    # the list grows while it is read
    for block in ready:
        for right in after[block]:
            unsorted_before[right] -= 1
            if not unsorted_before[right]:
                ready.append(right)

    return ready


def _balance(assignments: list[tuple[bool, Positions]]) -> Positions:
    """Return the mean of the middle two of each vertex's positions.

    Before that, all assignments are moved to the edge of the narrowest one.

    Args:
        assignments: Whether each was made from the right, and the positions.
    """
    _, first = assignments[0]
    if not first:
        return {}

    narrowest = min((positions for _, positions in assignments), key=_width)
    shifted = []
    for from_right, positions in assignments:
        edge = max if from_right else min
        shift = edge(narrowest.values()) - edge(positions.values())
        shifted.append({vertex: position + shift for vertex, position in positions.items()})

    balanced = {}
    for vertex in first:
        ordered = sorted(positions[vertex] for positions in shifted)
        balanced[vertex] = sum(ordered[1:3]) / 2
    return balanced


def _width(positions: Positions) -> float:
    """Return the distance between the outermost positions."""
    return max(positions.values()) - min(positions.values())

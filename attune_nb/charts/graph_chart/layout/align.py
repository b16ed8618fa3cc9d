"""Where each vertex of a layered graph stands in its rank, so that long links run straight.

After Brandes and Köpf, Fast and Simple Horizontal Coordinate Assignment, 2002: vertices are put
into blocks that stand in one line each, the blocks are moved together, and of the four results
(blocks sought upwards or downwards, from the left or from the right) each vertex takes the mean
of the two in the middle. Blocks are moved together as the library dagre does it.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from typing import TYPE_CHECKING

from attune_nb.charts.graph_chart.layout.ordering import neighbours

if TYPE_CHECKING:
    from collections.abc import Callable

    from attune_nb.charts.graph_chart.layout.layers import Layers
    from attune_nb.charts.graph_chart.layout.ordering import Near, Order

    Apart = Callable[[int, int], float]  # how far two neighbours in a rank must be apart
    Pairs = set[tuple[int, int]]  # of a vertex and one in the next rank

__all__ = ["aligned"]


def aligned(layers: Layers, apart: Apart) -> dict[int, float]:
    """Give each vertex its place across.

    Args:
        layers: A graph in which every link has a vertex in each rank that it passes through.
        apart: Gives the least distance between two vertices that stand beside each other.
    """
    above, below = neighbours(layers.chains)
    wrong = _conflicts(layers.ranks, above, layers.count)
    wrong |= {(lower, upper) for upper, lower in wrong}
    found = []
    for down, from_right in itertools.product((True, False), (False, True)):
        ranks = layers.ranks if down else layers.ranks[::-1]
        ranks = [rank[::-1] for rank in ranks] if from_right else ranks
        root = _blocks(ranks, above if down else below, wrong)
        place = _compact(ranks, root, apart)
        found.append((from_right, place))
    return _balanced(found)


def _conflicts(ranks: Order, above: Near, count: int) -> Pairs:
    """Give the links' ends that cross a link which should be straight, as it joins no box."""
    found: Pairs = set()
    for upper, lower in itertools.pairwise(ranks):
        place = {vertex: at for at, vertex in enumerate(upper)}
        low, scanned = 0, 0
        for at, vertex in enumerate(lower):
            inner = [each for each in above.get(vertex, ()) if min(each, vertex) >= count]
            if not inner and at < len(lower) - 1:
                continue
            high = place[inner[0]] if inner else len(upper) - 1
            for each in lower[scanned : at + 1]:
                for near in above.get(each, ()):
                    if min(near, each) < count and not low <= place[near] <= high:
                        found.add((near, each))
            low, scanned = high, at + 1
    return found


def _blocks(ranks: Order, near: Near, wrong: Pairs) -> dict[int, int]:
    """Put each vertex in the block of the middle one of its neighbours: gives its first vertex."""
    root = {vertex: vertex for rank in ranks for vertex in rank}
    place = {vertex: at for rank in ranks for at, vertex in enumerate(rank)}
    taken: set[int] = set()  # vertices that have another one in their block already
    for rank in ranks:
        last = -1
        for vertex in rank:
            ordered = sorted(near.get(vertex, ()), key=place.__getitem__)
            middle = (len(ordered) - 1) // 2
            for each in ordered[middle : len(ordered) // 2 + 1]:
                free = root[vertex] == vertex and each not in taken
                if free and last < place[each] and (each, vertex) not in wrong:
                    root[vertex] = root[each]
                    taken.add(each)
                    last = place[each]
    return root


def _compact(ranks: Order, root: dict[int, int], apart: Apart) -> dict[int, float]:
    """Move the blocks together: first to the left, then each to its neighbour on the right."""
    after: dict[int, dict[int, float]] = defaultdict(dict)
    before: dict[int, dict[int, float]] = defaultdict(dict)
    for rank in ranks:
        for one, two in itertools.pairwise(rank):
            left, right = root[one], root[two]
            distance = max(apart(one, two), after[left].get(right, 0.0))
            after[left][right] = before[right][left] = distance
    order = _sorted(dict.fromkeys(root.values()), before, after)
    place: dict[int, float] = {}
    for block in order:
        place[block] = max((place[b] + d for b, d in before[block].items()), default=0.0)
    for block in reversed(order):
        if after[block]:
            free = min(place[b] - d for b, d in after[block].items())
            place[block] = max(place[block], free)
    return {vertex: place[block] for vertex, block in root.items()}


def _sorted(
    blocks: dict[int, None], before: dict[int, dict[int, float]], after: dict[int, dict[int, float]]
) -> list[int]:
    """Put blocks in an order in which each stands after all on its left."""
    waits = {block: len(before[block]) for block in blocks}
    ready = [block for block, many in waits.items() if not many]
    for block in ready:  # it grows on the way
        for each in after[block]:
            waits[each] -= 1
            if not waits[each]:
                ready.append(each)
    return ready


def _balanced(found: list[tuple[bool, dict[int, float]]]) -> dict[int, float]:
    """Give each vertex the mean of the two middle places, all results moved to the narrowest."""
    places = [
        {vertex: -x if mirrored else x for vertex, x in place.items()} for mirrored, place in found
    ]
    if not places[0]:
        return {}
    narrowest = min(places, key=lambda place: max(place.values()) - min(place.values()))
    moved = []
    for (mirrored, _), place in zip(found, places, strict=True):
        edge = max if mirrored else min
        shift = edge(narrowest.values()) - edge(place.values())
        moved.append({vertex: x + shift for vertex, x in place.items()})
    return {vertex: sum(sorted(place[vertex] for place in moved)[1:3]) / 2 for vertex in places[0]}

"""The order of vertices within their ranks, so that few links cross.

Each rank is put in the order of the barycentres of its neighbours, down and up by turns, and
then neighbours are exchanged where that helps.
"""

from __future__ import annotations

import bisect
import itertools
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container

    Order = list[list[int]]  # the vertices of each rank, from the left to the right
    Near = dict[int, list[int]]  # the neighbours of each vertex in the ranks above, or below

__all__ = ["Near", "Order", "exchanged", "neighbours", "ordered"]

_SWEEPS = 16  # down or up; few graphs change after as many
_PATIENCE = 4  # sweeps that may follow the best one


def ordered(ranks: Order, chains: list[list[int]], count: int, *, patient: bool) -> Order:
    """Put each rank in the order of the barycentres of its neighbours, down and up by turns."""
    above, below = neighbours(chains)
    order = _as_walked(ranks, below, count)
    best, fewest, since = order, _crossings(order, below) if patient else 0, 0
    for sweep in range(_SWEEPS if patient else _PATIENCE):
        order = _swept(order, above if sweep % 2 == 0 else below, down=sweep % 2 == 0)
        if not patient:
            best = order
            continue
        order = exchanged(order, above, below)
        crossings = _crossings(order, below)
        since = 0 if crossings < fewest else since + 1
        if crossings < fewest:
            best, fewest = order, crossings
        if not fewest or since > _PATIENCE:
            break
    return best


def neighbours(chains: list[list[int]]) -> tuple[Near, Near]:
    """Give the neighbours of each vertex above and below, as often as links lead there."""
    above: Near = defaultdict(list)
    below: Near = defaultdict(list)
    for upper, lower in (pair for way in chains for pair in itertools.pairwise(way)):
        if upper != lower:
            above[lower].append(upper)
            below[upper].append(lower)
    return above, below


def _as_walked(ranks: Order, below: Near, count: int) -> Order:
    """Put each rank in the order in which a walk down all ways comes by."""
    met: dict[int, int] = {}
    for root in [*ranks[0], *range(count)] if ranks else []:
        waiting = [root]
        while waiting:
            vertex = waiting.pop()
            if vertex not in met:
                met[vertex] = len(met)
                waiting += reversed(below.get(vertex, []))
    return [sorted(rank, key=lambda each: met.get(each, len(met))) for rank in ranks]


def _swept(order: Order, neighbours: Near, *, down: bool) -> Order:
    # places are shares of a rank's width, since without channels neighbours stand in many ranks
    place = {v: (nth + 0.5) / len(rank) for rank in order for nth, v in enumerate(rank)}
    swept = list(order)
    for at in range(len(order)) if down else reversed(range(len(order))):
        wish = {}
        for vertex in order[at]:
            near = neighbours.get(vertex)
            wish[vertex] = sum(place[each] for each in near) / len(near) if near else place[vertex]
        swept[at] = rank = sorted(order[at], key=wish.__getitem__)
        place |= {vertex: (nth + 0.5) / len(rank) for nth, vertex in enumerate(rank)}
    return swept


def exchanged(order: Order, above: Near, below: Near, fixed: Container[int] = ()) -> Order:
    """Exchange neighbours in a rank where that leaves fewer crossings."""
    order = [list(rank) for rank in order]
    place = {vertex: at for rank in order for at, vertex in enumerate(rank)}
    for rank in order:
        for at in range(len(rank) - 1):
            one, two = rank[at], rank[at + 1]
            if one in fixed or two in fixed:
                continue
            if _gain(one, two, above, place) + _gain(one, two, below, place) > 0:
                rank[at], rank[at + 1] = two, one
                place[one], place[two] = at + 1, at
    return order


def _gain(one: int, two: int, near: Near, place: dict[int, int]) -> int:
    """Count how many crossings fewer there are if two neighbours change places."""
    a = [place[each] for each in near.get(one, ())]
    b = [place[each] for each in near.get(two, ())]
    return sum((x > y) - (x < y) for x in a for y in b)


def _crossings(order: Order, below: Near) -> int:
    """Count the crossings of links between neighbouring ranks."""
    place = {vertex: at for rank in order for at, vertex in enumerate(rank)}
    found = 0
    for rank in order:
        passed: list[int] = []
        for vertex in rank:
            ends = sorted(place[each] for each in below.get(vertex, ()))
            found += sum(len(passed) - bisect.bisect_right(passed, end) for end in ends)
            for end in ends:
                bisect.insort(passed, end)
    return found

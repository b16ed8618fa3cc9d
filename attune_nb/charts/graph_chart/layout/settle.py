"""Places in a row that are as near to where each would like to be as the others allow."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from attune_nb.charts.graph_chart.layout.layers import Layers

    Pulls = dict[int, list[tuple[int, float]]]  # of each vertex: its neighbours, and how much

__all__ = ["settled", "spread"]

_ROUNDS = 12  # of sweeps; after them nothing moves that an eye would see
_HELD = 1e6  # how much a link insists on being straight, of what a box does


def spread(wanted: Sequence[float], pull: Sequence[float], apart: Sequence[float]) -> list[float]:
    """Give ascending places as near to the wanted ones as the distances between them allow.

    Least squares, by pooling adjacent violators: those that would come too near to each other
    move as one block, to the mean of where they want to be.

    Args:
        wanted: A place for each.
        pull: How much each insists, above 0.
        apart: The least distance between each and the next: one fewer.
    """
    offsets = list(itertools.accumulate(apart, initial=0.0))
    blocks: list[tuple[float, float, int]] = []  # the mean of the block, its pull, how many
    for at, wish in enumerate(wanted):
        block = (wish - offsets[at], pull[at], 1)
        while blocks and blocks[-1][0] > block[0]:
            mean, weight, many = blocks.pop()
            total = weight + block[1]
            block = ((mean * weight + block[0] * block[1]) / total, total, many + block[2])
        blocks.append(block)
    means = itertools.chain.from_iterable([mean] * many for mean, _, many in blocks)
    return [mean + offset for mean, offset in zip(means, offsets, strict=False)]


def settled(
    layers: Layers, place: dict[int, float], apart: Callable[[int, int], float]
) -> dict[int, float]:
    """Move boxes, and the labels between them, nearer to what they are linked with.

    Links that run straight through more than one rank stay where they are.

    Args:
        layers: The graph.
        place: Where each vertex stands, far enough from its neighbours.
        apart: How far two neighbours must be apart.
    """
    place = dict(place)
    pulls, held = _pulls(layers), _held(layers)
    rooms = [[apart(one, two) for one, two in itertools.pairwise(rank)] for rank in layers.ranks]
    order = range(len(layers.ranks))
    for at in itertools.chain.from_iterable([order, reversed(order)] * _ROUNDS):
        rank = layers.ranks[at]
        wanted, insists = [], []
        for vertex in rank:
            near = pulls[vertex] if vertex not in held else []
            pull = sum(weight for _, weight in near)
            wanted.append(sum(place[v] * w for v, w in near) / pull if pull else place[vertex])
            insists.append(_HELD if vertex in held else pull or 1 / _HELD)
        place |= dict(zip(rank, spread(wanted, insists, rooms[at]), strict=True))
    return place


def _held(layers: Layers) -> set[int]:
    """Give the vertices of links that pass through more than one rank."""
    return {
        vertex
        for chain in layers.chains
        for pair in itertools.pairwise(chain)
        if min(pair) >= layers.count
        for vertex in pair
    }


def _pulls(layers: Layers) -> Pulls:
    """Give each vertex's neighbours, and how much they pull.

    The fewer links a box has on a side, the more each pulls: a link bends where many meet.
    """
    pairs = [pair for chain in layers.chains for pair in itertools.pairwise(chain)]
    out, into = Counter(upper for upper, _ in pairs), Counter(lower for _, lower in pairs)
    found: Pulls = defaultdict(list)
    for upper, lower in pairs:
        pull = 1 / max(out[upper], into[lower])
        found[lower].append((upper, pull))
        found[upper].append((lower, pull))
    return found

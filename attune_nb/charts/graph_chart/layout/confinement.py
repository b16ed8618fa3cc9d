"""Confinement: positions within a width, while long edges run as straight as that allows."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from attune_nb.charts.graph_chart.layout.layered_graph import unique_segments
from attune_nb.charts.graph_chart.layout.separation import separate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attune_nb.charts.graph_chart.layout.layered_graph import Gap, LayeredGraph, Size
    from attune_nb.charts.graph_chart.layout.relaxation import Pulls

__all__ = ["confine"]

# sweeps down and up; then nothing moves that an eye would see
_SWEEPS = 8

# how much more a vertex of a long edge pulls at the next one than a box does
_STRAIGHTEN = 30.0

# the weight of a vertex that nothing pulls at
_LOOSE = 1e-6


def confine(
    graph: LayeredGraph, sizes: Mapping[int, Size], gap: Gap, width: float
) -> dict[int, float]:
    """Return the position of each vertex across the flow, near to its neighbours.

    Args:
        graph: The graph.
        sizes: The size of each vertex.
        gap: Returns the least distance between two vertices that stand beside each other.
        width: The width to keep within. A rank that needs more makes all ranks as wide.
    """
    rows = [_Row(rank, sizes, gap) for rank in graph.ranks if rank]
    width = max([width, *[row.width for row in rows]])

    positions: dict[int, float] = {}
    for row in rows:
        positions |= row.pack(width)

    pulls = _weigh_pulls(graph)
    for row in (rows + rows[::-1]) * _SWEEPS:
        wishes = []
        weights = []
        for vertex in row.rank:
            weight = sum(pull for _, pull in pulls[vertex])
            wish = positions[vertex]
            if weight:
                pulled = sum(positions[neighbour] * pull for neighbour, pull in pulls[vertex])
                wish = pulled / weight
            wishes.append(wish)
            weights.append(max(weight, _LOOSE))
        positions |= row.place(wishes, weights, width)

    return positions


class _Row:
    """The vertices of a rank, and the least distances between them."""

    def __init__(self, rank: list[int], sizes: Mapping[int, Size], gap: Gap) -> None:
        self.rank = rank
        self._gaps = [gap(left, right) for left, right in itertools.pairwise(rank)]
        self._offsets = list(itertools.accumulate(self._gaps, initial=0.0))
        self._first_half = sizes[rank[0]][0] / 2
        self._last_half = sizes[rank[-1]][0] / 2

    @property
    def width(self) -> float:
        """The least width that the rank takes."""
        return self._first_half + self._offsets[-1] + self._last_half

    def pack(self, width: float) -> dict[int, float]:
        """Return the positions without free space, in the middle of a width."""
        start = (width - self.width) / 2 + self._first_half
        return {
            vertex: start + offset for vertex, offset in zip(self.rank, self._offsets, strict=True)
        }

    def place(self, wishes: list[float], weights: list[float], width: float) -> dict[int, float]:
        """Return positions within a width, as near to the wishes as it allows."""
        low = self._first_half
        high = width - self._last_half - self._offsets[-1]
        placed = {}
        separated = separate(wishes, weights, self._gaps)
        for vertex, position, offset in zip(self.rank, separated, self._offsets, strict=True):
            placed[vertex] = min(max(position - offset, low), high) + offset
        return placed


def _weigh_pulls(graph: LayeredGraph) -> Pulls:
    """Return the neighbours of each vertex with the weight of their pull.

    Long edges pull the most, so that they run straight. The fewer edges a box has on a side, the
    more each of them pulls.
    """
    segments = unique_segments(graph.chains)
    outgoing = Counter(upper for upper, _ in segments)
    incoming = Counter(lower for _, lower in segments)

    pulls: Pulls = defaultdict(list)
    for upper, lower in segments:
        if upper == lower:
            continue
        weight = 1 / max(outgoing[upper], incoming[lower])
        if min(upper, lower) >= graph.count:
            weight = _STRAIGHTEN
        pulls[lower].append((upper, weight))
        pulls[upper].append((lower, weight))
    return pulls

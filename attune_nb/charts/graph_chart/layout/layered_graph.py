"""The graph that the steps of the layout share."""

from __future__ import annotations

import dataclasses
import itertools
from collections import defaultdict
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    Size = tuple[float, float]  # across and along
    Edge = tuple[int, int]  # the source and the target
    Ranks = list[list[int]]  # the vertices of each rank, from left to right
    Neighbours = dict[int, list[int]]  # of each vertex, in the ranks above or below
    # "from" the source of its edges with their fork, or "to" their target
    Bundle = tuple[Literal["from", "to"], int, Hashable]
    Gap = Callable[[int, int], float]  # the least distance of two neighbours in a rank

__all__ = [
    "Bundle",
    "Edge",
    "Gap",
    "LayeredGraph",
    "Neighbours",
    "Ranks",
    "Size",
    "find_neighbours",
    "find_positions",
    "unique_segments",
]


@dataclasses.dataclass
class LayeredGraph:
    """A graph whose vertices stand in ranks.

    Vertices below `count` are the graph's own. The others are dummy vertices: they hold the place
    of an edge in a rank that it passes through.

    Attributes:
        count: The number of the graph's own vertices.
        ranks: The vertices of each rank, from left to right.
        chains: The vertices that each edge passes through, its upper end first.
        back: The numbers of the edges that lead up.
        labels: The vertex where an edge's label stands, by the edge's number.
        left: The numbers of the edges that lead up on the left of the boxes they join.
        loops: The vertex of an edge that joins a box to itself, by the edge's number.
    """

    count: int
    ranks: Ranks
    chains: list[list[int]]
    back: frozenset[int]
    labels: dict[int, int]
    left: frozenset[int] = frozenset()
    loops: dict[int, int] = dataclasses.field(default_factory=dict)

    @property
    def rank_of(self) -> dict[int, int]:
        """The index of each vertex's rank."""
        rank_of: dict[int, int] = {}
        for index, rank in enumerate(self.ranks):
            rank_of |= dict.fromkeys(rank, index)
        return rank_of


def unique_segments(chains: list[list[int]]) -> list[list[int]]:
    """Return each step of the chains once, as a chain of its own."""
    segments: dict[tuple[int, int], None] = {}
    for chain in chains:
        segments |= dict.fromkeys(itertools.pairwise(chain))
    return [list(segment) for segment in segments]


def find_positions(ranks: Ranks) -> dict[int, int]:
    """Return the index of each vertex in its rank."""
    positions: dict[int, int] = {}
    for rank in ranks:
        positions |= {vertex: index for index, vertex in enumerate(rank)}
    return positions


def find_neighbours(chains: list[list[int]]) -> tuple[Neighbours, Neighbours]:
    """Return the neighbours of each vertex above and below it, one entry for each edge."""
    above: Neighbours = defaultdict(list)
    below: Neighbours = defaultdict(list)
    for chain in chains:
        for upper, lower in itertools.pairwise(chain):
            if upper != lower:
                above[lower].append(upper)
                below[upper].append(lower)

    return above, below

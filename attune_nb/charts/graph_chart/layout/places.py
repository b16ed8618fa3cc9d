"""Where each vertex of a layered graph stands: as near to its neighbours as the room allows.

Everything here is in inches *across* the flow and *along* it, so that one layout serves a
picture from the top to the bottom and one from the left to the right.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections import defaultdict
from typing import TYPE_CHECKING

from attune_nb.charts.graph_chart.layout.align import aligned
from attune_nb.charts.graph_chart.layout.layers import Layers, layered
from attune_nb.charts.graph_chart.layout.settle import settled

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    Size = tuple[float, float]  # across and along

__all__ = ["Layout", "Spacing", "Station", "lay_out"]


@dataclasses.dataclass(frozen=True)
class Spacing:
    """What is left free, in inches."""

    boxes: float = 0.32  # across, between two boxes
    channels: float = 0.16  # across, between two links or a link and a box
    ranks: float = 0.27  # along, between two ranks
    slope: float = 0.06  # of how far a link goes across between two ranks: so much more along
    steepest: float = 0.8  # the most of that


@dataclasses.dataclass(frozen=True)
class Station:
    """Where a link passes a rank: straight along, at `across`, from `start` to `end`."""

    across: float
    start: float
    end: float


@dataclasses.dataclass(frozen=True)
class Layout:
    """Where everything stands. The origin is where the first rank begins, on the left."""

    centres: list[Size]  # of the boxes
    stations: list[list[Station]]  # of each link, its upper end first
    labels: dict[int, Size]  # of a link: its label's centre
    back: frozenset[int]  # links that go up
    left: frozenset[int]  # those of them whose arc is on the left
    across: float
    along: float


def lay_out(
    sizes: Sequence[Size],
    links: Sequence[tuple[int, int]],
    labels: Mapping[int, Size],
    forks: Mapping[int, Hashable],
    spacing: Spacing,
    *,
    through: bool = True,
) -> Layout:
    """Lay a graph out.

    Args:
        sizes: Of the boxes.
        links: Between which boxes, by number: the source and the target.
        labels: How large the labels of links are, by the link's number.
        forks: With which other links from the same box a link shares its label, as equal values.
        spacing: What to leave free.
        through: Whether links keep clear of the boxes that they pass.
    """
    layers = layered(len(sizes), links, {n: forks[n] for n in labels}, through=through)
    size: dict[int, Size] = defaultdict(lambda: (0.0, 0.0), enumerate(sizes))
    size |= {vertex: labels.get(number, (0, 0)) for number, vertex in layers.labels.items()}
    apart = _apart(layers, size, spacing)
    across = settled(layers, aligned(layers, apart), apart) if through else _packed(layers, apart)
    left = min((across[v] - size[v][0] / 2 for v in across), default=0.0)
    across = {vertex: x - left for vertex, x in across.items()}
    spans = _along(layers, size, across, spacing)
    rank_of = layers.rank_of

    def station(vertex: int) -> Station:
        start, end = spans[rank_of[vertex]]
        if vertex < layers.count:
            end = start + size[vertex][1]
        return Station(across[vertex], start, end)

    centres = [(across[v], spans[rank_of[v]][0] + sizes[v][1] / 2) for v in range(layers.count)]
    return Layout(
        centres,
        [[station(vertex) for vertex in chain] for chain in layers.chains],
        {n: (across[v], sum(spans[rank_of[v]]) / 2) for n, v in layers.labels.items()},
        layers.back,
        layers.left,
        max((across[v] + size[v][0] / 2 for v in across), default=0.0),
        max((end for _, end in spans), default=0.0),
    )


def _apart(
    layers: Layers, size: Mapping[int, Size], spacing: Spacing
) -> Callable[[int, int], float]:
    """Give what tells how far two vertices must be apart that stand beside each other."""

    def apart(one: int, two: int) -> float:
        free = spacing.boxes if max(one, two) < layers.count else spacing.channels
        return (size[one][0] + size[two][0]) / 2 + free

    return apart


def _packed(layers: Layers, apart: Callable[[int, int], float]) -> dict[int, float]:
    """Give each vertex its place in a rank that is packed, and in the middle."""
    place: dict[int, float] = {}
    for rank in layers.ranks:
        steps = [apart(one, two) for one, two in itertools.pairwise(rank)]
        places = itertools.accumulate(steps, initial=-sum(steps) / 2)
        place |= dict(zip(rank, places, strict=False))
    return place


def _along(
    layers: Layers, size: Mapping[int, Size], across: Mapping[int, float], spacing: Spacing
) -> list[Size]:
    """Give where each rank begins and ends: the further links go across, the more room."""
    rank_of = layers.rank_of
    widest = [0.0] * len(layers.ranks)
    for chain in layers.chains:
        for upper, lower in itertools.pairwise(chain):
            at = rank_of[upper]
            widest[at] = max(widest[at], abs(across[upper] - across[lower]))
    spans, start = [], 0.0
    for at, rank in enumerate(layers.ranks):
        end = start + max((size[vertex][1] for vertex in rank), default=0.0)
        spans.append((start, end))
        start = end + spacing.ranks + min(spacing.slope * widest[at], spacing.steepest)
    return spans

"""Where each vertex of a layered graph stands: as near to its neighbours as the room allows.

Everything here is in inches *across* the flow and *along* it, so that one layout serves a
picture from the top to the bottom and one from the left to the right.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections import defaultdict
from typing import TYPE_CHECKING

from attune_nb.charts.layers import Layers, layered

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Size = tuple[float, float]  # across and along

__all__ = ["Layout", "Spacing", "Station", "lay_out", "spread"]

_ROUNDS = 24  # of sweeps, after which nothing moves that an eye would see
_FEW_ROUNDS = 6
_STRAIGHT = 8.0  # how much more a link's own channel pulls than a link between two boxes


@dataclasses.dataclass(frozen=True)
class Spacing:
    """What is left free, in inches."""

    boxes: float = 0.32  # across, between two boxes
    channels: float = 0.16  # across, between two links or a link and a box
    ranks: float = 0.27  # along, between two ranks
    slope: float = 0.07  # of how far a link goes across between two ranks: so much more along
    steepest: float = 0.45  # the most of that


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
    spacing: Spacing,
    *,
    through: bool = True,
) -> Layout:
    """Lay a graph out.

    Args:
        sizes: Of the boxes.
        links: Between which boxes, by number: the source and the target.
        labels: How large the labels of links are, by the link's number.
        spacing: What to leave free.
        through: Whether links keep clear of the boxes that they pass.
    """
    layers = layered(len(sizes), links, labels, through=through)
    size: dict[int, Size] = defaultdict(lambda: (0.0, 0.0), enumerate(sizes))
    size |= {vertex: labels.get(number, (0, 0)) for number, vertex in layers.labels.items()}
    across = _across(layers, size, spacing, rounds=_ROUNDS if through else _FEW_ROUNDS)
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


def _across(
    layers: Layers, size: Mapping[int, Size], spacing: Spacing, *, rounds: int
) -> dict[int, float]:
    """Give every vertex its place across: sweeps down and up, then both neighbours at once."""
    above, below = _pulls(layers)
    apart = [_apart(rank, size, spacing, layers.count) for rank in layers.ranks]
    place = {}
    for rank, room in zip(layers.ranks, apart, strict=True):
        places = list(itertools.accumulate(room, initial=-sum(room) / 2))
        place |= dict(zip(rank, places, strict=True))
    order = range(len(layers.ranks))
    for turn in range(rounds):
        alone = turn < rounds / 3
        for down in (True, False):
            sides = [above, below] if not alone else [above] if down else [below]
            for at in order if down else reversed(order):
                _settle(layers.ranks[at], apart[at], sides, place)
    return place


def _pulls(layers: Layers) -> tuple[dict[int, list[tuple[int, float]]], ...]:
    """Give each vertex's neighbours above and below, and how much they pull."""
    above: dict[int, list[tuple[int, float]]] = defaultdict(list)
    below: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for chain in layers.chains:
        for upper, lower in itertools.pairwise(chain):
            own = (upper >= layers.count) + (lower >= layers.count)
            pull = (1.0, 2.0, _STRAIGHT)[own]
            above[lower].append((upper, pull))
            below[upper].append((lower, pull))
    return above, below


def _apart(
    rank: list[int], size: Mapping[int, Size], spacing: Spacing, count: int
) -> list[float]:
    found = []
    for one, two in itertools.pairwise(rank):
        free = spacing.boxes if max(one, two) < count else spacing.channels
        found.append((size[one][0] + size[two][0]) / 2 + free)
    return found


def _settle(
    rank: list[int],
    apart: list[float],
    sides: list[dict[int, list[tuple[int, float]]]],
    place: dict[int, float],
) -> None:
    """Move a rank to where its neighbours want it."""
    wanted, pulls = [], []
    for vertex in rank:
        near = [each for side in sides for each in side.get(vertex, ())]
        pull = sum(weight for _, weight in near)
        wish = sum(place[each] * weight for each, weight in near) / pull if pull else place[vertex]
        wanted.append(wish)
        pulls.append(pull or 0.1)
    place |= dict(zip(rank, spread(wanted, pulls, apart), strict=True))


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

"""Which layer each vertex of a graph stands in, and in what order: Sugiyama's first three steps.

Cycles are broken by links that go back, every other link goes from a layer to a later one, and
few of them cross. A link that passes through a layer has a vertex of its own there, so that it
has a channel between the boxes; a label is such a vertex too, in a layer for labels.

After Sugiyama, Tagawa and Toda, Methods for Visual Understanding of Hierarchical System
Structures, 1981, and the ranks for labels of Gansner, Koutsofios, North and Vo, A Technique for
Drawing Directed Graphs, 1993.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from typing import TYPE_CHECKING

from attune_nb.charts.graph_chart.layout.ordering import exchanged, neighbours, ordered

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from attune_nb.charts.graph_chart.layout.ordering import Order

    Link = tuple[int, int]  # source and target

__all__ = ["Layers", "back_links", "layered", "layers_of"]

_EXCHANGES = 16  # rounds of them, after links have been moved to the side of their boxes


@dataclasses.dataclass
class Layers:
    """A graph in ranks. Vertices below `count` are the graph's own, the others stand for links."""

    count: int
    ranks: Order
    chains: list[list[int]]  # of each link: its vertices, the upper end first
    back: frozenset[int]  # links that go up
    labels: dict[int, int]  # of a link that has a label: the vertex where it stands
    left: frozenset[int] = frozenset()  # links that go up on the left of what they join

    @property
    def rank_of(self) -> dict[int, int]:
        """The rank of each vertex."""
        return {vertex: at for at, rank in enumerate(self.ranks) for vertex in rank}


def layered(
    count: int, links: Sequence[Link], labelled: Mapping[int, Hashable], *, through: bool
) -> Layers:
    """Put the vertices 0 to `count` - 1 in layers, and in order within each.

    Args:
        count: How many vertices there are.
        links: Between which; a link may join a vertex to itself, or a pair once more.
        labelled: The numbers of the links that have a label, each with what it shares the label
            with: links from one vertex that have an equal value fork at one label.
        through: Whether a link gets a vertex in each layer that it passes through. Without
            them a large graph is done in a moment, but its links run below its boxes.
    """
    back = back_links(count, links)
    layer = layers_of(count, links, back)
    layer = layer if through else _lowered(layer, links, back)
    found = _with_channels(layer, links, back, labelled if through else {}, through=through)
    found.ranks = ordered(found.ranks, found.chains, found.count, patient=through)
    return _with_returns(found) if through else found


def back_links(count: int, links: Sequence[Link]) -> frozenset[int]:
    """Give the links to leave out so that no cycle is left: those that lead back on a way down.

    The ways are walked as they are written, from the vertices that nothing points at.
    """
    out: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for number, (source, target) in enumerate(links):
        out[source].append((number, target))
    pointed = {target for source, target in links if source != target}
    new, on_the_way, done = 0, 1, 2
    state, found = [new] * count, set()
    for root in sorted(range(count), key=lambda each: each in pointed):
        way = [(root, iter(out[root]))] if state[root] == new else []
        while way:
            vertex, rest = way[-1]
            state[vertex] = on_the_way
            for number, target in rest:
                if state[target] == on_the_way:
                    found.add(number)
                elif state[target] == new:
                    way.append((target, iter(out[target])))
                    break
            else:
                state[vertex] = done
                way.pop()
    return frozenset(found)


def layers_of(count: int, links: Sequence[Link], back: frozenset[int]) -> list[int]:
    """Give the layer of each vertex: as many as the longest way to it has links."""
    out: dict[int, list[int]] = defaultdict(list)
    waits = [0] * count
    for number, (source, target) in enumerate(links):
        if number not in back:
            out[source].append(target)
            waits[target] += 1
    layer = [0] * count
    ready = [vertex for vertex in range(count) if not waits[vertex]]
    for vertex in ready:  # it grows on the way
        for target in out[vertex]:
            layer[target] = max(layer[target], layer[vertex] + 1)
            waits[target] -= 1
            if not waits[target]:
                ready.append(target)
    return layer


def _lowered(layer: list[int], links: Sequence[Link], back: frozenset[int]) -> list[int]:
    """Move what nothing points at down to what it points at: the first layer would be endless."""
    pointed, nearest = set(), dict[int, int]()
    for number, (source, target) in enumerate(links):
        if number not in back:
            pointed.add(target)
            nearest[source] = min(nearest.get(source, layer[target]), layer[target])
    return [
        each if vertex in pointed else max(nearest.get(vertex, 1) - 1, 0)
        for vertex, each in enumerate(layer)
    ]


def _with_channels(
    layer: list[int],
    links: Sequence[Link],
    back: frozenset[int],
    labelled: Mapping[int, Hashable],
    *,
    through: bool,
) -> Layers:
    """Give each link a vertex in the ranks between its ends: layers, and ranks for labels."""
    stand = {number: _label_rank(layer, links[number], number in back) for number in labelled}
    used = sorted({2 * each for each in layer} | set(stand.values()))
    place = {rank: at for at, rank in enumerate(used)}
    ranks: Order = [[] for _ in used]
    for vertex, each in enumerate(layer):
        ranks[place[2 * each]].append(vertex)
    chains, labels, last = [], {}, len(layer)
    forks: dict[Hashable, int] = {}
    for number, link in enumerate(links):
        upper, lower = reversed(link) if number in back else link
        chain = [upper]
        between = range(place[2 * layer[upper]] + 1, place[2 * layer[lower]]) if through else ()
        for at in between:
            here = stand.get(number) == used[at]
            fork = (link[0], labelled[number]) if here and number not in back else None
            vertex = last if fork is None else forks.setdefault(fork, last)
            if vertex == last:
                ranks[at].append(vertex)
                last += 1
            chain.append(vertex)
            if here:
                labels[number] = vertex
        chains.append([*chain, lower])
    return Layers(len(layer), ranks, chains, back, labels)


def _label_rank(layer: list[int], link: Link, goes_back: bool) -> int:
    """Give the rank for a link's label: next to its source. That of a loop is its own layer."""
    source, target = link
    return 2 * layer[source] + (0 if source == target else -1 if goes_back else 1)


def _with_returns(layers: Layers) -> Layers:
    """Give each link that goes up a vertex beside both its ends, where its arc turns."""
    rank_of, last = layers.rank_of, sum(map(len, layers.ranks))
    left, ends = set(), set()
    for number in sorted(layers.back, key=lambda each: -len(layers.chains[each])):
        # the longest first: the shorter an arc, the nearer to its boxes
        upper, *between, lower = layers.chains[number]
        corners = (upper, lower) if upper != lower else (upper,)
        beside = [layers.ranks[rank_of[each]] for each in corners]
        before = sum(rank.index(each) for rank, each in zip(beside, corners, strict=True))
        on_left = 2 * before < sum(len(rank) - 1 for rank in beside)
        for rank, corner in zip(beside, corners, strict=True):
            rank.insert(rank.index(corner) + (0 if on_left else 1), last)
            ends.add(last)
            last += 1
        new = range(last - len(corners), last)
        left |= {number} if on_left else set()
        layers.chains[number] = [new[0], *between, *new[1:]]
        if upper == lower:
            layers.labels[number] = new[0]
    above, below = neighbours(layers.chains)
    fixed = ends | set(range(layers.count))
    for _ in range(_EXCHANGES):
        ranks = exchanged(layers.ranks, above, below, fixed)
        if ranks == layers.ranks:
            break
        layers.ranks = ranks
    return dataclasses.replace(layers, left=frozenset(left))

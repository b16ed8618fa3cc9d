"""Combs: the edges of a wide fork or join, led around the ranks instead of through them.

A task that starts a thousand others would hide them below its edges. Its edges share a trunk on
the right of the ranks, and between two ranks a line to the boxes. Those of a join are on the left.
"""

from __future__ import annotations

import bisect
import dataclasses
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attune_nb.charts.graph_chart.layout.layered_graph import Bundle, Size
    from attune_nb.charts.graph_chart.layout.placement import Layout, Station

__all__ = ["add_combs"]

# a bundle of fewer edges, or to fewer ranks, goes straight
_FEWEST_EDGES = 24
_FEWEST_RANKS = 3

# bundles on one side
_MOST_COMBS = 8

_TRUNK = 0.1  # inches: between two trunks, and between a trunk and the ranks

# the shares of the space between two ranks where the lines are
_BESIDE_BOX = 0.3
_MIDDLE = 0.5


def add_combs(layout: Layout, bundles: Mapping[int, Bundle]) -> Layout:
    """Return a layout in which the edges of large bundles go around the ranks.

    Args:
        layout: The layout.
        bundles: The bundle of each edge that leads down, by the edge's number.
    """
    numbers_of: dict[Bundle, list[int]] = defaultdict(list)
    for number, bundle in bundles.items():
        numbers_of[bundle].append(number)

    forks = []
    meets = []
    for bundle, numbers in numbers_of.items():
        ranks = {(stations[0].start, stations[-1].start) for stations in _of(layout, numbers)}
        if len(numbers) < _FEWEST_EDGES or len(ranks) < _FEWEST_RANKS:
            continue
        if bundle[0] == "to":
            meets.append(numbers)
        else:
            forks.append(numbers)

    if len(forks) > _MOST_COMBS or len(meets) > _MOST_COMBS:
        return layout

    shift = _TRUNK * len(meets)
    layout = _shift(layout, shift, layout.across + shift + _TRUNK * len(forks))
    lines = {}
    for place, numbers in enumerate(meets):
        trunk = shift - _TRUNK * (place + 1)
        for number in numbers:
            lines[number] = _lead(layout, number, trunk, leaving=_BESIDE_BOX, entering=_MIDDLE)
    for place, numbers in enumerate(forks):
        trunk = layout.across - _TRUNK * (len(forks) - place - 1)
        for number in numbers:
            lines[number] = _lead(layout, number, trunk, leaving=_MIDDLE, entering=_BESIDE_BOX)
    return dataclasses.replace(layout, lines=lines)


def _of(layout: Layout, numbers: Sequence[int]) -> list[list[Station]]:
    """Return the stations of some edges."""
    return [layout.stations[number] for number in numbers]


def _shift(layout: Layout, right: float, across: float) -> Layout:
    """Return a layout without channels, moved to the right and made wider."""

    def move(stations: list[Station]) -> list[Station]:
        return [dataclasses.replace(station, across=station.across + right) for station in stations]

    stations = [move(passed) for passed in layout.stations]
    centres = [(x + right, y) for x, y in layout.centres]
    return dataclasses.replace(layout, centres=centres, stations=stations, across=across)


def _lead(
    layout: Layout, number: int, trunk: float, *, leaving: float, entering: float
) -> list[Size]:
    """Return the points of an edge: out below its source, along a trunk, in above its target.

    Args:
        layout: The layout.
        number: The number of the edge.
        trunk: The position of the trunk across.
        leaving: The share of the space below the source where the edge turns.
        entering: The share of the space above the target where the edge turns.
    """
    first = layout.stations[number][0]
    last = layout.stations[number][-1]
    starts = [start for start, _ in layout.spans]
    below = starts[bisect.bisect_right(starts, first.start)]
    _, above = layout.spans[bisect.bisect_left(starts, last.start) - 1]

    out = first.rank_end + (below - first.rank_end) * leaving
    back = last.start - (last.start - above) * entering
    return [
        (first.across, first.end),
        (first.across, out),
        (trunk, out),
        (trunk, back),
        (last.across, back),
        (last.across, last.start),
    ]

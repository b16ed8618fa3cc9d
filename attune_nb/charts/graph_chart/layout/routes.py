"""The way of each link between boxes: straight through ranks, bending only between them.

No box stands between two ranks and each link has its own channel in a rank, so that no link
runs below a box or through a label.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections import defaultdict
from typing import TYPE_CHECKING

from attune_nb.charts.graph_chart.layout.settle import spread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attune_nb.charts.graph_chart.layout.places import Layout, Size, Station

    Side = tuple[float, float]  # the middle of a box's side, and how far links may be from it

__all__ = ["ARROW", "Route", "routes"]

MOVE, LINE, QUADRATIC, CUBIC = 1, 2, 3, 4  # how a point of a path is reached, as matplotlib has it
ARROW = 0.085  # inches: how long the head of an arrow is
_PORTS = 0.17  # inches: between two links at the same side of a box
_TIGHT = 0.085  # inches: nearer to each other, the heads of arrows would be one blot
_INSET = 0.1  # inches: from the corner of a box to the first link
_NARROW = 0.4  # inches: the width of a box whose links all meet in its middle
_BEND = 0.09  # inches: the radius of a corner


@dataclasses.dataclass
class Route:
    """The way of a link, across and along in inches, and where its arrow points."""

    points: list[Size]
    codes: list[int] = dataclasses.field(default_factory=lambda: [MOVE])
    heading: Size = (0.0, 1.0)

    @property
    def tip(self) -> Size:
        """The point of the arrow."""
        (across, along), (right, down) = self.points[-1], self.heading
        return across + right * ARROW, along + down * ARROW

    def line(self, across: float, along: float) -> None:
        """Go on straight."""
        if self.points[-1] != (across, along):
            self._add(LINE, (across, along))

    def sway(self, across: float, along: float) -> None:
        """Go on along, and over to another channel on the way."""
        (before, start) = self.points[-1]
        if before == across:
            self.line(across, along)
        else:
            middle = (start + along) / 2
            self._add(CUBIC, (before, middle), (across, middle), (across, along))

    def turn(self, corner: Size, across: float, along: float) -> None:
        """Go on around a corner."""
        self._add(QUADRATIC, corner, (across, along))

    def _add(self, code: int, *points: Size) -> None:
        self.points += points
        self.codes += [code] * len(points)


def routes(layout: Layout, sizes: Sequence[Size], links: Sequence[tuple[int, int]]) -> list[Route]:
    """Give the way of each link.

    Args:
        layout: Where everything stands.
        sizes: Of the boxes.
        links: The source and the target of each.
    """
    starts, ends = _ports(layout, sizes, links)
    sides = _side_ports(layout, sizes, links)
    found = []
    for number, stations in enumerate(layout.stations):
        if number in layout.back:
            found.append(_return(layout, sizes, links[number], number, sides[number]))
        else:
            found.append(_forward(stations, starts[number], ends[number]))
    return found


def _forward(stations: list[Station], start: float, end: float) -> Route:
    route = Route([(start, stations[0].end)])
    for station in stations[1:-1]:
        route.sway(station.across, station.start)
        route.line(station.across, station.end)
    route.sway(end, stations[-1].start - ARROW)
    return route


def _return(
    layout: Layout,
    sizes: Sequence[Size],
    link: tuple[int, int],
    number: int,
    ports: tuple[float, float],
) -> Route:
    """Leave at the side of a box, go up, and come in at the side of the other one."""
    source, target = link
    side = -1 if number in layout.left else 1
    stations = layout.stations[number]
    turns = [station.across for station in stations]
    if source == target:  # the label stands beside the arc
        turns = [layout.centres[source][0] + side * (sizes[source][0] / 2 + 2 * _BEND)]
    low, high = ports
    bend = min(_BEND, abs(low - high) / 2)
    route = Route([(layout.centres[source][0] + side * sizes[source][0] / 2, low)])
    route.line(turns[-1] - side * bend, low)
    route.turn((turns[-1], low), turns[-1], low - bend)
    for lower, upper in itertools.pairwise(reversed(stations)):
        across, along = route.points[-1]
        route.line(across, min(lower.start, along))
        route.sway(upper.across, upper.end)
    route.line(turns[0], high + bend)
    route.turn((turns[0], high), turns[0] - side * bend, high)
    edge = layout.centres[target][0] + side * sizes[target][0] / 2
    route.line(edge + side * ARROW, high)
    route.heading = (-side, 0.0)
    return route


def _ports(
    layout: Layout, sizes: Sequence[Size], links: Sequence[tuple[int, int]]
) -> list[dict[int, float]]:
    """Give where each link that goes down leaves its box, and where it comes in."""
    halves = [width / 2 - _INSET if width > _NARROW else 0.0 for width, _ in sizes]
    middles = [(x, half) for (x, _), half in zip(layout.centres, halves, strict=True)]
    leaving: dict[int, dict[float, tuple[float, list[int]]]] = defaultdict(dict)
    coming: dict[int, dict[float, tuple[float, list[int]]]] = defaultdict(dict)
    for number, (source, target) in enumerate(links):
        if number not in layout.back:
            first, last = layout.stations[number][1].across, layout.stations[number][-2].across
            out, into = _nearest(middles[source], first), _nearest(middles[target], last)
            if len(layout.stations[number]) == 2:  # noqa: PLR2004 - no channel between
                out, into = _facing(middles[source], middles[target])
            # links that fork at one label have the same way to it
            leaving[source].setdefault(first, (out, []))[1].append(number)
            coming[target].setdefault(last, (into, []))[1].append(number)
    found = []
    for side in (leaving, coming):
        ports: dict[int, float] = {}
        for box, ways in side.items():
            ordered = [ways[way] for way in sorted(ways)]
            middle, half = middles[box]
            places = _within([wish for wish, _ in ordered], middle - half, middle + half)
            for (_, numbers), at in zip(ordered, places, strict=True):
                ports |= dict.fromkeys(numbers, at)
        found.append(ports)
    return found


def _nearest(side: Side, way: float) -> float:
    middle, half = side
    return min(max(way, middle - half), middle + half)


def _facing(one: Side, two: Side) -> tuple[float, float]:
    """Give where two boxes meet a link without a channel: straight along, if it can be."""
    low, high = max(x - half for x, half in (one, two)), min(x + half for x, half in (one, two))
    if low > high:
        return _nearest((one[0], one[1] / 2), two[0]), _nearest((two[0], two[1] / 2), one[0])
    narrow = min(one, two, key=lambda side: side[1])[0]
    middle = narrow if one[1] != two[1] else (one[0] + two[0]) / 2
    return (min(max(middle, low), high),) * 2


def _within(wishes: list[float], low: float, high: float) -> list[float]:
    """Keep places apart, and within bounds; where there is no room, all meet in the middle."""
    apart = min(_PORTS, (high - low) / max(len(wishes) - 1, 1))
    if apart < _TIGHT and len(wishes) > 1:
        return [(low + high) / 2] * len(wishes)
    places = spread(wishes, [1.0] * len(wishes), [apart] * (len(wishes) - 1))
    last = high - apart * (len(wishes) - 1)
    return [
        min(max(place - at * apart, low), max(last, low)) + at * apart
        for at, place in enumerate(places)
    ]


def _side_ports(
    layout: Layout, sizes: Sequence[Size], links: Sequence[tuple[int, int]]
) -> dict[int, tuple[float, float]]:
    """Give where each arc leaves its box, and where it comes in, so that none crosses another."""
    at_side: dict[tuple[int, bool], list[tuple[int, float, int]]] = defaultdict(list)
    for number in layout.back:
        source, target = links[number]
        on_left = number in layout.left
        near, far = layout.stations[number][-1].across, layout.stations[number][0].across
        out, back = (abs(x - layout.centres[v][0]) for x, v in ((near, source), (far, target)))
        # what goes up stands above what comes from below; the shortest arc is the innermost, and
        # a loop is last, as its label stands on
        loop = source == target
        at_side[source, on_left].append((3 if loop else 0, out, number))
        at_side[target, on_left].append((2 if loop else 1, 1 / (1 + back), ~number))
    found: dict[int, float] = {}
    for (box, _), arcs in at_side.items():
        arcs.sort()
        room = min(_PORTS, sizes[box][1] / (len(arcs) + 1))
        for at, (_, _, number) in enumerate(arcs):
            found[number] = layout.centres[box][1] + (at - (len(arcs) - 1) / 2) * room
    return {number: (found[number], found[~number]) for number in layout.back}

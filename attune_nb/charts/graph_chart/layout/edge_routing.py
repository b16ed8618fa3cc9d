"""Edge routing: the route of each edge, straight through ranks and bent only between them.

No box stands between two ranks, and each edge has a channel of its own in a rank. So no edge
runs below a box or through a label.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from attune_nb.charts.graph_chart.layout.ports import assign_ports, assign_side_ports

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attune_nb.charts.graph_chart.layout.layered_graph import Edge, Size
    from attune_nb.charts.graph_chart.layout.placement import Detour, Layout, Station

__all__ = ["ARROW", "Route", "route_edges"]

# the codes of matplotlib for the points of a path
MOVE = 1
LINE = 2
QUADRATIC = 3
CUBIC = 4

ARROW = 0.085  # inches: the length of an arrow's head
_BEND = 0.09  # inches: the radius of a corner
_FOLD_BEND = 0.05  # inches: the same on the way to another column


@dataclasses.dataclass
class Route:
    """The route of an edge, and the direction of its arrow.

    Attributes:
        points: The points across and along, in inches.
        codes: The code of each point, as in a path of matplotlib.
        heading: The direction of the arrow, as a vector of length 1.
    """

    points: list[Size]
    codes: list[int] = dataclasses.field(default_factory=lambda: [MOVE])
    heading: Size = (0.0, 1.0)

    @property
    def tip(self) -> Size:
        """The point of the arrow."""
        across, along = self.points[-1]
        right, down = self.heading
        return across + right * ARROW, along + down * ARROW

    def draw_line(self, across: float, along: float) -> None:
        """Continue straight to a point."""
        if self.points[-1] != (across, along):
            self._add(LINE, (across, along))

    def change_channel(self, across: float, along: float) -> None:
        """Continue along the flow, and over to another channel on the way."""
        start_across, start_along = self.points[-1]
        if start_across == across:
            self.draw_line(across, along)
            return

        middle = (start_along + along) / 2
        self._add(CUBIC, (start_across, middle), (across, middle), (across, along))

    def turn(self, corner: Size, across: float, along: float) -> None:
        """Continue around a corner to a point."""
        self._add(QUADRATIC, corner, (across, along))

    def change_column(self, detour: Detour, across: float) -> None:
        """Continue below a column, up beside it, and over the next one to a position across."""
        start, _ = self.points[-1]
        self.draw_line(start, detour.bottom - _FOLD_BEND)
        self.turn((start, detour.bottom), start + _FOLD_BEND, detour.bottom)
        self.draw_line(detour.track - _FOLD_BEND, detour.bottom)
        self.turn((detour.track, detour.bottom), detour.track, detour.bottom - _FOLD_BEND)

        self.draw_line(detour.track, detour.top + _FOLD_BEND)
        self.turn((detour.track, detour.top), detour.track + _FOLD_BEND, detour.top)
        self.draw_line(across - _FOLD_BEND, detour.top)
        self.turn((across, detour.top), across, detour.top + _FOLD_BEND)

    def change_column_back(self, detour: Detour, across: float) -> None:
        """Continue over a column, down beside it, and below the one before it."""
        start, _ = self.points[-1]
        self.draw_line(start, detour.top + _FOLD_BEND)
        self.turn((start, detour.top), start - _FOLD_BEND, detour.top)
        self.draw_line(detour.track + _FOLD_BEND, detour.top)
        self.turn((detour.track, detour.top), detour.track, detour.top + _FOLD_BEND)

        self.draw_line(detour.track, detour.bottom - _FOLD_BEND)
        self.turn((detour.track, detour.bottom), detour.track - _FOLD_BEND, detour.bottom)
        self.draw_line(across + _FOLD_BEND, detour.bottom)
        self.turn((across, detour.bottom), across, detour.bottom - _FOLD_BEND)

    def _add(self, code: int, *points: Size) -> None:
        self.points += points
        self.codes += [code] * len(points)


def route_edges(layout: Layout, sizes: Sequence[Size], edges: Sequence[Edge]) -> list[Route]:
    """Return the route of each edge.

    Args:
        layout: The positions of boxes and edges.
        sizes: The size of each box.
        edges: The source and the target of each edge.
    """
    starts, ends = assign_ports(layout, sizes, edges)
    side_ports = assign_side_ports(layout, sizes, edges)

    routes = []
    for number, stations in enumerate(layout.stations):
        if number in layout.back:
            route = _route_up(layout, sizes, edges[number], number, side_ports[number])
        else:
            detours = _detours_of(layout, number)
            route = _route_down(stations, starts[number], ends[number], detours)
        routes.append(route)
    return routes


def _detours_of(layout: Layout, number: int) -> dict[int, Detour]:
    """Return the ways of an edge to another column, by the index of its station there."""
    return {
        index: layout.detours[number, index]
        for index in range(1, len(layout.stations[number]))
        if (number, index) in layout.detours
    }


def _route_down(
    stations: list[Station], start: float, end: float, detours: dict[int, Detour]
) -> Route:
    """Return the route of an edge that leads down, between two ports.

    Args:
        stations: The stations of the edge.
        start: The port where it leaves.
        end: The port where it enters.
        detours: The ways to another column, by the index of the station there.
    """
    route = Route([(start, stations[0].end)])
    # a box beside its source may be higher
    route.draw_line(start, stations[0].rank_end)
    for index, station in enumerate(stations[1:-1], 1):
        if index in detours:
            route.change_column(detours[index], station.across)
        route.change_channel(station.across, station.start)
        route.draw_line(station.across, station.end)

    last = len(stations) - 1
    if last in detours:
        route.change_column(detours[last], end)
    route.change_channel(end, stations[-1].start - ARROW)
    return route


def _route_up(
    layout: Layout,
    sizes: Sequence[Size],
    edge: Edge,
    number: int,
    ports: tuple[float, float],
) -> Route:
    """Return the route of an edge that leads up: out at a box's side, up, and in at a side."""
    source, target = edge
    side = -1 if number in layout.left else 1
    source_edge = layout.centres[source][0] + side * sizes[source][0] / 2
    target_edge = layout.centres[target][0] + side * sizes[target][0] / 2

    stations = layout.stations[number]
    first_turn = stations[-1].across
    last_turn = stations[0].across
    if source == target:
        # the label stands beside the arc
        first_turn = layout.centres[source][0] + side * (sizes[source][0] / 2 + 2 * _BEND)
        last_turn = first_turn

    low, high = ports
    bend = min(_BEND, abs(low - high) / 2)
    route = Route([(source_edge, low)])
    route.draw_line(first_turn - side * bend, low)
    route.turn((first_turn, low), first_turn, low - bend)

    detours = _detours_of(layout, number)
    for index in range(len(stations) - 1, 0, -1):
        upper = stations[index - 1]
        across, along = route.points[-1]
        route.draw_line(across, min(stations[index].start, along))
        if index in detours:
            route.change_column_back(detours[index], upper.across)
        route.change_channel(upper.across, upper.end)

    route.draw_line(last_turn, high + bend)
    route.turn((last_turn, high), last_turn - side * bend, high)
    route.draw_line(target_edge + side * ARROW, high)
    route.heading = (-side, 0.0)
    return route

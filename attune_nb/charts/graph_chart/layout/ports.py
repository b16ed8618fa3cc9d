"""Ports: the points at the sides of the boxes where edges leave and enter."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from attune_nb.charts.graph_chart.layout.separation import separate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attune_nb.charts.graph_chart.layout.layered_graph import Edge, Size
    from attune_nb.charts.graph_chart.layout.placement import Layout

    Side = tuple[float, float]  # the middle of a box's side, and how far ports may be from it
    Ports = dict[int, float]  # the position of each edge's port
    # the port that each bundle of edges would take alone and the edges, by where they lead
    Bundles = dict[float, tuple[float, list[int]]]

__all__ = ["assign_ports", "assign_side_ports"]

_PORTS = 0.17  # inches: between two ports at the same side of a box
_TIGHT = 0.085  # inches: nearer to each other, the heads of arrows would be one blot
_INSET = 0.1  # inches: from the corner of a box to the first port
_NARROW = 0.4  # inches: the width of a box whose edges all meet in its middle


def assign_ports(
    layout: Layout, sizes: Sequence[Size], edges: Sequence[Edge]
) -> tuple[Ports, Ports]:
    """Return where each edge that leads down leaves its source, and where it enters its target.

    Both are positions across the flow.

    Args:
        layout: The positions of boxes and edges.
        sizes: The size of each box.
        edges: The source and the target of each edge.
    """
    sides = [_port_range(layout, sizes, box) for box in range(len(sizes))]
    leaving: dict[int, Bundles] = defaultdict(dict)
    entering: dict[int, Bundles] = defaultdict(dict)
    for number, (source, target) in enumerate(edges):
        if number in layout.back:
            continue
        stations = layout.stations[number]
        first = stations[1].across
        last = stations[-2].across
        if len(stations) > 2:  # noqa: PLR2004 - more than its two ends
            start = _nearest_port(sides[source], first)
            end = _nearest_port(sides[target], last)
        else:
            start, end = _facing_ports(sides[source], sides[target])

        # edges that fork at one label have the same way to it
        leaving[source].setdefault(first, (start, []))[1].append(number)
        entering[target].setdefault(last, (end, []))[1].append(number)

    return _spread_ports(leaving, sides), _spread_ports(entering, sides)


def _port_range(layout: Layout, sizes: Sequence[Size], box: int) -> Side:
    """Return the middle of a box's side, and how far ports may be from it."""
    middle, _ = layout.centres[box]
    width, _ = sizes[box]
    if width <= _NARROW:
        return middle, 0.0
    return middle, width / 2 - _INSET


def _nearest_port(side: Side, position: float) -> float:
    """Return the port of a side that is nearest to a position across the flow."""
    middle, half = side
    return min(max(position, middle - half), middle + half)


def _facing_ports(source: Side, target: Side) -> tuple[float, float]:
    """Return the ports of an edge without a channel, straight along the flow if possible."""
    source_middle, source_half = source
    target_middle, target_half = target
    low = max(source_middle - source_half, target_middle - target_half)
    high = min(source_middle + source_half, target_middle + target_half)
    if low > high:
        start = _nearest_port((source_middle, source_half / 2), target_middle)
        end = _nearest_port((target_middle, target_half / 2), source_middle)
        return start, end

    if source_half < target_half:
        middle = source_middle
    elif source_half > target_half:
        middle = target_middle
    else:
        middle = (source_middle + target_middle) / 2
    port = min(max(middle, low), high)
    return port, port


def _spread_ports(bundles_of: dict[int, Bundles], sides: list[Side]) -> Ports:
    """Return the port of each edge after the ports of each box were moved apart."""
    ports: Ports = {}
    for box, bundles in bundles_of.items():
        ordered = [bundles[position] for position in sorted(bundles)]
        wishes = [wish for wish, _ in ordered]

        middle, half = sides[box]
        spread = _separate_within(wishes, middle - half, middle + half)

        for (_, numbers), port in zip(ordered, spread, strict=True):
            ports |= dict.fromkeys(numbers, port)
    return ports


def _separate_within(wishes: list[float], low: float, high: float) -> list[float]:
    """Return positions that keep apart and within bounds; all in the middle if there is no room."""
    gaps = len(wishes) - 1
    gap = min(_PORTS, (high - low) / max(gaps, 1))
    if gap < _TIGHT and gaps:
        return [(low + high) / 2] * len(wishes)

    separated = separate(wishes, [1.0] * len(wishes), [gap] * gaps)
    last = max(high - gap * gaps, low)
    bounded = []
    for index, position in enumerate(separated):
        first = min(max(position - index * gap, low), last)
        bounded.append(first + index * gap)
    return bounded


def assign_side_ports(
    layout: Layout, sizes: Sequence[Size], edges: Sequence[Edge]
) -> dict[int, tuple[float, float]]:
    """Return where each edge that leads up leaves its source, and where it enters its target.

    Both are positions along the flow, chosen so that no arc crosses another at a box.

    Args:
        layout: The positions of boxes and edges.
        sizes: The size of each box.
        edges: The source and the target of each edge.
    """
    # the ends of arcs, by the box and its side; an end that enters has the number ~number
    box_ends: dict[tuple[int, bool], list[tuple[int, float, int]]] = defaultdict(list)
    for number in layout.back:
        source, target = edges[number]
        on_left = number in layout.left
        stations = layout.stations[number]
        source_distance = abs(stations[-1].across - layout.centres[source][0])
        target_distance = abs(stations[0].across - layout.centres[target][0])

        # An arc that leads up leaves above those that enter from below. The shortest arc is the
        # innermost. A loop is last, as its label stands on.
        if source == target:
            source_order = 3
            target_order = 2
        else:
            source_order = 0
            target_order = 1
        box_ends[source, on_left].append((source_order, source_distance, number))
        box_ends[target, on_left].append((target_order, 1 / (1 + target_distance), ~number))

    ports: dict[int, float] = {}
    for (box, _), ends in box_ends.items():
        _, middle = layout.centres[box]
        _, height = sizes[box]
        gap = min(_PORTS, height / (len(ends) + 1))
        for index, (_, _, number) in enumerate(sorted(ends)):
            ports[number] = middle + (index - (len(ends) - 1) / 2) * gap

    return {number: (ports[number], ports[~number]) for number in layout.back}

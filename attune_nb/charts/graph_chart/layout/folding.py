"""Folding: a tall layout cut into columns, which are read one after the other as those of a page.

An edge from one column to the next runs below the first, up between them, and over the second.
"""

from __future__ import annotations

import bisect
import dataclasses
import itertools
import math
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from attune_nb.charts.graph_chart.layout.placement import Detour

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attune_nb.charts.graph_chart.layout.layered_graph import Size
    from attune_nb.charts.graph_chart.layout.placement import Layout, Station

    Crossing = tuple[int, int]  # the number of an edge, and the index of its station below a cut
    Track = tuple[str, float]  # whether the edges in it fork or meet, and where
    Tracks = dict[Crossing, Track]

__all__ = ["fold"]

# the most edges that may lead from one column to the next
_MOST_TRACKS = 6

# inches
_LEAST_HEIGHT = 7.0  # of a column, about, unless the space is lower
_TRACK = 0.09  # between two edges that lead to the next column
_CLEAR = 0.16  # between such an edge and a box

# how far from its ideal place a cut may be, as a share of a column's height
_TOLERANCE = 0.4


def fold(layout: Layout, sizes: Sequence[Size], width: float, height: float) -> Layout:
    """Return a layout in columns if it is too high, and if columns fit beside each other.

    A layout in which edges go around all ranks stays as it is.

    Args:
        layout: The layout.
        sizes: The size of each box.
        width: The width that the columns must fit, in inches.
        height: The height above which a layout is folded, in inches.
    """
    if layout.along <= height or layout.lines:
        return layout

    folder = _Folder(layout, sizes)
    least_height = min(_LEAST_HEIGHT, height)
    for count in range(math.ceil(layout.along / least_height), 1, -1):
        cuts = folder.choose_cuts(count)
        if cuts:
            folded = folder.fold(cuts)
            if folded.across <= width:
                return folded
    return layout


class _Folder:
    """A layout with the places where it may be cut: before a rank, by the rank's index."""

    def __init__(self, layout: Layout, sizes: Sequence[Size]) -> None:
        self._layout = layout
        self._sizes = sizes
        self._starts = [start for start, _ in layout.spans]
        self._ranks = {start: index for index, start in enumerate(self._starts)}
        self._crossings = self._find_crossings()
        self._cuts = self._find_cuts()

    def _find_crossings(self) -> dict[int, list[Crossing]]:
        """Return the edges that lead over each possible cut, with the station below it."""
        crossings: dict[int, list[Crossing]] = defaultdict(list)
        for number, stations in enumerate(self._layout.stations):
            for index in range(1, len(stations)):
                upper = self._ranks[stations[index - 1].start]
                lower = self._ranks[stations[index].start]
                for rank in range(upper + 1, lower + 1):
                    crossings[rank].append((number, index))
        return crossings

    def _find_cuts(self) -> dict[int, Tracks]:
        """Return the ranks of boxes to which few edges lead, with the tracks of these edges."""
        box_ranks = set()
        for (_, height), (_, middle) in zip(self._sizes, self._layout.centres, strict=True):
            box_ranks.add(self._rank_at(middle - height / 2))

        cuts = {}
        for rank in sorted(box_ranks - {0}):
            crossings = self._crossings[rank]
            tracks = self._find_tracks(crossings)
            if len(set(tracks.values())) <= _MOST_TRACKS:
                cuts[rank] = tracks
        return cuts

    def _find_tracks(self, crossings: list[Crossing]) -> Tracks:
        """Return the track of each edge over a cut: edges that fork or meet share one."""
        ends = {crossing: self._ends(*crossing) for crossing in crossings}
        leaving = Counter(upper.across for upper, _ in ends.values())
        entering = Counter(lower.across for _, lower in ends.values())

        tracks: Tracks = {}
        for crossing, (upper, lower) in ends.items():
            if entering[lower.across] > leaving[upper.across]:
                tracks[crossing] = ("to", lower.across)
            else:
                tracks[crossing] = ("from", upper.across)
        return tracks

    def _rank_at(self, along: float) -> int:
        """Return the rank that a position along the flow is in."""
        return max(bisect.bisect_right(self._starts, along + 1e-6) - 1, 0)

    def _ends(self, number: int, index: int) -> tuple[Station, Station]:
        """Return the stations of an edge above and below a cut."""
        stations = self._layout.stations[number]
        return stations[index - 1], stations[index]

    def choose_cuts(self, count: int) -> list[int]:
        """Return the cuts into columns of about one height; an empty list if there are none."""
        height = self._layout.along / count
        chosen: list[int] = []
        for column in range(1, count):
            ideal = height * column
            best = min(self._cuts, key=lambda rank: abs(self._starts[rank] - ideal), default=0)
            if best in {0, *chosen} or abs(self._starts[best] - ideal) > _TOLERANCE * height:
                return []
            chosen.append(best)

        crossings = list(itertools.chain.from_iterable(self._crossings[cut] for cut in chosen))
        if len(crossings) > len(set(crossings)):
            # without channels, an edge over two cuts would have no place in the column between
            return []
        return chosen

    def fold(self, cuts: list[int]) -> Layout:
        """Return the layout cut before some ranks."""
        orders = [self._order_tracks(self._cuts[cut]) for cut in cuts]
        counts = [len(order) for order in orders]
        top = max(counts) * _TRACK + _CLEAR
        shifts, rights, bottoms = self._place_columns(cuts, counts, top)

        detours = {}
        for column, (cut, order) in enumerate(zip(cuts, orders, strict=True)):
            for crossing, track in self._cuts[cut].items():
                place = order.index(track)
                detours[crossing] = Detour(
                    bottom=bottoms[column] + _CLEAR + place * _TRACK,
                    track=rights[column] + _CLEAR + place * _TRACK,
                    top=top - _CLEAR - (len(order) - 1 - place) * _TRACK,
                )

        return self._shift(cuts, shifts, detours)

    def _order_tracks(self, tracks: Tracks) -> list[Track]:
        """Return the tracks at a cut, the innermost first: that on the right."""
        places: dict[Track, float] = {}
        for crossing, track in tracks.items():
            upper, lower = self._ends(*crossing)
            places[track] = max(places.get(track, -math.inf), upper.across + lower.across)
        return sorted(places, key=lambda track: -places[track])

    def _place_columns(
        self, cuts: list[int], tracks: list[int], top: float
    ) -> tuple[list[Size], list[float], list[float]]:
        """Return how far each column moves, and where its right and its bottom are then."""
        lefts, rights, ends = self._measure_columns(cuts)
        shifts: list[Size] = []
        placed_rights = []
        bottoms = []

        left = 0.0
        for column, first_rank in enumerate([0, *cuts]):
            across = left - lefts[column]
            along = top - self._starts[first_rank]
            shifts.append((across, along))
            placed_rights.append(rights[column] + across)
            bottoms.append(ends[column] + along)
            if column < len(tracks):
                left = placed_rights[-1] + 2 * _CLEAR + (tracks[column] - 1) * _TRACK
        return shifts, placed_rights, bottoms

    def _measure_columns(self, cuts: list[int]) -> tuple[list[float], list[float], list[float]]:
        """Return the left, the right and the end of the contents of each column."""
        count = len(cuts) + 1
        lefts = [math.inf] * count
        rights = [0.0] * count
        ends = [0.0] * count
        extents = []
        for (width, height), (across, along) in zip(self._sizes, self._layout.centres, strict=True):
            extents.append((across - width / 2, across + width / 2, along + height / 2))
        for stations in self._layout.stations:
            extents += [(station.across, station.across, station.end) for station in stations]
        for number, (across, along) in self._layout.labels.items():
            half = self._layout.label_sizes[number][0] / 2
            extents.append((across - half, across + half, along))

        for left, right, end in extents:
            column = bisect.bisect_right(cuts, self._rank_at(end - 1e-6))
            lefts[column] = min(lefts[column], left)
            rights[column] = max(rights[column], right)
            ends[column] = max(ends[column], end)
        return lefts, rights, ends

    def _shift(
        self, cuts: list[int], shifts: list[Size], detours: dict[Crossing, Detour]
    ) -> Layout:
        """Return the layout with everything moved with its column."""

        def shift_of(along: float) -> Size:
            return shifts[bisect.bisect_right(cuts, self._rank_at(along))]

        def move(place: Size) -> Size:
            across, along = place
            right, down = shift_of(along)
            return across + right, along + down

        def move_all(stations: list[Station]) -> list[Station]:
            return [_move_station(station, shift_of(station.start)) for station in stations]

        layout = self._layout
        stations = [move_all(passed) for passed in layout.stations]

        spans = []
        for start, end in layout.spans:
            _, down = shift_of(start)
            spans.append((start + down, end + down))

        centres = [move(centre) for centre in layout.centres]
        rights = []
        bottoms = []
        for (width, height), (across, along) in zip(self._sizes, centres, strict=True):
            rights.append(across + width / 2)
            bottoms.append(along + height / 2)
        for number, (across, _) in layout.labels.items():
            right, _ = shift_of(layout.labels[number][1])
            rights.append(across + right + layout.label_sizes[number][0] / 2)
        for passed in stations:
            rights += [station.across for station in passed]
            bottoms += [station.end for station in passed]
        bottoms += [detour.bottom for detour in detours.values()]

        return dataclasses.replace(
            layout,
            centres=centres,
            stations=stations,
            labels={number: move(place) for number, place in layout.labels.items()},
            spans=spans,
            detours=detours,
            across=max(rights),
            along=max(bottoms),
        )


def _move_station(station: Station, shift: Size) -> Station:
    right, down = shift
    return dataclasses.replace(
        station,
        across=station.across + right,
        start=station.start + down,
        end=station.end + down,
        rank_end=station.rank_end + down,
    )

"""The positions that a layout gives to boxes, edges and labels. All are in inches."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attune_nb.charts.graph_chart.layout.layered_graph import Size

    Span = tuple[float, float]  # start and end of a rank, along

__all__ = ["Detour", "Layout", "Span", "Station"]


@dataclasses.dataclass(frozen=True)
class Station:
    """The passage of an edge through a rank: straight along, from `start` to `end`.

    Attributes:
        across: The position across.
        start: The position along where the edge enters, or its box begins.
        end: The position along where the edge leaves, or its box ends.
        rank_end: The position along where the highest box of the rank ends.
    """

    across: float
    start: float
    end: float
    rank_end: float


@dataclasses.dataclass(frozen=True)
class Detour:
    """The way of an edge from a column to the next one.

    Attributes:
        bottom: The position along where it runs below the column.
        track: The position across where it runs up between the columns.
        top: The position along where it runs over the next column.
    """

    bottom: float
    track: float
    top: float


@dataclasses.dataclass(frozen=True)
class Layout:
    """The positions of all boxes, edges and labels.

    The origin is on the left, at the start of the first rank.

    Attributes:
        centres: The centre of each box.
        stations: The stations of each edge, its upper end first.
        labels: The centre of an edge's label, by the edge's number.
        back: The numbers of the edges that lead up.
        left: The numbers of those of them whose arc is on the left.
        across: The size of the layout across the flow.
        along: The size of the layout along the flow.
        spans: The start and the end of each rank, along the flow.
        label_sizes: The size of an edge's label, by the edge's number.
        detours: The ways from a column to the next one, by the edge's number and the index of
            its station there.
        lines: The points of the edges that go around the ranks, by their numbers.
    """

    centres: list[Size]
    stations: list[list[Station]]
    labels: dict[int, Size]
    back: frozenset[int]
    left: frozenset[int]
    across: float
    along: float
    spans: list[Span]
    label_sizes: dict[int, Size]
    detours: dict[tuple[int, int], Detour] = dataclasses.field(default_factory=dict)
    lines: dict[int, list[Size]] = dataclasses.field(default_factory=dict)

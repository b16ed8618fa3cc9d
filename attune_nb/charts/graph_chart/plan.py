"""How a workflow is set out: how much is told, which way it flows, and where everything stands."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from attune_nb.charts.graph_chart.layout.places import Layout, Spacing, lay_out
from attune_nb.charts.graph_chart.layout.routes import Route, routes
from attune_nb.charts.graph_chart.nodes import Card, Detail, card, width_of

if TYPE_CHECKING:
    from attune_nb.charts.graph_chart.layout.places import Size
    from attune_nb.charts.graph_chart.model import Flow, Transit

__all__ = ["LABEL", "LOOP", "Plan", "plan_of"]

LABEL = 7.5  # points: the conditions
LOOP = 0.14  # inches: what stands between a box and the label of a link to itself

_FULL, _NAMED = 40, 110  # tasks: up to here all is told, and up to here their names
_MOST_LINKS = 400  # beyond, nobody could follow them, nor read their conditions
_LEAST = 0.6  # the scale at which all that is told can still be read
_SIDEWAYS = 1.15  # how much larger it must be to flow from the left to the right
_DENSE = Spacing(boxes=0.07, channels=0.05, ranks=0.1, slope=0.0, steepest=0.0)


@dataclasses.dataclass(frozen=True)
class Plan:
    """Everything in its place: in inches, across and along the flow."""

    detail: Detail
    sideways: bool  # from the left to the right
    cards: list[Card]
    layout: Layout
    routes: list[Route]  # empty without words: links are straight then

    @property
    def width(self) -> float:
        """Inches from the left to the right."""
        return self.layout.along if self.sideways else self.layout.across

    @property
    def height(self) -> float:
        """Inches from the top to the bottom."""
        return self.layout.across if self.sideways else self.layout.along

    def scale(self, room: Size) -> float:
        """Tell how large it can be drawn in a room: 1 at most."""
        return min(1.0, room[0] / max(self.width, 1e-6), room[1] / max(self.height, 1e-6))


def plan_of(flow: Flow, room: Size, least: float) -> Plan:
    """Set a workflow out so that it can be read in a room.

    Args:
        flow: The workflow.
        room: The width and height to choose for, in inches.
        least: The scale in that room below which no words are written.
    """
    count = flow.count
    if count <= _FULL:
        plan = _better(flow, Detail.ALL, room)
        if plan.scale(room) >= _LEAST:
            return plan
    if count <= _NAMED and len(flow.transits) <= _MOST_LINKS:
        plan = _better(flow, Detail.NAMES, room)
        if plan.scale(room) >= least:
            return plan
    return _better(flow, Detail.SHAPES, room)


def _better(flow: Flow, detail: Detail, room: Size) -> Plan:
    """Let it flow down, unless it would be larger from the left to the right."""
    down = _planned(flow, detail, sideways=False)
    if down.scale(room) == 1.0:
        return down
    right = _planned(flow, detail, sideways=True)
    return right if right.scale(room) > _SIDEWAYS * down.scale(room) else down


def _planned(flow: Flow, detail: Detail, *, sideways: bool) -> Plan:
    cards = [card(step, detail, sideways=sideways) for step in flow.steps]
    sizes = [_turned(each.width, each.height, sideways) for each in cards]
    links = [(each.source, each.target) for each in flow.transits]
    labels = {
        number: _label_size(each, cards[each.source], sideways=sideways)
        for number, each in enumerate(flow.transits if detail else ())
        if each.words
    }
    forks = {number: each.number for number, each in enumerate(flow.transits)}
    spacing = (Spacing(boxes=0.2) if sideways else Spacing()) if detail else _DENSE
    layout = lay_out(sizes, links, labels, forks, spacing, through=bool(detail))
    ways = routes(layout, sizes, links) if detail else []
    return Plan(detail, sideways, cards, layout, ways)


def _label_size(transit: Transit, source: Card, *, sideways: bool) -> Size:
    """Tell what room a condition needs; that of a loop stands beside its arc."""
    wide, high = width_of(transit.words, LABEL) + 0.04, LABEL * 1.4 / 72
    if transit.source == transit.target:
        return (high + LOOP, wide + source.width) if sideways else (wide + LOOP, high)
    return _turned(wide, high, sideways)


def _turned(width: float, height: float, sideways: bool) -> Size:
    """Turn a width and a height to across and along, or the other way round."""
    return (height, width) if sideways else (width, height)

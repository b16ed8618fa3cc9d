"""How the cards and links of a graph look, and what its legend says of that."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.path import Path

from attune_nb.charts.graph_chart.canvas import Look, rounded
from attune_nb.charts.graph_chart.model import ENDS, UNREACHED
from attune_nb.charts.graph_chart.nodes import BAND, RING, SIDE
from attune_nb.charts.graph_chart.plan import LABEL, LOOP
from attune_nb.charts.style import COLOURS, HATCHES, STATUSES

if TYPE_CHECKING:
    from matplotlib.artist import Artist

    from attune_nb.charts.graph_chart.canvas import Box, Sheet
    from attune_nb.charts.graph_chart.model import Flow, Transit
    from attune_nb.charts.graph_chart.nodes import Card, Detail
    from attune_nb.charts.graph_chart.plan import Plan
    from attune_nb.charts.style import Theme

__all__ = ["legend_entries", "paint_links", "paint_steps"]

_JOIN = 0.022  # inches: half of how thick the bar of a join is
_CROSS = 0.03  # inches: half of the cross in the mark where a run fails
_OPEN = ("waiting", "paused", "retrying")  # under way, without a colour of their own
_STRONG, _PLAIN, _FAINT, _THIN = 1.5, 1.0, 0.8, 0.5  # points: the widths of links
_BACK, _LINK, _CARD, _BAND, _MARK = 0.9, 1.0, 2.0, 2.2, 2.6  # what is drawn above what


def paint_links(sheet: Sheet, plan: Plan, flow: Flow) -> None:
    """Draw the transitions: what fired is strong, what did not is faint."""
    written = set()
    for number, transit in enumerate(flow.transits):
        look = _link_look(transit, sheet.theme)
        if not plan.routes:
            first, *_, last = plan.layout.stations[number]
            colour = look.edge if transit.fired else sheet.theme.waiting
            thin = dataclasses.replace(look, width=look.width * _THIN, edge=colour)
            sheet.straight((first.across, first.end), (last.across, last.start), thin)
            continue
        sheet.route(plan.routes[number], look)
        place = plan.layout.labels.get(number)
        if place and transit.words and place not in written:  # a fork has one label
            written.add(place)
            _write_condition(sheet, plan, number, transit)


def _link_look(transit: Transit, theme: Theme) -> Look:
    if transit.fired is None:
        return Look(edge=theme.muted, width=_PLAIN, above=_LINK)
    if transit.fired:
        return Look(edge=theme.ink, width=_STRONG, above=_LINK + 0.1)
    return Look(edge=theme.waiting, width=_FAINT, above=_LINK)


def _write_condition(sheet: Sheet, plan: Plan, number: int, transit: Transit) -> None:
    """Write a condition on its link; that of a link to the same task beside it."""
    across, along = plan.layout.labels[number]
    align = "center"
    if transit.source == transit.target:
        across += LOOP / 2 * (-1 if number in plan.layout.left else 1)
        ends = [plan.routes[number].points[at][1] for at in (0, -1)]
        along = min(ends) if plan.sideways else sum(ends) / 2
        align = "left" if plan.sideways else "center"
    colour = sheet.theme.ink if transit.fired else sheet.theme.muted
    back = {"facecolor": sheet.theme.paper, "edgecolor": "none", "pad": sheet.scale}
    place = sheet.at(across, along)
    sheet.text(*place, transit.words, LABEL, ha=align, color=colour, bbox=back, zorder=3)


def paint_steps(sheet: Sheet, plan: Plan, flow: Flow) -> None:
    """Draw the cards of the tasks, and the marks of the ends."""
    fired = {each.target: each.fired for each in flow.transits}
    for number, card in enumerate(plan.cards):
        x, y = plan.layout.centres[number]
        x, y = (y, x) if plan.sideways else (x, y)
        left, top = x - card.width / 2, y - card.height / 2
        if card.step.kind in ENDS:
            _paint_end(sheet, card, left, top, strong=fired.get(number) != 0)
            continue
        for each, x0, y0 in card.placed(left, top):
            _paint_card(sheet, each, x0, y0)


def _paint_card(sheet: Sheet, card: Card, left: float, top: float) -> None:
    theme, step = sheet.theme, card.step
    box = sheet.box(left, top, card.width, card.height)
    status = step.state.status if step.state is not None else ""
    reached = status not in ("", UNREACHED)
    if not card.lines:
        _paint_dot(sheet, card, box, status)
        return
    look = Look(
        face=theme.rule if step.inner else theme.paper,
        edge=_colour(status, theme),
        width=1.3 if reached else 1.0,
        dashed=status == UNREACHED,
        above=_LINK + 0.5 if step.inner else _CARD,
    )
    sheet.shape(rounded(*box), look)
    if reached:
        sheet.shape(rounded(*box, cut=left + BAND), _state_look(status, theme))
    if step.joins:
        _paint_join(sheet, box)
    for line in card.lines:
        own: dict[str, Any] = {"weight": "bold", "gid": step.path} if line.bold else {}
        own["color"] = theme.muted if line.muted or status == UNREACHED else theme.ink
        x = left + SIDE + (BAND if status else 0.0)
        sheet.text(x, top + line.at, line.words, line.size, **own)


def _paint_dot(sheet: Sheet, card: Card, box: Box, status: str) -> None:
    """Draw a task without words."""
    theme = sheet.theme
    if card.inner or status == UNREACHED:
        above = _LINK + 0.5 if card.inner else _CARD
        look = Look(face=theme.paper, edge=_colour(status, theme), width=0.5, above=above)
    else:
        look = _state_look(status, theme) if status else Look(face=theme.muted)
    sheet.shape(rounded(*box), look)


def _state_look(status: str, theme: Theme) -> Look:
    hatch = HATCHES.get(status, "") if status not in _OPEN else "||||"
    return Look(face=_colour(status, theme), edge=theme.paper, hatch=hatch, above=_BAND)


def _paint_join(sheet: Sheet, box: Box) -> None:
    """Mark a join: a bar where its links come in."""
    left, top, right, bottom = box
    side = 0.09
    if sheet.sideways:
        bar = rounded(left - _JOIN, top + side, left + _JOIN, bottom - side)
    else:
        bar = rounded(left + side, top - _JOIN, right - side, top + _JOIN)
    sheet.shape(bar, Look(face=sheet.theme.ink, above=_MARK))


def _paint_end(sheet: Sheet, card: Card, left: float, top: float, *, strong: bool) -> None:
    """Draw the mark of an end: a ring, crossed where the run fails there."""
    theme, fails = sheet.theme, card.step.kind == "fail"
    colour = theme.waiting if not strong else COLOURS["failed"] if fails else theme.muted
    if not card.lines:
        box = sheet.box(left, top, card.width, card.height)
        sheet.shape(rounded(*box), Look(face=theme.paper, edge=colour, width=0.5))
        return
    radius = RING / 2
    x = left + (radius if sheet.sideways else card.width / 2)
    y = top + (card.height / 2 if sheet.sideways else radius)
    ring = rounded(x - radius, y - radius, x + radius, y + radius, radius=radius)
    sheet.shape(ring, Look(face=theme.paper, edge=colour, width=1.3, above=_CARD))
    if fails:
        corners = [(-1, -1), (1, 1), (-1, 1), (1, -1)]
        points = [(x + right * _CROSS, y + down * _CROSS) for right, down in corners]
        cross = Path(points, [Path.MOVETO, Path.LINETO] * 2)
        sheet.shape(cross, Look(edge=colour, width=1.3, above=_MARK))
    line = card.lines[0]
    place = (x + radius + 0.05, y) if sheet.sideways else (x, top + line.at)
    align = "left" if sheet.sideways else "center"
    sheet.text(*place, line.words, line.size, ha=align, color=theme.muted)


def _colour(status: str, theme: Theme) -> str:
    return COLOURS["running"] if status in _OPEN else COLOURS.get(status, theme.waiting)


def legend_entries(flow: Flow, theme: Theme, detail: Detail) -> list[Artist]:
    """Give what the legend must explain, and nothing else."""
    steps = [each for step in flow.steps for each in step.walk()]
    statuses = {step.state.status for step in steps if step.state is not None}
    entries: list[Artist] = []
    for status in (*STATUSES, *sorted(statuses - {*STATUSES, UNREACHED})):
        if status in statuses:
            own = _state_look(status, theme)
            look: dict[str, Any] = {"facecolor": own.face, "edgecolor": own.edge, "linewidth": 0}
            look |= {"hatch": own.hatch or None, "label": status.replace("_", " ")}
            entries.append(Patch(**look))
    if UNREACHED in statuses:
        line = (0, (3, 2)) if detail else "solid"
        look = {"facecolor": "none", "edgecolor": theme.waiting, "linestyle": line}
        entries.append(Patch(label=UNREACHED, **look))
    fired = {bool(each.fired) for each in flow.transits if each.fired is not None}
    if True in fired:
        entries.append(Line2D([], [], color=theme.ink, linewidth=_STRONG, label="fired"))
    if False in fired:
        faint: dict[str, Any] = {"color": theme.waiting, "linewidth": _FAINT}
        entries.append(Line2D([], [], label="did not fire", **faint))
    if detail and any(step.joins for step in steps):
        entries.append(Line2D([], [], color=theme.ink, linewidth=3.2, label="join"))
    return entries

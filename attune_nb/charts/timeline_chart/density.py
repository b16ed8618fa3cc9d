"""Lanes with too many attempts for a bar each: how many ran, over time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from attune_nb.charts.style import COLOURS, HATCHES
from attune_nb.charts.timeline_chart.lanes import TINY, running

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attune_nb.charts.timeline_chart.canvas import Canvas
    from attune_nb.charts.timeline_chart.lanes import Attempts, Lane

    Floats = NDArray[np.float64]

__all__ = ["gather_strip"]

_FEWEST, _MOST = 12, 320  # bins
_ABOVE, _BELOW = 0.2, 0.5  # rows left free above and below the density
_GAP, _SHARE = 0.06, 0.17  # rows: the line that shows the share of retries
_COARSE = 4  # bins of the density in a step of that line, which is calmer for it
_LEAST = 0.06  # of the peak: what did not succeed is drawn no thinner


def gather_strip(canvas: Canvas, lane: Lane) -> None:
    """Draw how many attempts ran at once, and below it what share of them were retries."""
    edges = _edges(lane.attempts, canvas.span)
    floor = lane.top + lane.height - _BELOW
    _draw_density(canvas, lane, edges, floor)
    _gather_shares(canvas, lane.attempts, np.append(edges[:-1:_COARSE], edges[-1]), floor)


def _gather_shares(canvas: Canvas, attempts: Attempts, edges: Floats, floor: float) -> None:
    again = attempts.take(attempts.number > 1)
    retries = running(again.start, again.end, edges)
    everything = running(attempts.start, attempts.end, edges)
    some = retries > 0
    middle = np.full(int(some.sum()), floor + _GAP + _SHARE / 2)
    boxes = canvas.boxes(edges[:-1][some], edges[1:][some], middle, _SHARE)
    canvas.share(boxes, retries[some] / np.maximum(everything[some], TINY))


def _edges(attempts: Attempts, span: float) -> Floats:
    """Divide the time of a lane into bins, about as wide in each lane of the chart."""
    start, end = attempts.start.min(), attempts.end.max()
    bins = int(np.clip(_MOST * (end - start) / span, _FEWEST, _MOST))
    return np.linspace(start, max(end, start + TINY), bins + 1)


def _draw_density(canvas: Canvas, lane: Lane, edges: Floats, floor: float) -> None:
    """Stack the attempts by how they ended: failures lowest, never too thin to be seen."""
    mine = lane.attempts
    peak = max(float(running(mine.start, mine.end, edges).max()), TINY)
    most = peak if peak < 1 else math.ceil(peak - TINY)  # a number that one can say
    unit = (lane.height - _ABOVE - _BELOW) / most
    _draw_scale(canvas, floor, floor - unit * most, most)
    base = np.zeros(len(edges) - 1)
    for status in ("failed", "timed_out", "cancelled", "succeeded"):
        chosen = mine.status == status
        if not chosen.any():
            continue
        high = running(mine.start[chosen], mine.end[chosen], edges)
        if status != "succeeded":
            high = np.where(high > 0, np.maximum(high, peak * _LEAST), 0.0)
        above = np.minimum(base + high, peak)
        low, top = (floor - unit * np.append(y, y[-1]) for y in (base, above))
        look: dict[str, Any] = {"facecolor": COLOURS[status], "hatch": HATCHES[status] or None}
        look |= {"edgecolor": canvas.theme.paper, "linewidth": 0, "zorder": 2}
        canvas.ax.fill_between(edges * canvas.scale, low, top, step="post", **look)
        canvas.seen.add(status)
        base = above


def _draw_scale(canvas: Canvas, floor: float, top: float, most: float) -> None:
    """Say at the right what the height of a strip means: none at the floor, so many at the top."""
    theme = canvas.theme
    where = canvas.ax.get_yaxis_transform()
    canvas.ax.plot([0, 1], [top, top], color=theme.rule, linewidth=0.7, zorder=0.6, transform=where)
    look: dict[str, Any] = {"fontsize": 8, "color": theme.muted, "va": "center"}
    canvas.ax.text(1.006, top, f"{most:,.2g} at once" if most < 1 else f"{most:,.0f} at once",
                   transform=where, **look)  # fmt: skip
    canvas.ax.text(1.006, floor, "0", transform=where, **look)

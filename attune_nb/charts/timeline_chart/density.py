"""Lanes with too many attempts for a bar each: how many ran, over time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from attune_nb.charts.style import COLOURS, HATCHES
from attune_nb.charts.timeline_chart.lanes import TINY, average_running

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attune_nb.charts.timeline_chart.canvas import TimelineCanvas
    from attune_nb.charts.timeline_chart.lanes import Attempts, Lane

    Floats = NDArray[np.float64]

__all__ = ["draw_density"]

_FEWEST_BINS = 12
_MOST_BINS = 320

# rows that are left free above and below the density
_ABOVE = 0.2
_BELOW = 0.5

# rows: the gap above the line that shows the share of retries, and its height
_SHARE_GAP = 0.06
_SHARE_HEIGHT = 0.17

# bins of the density in a step of that line; wide steps make it calmer
_BINS_IN_STEP = 4

# the least height of a status other than success, as a share of the peak
_LEAST_HEIGHT = 0.06

_SCALE_X = 1.006  # of the axes' width


def draw_density(canvas: TimelineCanvas, lane: Lane) -> None:
    """Draw how many attempts ran at once, and below it the share of retries among them."""
    edges = _make_edges(lane.attempts, canvas.span)
    floor = lane.top + lane.height - _BELOW
    _draw_statuses(canvas, lane, edges, floor)

    coarse_edges = np.append(edges[:-1:_BINS_IN_STEP], edges[-1])
    _add_shares(canvas, lane.attempts, coarse_edges, floor)


def _make_edges(attempts: Attempts, span: float) -> Floats:
    """Return the edges of a lane's bins, which are about as wide in all lanes."""
    start = attempts.start.min()
    end = attempts.end.max()
    bins = int(np.clip(_MOST_BINS * (end - start) / span, _FEWEST_BINS, _MOST_BINS))
    return np.linspace(start, max(end, start + TINY), bins + 1)


def _add_shares(canvas: TimelineCanvas, attempts: Attempts, edges: Floats, floor: float) -> None:
    """Add the share of retries among the attempts of each bin."""
    again = attempts.take(attempts.number > 1)
    retries = average_running(again, edges)
    running = average_running(attempts, edges)

    has_retries = retries > 0
    middle = np.full(int(has_retries.sum()), floor + _SHARE_GAP + _SHARE_HEIGHT / 2)
    start = edges[:-1][has_retries]
    end = edges[1:][has_retries]
    boxes = canvas.make_boxes(start, end, middle, _SHARE_HEIGHT)

    shares = retries[has_retries] / np.maximum(running[has_retries], TINY)
    canvas.add_shares(boxes, shares)


def _draw_statuses(canvas: TimelineCanvas, lane: Lane, edges: Floats, floor: float) -> None:
    """Stack the attempts by their status: failures lowest, never too thin to be seen."""
    attempts = lane.attempts
    running = average_running(attempts, edges)
    peak = max(float(running.max()), TINY)
    # the scale ends at a whole number, unless fewer than one ran on average
    most = peak if peak < 1 else math.ceil(peak - TINY)
    unit = (lane.height - _ABOVE - _BELOW) / most
    _draw_scale(canvas, floor, floor - unit * most, most)

    base = np.zeros(len(edges) - 1)
    for status in ("failed", "timed_out", "cancelled", "succeeded"):
        chosen = attempts.status == status
        if not chosen.any():
            continue

        height = average_running(attempts.take(chosen), edges)
        if status != "succeeded":
            height = np.where(height > 0, np.maximum(height, peak * _LEAST_HEIGHT), 0.0)
        top = np.minimum(base + height, peak)
        _fill(canvas, status, edges, floor - unit * _close(base), floor - unit * _close(top))
        base = top


def _close(values: Floats) -> Floats:
    """Return the values of bins with the last one twice, as a step needs them."""
    return np.append(values, values[-1])


def _fill(canvas: TimelineCanvas, status: str, edges: Floats, low: Floats, high: Floats) -> None:
    """Fill the steps between two heights in the style of a status."""
    canvas.ax.fill_between(
        edges * canvas.scale,
        low,
        high,
        step="post",
        facecolor=COLOURS[status],
        hatch=HATCHES[status],
        edgecolor=canvas.theme.paper,
        linewidth=0,
        zorder=2,
    )
    canvas.statuses.add(status)


def _draw_scale(canvas: TimelineCanvas, floor: float, top: float, most: float) -> None:
    """Write on the right how many attempts the floor and the top of a strip stand for."""
    theme = canvas.theme
    transform = canvas.ax.get_yaxis_transform()
    canvas.ax.plot(
        [0, 1], [top, top], color=theme.rule, linewidth=0.7, zorder=0.6, transform=transform
    )

    count = f"{most:,.2g}" if most < 1 else f"{most:,.0f}"
    for height, text in ((top, f"{count} at once"), (floor, "0")):
        canvas.ax.text(
            _SCALE_X,
            height,
            text,
            transform=transform,
            fontsize=8,
            color=theme.muted,
            va="center",
        )

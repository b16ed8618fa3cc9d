"""Lanes with too many attempts for a bar each: how many ran, over time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from attune_nb.charts.style import COLOURS, SMALL_TEXT
from attune_nb.charts.timeline_chart.lanes import RETRIED, TINY, average_running

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attune_nb.charts.timeline_chart.canvas import TimelineCanvas
    from attune_nb.charts.timeline_chart.lanes import Attempts, Lane

    Floats = NDArray[np.float64]

__all__ = ["SHARE_ROWS", "count_shares", "draw_density"]

SHARE_ROWS = 0.95
"""The rows of a share below a density."""

# failed items that have a tick each; with more, their share is drawn
_MOST_TICKS = 40

_FEWEST_BINS = 12
_MOST_BINS = 320

# rows that are left free above and below the density
_ABOVE = 0.45
_BELOW = 0.4

# rows: the distance of the ticks of failures above the density
_TICKS = 0.2

# rows of a share below the density, the gap above it, and the middle of its scale
_SHARE_GAP = 0.4
_SHARE_HEIGHT = 0.55
_SCALE_BELOW = 0.38

# bins of the density in a step of a share; wide steps make it calmer
_BINS_IN_STEP = 4

# from this percentage on, shares have no fraction
_NO_FRACTION = 10

_SCALE_X = 1.006  # of the axes' width


def draw_density(canvas: TimelineCanvas, lane: Lane) -> None:
    """Draw how many attempts ran at once, and below it the shares of failures and of retries."""
    edges = _make_edges(lane.attempts, canvas.span)
    coarse_edges = np.append(edges[:-1:_BINS_IN_STEP], edges[-1])
    floor = lane.top + lane.height - _BELOW - SHARE_ROWS * count_shares(lane)
    _draw_statuses(canvas, lane, edges, floor)

    attempts = lane.attempts
    lost = attempts.take(_is_lost(attempts))
    if len(lost) > _MOST_TICKS:
        _draw_share(canvas, attempts, lost, coarse_edges, floor, COLOURS["failed"], "failed")
        floor += SHARE_ROWS
    else:
        bins = np.searchsorted(edges, lost.end, side="left").clip(1, len(edges) - 1)
        bins = np.unique(bins)
        canvas.add_ticks((edges[bins - 1] + edges[bins]) / 2, lane.top + lane.header + _TICKS)

    again = attempts.take(attempts.number > 1)
    if len(again):
        _draw_share(canvas, attempts, again, coarse_edges, floor, canvas.theme.muted, "retries")
        canvas.marks.add("retries")


def count_shares(lane: Lane) -> int:
    """Return how many shares are drawn below the density of a lane."""
    has_many_lost = int(_is_lost(lane.attempts).sum()) > _MOST_TICKS
    has_retries = bool((lane.attempts.number > 1).any())
    return has_many_lost + has_retries


def _is_lost(attempts: Attempts) -> NDArray[np.bool_]:
    """Return for each attempt whether its item has failed for good."""
    return np.isin(attempts.status, ("failed", "timed_out"))


def _make_edges(attempts: Attempts, span: float) -> Floats:
    """Return the edges of a lane's bins, which are about as wide in all lanes."""
    start = attempts.start.min()
    end = attempts.end.max()
    bins = int(np.clip(_MOST_BINS * (end - start) / span, _FEWEST_BINS, _MOST_BINS))
    return np.linspace(start, max(end, start + TINY), bins + 1)


def _draw_share(
    canvas: TimelineCanvas,
    attempts: Attempts,
    part: Attempts,
    edges: Floats,
    above: float,
    colour: str,
    word: str,
) -> None:
    """Draw the share of some attempts among those of each bin, and its scale.

    Args:
        canvas: The canvas.
        attempts: All attempts of the lane.
        part: Some of them.
        edges: The edges of the bins.
        above: The height of the parts that are drawn above.
        colour: The colour.
        word: The name of the part in the scale.
    """
    running = average_running(attempts, edges)
    shares = average_running(part, edges) / np.maximum(running, TINY)
    most = max(float(shares.max()), TINY)

    floor = above + _SHARE_GAP + _SHARE_HEIGHT
    heights = floor - _close(shares) / most * _SHARE_HEIGHT
    canvas.ax.fill_between(
        edges * canvas.scale,
        np.full(len(heights), floor),
        heights,
        step="post",
        facecolor=colour,
        linewidth=0,
        zorder=2,
    )
    _write_scale(
        canvas, floor - _SHARE_HEIGHT + _SCALE_BELOW, f"up to {_format_share(most)} {word}"
    )


def _format_share(share: float) -> str:
    """Return a share in percent: `32%`, `2.6%`, `0.04%`."""
    percent = share * 100
    if percent >= _NO_FRACTION:
        return f"{percent:.0f}%"
    return f"{percent:.2g}%"


def _draw_statuses(canvas: TimelineCanvas, lane: Lane, edges: Floats, floor: float) -> None:
    """Stack the attempts by their status, failures lowest."""
    attempts = lane.attempts
    running = average_running(attempts, edges)
    peak = max(float(running.max()), TINY)
    # the scale ends at a whole number, unless fewer than one ran on average
    most = peak if peak < 1 else math.ceil(peak - TINY)
    top_line = lane.top + lane.header + _ABOVE
    unit = (floor - top_line) / most
    _draw_scale(canvas, floor, top_line, most)

    base = np.zeros(len(edges) - 1)
    for status in ("failed", "timed_out", RETRIED, "cancelled", "succeeded"):
        chosen = attempts.status == status
        if not chosen.any():
            continue

        height = average_running(attempts.take(chosen), edges)
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
        linewidth=0,
        zorder=2,
        **canvas.style_of(status),
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
    _write_scale(canvas, top, f"{count} at once")
    _write_scale(canvas, floor, "0")


def _write_scale(canvas: TimelineCanvas, height: float, text: str) -> None:
    """Write a text of a scale, on the right of the axes."""
    canvas.ax.text(
        _SCALE_X,
        height,
        text,
        transform=canvas.ax.get_yaxis_transform(),
        fontsize=SMALL_TEXT,
        color=canvas.theme.muted,
        va="center",
    )

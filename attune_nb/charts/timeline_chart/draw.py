"""The timeline of a run: a lane for each task execution, a bar for each attempt.

The number of artists depends on the number of lanes, never on the number of items: all bars of
one status are one collection, and a lane with many attempts is a density strip.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.collections import LineCollection

from attune_nb.charts.axes import figure_of
from attune_nb.charts.figure import ChartFigure
from attune_nb.charts.style import Theme, clean_text, disable_mathtext, format_status, theme_of
from attune_nb.charts.timeline_chart.arrange_lanes import arrange_lanes, select_lanes
from attune_nb.charts.timeline_chart.bars import draw_lane
from attune_nb.charts.timeline_chart.canvas import TimelineCanvas
from attune_nb.charts.timeline_chart.critical_path import find_critical_path
from attune_nb.charts.timeline_chart.lanes import TINY, TimelineRun
from attune_nb.charts.timeline_chart.legend import draw_legend
from attune_nb.charts.timeline_chart.read_lanes import read_lanes
from attune_nb.results.durations import format_duration, time_unit
from attune_nb.results.statuses import format_losses

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from attune_nb.charts.timeline_chart.lanes import Lane

__all__ = ["TimelineRun", "timeline"]

_DPI = 110
_WIDTH = 10.0  # inches: of the figure
_FRAME = 1.35  # inches: the height of the parts above and below the lanes
_ROW = 0.36  # inches: the height of a row in a chart of few lanes
_LEAST_ROW = 0.2  # inches: the height of a row in a chart of many
_TALL = 12.0  # inches: the height from which on the rows become lower instead
_ABOVE_RULE = 0.09  # rows: the distance of the critical path from the lane below
_LONGEST_NAME = 48  # characters: of the workflow
_TIMES = "\N{MULTIPLICATION SIGN}"


def timeline(run: TimelineRun, ax: Axes | None = None, dark: bool | None = None) -> Figure:
    """Draw when each task of a run waited, ran, failed and was retried.

    Args:
        run: A run in any state.
        ax: The axes to draw on. Without them, a figure as tall as the run needs is made.
        dark: Whether the chart is for a dark page; by default it is light or dark as its page.

    Returns:
        The figure. It is not registered with pyplot, so it is freed like any other object.
    """
    all_lanes = read_lanes(run)
    lanes, note = select_lanes(all_lanes)
    span = _last_end(lanes)
    depth = arrange_lanes(lanes, span)
    theme = theme_of(dark=dark)
    if ax is None:
        ax = _make_figure(depth, theme).add_subplot()

    unit, scale = time_unit(span)
    canvas = TimelineCanvas(ax, theme, scale, max(span, TINY))
    for lane in lanes:
        draw_lane(canvas, lane)
    canvas.draw()

    _set_axes(canvas, depth)
    _rule_lanes(canvas, lanes)
    _name_lanes(canvas, lanes)
    _write_x_label(canvas, unit, note)
    _mark_critical_path(canvas, lanes, find_critical_path(run, all_lanes))
    legend_height = draw_legend(canvas)
    _write_title(canvas, run, _last_end(all_lanes), legend_height)
    return figure_of(ax)


def _last_end(lanes: list[Lane]) -> float:
    """Return the end of the lane that ended last."""
    return max((lane.end for lane in lanes if lane.started), default=0.0)


def _make_figure(depth: float, theme: Theme) -> Figure:
    """Return a figure as tall as its rows need."""
    row = min(max(_TALL / max(depth, 1.0), _LEAST_ROW), _ROW)
    # in whole pixels: a part of one would look torn
    pixels = round((_FRAME + row * max(depth, 2.0)) * _DPI)
    figure = ChartFigure(theme, _WIDTH, pixels / _DPI, _DPI)
    figure.set_layout_engine("constrained", h_pad=0.1, w_pad=0.1)
    return figure


def _set_axes(canvas: TimelineCanvas, depth: float) -> None:
    """Set the limits, the grid, the spines and the ticks of the axes."""
    ax = canvas.ax
    theme = canvas.theme
    width = canvas.span * canvas.scale

    ax.set_xlim(-0.004 * width, 1.015 * width)
    ax.set_ylim(max(depth, 1.0), 0)

    ax.set_facecolor(theme.paper)
    ax.grid(axis="x", color=theme.rule, linewidth=0.7)
    ax.set_axisbelow(True)
    for side, spine in ax.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(theme.rule)

    ax.tick_params(axis="y", length=0, pad=8, labelsize=9, labelcolor=theme.ink)
    ax.tick_params(axis="x", length=3, labelsize=8.5, color=theme.rule, labelcolor=theme.muted)


def _rule_lanes(canvas: TimelineCanvas, lanes: list[Lane]) -> None:
    """Draw a rule above each lane but the first."""
    left, right = canvas.ax.get_xlim()
    rules = [[(left, lane.top), (right, lane.top)] for lane in lanes[1:]]
    collection = LineCollection(rules, colors=canvas.theme.rule, linewidths=0.7, zorder=0.5)
    canvas.ax.add_collection(collection)


def _name_lanes(canvas: TimelineCanvas, lanes: list[Lane]) -> None:
    """Write the names of the lanes; those without anything to see are muted."""
    ax = canvas.ax
    ax.set_yticks([lane.middle for lane in lanes], [_format_name(lane) for lane in lanes])
    for text, lane in zip(ax.get_yticklabels(), lanes, strict=True):
        disable_mathtext(text)
        if not lane.started or lane.status == "skipped":
            text.set_color(canvas.theme.muted)


def _format_name(lane: Lane) -> str:
    """Return the name of a lane, with its visit and the counts of its items."""
    name = clean_text(lane.name)
    if lane.visit > 1:
        name += f" #{lane.visit}"
    if lane.items <= 1:
        return name

    # no item is cancelled twice; a span is of many
    cancelled = 0
    if not lane.has_spans:
        cancelled = int((lane.attempts.status == "cancelled").sum())
    lost = format_losses(lane.failed, cancelled)
    lines = [name, f"{_TIMES}{lane.items:,}"]
    if lost:
        lines[-1] += f" · {lost}"
    if lane.dense and not lane.has_spans:
        lines.append(f"peak {lane.attempts.peak:,} at once")
    return "\n".join(lines)


def _write_x_label(canvas: TimelineCanvas, unit: str, note: str) -> None:
    """Write the unit of the x axis, and a note on the lanes that are left out."""
    label = f"time since start ({unit})"
    if note:
        label += f"\n{note}"
    canvas.ax.set_xlabel(label, fontsize=9, color=canvas.theme.muted)


def _mark_critical_path(canvas: TimelineCanvas, lanes: list[Lane], path: list[Lane]) -> None:
    """Draw the critical path: a thin line from lane to lane below the bars, and bold names."""
    keys = {lane.key for lane in path}
    x = []
    y = []
    for lane, text in zip(lanes, canvas.ax.get_yticklabels(), strict=True):
        if lane.key in keys:
            text.set_fontweight("bold")
            x += [lane.start * canvas.scale, lane.end * canvas.scale]
            y += [lane.top + lane.height - _ABOVE_RULE] * 2
    if not x:
        return

    canvas.ax.plot(
        x,
        y,
        solid_joinstyle="miter",
        color=canvas.theme.ink,
        linewidth=1.1,
        zorder=1.8,
    )
    canvas.marks.add("critical path")


def _write_title(
    canvas: TimelineCanvas, run: TimelineRun, seconds: float, legend_height: float
) -> None:
    """Write the title above a legend, whose height is in points."""
    name = clean_text(run.workflow_name, _LONGEST_NAME)
    status = format_status(run)
    so_far = " so far" if run.status == "running" else ""
    title = canvas.ax.set_title(
        f"{name} · {status} · {format_duration(seconds)}{so_far}",
        loc="left",
        pad=9 + legend_height,
        fontsize=12,
        fontweight="bold",
        color=canvas.theme.ink,
    )
    disable_mathtext(title)

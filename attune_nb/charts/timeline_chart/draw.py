"""The timeline of a run: a lane for each task, a bar for each attempt.

The number of artists depends on the number of lanes, never on the number of items: all bars of
one status are one collection, and a lane with many attempts is a density strip.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.collections import LineCollection

from attune_nb.charts.axes import figure_of
from attune_nb.charts.figure import ChartFigure
from attune_nb.charts.style import (
    SMALL_TEXT,
    Theme,
    clean_text,
    disable_mathtext,
    format_status,
    theme_of,
)
from attune_nb.charts.timeline_chart.arrange_lanes import MANY_LANES, arrange_lanes, select_lanes
from attune_nb.charts.timeline_chart.bars import draw_lane, draw_thin_lane
from attune_nb.charts.timeline_chart.canvas import TimelineCanvas
from attune_nb.charts.timeline_chart.critical_path import find_critical_path
from attune_nb.charts.timeline_chart.fold_lanes import fold_lanes
from attune_nb.charts.timeline_chart.lane_names import embolden_names, name_lanes, name_thin_lanes
from attune_nb.charts.timeline_chart.lanes import TINY, TimelineRun
from attune_nb.charts.timeline_chart.legend import draw_legend
from attune_nb.charts.timeline_chart.read_lanes import read_lanes
from attune_nb.results.durations import format_duration, time_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from attune_nb.charts.timeline_chart.lanes import Lane

__all__ = ["TimelineRun", "timeline"]

_DPI = 110
_WIDTH = 10.0  # inches: of the figure
_FRAME = 1.35  # inches: the height of the parts above and below the lanes
_ROW = 0.36  # inches: the height of a row in a chart of few lanes
_LEAST_ROW = 0.18  # inches: the height of a row in a chart of many
_TALL = 12.0  # inches: the height from which on the rows become lower instead
_MARGIN = 0.004  # the free space above and below thin lanes, as a share of their height
_ABOVE_RULE = 0.09  # rows: the distance of the critical path from the lane below
_LONGEST_NAME = 48  # characters: of the workflow


def timeline(run: TimelineRun, ax: Axes | None = None, dark: bool | None = None) -> Figure:
    """Draw when each task of a run waited, ran, failed and was retried.

    Args:
        run: A run in any state.
        ax: The axes to draw on. Without them, a figure as tall as the run needs is made.
        dark: Whether the chart is for a dark page; by default it is light or dark as its page.

    Returns:
        The figure. It is not registered with pyplot, so it is freed like any other object.
    """
    executions = read_lanes(run)
    lanes, note = select_lanes(fold_lanes(executions))
    path = find_critical_path(run, executions)
    span = _last_end(lanes)
    depth = arrange_lanes(lanes, span)
    are_thin = len(lanes) > MANY_LANES
    theme = theme_of(dark=dark)
    if ax is None:
        least_row = 0.0 if are_thin else _LEAST_ROW
        ax = _make_figure(depth, least_row, theme).add_subplot()

    unit, scale = time_unit(span)
    canvas = TimelineCanvas(ax, theme, scale, max(span, TINY))
    _set_axes(canvas, depth)
    if are_thin:
        notes = [_draw_thin_lanes(canvas, lanes, path), note]
    else:
        _draw_lanes(canvas, lanes, path, run)
        notes = [note]

    _write_x_label(canvas, unit, notes)
    legend_height = draw_legend(canvas)
    _write_title(canvas, run, span, legend_height)
    return figure_of(ax)


def _draw_lanes(
    canvas: TimelineCanvas, lanes: list[Lane], path: list[Lane], run: TimelineRun
) -> None:
    """Draw lanes with their attempts, their names, and the critical path."""
    for lane in lanes:
        draw_lane(canvas, lane)
    canvas.draw()

    _rule_lanes(canvas, lanes)
    name_lanes(canvas, lanes, run)
    embolden_names(canvas, lanes, path)
    _mark_critical_path(canvas, lanes, path)


def _draw_thin_lanes(canvas: TimelineCanvas, lanes: list[Lane], path: list[Lane]) -> str:
    """Draw lanes as lines, with some of the names; return a note about the names."""
    for lane in lanes:
        draw_thin_lane(canvas, lane)
    canvas.draw()

    named = name_thin_lanes(canvas, lanes, path)
    embolden_names(canvas, named, path)
    return (
        f"{len(lanes):,} tasks, a line each; named are those that failed, and with space left "
        "the critical path (bold) and the longest"
    )


def _last_end(lanes: list[Lane]) -> float:
    """Return the end of the lane that ended last."""
    return max((lane.end for lane in lanes if lane.started), default=0.0)


def _make_figure(depth: float, least_row: float, theme: Theme) -> Figure:
    """Return a figure as tall as its rows need.

    Args:
        depth: The rows.
        least_row: The least height of a row, in inches.
        theme: The neutral colours.
    """
    row = min(max(_TALL / max(depth, 1.0), least_row), _ROW)
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
    # half a cross needs space above the first of many thin lanes
    margin = depth * _MARGIN if depth > MANY_LANES else 0.0
    ax.set_ylim(max(depth, 1.0) + margin, -margin)

    ax.set_facecolor(theme.paper)
    ax.grid(axis="x", color=theme.rule, linewidth=0.7)
    ax.set_axisbelow(True)
    for side, spine in ax.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(theme.rule)

    ax.tick_params(axis="y", length=0, pad=8, labelsize=SMALL_TEXT, labelcolor=theme.ink)
    ax.tick_params(
        axis="x", length=3, labelsize=SMALL_TEXT, color=theme.rule, labelcolor=theme.muted
    )


def _rule_lanes(canvas: TimelineCanvas, lanes: list[Lane]) -> None:
    """Draw a rule above each lane but the first."""
    left, right = canvas.ax.get_xlim()
    rules = [[(left, lane.top), (right, lane.top)] for lane in lanes[1:]]
    collection = LineCollection(rules, colors=canvas.theme.rule, linewidths=0.7, zorder=0.5)
    canvas.ax.add_collection(collection)


def _write_x_label(canvas: TimelineCanvas, unit: str, notes: list[str]) -> None:
    """Write the unit of the x axis, and notes on names and lanes that are left out."""
    lines = [f"time since start ({unit})", *notes]
    label = "\n".join(line for line in lines if line)
    canvas.ax.set_xlabel(label, fontsize=SMALL_TEXT, color=canvas.theme.muted)


def _mark_critical_path(canvas: TimelineCanvas, lanes: list[Lane], path: list[Lane]) -> None:
    """Draw the critical path: a thin line from lane to lane below the bars."""
    lanes_by_name = {lane.name: lane for lane in lanes}
    x: list[float] = []
    y: list[float] = []
    for execution in path:
        lane = lanes_by_name[execution.name]
        x += [execution.start * canvas.scale, execution.end * canvas.scale]
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

"""When each task ran: a lane for each task execution, a bar for each attempt.

The number of artists depends on the number of lanes, never on the number of items: all
bars of one status are one collection, and a lane with many attempts is a density strip.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from attune_nb.charts.style import Theme, clean, literal, theme_of
from attune_nb.charts.timeline_chart.bars import gather_lane
from attune_nb.charts.timeline_chart.canvas import Canvas
from attune_nb.charts.timeline_chart.critical_path import critical_path
from attune_nb.charts.timeline_chart.lanes import TINY, TimelineRun, arrange, read_lanes, shown
from attune_nb.charts.timeline_chart.legend import draw_legend
from attune_nb.results.durations import format_duration, time_unit
from attune_nb.results.statuses import format_losses

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from attune_nb.charts.timeline_chart.lanes import Lane

__all__ = ["TimelineRun", "timeline"]

_WIDTH, _FRAME = 10.0, 1.35  # inches: of the figure, and of what stands above and below
_ROW, _LEAST_ROW = 0.36, 0.2  # inches: of a row in a chart of few lanes and of many
_DPI = 110
_TALL = 12.0  # inches: from here on the rows become lower instead
_ABOVE_RULE = 0.09  # rows: where the critical path runs
_TIMES = "\N{MULTIPLICATION SIGN}"


def timeline(run: TimelineRun, ax: Axes | None = None, dark: bool = False) -> Figure:
    """Draw when each task of a run waited, ran, failed and was tried again.

    Args:
        run: A run, whatever its state.
        ax: Where to draw. A figure as tall as the run needs is made when it is left out.
        dark: Whether the chart will stand on a dark page.

    Returns:
        The figure, which pyplot knows nothing of: it is freed like any other object.
    """
    everything = read_lanes(run)
    lanes, left_out = shown(everything)
    span = _last(lanes)
    depth = arrange(lanes, span)
    theme = theme_of(dark=dark)
    ax = ax or _figure(depth, theme).add_subplot()
    unit, scale = time_unit(span)
    canvas = Canvas(ax, theme, scale, max(span, TINY))
    for lane in lanes:
        gather_lane(canvas, lane)
    canvas.draw()
    _frame(canvas, lanes, depth)
    _x_label(canvas, unit, left_out)
    _mark(canvas, lanes, critical_path(run, everything))
    _title(canvas, run, _last(everything), draw_legend(canvas))
    return _whole_figure(ax)


def _last(lanes: list[Lane]) -> float:
    """Give when the last of the lanes ended."""
    return max((lane.end for lane in lanes if lane.started), default=0.0)


def _figure(depth: float, theme: Theme) -> Figure:
    """Make a figure as tall as its rows need."""
    row = min(max(_TALL / max(depth, 1.0), _LEAST_ROW), _ROW)
    pixels = round((_FRAME + row * max(depth, 2.0)) * _DPI)  # a part of one would look torn
    figure = Figure(figsize=(_WIDTH, pixels / _DPI), dpi=_DPI)
    figure.set_layout_engine("constrained", h_pad=0.1, w_pad=0.1)
    figure.set_facecolor(theme.paper)
    return figure


def _whole_figure(ax: Axes) -> Figure:
    top = ax.figure if isinstance(ax.figure, Figure) else ax.figure.figure
    if not isinstance(top, Figure):
        raise TypeError("ax is not part of a figure")
    return top


def _frame(canvas: Canvas, lanes: list[Lane], depth: float) -> None:
    """Set the axes, rule the lanes and name them."""
    ax, theme = canvas.ax, canvas.theme
    width = canvas.span * canvas.scale
    ax.set_xlim(-0.004 * width, 1.015 * width)
    ax.set_ylim(max(depth, 1.0), 0)
    ax.set_facecolor(theme.paper)
    ax.grid(axis="x", color=theme.rule, linewidth=0.7)
    ax.set_axisbelow(True)
    left, right = ax.get_xlim()
    rules = [[(left, lane.top), (right, lane.top)] for lane in lanes[1:]]
    ax.add_collection(LineCollection(rules, colors=theme.rule, linewidths=0.7, zorder=0.5))
    for side, spine in ax.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(theme.rule)
    ax.set_yticks([lane.middle for lane in lanes], [_label(lane) for lane in lanes])
    ax.tick_params(axis="y", length=0, pad=8, labelsize=9, labelcolor=theme.ink)
    ax.tick_params(axis="x", length=3, labelsize=8.5, color=theme.rule, labelcolor=theme.muted)
    for text, lane in zip(ax.get_yticklabels(), lanes, strict=True):
        literal(text)
        if not lane.started or lane.status == "skipped":
            text.set_color(theme.muted)


def _label(lane: Lane) -> str:
    """Name a lane, and count its items."""
    name = clean(lane.name) + (f" #{lane.visit}" if lane.visit > 1 else "")
    if lane.items <= 1:
        return name
    cancelled = int((lane.attempts.status == "cancelled").sum())  # no item is so twice
    lost = format_losses(lane.failed, cancelled)
    counts = f"{_TIMES}{lane.items:,}" + (f" · {lost}" if lost else "")
    peak = f"\npeak {lane.attempts.peak:,} at once" if lane.dense else ""
    return f"{name}\n{counts}{peak}"


def _x_label(canvas: Canvas, unit: str, left_out: str) -> None:
    """Say what the axis is, and what the chart leaves out."""
    words = f"time since start ({unit})" + (f"\n{left_out}" if left_out else "")
    canvas.ax.set_xlabel(words, fontsize=9, color=canvas.theme.muted)


def _mark(canvas: Canvas, lanes: list[Lane], path: list[Lane]) -> None:
    """Mark the critical path: a thin line from lane to lane below the bars, and bold names."""
    keys = {lane.key for lane in path}
    x, y = [], []
    for lane, text in zip(lanes, canvas.ax.get_yticklabels(), strict=True):
        if lane.key in keys:
            text.set_fontweight("bold")
            x += [lane.start * canvas.scale, lane.end * canvas.scale]
            y += [lane.top + lane.height - _ABOVE_RULE] * 2
    if not x:
        return
    look: dict[str, Any] = {"color": canvas.theme.ink, "linewidth": 1.1, "zorder": 1.8}
    canvas.ax.plot(x, y, solid_joinstyle="miter", **look)
    canvas.seen.add("critical")


def _title(canvas: Canvas, run: TimelineRun, total: float, below: float) -> None:
    """Write the title, above a legend that is `below` points high."""
    so_far = " so far" if run.status == "running" else ""
    parts = [clean(run.workflow_name, 48), clean(run.status).replace("_", " ")]
    words = " · ".join([*parts, format_duration(total) + so_far])
    look: dict[str, Any] = {"fontsize": 12, "fontweight": "bold", "color": canvas.theme.ink}
    literal(canvas.ax.set_title(words, loc="left", pad=9 + below, **look))

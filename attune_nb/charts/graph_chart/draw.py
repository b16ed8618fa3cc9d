"""A workflow as a picture: its tasks as cards in layers, its transitions as the links between.

Of a run it shows how far it has come: the state of each task, in colour and in words, and
which transitions fired.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from attune_nb.charts.axes import finish
from attune_nb.charts.graph_chart.canvas import Sheet
from attune_nb.charts.graph_chart.model import read_flow
from attune_nb.charts.graph_chart.nodes import Detail, width_of
from attune_nb.charts.graph_chart.paint import legend_entries, paint_links, paint_steps
from attune_nb.charts.graph_chart.plan import plan_of
from attune_nb.charts.legend import legend_height, place_legend
from attune_nb.charts.style import literal, theme_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from attune_nb.charts.graph_chart.model import Flow
    from attune_nb.charts.graph_chart.plan import Plan
    from attune_nb.charts.style import Theme

__all__ = ["graph"]

_DPI = 110
_PAGE = (11.0, 40.0)  # inches: what a notebook shows; it may be long
_LARGEST = (20.0, 48.0)
_DENSE = (14.0, 12.0)  # likewise, without words; what is narrow may be longer
_NARROW, _LONG = 3.0, 40.0
_NARROWEST = 5.2
_LEAST = 0.5  # the scale below which words cannot be read; a page may be looked at closer
_MARGIN, _TITLE, _NOTE = 0.2, 0.42, 0.3
_STRETCH = 1.5  # how far a picture without words may be drawn out
_MOST_LEGEND = 0.4  # of the height of the axes
_POINTS = 72.0
_LEFT_OUT = {
    Detail.ALL: (),
    Detail.NAMES: ("actions and settings of the tasks", "actions and settings", "actions"),
    Detail.SHAPES: ("names, actions, settings and conditions", "names and conditions", "names"),
}


def graph(wf_or_run: Any, ax: Axes | None = None, dark: bool = False) -> Figure:
    """Draw a workflow as layers of tasks and the transitions between them; or a run of it.

    A large workflow is drawn with less text, and one of more than a hundred tasks without any;
    a line below says what was left out.

    Args:
        wf_or_run: A workflow, or a run whatever its state.
        ax: Where to draw. A figure as large as the workflow needs is made when it is left out.
        dark: Whether the chart will stand on a dark page.

    Returns:
        The figure, which pyplot knows nothing of: it is freed like any other object.

    Raises:
        TypeError: It is neither a workflow nor a run.
    """
    flow = read_flow(wf_or_run)
    theme = theme_of(dark=dark)
    if ax is None:
        plan = plan_of(flow, _PAGE, _LEAST / 2)
        ax = _new_axes(plan, flow, theme)
    else:
        plan = plan_of(flow, _room(ax, flow, theme), _LEAST)
    look: dict[str, Any] = {"fontsize": 12, "fontweight": "bold", "color": theme.ink}
    literal(ax.set_title(flow.title, loc="left", pad=7, **look))
    sheet = _sheet(ax, plan, flow, theme)
    paint_links(sheet, plan, flow)
    paint_steps(sheet, plan, flow)
    sheet.draw()
    return finish(ax)


def _new_axes(plan: Plan, flow: Flow, theme: Theme) -> Axes:
    """Make a figure as large as the plan, the title, the legend and the note need."""
    inner, high = _size(plan)
    inner = max(inner, width_of(flow.title, 12, bold=True), _NARROWEST)
    high += 0.05 + _NOTE * bool(_LEFT_OUT[plan.detail])
    high += legend_height(inner, len(legend_entries(flow, theme, plan.detail))) / _POINTS
    pixels = [round((inner + 2 * _MARGIN) * _DPI), round((high + _TITLE + _MARGIN) * _DPI)]
    width, height = (each / _DPI for each in pixels)  # a part of one would look torn
    figure = Figure(figsize=(width, height), dpi=_DPI)
    figure.set_facecolor(theme.paper)
    return figure.add_axes((_MARGIN / width, _MARGIN / height, inner / width, high / height))


def _size(plan: Plan) -> tuple[float, float]:
    """Tell how large a figure of our own shows a plan, in inches."""
    if plan.detail:
        scale = plan.scale(_LARGEST)
        return plan.width * scale, plan.height * scale
    longest = _LONG if plan.width < _NARROW else _DENSE[1]
    return min(plan.width * _STRETCH, _DENSE[0]), min(plan.height * _STRETCH, longest)


def _room(ax: Axes, flow: Flow, theme: Theme) -> tuple[float, float]:
    """Tell how much of the axes the graph may have, in inches."""
    width, height = _inches(ax)
    legend = legend_height(width, len(legend_entries(flow, theme, Detail.ALL))) / _POINTS
    return width, max(height - min(legend, _MOST_LEGEND * height) - _NOTE, 0.1)


def _inches(ax: Axes) -> tuple[float, float]:
    """Measure axes, after what lays them out has had its turn."""
    figure = finish(ax)
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
    box = ax.get_window_extent()
    return max(box.width / figure.dpi, 0.1), max(box.height / figure.dpi, 0.1)


def _sheet(ax: Axes, plan: Plan, flow: Flow, theme: Theme) -> Sheet:
    """Set the axes to inches: the legend at the top, the graph in the middle, the note below."""
    ax.set(xticks=[], yticks=[], facecolor=theme.paper)
    ax.spines[:].set_visible(False)
    width, height = _inches(ax)
    entries, above = legend_entries(flow, theme, plan.detail), 0.0
    if legend_height(width, len(entries)) / _POINTS <= _MOST_LEGEND * height:
        above = place_legend(ax, theme, entries, inside=True) / _POINTS
    below = _NOTE * _write_note(ax, plan, flow, theme, width)
    room = (width, max(height - above - below, 0.1))
    scale, stretch = plan.scale(room), (1.0, 1.0)
    if not plan.detail:
        across, down = max(plan.width, 1e-6), max(plan.height, 1e-6)
        scale, stretch = 1.0, (min(room[0] / across, _STRETCH), min(room[1] / down, _STRETCH))
    left = (plan.width * stretch[0] - width / scale) / 2
    top = min((plan.height * stretch[1] - room[1] / scale) / 2, 0.0)
    ax.set_xlim(left, left + width / scale)
    ax.set_ylim(top + (room[1] + below) / scale, top - above / scale)
    return Sheet(ax, theme, scale, plan.sideways, stretch)


def _write_note(ax: Axes, plan: Plan, flow: Flow, theme: Theme, width: float) -> bool:
    """Say below the graph what there was no room for, in as many words as fit."""
    what = f"{flow.count:,} tasks, {len(flow.transits):,} transitions; " if not plan.detail else ""
    left_out = [f"left out: {words}" for words in _LEFT_OUT[plan.detail]]
    notes = [what + words for words in left_out[:1]] + left_out
    for note in notes:
        if width_of(note, 8.5) <= width or note == notes[-1]:
            place: dict[str, Any] = {"transform": ax.transAxes, "va": "bottom", "zorder": 4}
            ax.text(0, 0, note, fontsize=8.5, color=theme.muted, **place).set_in_layout(False)
            return True
    return False

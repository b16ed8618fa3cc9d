"""A workflow as a chart: its tasks as boxes in layers, its transitions as the edges between them.

The chart of a run also shows how far it has come: the state of each task, in colour and in
words, and the transitions that fired.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.charts.axes import figure_of
from attune_nb.charts.figure import ChartFigure
from attune_nb.charts.graph_chart.canvas import GraphCanvas
from attune_nb.charts.graph_chart.failed_names import draw_failed_names
from attune_nb.charts.graph_chart.legend import legend_entries
from attune_nb.charts.graph_chart.model import read_graph
from attune_nb.charts.graph_chart.nodes import Detail, text_width
from attune_nb.charts.graph_chart.paint import draw_edges, draw_nodes
from attune_nb.charts.graph_chart.plan import EDGE, HIGH, LABEL, choose_plan
from attune_nb.charts.legend import legend_height, place_legend
from attune_nb.charts.style import disable_mathtext, theme_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from attune_nb.charts.graph_chart.model import WorkflowGraph
    from attune_nb.charts.graph_chart.plan import Plan
    from attune_nb.charts.style import Theme

    Size = tuple[float, float]  # width and height, in inches

__all__ = ["graph"]

_DPI = 110  # of a file of pixels
_PAGE_DPI = 96  # of a page in a browser
_POINTS = 72.0  # in an inch

# inches: the size of a notebook's page, which may be long, and of the largest figure
_PAGE = (9.6, 60.0)

_NARROWEST = 5.2  # inches: the width of the narrowest figure
_MARGIN = 0.2  # inches
_TITLE = 0.42  # inches: the height of the title
_NOTE = 0.3  # inches: the height of the note
_BOTTOM = 0.05  # inches: the space below the graph
_TITLE_SIZE = 12  # points
_NOTE_SIZE = 8.5  # points

# pixels: the size of the smallest font that can be read
_LEAST_FONT = 10

# the factor by which a graph without text may be drawn out
_MOST_STRETCH = 1.5

# the share of the axes' height that a legend may take
_MOST_LEGEND = 0.4

# the notes on the text that was left out, the longest first
_OMISSIONS = {
    Detail.ALL: (),
    Detail.LABELS: (
        "parts of long names, actions, settings and conditions",
        "actions, settings and conditions",
        "actions",
    ),
    Detail.NAMES: ("actions and settings of the tasks", "actions and settings", "actions"),
    Detail.SHAPES: ("names, actions, settings and conditions", "names and conditions", "names"),
}


def graph(
    wf_or_run: Any,
    ax: Axes | None = None,
    dark: bool | None = None,
    *,
    nested: Mapping[str, Any] | None = None,
) -> Figure:
    """Draw a workflow, or a run of it, as layers of tasks and the transitions between them.

    A task that runs a workflow is a card with the tasks in it, and with the counts of its runs.
    A large workflow is drawn with less text: of more than 60 tasks only the names, shortened, and
    of more than 400 none but those on the way to a failure. A line below says which text was left
    out.

    Args:
        wf_or_run: A workflow, or a run in any state.
        ax: The axes to draw on. Without them, a figure as large as the workflow needs is made.
        dark: Whether the chart is for a dark page; by default it is light or dark as its page.
        nested: The workflows that tasks run, by the task's path. By default those that the
            workflow or the run finds: by the names of files, among its actions and packs.

    Returns:
        The figure. It is not registered with pyplot, so it is freed like any other object.

    Raises:
        TypeError: It is neither a workflow nor a run.
    """
    workflow_graph = read_graph(wf_or_run, nested)
    theme = theme_of(dark=dark)
    if ax is None:
        plan = choose_plan(workflow_graph, _PAGE, _least_scale(_PAGE_DPI))
        ax = _make_axes(plan, workflow_graph, theme)
    else:
        space = _free_space(ax, workflow_graph, theme)
        plan = choose_plan(workflow_graph, space, _least_scale(figure_of(ax).dpi))

    title = ax.set_title(
        workflow_graph.title,
        loc="left",
        pad=7,
        fontsize=_TITLE_SIZE,
        fontweight="bold",
        color=theme.ink,
    )
    disable_mathtext(title)

    canvas = _make_canvas(ax, plan, workflow_graph, theme)
    draw_edges(canvas, plan, workflow_graph)
    draw_nodes(canvas, plan, workflow_graph)
    if plan.beside:
        stretch_x, stretch_y = canvas.stretch
        right = plan.width * stretch_x
        draw_failed_names(canvas, plan.place_boxes(), right, plan.height * stretch_y)
    canvas.draw()
    return figure_of(ax)


def _least_scale(dpi: float) -> float:
    """Return the scale below which the smallest text cannot be read."""
    return min(_LEAST_FONT / (LABEL * dpi / _POINTS), 1.0)


def _make_axes(plan: Plan, graph: WorkflowGraph, theme: Theme) -> Axes:
    """Return axes on a new figure, as large as the plan, title, legend and note need."""
    inner_width, inner_height = _plan_size(plan)
    title_width = text_width(graph.title, _TITLE_SIZE, bold=True)
    inner_width = max(inner_width, title_width, _NARROWEST)

    note = _NOTE if _OMISSIONS[plan.detail] else 0.0
    inner_height += _BOTTOM + note
    entries = legend_entries(graph, theme, plan.detail)
    inner_height += legend_height(inner_width, len(entries)) / _POINTS

    # in whole pixels: a part of one would look torn
    width = round((inner_width + 2 * _MARGIN) * _DPI) / _DPI
    height = round((inner_height + _TITLE + _MARGIN) * _DPI) / _DPI
    figure = ChartFigure(theme, width, height, _DPI)
    left = _MARGIN / width
    bottom = _MARGIN / height
    return figure.add_axes((left, bottom, inner_width / width, inner_height / height))


def _plan_size(plan: Plan) -> Size:
    """Return the size that a plan has in a figure of its own."""
    if plan.detail:
        scale = plan.scale(_PAGE)
        return plan.width * scale, plan.height * scale

    widest, longest = _PAGE
    width = min(plan.width * _MOST_STRETCH, widest - plan.beside)
    height = plan.height
    if height < HIGH:
        height = min(height * _MOST_STRETCH, HIGH)
    height = min(height, longest)
    return width + plan.beside, height


def _free_space(ax: Axes, graph: WorkflowGraph, theme: Theme) -> Size:
    """Return the size that the axes have for the graph, beside the legend and the note."""
    width, height = _axes_size(ax)
    entries = legend_entries(graph, theme, Detail.ALL)
    legend = legend_height(width, len(entries)) / _POINTS
    legend = min(legend, _MOST_LEGEND * height)
    return width, max(height - legend - _NOTE, 0.1)


def _axes_size(ax: Axes) -> Size:
    """Return the size of axes, after the layout engine of their figure has run."""
    figure = figure_of(ax)
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)

    extent = ax.get_window_extent()
    return max(extent.width / figure.dpi, 0.1), max(extent.height / figure.dpi, 0.1)


def _make_canvas(ax: Axes, plan: Plan, graph: WorkflowGraph, theme: Theme) -> GraphCanvas:
    """Set the axes to inches: the legend at the top, the graph in the middle, the note below."""
    ax.set(xticks=[], yticks=[], facecolor=theme.paper)
    ax.spines[:].set_visible(False)
    width, height = _axes_size(ax)

    entries = legend_entries(graph, theme, plan.detail)
    above = 0.0
    if legend_height(width, len(entries)) / _POINTS <= _MOST_LEGEND * height:
        above = place_legend(ax, theme, entries, inside=True) / _POINTS
    has_note = _write_note(ax, plan, graph, theme, width)
    below = _NOTE if has_note else 0.0

    free_height = max(height - above - below, 0.1)
    scale, stretch = _fit(plan, (width, free_height))
    stretch_x, stretch_y = stretch
    left = (plan.width * stretch_x + plan.beside - width / scale) / 2 - EDGE
    top = min((plan.height * stretch_y - free_height / scale) / 2, 0.0) - EDGE
    ax.set_xlim(left, left + width / scale)
    ax.set_ylim(top + (free_height + below) / scale, top - above / scale)
    return GraphCanvas(ax, theme, scale, plan.sideways, stretch)


def _fit(plan: Plan, space: Size) -> tuple[float, Size]:
    """Return the scale at which a plan fits a space, and its stretch if it has no text."""
    if plan.detail:
        return plan.scale(space), (1.0, 1.0)

    width, height = space
    stretch_x = min((width - plan.beside) / max(plan.width, 1e-6), _MOST_STRETCH)
    stretch_y = min(height / max(plan.height, 1e-6), _MOST_STRETCH)
    return 1.0, (stretch_x, stretch_y)


def _write_note(ax: Axes, plan: Plan, graph: WorkflowGraph, theme: Theme, width: float) -> bool:
    """Write which text was left out, in as many words as fit; return whether there was any."""
    omissions = _OMISSIONS[plan.detail]
    if plan.detail == Detail.LABELS and not plan.has_shortened_names:
        omissions = omissions[1:]
    notes = [f"left out: {words}" for words in omissions]
    if not notes:
        return False

    if not plan.detail:
        if plan.beside:
            notes = [f"{note}, except of failed tasks" for note in notes]
        notes.insert(0, f"{graph.count:,} tasks, {len(graph.edges):,} transitions; {notes[0]}")
    note = _first_that_fits(notes, width)
    text = ax.text(
        0,
        0,
        note,
        transform=ax.transAxes,
        va="bottom",
        zorder=4,
        fontsize=_NOTE_SIZE,
        color=theme.muted,
    )
    text.set_in_layout(False)
    return True


def _first_that_fits(notes: list[str], width: float) -> str:
    """Return the first note that fits a width, or else the last one."""
    for note in notes:
        if text_width(note, _NOTE_SIZE) <= width:
            return note
    return notes[-1]

"""The legend of a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from attune_nb.charts.graph_chart.model import UNREACHED
from attune_nb.charts.graph_chart.node_style import edge_style, state_style
from attune_nb.charts.graph_chart.nodes import Detail
from attune_nb.charts.style import STATUSES

if TYPE_CHECKING:
    from matplotlib.artist import Artist

    from attune_nb.charts.graph_chart.model import WorkflowGraph
    from attune_nb.charts.style import Theme

__all__ = ["legend_entries"]

_JOIN_WIDTH = 3.2  # points


def legend_entries(graph: WorkflowGraph, theme: Theme, detail: Detail) -> list[Artist]:
    """Return an entry for each mark that the graph has."""
    nodes = list(graph.walk())
    entries = _status_entries({node.state.status for node in nodes if node.state}, theme, detail)

    entries += _edge_entries(graph, theme, detail)
    if detail and any(node.joins for node in nodes):
        entries.append(Line2D([], [], color=theme.ink, linewidth=_JOIN_WIDTH, label="join"))
    return entries


def _edge_entries(graph: WorkflowGraph, theme: Theme, detail: Detail) -> list[Artist]:
    """Return an entry for each style of the edges in a run."""
    labels = {}
    for edge in graph.edges:
        if edge.fired is None:
            continue
        style = edge_style(edge, theme, detail)
        label = "fired" if edge.fired else "did not fire"
        if edge.on_failed_path and detail < Detail.ALL:
            label = "path to a failure"
        labels[label] = style

    entries: list[Artist] = []
    for label in ("fired", "did not fire", "path to a failure"):
        if label in labels:
            style = labels[label]
            entries.append(Line2D([], [], color=style.edge, linewidth=style.width, label=label))
    return entries


def _status_entries(statuses: set[str], theme: Theme, detail: Detail) -> list[Artist]:
    """Return an entry for each status: first those with a colour of their own."""
    uncoloured = sorted(statuses - {*STATUSES, UNREACHED})
    shown = [status for status in STATUSES if status in statuses]
    entries: list[Artist] = [_status_entry(status, theme) for status in shown + uncoloured]

    if UNREACHED in statuses:
        entry = Patch(facecolor="none", edgecolor=theme.waiting, label=UNREACHED)
        if detail:
            entry.set_linestyle((0, (3, 2)))
        entries.append(entry)
    return entries


def _status_entry(status: str, theme: Theme) -> Patch:
    style = state_style(status, theme)
    return Patch(
        facecolor=style.face,
        edgecolor=style.edge,
        linewidth=0,
        hatch=style.hatch,
        label=status.replace("_", " "),
    )

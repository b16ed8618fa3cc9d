"""What the charts of measurements share: axes with our looks, titles, and numbers in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from attune_nb.charts.style import literal, theme_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from attune_nb.charts.style import Theme

__all__ = ["finish", "new_axes", "say_bytes", "say_count", "say_ratio", "title"]


def new_axes(ax: Axes | None, *, dark: bool) -> tuple[Axes, Theme]:
    """Give axes with our looks, on a new figure unless there are some."""
    theme = theme_of(dark=dark)
    if ax is None:
        figure = Figure(figsize=(8.4, 4.8), dpi=110)
        whole = (0, 0, 0.985, 1)  # names beside the axes must not touch the edge
        figure.set_layout_engine("constrained", h_pad=0.1, w_pad=0.1, rect=whole)
        figure.set_facecolor(theme.paper)
        ax = figure.add_subplot()
    ax.set_facecolor(theme.paper)
    for side, spine in ax.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(theme.rule)
    ax.grid(axis="y", color=theme.rule, linewidth=0.7)
    ax.set_axisbelow(True)
    ax.tick_params(length=0, labelsize=8.5, labelcolor=theme.muted)
    return ax, theme


def title(ax: Axes, theme: Theme, words: str, below: str) -> None:
    """Write a title, and what a reader must know below it, on a line or several."""
    look: dict[str, Any] = {"fontsize": 12, "fontweight": "bold", "color": theme.ink}
    literal(ax.set_title(words, loc="left", pad=24 + 13 * below.count("\n"), **look))
    place: dict[str, Any] = {"xytext": (0, 8), "textcoords": "offset points", "va": "bottom"}
    look = {"fontsize": 8.5, "color": theme.muted}
    literal(ax.annotate(below, (0, 1), xycoords="axes fraction", **look, **place))


def finish(ax: Axes) -> Figure:
    """Give the figure that the axes are part of."""
    figure = ax.figure
    while not isinstance(figure, Figure):
        figure = figure.figure
    return figure


def say_count(value: float) -> str:
    """Say a number of items, or of elements."""
    if value == 0:
        return "empty"
    for size, unit in ((1_024_000, "M"), (1_000_000, "M"), (1_024, "k"), (1_000, "k")):
        if value >= size and value % size == 0:
            return f"{value / size:,.0f}{unit}"
    return f"{value / 1e6:,.1f}M" if value >= 1e6 else f"{value:,.0f}"  # noqa: PLR2004


def say_bytes(value: float) -> str:
    """Say a number of bytes."""
    for size, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if value >= size:
            scaled = value / size
            return f"{scaled:.2g} {unit}" if scaled < 10 else f"{scaled:,.0f} {unit}"  # noqa: PLR2004
    return f"{value:,.0f} B"


def say_ratio(ratio: float) -> str:
    """Say how many times as much something is."""
    if ratio >= 1e6:  # noqa: PLR2004
        return f"{ratio / 1e6:.1f} million times"
    return f"{ratio:,.0f} times" if ratio >= 10 else f"{ratio:.2g} times"  # noqa: PLR2004

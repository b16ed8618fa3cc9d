"""The axes, titles and number formats that the charts of measurements share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from attune_nb.charts.figure import ChartFigure
from attune_nb.charts.style import SMALL_TEXT, disable_mathtext, theme_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from attune_nb.charts.style import Theme

__all__ = [
    "figure_of",
    "format_bytes",
    "format_count",
    "format_ratio",
    "prepare_axes",
    "write_title",
]

# the part of the figure to draw on: names beside the axes must not touch the edge
_DRAWN = (0, 0, 0.985, 1)

# points: the space between the axes and the title, and for each further line below the title
_TITLE_PAD = 24
_LINE_PAD = 13

_MILLION = 1e6

_COUNT_UNITS = ((1_024_000, "M"), (1_000_000, "M"), (1_024, "k"), (1_000, "k"))
_BYTE_UNITS = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))

# from this value on, numbers have no fraction
_NO_FRACTION = 10


def prepare_axes(ax: Axes | None, *, dark: bool | None) -> tuple[Axes, Theme]:
    """Return axes in the style of the charts, on a new figure if there are none, and the theme."""
    theme = theme_of(dark=dark)
    if ax is None:
        figure = ChartFigure(theme, width=8.4, height=4.8, dpi=110)
        figure.set_layout_engine("constrained", h_pad=0.1, w_pad=0.1, rect=_DRAWN)
        ax = figure.add_subplot()

    ax.set_facecolor(theme.paper)
    for side, spine in ax.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(theme.rule)
    ax.grid(axis="y", color=theme.rule, linewidth=0.7)
    ax.set_axisbelow(True)
    ax.tick_params(length=0, labelsize=SMALL_TEXT, labelcolor=theme.muted)
    return ax, theme


def write_title(ax: Axes, theme: Theme, title: str, caption: str) -> None:
    """Write a title, and below it a caption of one or several lines."""
    pad = _TITLE_PAD + _LINE_PAD * caption.count("\n")
    title_text = ax.set_title(
        title, loc="left", pad=pad, fontsize=12, fontweight="bold", color=theme.ink
    )
    disable_mathtext(title_text)

    caption_text = ax.annotate(
        caption,
        (0, 1),
        xycoords="axes fraction",
        xytext=(0, 8),
        textcoords="offset points",
        va="bottom",
        fontsize=SMALL_TEXT,
        color=theme.muted,
    )
    disable_mathtext(caption_text)


def figure_of(ax: Axes) -> Figure:
    """Return the figure that axes are part of, also if they are in a subfigure."""
    figure = ax.figure
    while not isinstance(figure, Figure):
        figure = figure.figure
    return figure


def format_count(value: float) -> str:
    """Return a number of items, or of elements, in a short form: `5k`, `1.5M`."""
    if value == 0:
        return "empty"

    for size, unit in _COUNT_UNITS:
        if value >= size and value % size == 0:
            return f"{value / size:,.0f}{unit}"

    if value >= _MILLION:
        return f"{value / _MILLION:,.1f}M"
    return f"{value:,.0f}"


def format_bytes(value: float) -> str:
    """Return a number of bytes in a short form: `128 B`, `2.8 kB`, `100 MB`."""
    for size, unit in _BYTE_UNITS:
        if value >= size:
            scaled = value / size
            if scaled < _NO_FRACTION:
                return f"{scaled:.2g} {unit}"
            return f"{scaled:,.0f} {unit}"
    return f"{value:,.0f} B"


def format_ratio(ratio: float) -> str:
    """Return a ratio in words: `1.5 times`, `2.0 million times`."""
    if ratio >= _MILLION:
        return f"{ratio / _MILLION:.1f} million times"
    if ratio >= _NO_FRACTION:
        return f"{ratio:,.0f} times"
    return f"{ratio:.2g} times"

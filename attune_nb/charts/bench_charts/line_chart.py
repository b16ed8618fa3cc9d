"""A chart with a line for each strategy, on logarithmic axes."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter, NullLocator

from attune_nb.charts.axes import format_ratio, write_title
from attune_nb.charts.bench_charts.line_labels import LineEnd, label_lines
from attune_nb.charts.bench_charts.sides import BASELINES, OURS, find_baseline
from attune_nb.charts.style import clean_text
from attune_nb.results.scaling import MIN_SIZES, slope

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal

    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from attune_nb.charts.style import Theme

    Floats = NDArray[np.float64]
    XColumn = Literal["n", "size"]

__all__ = ["Line", "annotate_ratio", "draw_lines", "set_ticks", "write_texts"]

_OURS_COLOUR = "#009E73"
_BASELINE_COLOUR = "#D55E00"
_COLOURS = ("#0072B2", "#CC79A7", "#E69F00", "#56B4E9", "#8C8C8C")  # Okabe and Ito's, and a grey
_MARKERS = "sD^vP*<"
_DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)))
_WIDE = 2.4  # points: the width of the lines that are compared
_NARROW = 1.3  # points: the width of the others

# the space between two lines that a ratio needs, as a share of the axis's height
_RATIO_SPACE = 0.08

# the place of an empty context on a logarithmic axis, as a share of the smallest size
_EMPTY = 0.3


@dataclasses.dataclass(frozen=True)
class Line:
    """The places of a line's points on the x axis, and their values."""

    places: Floats
    values: Floats

    def value_at(self, place: float) -> float:
        """Return the value at one of the places."""
        return float(self.values[list(self.places).index(place)])


@dataclasses.dataclass(frozen=True)
class _Look:
    """The look of a line."""

    colour: str
    marker: str
    dashes: Any


def draw_lines(
    ax: Axes,
    theme: Theme,
    df: pd.DataFrame,
    x: XColumn,
    format_end: Callable[[str, float, float], str] | None = None,
) -> dict[str, Line]:
    """Draw a line for each strategy through its medians, a band around it, and its name.

    Args:
        ax: The axes.
        theme: The neutral colours.
        df: The rows to draw; the column `value` is on the y axis.
        x: The column on the x axis.
        format_end: Returns a text to add to a strategy's name, from the name, and the x and the
            value of its last point.

    Returns:
        The line of each strategy.
    """
    names = list(dict.fromkeys(df["strategy"]))
    looks = _choose_looks(names)
    places = np.unique(_places(df[x], x))
    place_of = dict(zip(np.unique(np.asarray(df[x], float)), places, strict=True))

    lines = {}
    ends = []
    for name in names:
        values = df[df["strategy"] == name].groupby(x)["value"].agg(["median", "min", "max"])
        line_places = np.array([place_of[float(value)] for value in values.index])
        look = looks[name]
        _draw_line(ax, line_places, values, look, is_compared=name == OURS or name in BASELINES)

        medians = values["median"]
        last = float(medians.iloc[-1])
        label = clean_text(name) + _format_slope(medians)
        if format_end is not None:
            label += format_end(name, float(medians.index[-1]), last)
        lines[name] = Line(line_places, medians.to_numpy())
        ends.append(LineEnd(float(line_places[-1]), last, label, look.colour))

    ax.set_xscale("log")
    ax.set_yscale("log")
    if x == "size" and 0 in place_of:
        _separate_empty(ax, theme, places)
    label_lines(ax, theme, ends, float(places[-1]))
    return lines


def _draw_line(
    ax: Axes, places: Floats, values: pd.DataFrame, look: _Look, *, is_compared: bool
) -> None:
    """Draw a line through medians, and a band from the least to the most."""
    ax.fill_between(
        places, values["min"], values["max"], color=look.colour, alpha=0.18, linewidth=0
    )
    width = _WIDE if is_compared else _NARROW
    ax.plot(
        places,
        values["median"],
        color=look.colour,
        marker=look.marker,
        markersize=5,
        linewidth=width,
        linestyle=look.dashes,
    )


def _separate_empty(ax: Axes, theme: Theme, places: Floats) -> None:
    """Draw a vertical rule between the empty context and the others."""
    place = places[0]
    if len(places) > 1:
        place = np.sqrt(places[0] * places[1])
    ax.axvline(place, color=theme.rule, linewidth=0.7)


def _places(values: Any, x: XColumn) -> Floats:
    """Return the places of values on the x axis; an empty context is left of the smallest."""
    places = np.asarray(values, float)
    if x == "n":
        return places

    filled = places[places > 0]
    smallest = filled.min() if len(filled) else 1.0
    return np.where(places > 0, places, smallest * _EMPTY)


def _format_slope(medians: pd.Series) -> str:
    """Return the slope of a line as text, or nothing if it has too few points."""
    sizes = np.asarray(medians.index, float)
    values = np.asarray(medians, float)
    filled = sizes > 0
    if filled.sum() < MIN_SIZES:
        return ""

    exponent = slope(list(sizes[filled]), list(values[filled]))
    # adding 0.0 turns -0.0 into 0.0
    return f"  (slope {round(exponent, 2) + 0.0:.2f})"


def _choose_looks(names: list[str]) -> dict[str, _Look]:
    """Return a look for each strategy, no two the same.

    There are more markers than colours, so a colour that comes again has another marker, and
    other dashes.
    """
    baseline = find_baseline(names)
    looks = {}
    count = 0

    for name in names:
        if name == OURS:
            looks[name] = _Look(_OURS_COLOUR, "o", "-")
        elif name == baseline:
            looks[name] = _Look(_BASELINE_COLOUR, "X", "-")
        else:
            looks[name] = _Look(
                _COLOURS[count % len(_COLOURS)],
                _MARKERS[count % len(_MARKERS)],
                _DASHES[count // len(_COLOURS) % len(_DASHES)],
            )
            count += 1

    return looks


def set_ticks(
    ax: Axes,
    values: pd.Series,
    x: XColumn,
    *,
    format_x: Callable[[float], str],
    format_y: Callable[[float], str],
) -> None:
    """Put a tick at each x that was measured, and at the powers of ten of the y axis."""
    sizes = np.unique(np.asarray(values, float))
    ax.xaxis.set_major_locator(FixedLocator(list(_places(sizes, x))))
    ax.xaxis.set_major_formatter(FixedFormatter([format_x(size) for size in sizes]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: format_y(value)))
    ax.yaxis.set_minor_locator(NullLocator())


def annotate_ratio(ax: Axes, theme: Theme, lines: dict[str, Line]) -> None:
    """Write the ratio of attune_nb to its baseline, at the last x that both were measured at."""
    baseline = find_baseline(list(lines))
    if baseline is None or OURS not in lines:
        return
    shared = np.intersect1d(lines[OURS].places, lines[baseline].places)
    if not len(shared):
        return

    x = shared[-1]
    low = lines[OURS].value_at(x)
    high = lines[baseline].value_at(x)
    bottom, top = np.log(ax.get_ylim())
    if np.log(high / low) < _RATIO_SPACE * (top - bottom):
        return

    ax.annotate("", (x, high), (x, low), arrowprops={"arrowstyle": "<->", "color": theme.muted})
    text = f"{format_ratio(high / low)} "
    align = "right"
    if x == min(line.places[0] for line in lines.values()):
        # no space on the left
        text = f"  {text}"
        align = "left"
    background = {"facecolor": theme.paper, "edgecolor": "none", "pad": 1, "alpha": 0.8}
    ax.text(
        x,
        _middle_of_widest_gap(lines, x, low, high),
        text,
        ha=align,
        va="center",
        color=theme.ink,
        fontsize=10,
        fontweight="bold",
        bbox=background,
    )


def _middle_of_widest_gap(lines: dict[str, Line], x: float, low: float, high: float) -> float:
    """Return the middle of the widest gap that the lines leave between two values at an x."""
    values = {low, high}
    for line in lines.values():
        value = float(np.interp(x, line.places, line.values))
        if low < value < high:
            values.add(value)

    heights = np.log(sorted(values))
    gap = int(np.argmax(np.diff(heights)))
    return float(np.exp(heights[gap : gap + 2].mean()))


def write_texts(ax: Axes, theme: Theme, title: str, *, x: str, y: str, captions: list[str]) -> None:
    """Write the title, the captions below it, and the names of both axes."""
    write_title(ax, theme, title, "; ".join(captions))
    ax.set_xlabel(x, fontsize=9, color=theme.muted)
    ax.set_ylabel(y, fontsize=9, color=theme.muted)

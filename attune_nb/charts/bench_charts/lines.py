"""Charts of measurements: each line is a way to do a thing, each band its spread.

All take a tidy frame with the columns bench, strategy, size, n, seconds, bytes and repeat, as
`attune_nb.bench` gives it (`bench` may be missing); rows without a figure, or whose figure has no
logarithm, are left out. Medians are drawn over the repeats, bands reach from the least to the
most. Nothing is drawn that was not measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter, NullLocator

from attune_nb.charts.axes import finish, new_axes, say_bytes, say_count, say_ratio, title
from attune_nb.charts.bench_charts.line_labels import spread_out
from attune_nb.charts.bench_charts.validate import bench_of, drawable
from attune_nb.charts.style import clean
from attune_nb.results.durations import format_duration
from attune_nb.results.scaling import MIN_SIZES, slope

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from attune_nb.charts.style import Theme

__all__ = ["OURS", "clone_cost", "memory", "scaling"]

OURS = "attune_nb"
BEFORE = ("deep copy", "naive context", "client.map, captured")
_LINES = ("#0072B2", "#CC79A7", "#E69F00", "#56B4E9", "#8C8C8C")  # Okabe and Ito's, and a grey
_MARKS = "sD^vP*<"
_DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)))
_CONTEXT = "elements or characters in the context"
_MEMORY = {
    "clone": ("What one item's context holds", "bytes for one item"),
    "fanout": ("The most memory that a fan-out took", "bytes at the peak"),
    "crossing": ("What crosses the wire for one more item", "bytes for one more item"),
    "": ("The memory that was measured", "bytes"),
}
"""Titles of the charts of bytes, and names of their axes, by the measurement."""
_ROOM = 0.08  # of the axis's height: what a ratio needs between two lines
_NARROW = 0.04  # of the value: a band that is as thin as its line
_EMPTY = 0.3  # of the smallest size: where an empty context stands on an axis of logarithms


def clone_cost(df: pd.DataFrame, ax: Axes | None = None, *, dark: bool = False) -> Figure:
    """Draw what one item's context costs, by the context's size: both axes logarithms.

    Args:
        df: What `attune_nb.bench.clone` gave.
        ax: Where to draw; by default on a new figure.
        dark: Whether the chart will stand on a dark page.

    Raises:
        ValueError: The frame lacks what is drawn, or is of another measurement.
    """
    bench_of(df, "clone")
    rows = drawable(df, "seconds", above=("n", "seconds"))
    each = rows.assign(value=rows["seconds"] / rows["n"])
    ax, theme = new_axes(ax, dark=dark)
    lines = _curves(ax, theme, each, "size")
    _scale(ax, each["size"], "size", format_duration)
    _compare(ax, theme, lines)
    words = "What it costs to give one item its context"
    _words(ax, theme, (words, _CONTEXT, "time for one item"), _marks(each, "size"))
    return finish(ax)


def memory(df: pd.DataFrame, ax: Axes | None = None, *, dark: bool = False) -> Figure:
    """Draw the bytes of a scope, of a fan-out, or on the wire.

    Args:
        df: What `attune_nb.bench.clone`, `.fanout` or `.crossing` gave. The axis of a fan-out is
            its items, at the largest context; where only one number of items was measured, and
            of the others, it is the context's size. A frame that does not say which it is has the
            axis on which it has more, and a title that claims neither.
        ax: Where to draw; by default on a new figure.
        dark: Whether the chart will stand on a dark page.

    Raises:
        ValueError: The frame lacks what is drawn, or holds rows of both measurements.
    """
    bench = bench_of(df)
    rows = drawable(df, "bytes")
    by_items = bench not in ("clone", "crossing") and _is_by_items(rows, bench)
    if by_items:
        rows = drawable(rows[rows["size"] == rows["size"].max()], "bytes", above=("n",))
    x = "n" if by_items else "size"
    ax, theme = new_axes(ax, dark=dark)
    each = rows.assign(value=rows["bytes"].clip(lower=1))
    words, of = _MEMORY[bench]
    if bench == "crossing":
        _curves(ax, theme, each, x, _against(each))
        _scale(ax, rows[x], x, say_bytes, say_bytes)
        beside = f"beside the names: with {say_bytes(float(rows[x].max()))} of context"
        below = f"{'; '.join(_marks(each, x))}\n{beside}, and how many times what {OURS} takes"
        _words(ax, theme, (words, "bytes of context", of), [below])
        return finish(ax)
    lines = _curves(ax, theme, each, x)
    _scale(ax, rows[x], x, say_bytes)
    _compare(ax, theme, lines)
    where = [f"{say_count(float(rows['size'].max()))} in the context"] if by_items else []
    if bench == "fanout" and not by_items:
        where = [f"{_range(rows['n'])} items"]
    _words(ax, theme, (words, "items" if by_items else _CONTEXT, of), where + _marks(each, x))
    return finish(ax)


def _against(rows: pd.DataFrame) -> Callable[[str, float, float], str]:
    """Give what says how much a side takes at a size, and how many times as much as ours."""
    ours = rows[rows["strategy"] == OURS].groupby("size")["value"].median()

    def told(name: str, size: float, value: float) -> str:
        if name == OURS or size not in ours.index:
            return f"\n{say_bytes(value)}"
        return f"\n{say_bytes(value)}, {say_ratio(float(f'{value / ours[size]:.2g}'))} as much"

    return told


def _is_by_items(rows: pd.DataFrame, bench: str) -> bool:
    """Tell whether items are the axis: where several numbers of them were measured.

    A frame that does not say what it is of may be of scopes, made as often as there was time for:
    there the contexts must be the fewer.
    """
    counts = int(rows["n"].groupby(rows["strategy"]).nunique().max())
    return counts > 1 and (bench == "fanout" or rows["size"].nunique() <= counts)


def scaling(df: pd.DataFrame, ax: Axes | None = None, *, dark: bool = False) -> Figure:
    """Draw the time of a fan-out against its items, with the fitted slope of each line.

    Args:
        df: What `attune_nb.bench.fanout` gave; the largest context is drawn.
        ax: Where to draw; by default on a new figure.
        dark: Whether the chart will stand on a dark page.

    Raises:
        ValueError: The frame lacks what is drawn, or is of another measurement.
    """
    bench_of(df, "fanout")
    rows = drawable(df, "seconds", above=("n", "seconds"))
    chosen = rows[rows["size"] == rows["size"].max()]
    ax, theme = new_axes(ax, dark=dark)
    each = chosen.assign(value=chosen["seconds"])
    lines = _curves(ax, theme, each, "n")
    _scale(ax, chosen["n"], "n", format_duration)
    _compare(ax, theme, lines)
    where = [f"{say_count(float(chosen['size'].max()))} in the context"]
    words = ("The time of a fan-out, end to end", "items", "time")
    _words(ax, theme, words, where + _marks(each, "n"))
    return finish(ax)


def _places(values: Any, x: str) -> Any:
    """Give where values stand; an empty context stands a step before the smallest."""
    values = np.asarray(values, float)
    if x == "n":
        return values
    filled = values[values > 0]
    return np.where(values > 0, values, (filled.min() if len(filled) else 1.0) * _EMPTY)


def _curves(
    ax: Axes,
    theme: Theme,
    df: pd.DataFrame,
    x: str,
    more: Callable[[str, float, float], str] = lambda _name, _x, _value: "",
) -> dict[str, tuple[Any, Any]]:
    """Draw a line for each strategy, and name it at its end; `more` is told beside the name."""
    names = list(dict.fromkeys(df["strategy"]))
    looks = _looks(names)
    every = np.unique(_places(df[x], x))
    places = dict(zip(np.unique(np.asarray(df[x], float)), every, strict=True))
    lines, ends = {}, []
    for name in names:
        told = df[df["strategy"] == name].groupby(x)["value"].agg(["median", "min", "max"])
        at = np.array([places[float(each)] for each in told.index])
        colour, mark, dashes = looks[name]
        wide = 2.4 if name == OURS or name in BEFORE else 1.3
        ax.fill_between(at, told["min"], told["max"], color=colour, alpha=0.18, linewidth=0)
        ax.plot(at, told["median"], color=colour, marker=mark, markersize=5, linewidth=wide,
                linestyle=dashes)  # fmt: skip
        lines[name] = (at, told["median"].to_numpy())
        last = float(told["median"].iloc[-1])
        label = clean(name) + _slope(told["median"]) + more(name, float(told.index[-1]), last)
        ends.append((float(at[-1]), last, label, colour))
    ax.set_xscale("log")
    ax.set_yscale("log")
    if x == "size" and 0 in places:
        ax.axvline(np.sqrt(every[0] * every[1]) if len(every) > 1 else every[0],
                   color=theme.rule, linewidth=0.7)  # fmt: skip
    spread_out(ax, theme, ends, float(every[-1]))
    return lines


def _slope(told: pd.Series) -> str:
    """Say the slope of a line that has enough points for one."""
    places, values = (np.asarray(each, float) for each in (told.index, told))
    some = places > 0
    if some.sum() < MIN_SIZES:
        return ""
    return f"  (slope {round(slope(list(places[some]), list(values[some])), 2) + 0.0:.2f})"


def _looks(names: list[str]) -> dict[str, tuple[str, str, Any]]:
    """Give each its colour, mark and dashes, no two the same.

    Colours and marks go round at different lengths, so that a colour that comes again has another
    mark, and other dashes.
    """
    before = next((name for name in BEFORE if name in names), None)
    special = {OURS: ("#009E73", "o", "-"), before: ("#D55E00", "X", "-")}
    others = [name for name in names if name not in special]
    ways = {
        name: (
            _LINES[at % len(_LINES)],
            _MARKS[at % len(_MARKS)],
            _DASHES[at // len(_LINES) % len(_DASHES)],
        )
        for at, name in enumerate(others)
    }
    return {name: special.get(name) or ways[name] for name in names}


def _scale(
    ax: Axes,
    values: Any,
    x: str,
    say: Callable[[float], str],
    say_x: Callable[[float], str] = say_count,
) -> None:
    """Put a tick where something was measured, and say the powers of ten on the other axis."""
    sizes = np.unique(np.asarray(values, float))
    ax.xaxis.set_major_locator(FixedLocator(list(_places(sizes, x))))
    ax.xaxis.set_major_formatter(FixedFormatter([say_x(each) for each in sizes]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: say(value)))
    ax.yaxis.set_minor_locator(NullLocator())


def _compare(ax: Axes, theme: Theme, lines: dict[str, tuple[Any, Any]]) -> None:
    """Write how far apart the two sides are, where both were measured last."""
    before = next((name for name in BEFORE if name in lines), None)
    if before is None or OURS not in lines:
        return
    both = np.intersect1d(lines[OURS][0], lines[before][0])
    if not len(both):
        return
    at = both[-1]
    low, high = (lines[name][1][list(lines[name][0]).index(at)] for name in (OURS, before))
    bottom, top = np.log(ax.get_ylim())
    if np.log(high / low) < _ROOM * (top - bottom):
        return
    ax.annotate("", (at, high), (at, low), arrowprops={"arrowstyle": "<->", "color": theme.muted})
    look: dict[str, Any] = {"color": theme.ink, "fontsize": 10, "fontweight": "bold"}
    words, side = f"{say_ratio(high / low)} ", "right"
    if at == min(line[0][0] for line in lines.values()):  # no room on the left
        words, side = f"  {words}", "left"
    look["bbox"] = {"facecolor": theme.paper, "edgecolor": "none", "pad": 1, "alpha": 0.8}
    ax.text(at, _widest(lines, at, low, high), words, ha=side, va="center", **look)


def _widest(lines: dict[str, tuple[Any, Any]], at: float, low: float, high: float) -> float:
    """Give the middle of the widest gap that the lines leave between two heights."""
    there = [np.interp(at, places, values) for places, values in lines.values()]
    heights = np.log(sorted({low, high, *(y for y in there if low < y < high)}))
    gap = int(np.argmax(np.diff(heights)))
    return float(np.exp(heights[gap : gap + 2].mean()))


def _range(values: Any) -> str:
    """Say a number, or the least and the most."""
    least, most = (say_count(float(each)) for each in (np.min(values), np.max(values)))
    return least if least == most else f"{least} to {most}"


def _marks(rows: pd.DataFrame, x: str) -> list[str]:
    """Say what medians, bands and slopes mean, where there are any."""
    values = rows.groupby(["strategy", x])["value"]
    repeats, spread = values.size(), float((values.max() / values.min()).max()) - 1
    if repeats.max() == 1:
        told = ["each measured once"]
    elif spread < _NARROW:
        told = [f"medians of repeats that lie within {max(spread, 0.001):.1%}"]
    else:
        told = ["medians, bands from least to most"]
    if repeats.min() == 1 < repeats.max():
        told.append("what was measured once has no band")
    if (rows[rows[x] > 0].groupby("strategy")[x].nunique() >= MIN_SIZES).any():
        told.append("slope 0: constant, 1: in proportion")
    return told


def _words(ax: Axes, theme: Theme, words: tuple[str, str, str], below: list[str]) -> None:
    """Write the title and the names of both axes; below the title what a reader must know."""
    head, x, y = words
    title(ax, theme, head, "; ".join(below))
    ax.set_xlabel(x, fontsize=9, color=theme.muted)
    ax.set_ylabel(y, fontsize=9, color=theme.muted)

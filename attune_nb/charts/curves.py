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

from attune_nb.charts.frames import bench_of, drawable
from attune_nb.charts.labels import spread_out
from attune_nb.charts.page import finish, new_axes, say_bytes, say_count, say_ratio, title
from attune_nb.charts.style import clean
from attune_nb.results.growth import SLOPED, slope
from attune_nb.results.spans import say_duration

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
    "crossing": ("What crosses the wire for one item", "bytes for one item"),
    "": ("The memory that was measured", "bytes"),
}
"""Titles of the charts of bytes, and names of their axes, by the measurement."""
_ROOM = 0.08  # of the axis's height: what a ratio needs between two lines
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
    _scale(ax, each["size"], "size", say_duration)
    _compare(ax, theme, lines)
    _words(ax, theme, "What it costs to give one item its context", _CONTEXT, "time for one item")
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
    lines = _curves(ax, theme, rows.assign(value=rows["bytes"].clip(lower=1)), x)
    _scale(ax, rows[x], x, say_bytes)
    _compare(ax, theme, lines)
    words, of = _MEMORY[bench]
    where = f"{say_count(float(rows['size'].max()))} in the context; " if by_items else ""
    if bench == "fanout" and not by_items:
        where = f"{_range(rows['n'])} items; "
    if rows.groupby(["strategy", x]).size().min() == 1:
        where += "what was measured once has no band; "
    _words(ax, theme, words, "items" if by_items else _CONTEXT, of, where)
    return finish(ax)


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
    lines = _curves(ax, theme, chosen.assign(value=chosen["seconds"]), "n")
    _scale(ax, chosen["n"], "n", say_duration)
    _compare(ax, theme, lines)
    where = f"{say_count(float(chosen['size'].max()))} in the context; "
    _words(ax, theme, "The time of a fan-out, end to end", "items", "time", where)
    return finish(ax)


def _places(values: Any, x: str) -> Any:
    """Give where values stand; an empty context stands a step before the smallest."""
    values = np.asarray(values, float)
    if x == "n":
        return values
    filled = values[values > 0]
    return np.where(values > 0, values, (filled.min() if len(filled) else 1.0) * _EMPTY)


def _curves(ax: Axes, theme: Theme, df: pd.DataFrame, x: str) -> dict[str, tuple[Any, Any]]:
    """Draw a line for each strategy, and name it at its end."""
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
        filled = told[np.asarray(told.index, float) > 0]
        label = clean(name)
        if len(filled) >= SLOPED:
            label += f"  (slope {round(slope(filled.index, filled['median']), 2) + 0.0:.2f})"
        ends.append((float(at[-1]), float(told["median"].iloc[-1]), label, colour))
    ax.set_xscale("log")
    ax.set_yscale("log")
    if x == "size" and 0 in places:
        ax.axvline(np.sqrt(every[0] * every[1]) if len(every) > 1 else every[0],
                   color=theme.rule, linewidth=0.7)  # fmt: skip
    spread_out(ax, theme, ends, float(every[-1]))
    return lines


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


def _scale(ax: Axes, values: Any, x: str, say: Callable[[float], str]) -> None:
    """Put a tick where something was measured, and say the powers of ten on the other axis."""
    sizes = np.unique(np.asarray(values, float))
    ax.xaxis.set_major_locator(FixedLocator(list(_places(sizes, x))))
    ax.xaxis.set_major_formatter(FixedFormatter([say_count(each) for each in sizes]))
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
    ax.text(at, np.sqrt(low * high), words, ha=side, va="center", **look)


def _range(values: Any) -> str:
    """Say a number, or the least and the most."""
    least, most = (say_count(float(each)) for each in (np.min(values), np.max(values)))
    return least if least == most else f"{least} to {most}"


def _words(ax: Axes, theme: Theme, words: str, x: str, y: str, where: str = "") -> None:
    below = f"{where}medians, bands from least to most; slope 0: constant, 1: in proportion"
    title(ax, theme, words, below)
    ax.set_xlabel(x, fontsize=9, color=theme.muted)
    ax.set_ylabel(y, fontsize=9, color=theme.muted)

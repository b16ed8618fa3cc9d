"""Charts of measurements: each line is a way to do a thing, each band its spread.

All take a tidy frame with the columns strategy, size, n, seconds, bytes and repeat, as
`attune_nb.bench` gives it; medians are drawn over the repeats, bands reach from the least to the
most. Nothing is drawn that was not measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter, NullLocator

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

OURS, BEFORE = "attune_nb", ("deep copy", "naive context")
_LINES = ("#0072B2", "#CC79A7", "#E69F00", "#56B4E9", "#8C8C8C", "#A0522D", "#B8A800")
_MARKS = "sD^vPX*"
_EMPTY = 0.3  # of the smallest size: where an empty context stands on an axis of logarithms


def clone_cost(df: pd.DataFrame, ax: Axes | None = None, *, dark: bool = False) -> Figure:
    """Draw what one item's context costs, by the context's size: both axes logarithms.

    Args:
        df: What `attune_nb.bench.clone` gave.
        ax: Where to draw; by default on a new figure.
        dark: Whether the chart will stand on a dark page.
    """
    each = df.assign(value=df["seconds"] / df["n"])
    ax, theme = new_axes(ax, dark=dark)
    lines = _curves(ax, theme, each, "size")
    _scale(ax, each["size"], "size", say_duration)
    _compare(ax, theme, lines)
    _words(ax, theme, "What it costs to give one item its context",
           "elements or characters in the context", "time for one item")  # fmt: skip
    return finish(ax)


def memory(df: pd.DataFrame, ax: Axes | None = None, *, dark: bool = False) -> Figure:
    """Draw the bytes: of one scope by the context's size, or of a fan-out by its items.

    Args:
        df: What `attune_nb.bench.clone` or `.fanout` gave; where it has several `n`, these are
            the axis, at the largest context.
        ax: Where to draw; by default on a new figure.
        dark: Whether the chart will stand on a dark page.
    """
    by_items = df["n"].groupby(df["strategy"]).nunique().max() > 1 and df["size"].nunique() <= 3  # noqa: PLR2004
    x = "n" if by_items else "size"
    chosen = df[df["size"] == df["size"].max()] if by_items else df
    ax, theme = new_axes(ax, dark=dark)
    lines = _curves(ax, theme, chosen.assign(value=chosen["bytes"].clip(lower=1)), x)
    _scale(ax, chosen[x], x, say_bytes)
    _compare(ax, theme, lines)
    if by_items:
        _words(ax, theme, "The most memory that a fan-out took", "items", "bytes at the peak")
    else:
        _words(ax, theme, "What one item's context holds",
               "elements or characters in the context", "bytes for one item")  # fmt: skip
    return finish(ax)


def scaling(df: pd.DataFrame, ax: Axes | None = None, *, dark: bool = False) -> Figure:
    """Draw the time of a fan-out against its items, with the fitted slope of each line.

    Args:
        df: What `attune_nb.bench.fanout` gave; the largest context is drawn.
        ax: Where to draw; by default on a new figure.
        dark: Whether the chart will stand on a dark page.
    """
    chosen = df[df["size"] == df["size"].max()]
    ax, theme = new_axes(ax, dark=dark)
    lines = _curves(ax, theme, chosen.assign(value=chosen["seconds"]), "n")
    _scale(ax, chosen["n"], "n", say_duration)
    _compare(ax, theme, lines)
    _words(ax, theme, "The time of a fan-out, end to end", "items", "time")
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
    others = iter(zip(_LINES, _MARKS, strict=True))
    every = np.unique(_places(df[x], x))
    places = dict(zip(np.unique(np.asarray(df[x], float)), every, strict=True))
    lines, ends = {}, []
    for name in names:
        told = df[df["strategy"] == name].groupby(x)["value"].agg(["median", "min", "max"])
        at = np.array([places[float(each)] for each in told.index])
        colour, mark = _look(name, others)
        wide = 2.4 if name == OURS or name in BEFORE else 1.3
        ax.fill_between(at, told["min"], told["max"], color=colour, alpha=0.18, linewidth=0)
        ax.plot(at, told["median"], color=colour, marker=mark, markersize=5, linewidth=wide)
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


def _look(name: str, others: Any) -> tuple[str, str]:
    if name == OURS:
        return "#009E73", "o"
    if name in BEFORE:
        return "#D55E00", "X"
    found: tuple[str, str] = next(others, ("#8C8C8C", "."))
    return found


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
    ax.annotate("", (at, high), (at, low), arrowprops={"arrowstyle": "<->", "color": theme.muted})
    words = f"{say_ratio(high / low)} "
    look: dict[str, Any] = {"color": theme.ink, "fontsize": 10, "fontweight": "bold"}
    ax.text(at, np.sqrt(low * high), words, ha="right", va="center", **look)


def _words(ax: Axes, theme: Theme, words: str, x: str, y: str) -> None:
    title(
        ax, theme, words, "medians, bands from least to most; slope 0: constant, 1: in proportion"
    )
    ax.set_xlabel(x, fontsize=9, color=theme.muted)
    ax.set_ylabel(y, fontsize=9, color=theme.muted)

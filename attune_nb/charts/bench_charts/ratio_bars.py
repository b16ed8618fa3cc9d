"""How many times as long one way takes as others, or how many times as fast it is, as bars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from attune_nb.charts.axes import finish, new_axes, say_count, say_ratio, title
from attune_nb.charts.bench_charts.lines import OURS
from attune_nb.charts.bench_charts.validate import bench_of, drawable
from attune_nb.charts.style import LIGHT, clean, literal
from attune_nb.results.durations import format_duration

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from attune_nb.charts.style import Theme

    Row = tuple[str, list[float], float]  # a strategy, its ratios, its seconds an item

__all__ = ["speedup"]

_GREEN = "#009E73"
_BAR, _TEXT = 0.62, 0.11  # rows: how thick a bar is, and how far its two lines are from its middle
_SHORT = 0.36  # of the axis: a bar that has no room for its words


def speedup(
    df: pd.DataFrame,
    ax: Axes | None = None,
    *,
    dark: bool = False,
    to: str = OURS,
    faster: bool = False,
    cores: int | None = None,
) -> Figure:
    """Draw how many times as long each way takes as one of them, on the most context.

    All bars are of one number of items: the most that all strategies of the frame share, or,
    where they share none, the one that most of them have; who was not measured there is named
    as left out. The ratio is taken within each repeat, where both sides met the same machine; the
    bar is the median of the ratios, the line on it reaches from the least to the most.

    Args:
        df: What `attune_nb.bench.clone` or `.fanout` gave. A column `startup` may tell how many of
            the `seconds` went by before the first item began: with `faster` a lighter part of the
            bar shows the ratio without them.
        ax: Where to draw; by default on a new figure.
        dark: Whether the chart will stand on a dark page.
        to: The strategy that the others are held against.
        faster: Draw how many times as fast each is instead, the fastest on top.
        cores: How many cores there were, with `faster`: a line marks so many times as fast.

    Raises:
        ValueError: The frame lacks what is drawn; that strategy was not measured; or no other one
            was where it was.
    """
    bench = bench_of(df)
    every = drawable(df, "seconds", above=("n", "seconds"))
    if "repeat" not in every.columns:
        raise ValueError("the frame lacks the column `repeat`")
    if to not in set(every["strategy"]):
        raise ValueError(f"`{to}` is not among the strategies that were measured")
    size = every.loc[every["strategy"] == to, "size"].max()
    each = every[every["size"] == size].assign(value=every["seconds"] / every["n"])
    count = _shared(each, to)
    each = each[each["n"] == count]
    rows = _rows(each, to)
    names = [name for name, _, _ in rows]
    if names == [to] and set(every["strategy"]) != {to}:
        raise ValueError(f"the frame lacks another strategy at the {count:,} items of `{to}`")
    left_out = [name for name in dict.fromkeys(every["strategy"]) if name not in names]
    ax, theme = new_axes(ax, dark=dark)
    ax.grid(visible=False)
    below = f"{say_count(float(count))} {'contexts made' if bench == 'clone' else 'items'}"
    if size or bench:  # else the frame is of something that has no context
        below += f", {say_count(float(size))} in the context"
    if faster:
        below += _draw_faster(ax, theme, rows, to, _steady(each, to), cores)
    else:
        below += "; medians of ratios, least to most"
        _draw_longer(ax, theme, rows, to)
    _name(ax, theme, names)
    if left_out:
        below += f"\nleft out, not measured there: {', '.join(clean(each) for each in left_out)}"
    head = f"How many times as fast as {clean(to)}" if faster else f"Time against {clean(to)}"
    title(ax, theme, head, below)
    words = "times as fast" if faster else "times as long"
    ax.set_xlabel(words, fontsize=9, color=theme.muted)
    return finish(ax)


def _name(ax: Axes, theme: Theme, names: list[str]) -> None:
    """Write the names of the bars."""
    ax.set_yticks(range(len(names)), [clean(name) for name in names])
    ax.tick_params(axis="y", labelsize=9, labelcolor=theme.ink)
    for text in ax.get_yticklabels():
        literal(text)


def _draw_longer(ax: Axes, theme: Theme, rows: list[Row], to: str) -> None:
    """Draw how many times as long each takes, on an axis of logarithms."""
    for at, (name, ratios, seconds) in enumerate(rows):
        middle = float(np.median(ratios))
        ax.barh(at, middle, height=_BAR, color=_GREEN if name == to else theme.waiting)
        ax.plot([min(ratios), max(ratios)], [at, at], color=theme.ink, linewidth=1.2)
        words = f"  {say_ratio(middle)}" if name != to else "  1"
        look: dict[str, Any] = {"va": "center", "fontsize": 9}
        bold = ax.text(max(ratios), at, words, color=theme.ink, fontweight="bold", **look)
        ax.annotate(
            f"   {format_duration(seconds)} an item",
            (1, 0.5),
            xycoords=bold,
            color=theme.muted,
            **look,
        )
    ax.set_xscale("log")
    least = min(0.5, *(0.6 * min(ratios) for _, ratios, _ in rows))
    most = max(max(ratios) for _, ratios, _ in rows)
    room = min(30, (most / least) ** 1.2)  # for the words: about half of the axis, or less
    ax.set_xlim(left=least, right=room * most)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}x"))
    ax.xaxis.set_minor_locator(NullLocator())


def _draw_faster(
    ax: Axes,
    theme: Theme,
    rows: list[Row],
    to: str,
    steady: dict[str, tuple[float, float]],
    cores: int | None,
) -> str:
    """Draw how many times as fast each is, from 0; give what the caption says of it."""
    bars = [(name, [1 / each for each in ratios], seconds) for name, ratios, seconds in rows]
    reached = [*(max(ratios) for _, ratios, _ in bars), *(ratio for ratio, _ in steady.values())]
    most = max(*reached, cores or 0)
    ax.set_xlim(0, 1.04 * most)
    for at, (name, ratios, seconds) in enumerate(bars):
        middle = end = float(np.median(ratios))
        colour = theme.waiting if name == to else _GREEN
        words = "1" if name == to else f"{middle:.2f} times as fast"
        more = f"{format_duration(seconds)} an item"
        ax.barh(at, middle, height=_BAR, color=colour)
        if name != to and name in steady:
            ratio, startup = steady[name]
            end = max(middle, ratio)
            ax.barh(at, end - middle, left=middle, height=_BAR, color=colour, alpha=0.35)
            more += f"; {ratio:.2f} times without a start of {format_duration(startup)}"
        ax.plot([min(ratios), max(ratios)], [at, at], color=theme.ink, linewidth=1.2)
        if middle < _SHORT * most:
            _write(ax, (end, at), words, more, theme.ink)
        else:  # green is no darker on a dark page
            _write(ax, (0.0, at), words, more, theme.ink if name == to else LIGHT.ink)
    ax.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}x" if value else "0"))
    base = next(seconds for name, _, seconds in rows if name == to)
    told = f" of {format_duration(base)} with {clean(to)}"
    if cores:
        ax.axvline(cores, color=theme.muted, linewidth=1.0, linestyle=(0, (4, 3)))
        told += f"; {cores} core{'s' if cores > 1 else ''}, the dashed line"
    told += "\nmedians of ratios, lines from least to most"
    return told + ("; lighter: without what passes before the first item" if steady else "")


def _write(ax: Axes, place: tuple[float, float], words: str, more: str, colour: str) -> None:
    """Write two lines beside a place, the first one bold."""
    look: dict[str, Any] = {"textcoords": "offset points", "va": "center", "color": colour}
    x, y = place
    ax.annotate(words, (x, y + _TEXT), (9, 0), fontsize=11, fontweight="bold", **look)
    ax.annotate(more, (x, y - _TEXT), (9, 0), fontsize=8.5, **look)


def _steady(each: pd.DataFrame, to: str) -> dict[str, tuple[float, float]]:
    """Give how many times as fast each is after its start, and how long that is, if told."""
    if "startup" not in each.columns or each["startup"].isna().any():
        return {}
    taken = each.groupby("strategy")["startup"].median()
    rows = _rows(each.assign(value=(each["seconds"] - each["startup"]) / each["n"]), to)
    return {name: (1 / float(np.median(ratios)), float(taken[name])) for name, ratios, _ in rows}


def _shared(each: pd.DataFrame, to: str) -> int:
    """Give the most items that the most strategies were measured at, `to` among them."""
    sharing = each.groupby("n")["strategy"].nunique()
    own = sharing[sharing.index.isin(each.loc[each["strategy"] == to, "n"])]
    return int(own[own == own.max()].index.max())


def _rows(each: pd.DataFrame, to: str) -> list[Row]:
    """Give each strategy's name, ratios and seconds an item, the slowest first."""
    value = each.groupby(["strategy", "repeat"])["value"].median()
    base, rows = value[to], []
    for name in dict.fromkeys(each["strategy"]):
        own = value[name]
        ratios = [float(own[at] / base[at]) for at in own.index.intersection(base.index)]
        if ratios:
            rows.append((name, ratios, float(own.median())))
    return sorted(rows, key=lambda row: -float(np.median(row[1])))

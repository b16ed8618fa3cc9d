"""How many times faster one way is than others, as bars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import FuncFormatter, NullLocator

from attune_nb.charts.curves import OURS
from attune_nb.charts.frames import bench_of, drawable
from attune_nb.charts.page import finish, new_axes, say_count, say_ratio, title
from attune_nb.charts.style import clean, literal
from attune_nb.results.spans import say_duration

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["speedup"]


def speedup(
    df: pd.DataFrame, ax: Axes | None = None, *, dark: bool = False, to: str = OURS
) -> Figure:
    """Draw how much longer each way takes than one of them, on the most context.

    All bars are of one number of items: the most that all strategies of the frame share, or,
    where they share none, the one that most of them have; who was not measured there is named
    as left out. The ratio is taken within each repeat, where both sides met the same machine; the
    bar is the median of the ratios, the line on it reaches from the least to the most.

    Args:
        df: What `attune_nb.bench.clone` or `.fanout` gave.
        ax: Where to draw; by default on a new figure.
        dark: Whether the chart will stand on a dark page.
        to: The strategy that the others are held against.

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
    rows = _rows(each[each["n"] == count], to)
    names = [name for name, _, _ in rows]
    if names == [to] and set(every["strategy"]) != {to}:
        raise ValueError(f"the frame lacks another strategy at the {count:,} items of `{to}`")
    left_out = [name for name in dict.fromkeys(every["strategy"]) if name not in names]
    ax, theme = new_axes(ax, dark=dark)
    ax.grid(visible=False)
    for at, (name, ratios, seconds) in enumerate(rows):
        colour = "#009E73" if name == to else theme.waiting
        middle = float(np.median(ratios))
        ax.barh(at, middle, height=0.62, color=colour)
        ax.plot([min(ratios), max(ratios)], [at, at], color=theme.ink, linewidth=1.2)
        words = f"  {say_ratio(middle)}" if name != to else "  1"
        look: dict[str, Any] = {"va": "center", "fontsize": 9}
        bold = ax.text(max(ratios), at, words, color=theme.ink, fontweight="bold", **look)
        ax.annotate(
            f"   {say_duration(seconds)} an item",
            (1, 0.5),
            xycoords=bold,
            color=theme.muted,
            **look,
        )
    ax.set_yticks(range(len(rows)), [clean(name) for name, _, _ in rows])
    for text in ax.get_yticklabels():
        literal(text)
    ax.tick_params(axis="y", labelsize=9, labelcolor=theme.ink)
    ax.set_xscale("log")
    least = min(0.5, *(0.6 * min(ratios) for _, ratios, _ in rows))
    most = max(max(ratios) for _, ratios, _ in rows)
    room = min(30, (most / least) ** 1.2)  # for the words: about half of the axis, or less
    ax.set_xlim(left=least, right=room * most)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}x"))
    ax.xaxis.set_minor_locator(NullLocator())
    things = "contexts made" if bench == "clone" else "items"
    what = f"{say_count(float(count))} {things}, {say_count(float(size))} in the context"
    below = f"{what}; medians of ratios, least to most"
    if left_out:
        missing = ", ".join(clean(name) for name in left_out)
        below += f"\nleft out, not measured there: {missing}"
    title(ax, theme, f"Time against {clean(to)}", below)
    ax.set_xlabel("times as long", fontsize=9, color=theme.muted)
    return finish(ax)


def _shared(each: pd.DataFrame, to: str) -> int:
    """Give the most items that the most strategies were measured at, `to` among them."""
    sharing = each.groupby("n")["strategy"].nunique()
    own = sharing[sharing.index.isin(each.loc[each["strategy"] == to, "n"])]
    return int(own[own == own.max()].index.max())


def _rows(each: pd.DataFrame, to: str) -> list[tuple[str, list[float], float]]:
    """Give each strategy's name, ratios and seconds an item, the slowest first."""
    value = each.groupby(["strategy", "repeat"])["value"].median()
    base, rows = value[to], []
    for name in dict.fromkeys(each["strategy"]):
        own = value[name]
        ratios = [float(own[at] / base[at]) for at in own.index.intersection(base.index)]
        if ratios:
            rows.append((name, ratios, float(own.median())))
    return sorted(rows, key=lambda row: -float(np.median(row[1])))

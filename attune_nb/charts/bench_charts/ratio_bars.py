"""Bars of how many times as long one strategy takes as another, or how many times as fast it is."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from attune_nb.charts.axes import (
    figure_of,
    format_count,
    format_ratio,
    prepare_axes,
    write_title,
)
from attune_nb.charts.bench_charts.sides import OURS
from attune_nb.charts.bench_charts.validate import check_bench, select_rows
from attune_nb.charts.style import ON_COLOUR, SMALL_TEXT, clean_text, disable_mathtext
from attune_nb.results.durations import format_duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from attune_nb.charts.style import Theme

__all__ = ["speedup"]

_GREEN = "#009E73"
_BAR = 0.62  # rows: the thickness of a bar
_TEXT = 0.11  # rows: the distance of each line of a bar's text from its middle

# the width below which a bar has no space for its text, as a share of the axis
_SHORT = 0.36


@dataclasses.dataclass(frozen=True)
class _Row:
    """A strategy with its ratios, one for each repeat, and its seconds for one item."""

    strategy: str
    ratios: list[float]
    seconds: float

    @property
    def median(self) -> float:
        """The median of the ratios."""
        return float(np.median(self.ratios))

    def invert(self) -> _Row:
        """Return the row with ratios of speed instead of time."""
        return dataclasses.replace(self, ratios=[1 / ratio for ratio in self.ratios])


@dataclasses.dataclass(frozen=True)
class _Startup:
    """How many times as fast a strategy is after its start, and the seconds of the start."""

    ratio: float
    seconds: float


def speedup(
    df: pd.DataFrame,
    ax: Axes | None = None,
    *,
    dark: bool | None = None,
    to: str = OURS,
    faster: bool = False,
    cores: int | None = None,
) -> Figure:
    """Draw how many times as long each strategy takes as one of them, on the largest context.

    All bars are of one number of items: the most that all strategies of the frame share. If they
    share none, it is the number that most of them have, and the others are named as left out. The
    ratio is taken within each repeat, when both sides met the same machine. The bar is the median
    of the ratios, and the line on it reaches from the least to the most.

    Args:
        df: A frame of `attune_nb.bench.clone` or `.fanout`. It may have a column `startup`, the
            part of `seconds` before the first item began. With `faster`, a lighter part of the
            bar shows the ratio without it.
        ax: The axes to draw on; by default those of a new figure.
        dark: Whether the chart is for a dark page; by default it is light or dark as its page.
        to: The strategy that the others are compared with.
        faster: Draw how many times as fast each is instead, the fastest on top.
        cores: The number of cores, with `faster`: a line marks that many times as fast.

    Raises:
        ValueError: The frame lacks a column or a row to draw; that strategy was not measured; or no
            other one was measured with as many items.
    """
    bench = check_bench(df)
    measured = select_rows(df, "seconds", above_zero=("n", "seconds"))
    drawn = _select_drawn(measured, to)
    rows = _make_rows(drawn, to)
    names = [row.strategy for row in rows]
    count = int(drawn["n"].iloc[0])
    if names == [to] and set(measured["strategy"]) != {to}:
        raise ValueError(f"the frame lacks another strategy at the {count:,} items of `{to}`")

    ax, theme = prepare_axes(ax, dark=dark)
    ax.grid(visible=False)
    counted = "contexts made" if bench == "clone" else "items"
    caption = f"{format_count(float(count))} {counted}"
    size = drawn["size"].iloc[0]
    if size or bench:
        # otherwise the frame is of something that has no context
        caption += f", {format_count(float(size))} in the context"

    if faster:
        startups = _measure_startups(drawn, to)
        _draw_faster(ax, theme, [row.invert() for row in rows], to, startups, cores)
        caption += _faster_caption(rows, to, cores, has_startups=bool(startups))
        title = f"How many times as fast as {clean_text(to)}"
        unit = "times as fast"
    else:
        _draw_longer(ax, theme, rows, to)
        caption += "; medians of ratios, least to most"
        title = f"Time against {clean_text(to)}"
        unit = "times as long"

    _write_names(ax, theme, names)
    left_out = [name for name in dict.fromkeys(measured["strategy"]) if name not in names]
    if left_out:
        caption += f"\nleft out, not measured there: {', '.join(map(clean_text, left_out))}"
    write_title(ax, theme, title, caption)
    ax.set_xlabel(unit, fontsize=9, color=theme.muted)
    return figure_of(ax)


def _select_drawn(measured: pd.DataFrame, to: str) -> pd.DataFrame:
    """Return the rows that are drawn, with the column `value`: the seconds for one item.

    Raises:
        ValueError: The frame has no repeats, or does not have the strategy `to`.
    """
    if "repeat" not in measured.columns:
        raise ValueError("the frame lacks the column `repeat`")
    if to not in set(measured["strategy"]):
        raise ValueError(f"`{to}` is not among the strategies that were measured")

    size = measured.loc[measured["strategy"] == to, "size"].max()
    rows = measured[measured["size"] == size]
    rows = rows.assign(value=rows["seconds"] / rows["n"])
    drawn: pd.DataFrame = rows[rows["n"] == _find_shared_count(rows, to)]
    return drawn


def _find_shared_count(rows: pd.DataFrame, to: str) -> int:
    """Return the most items that the most strategies were measured at, `to` among them."""
    sharing = rows.groupby("n")["strategy"].nunique()
    counts = rows.loc[rows["strategy"] == to, "n"]
    sharing = sharing[sharing.index.isin(counts)]
    return int(sharing[sharing == sharing.max()].index.max())


def _make_rows(drawn: pd.DataFrame, to: str) -> list[_Row]:
    """Return a row for each strategy, the slowest first."""
    values = drawn.groupby(["strategy", "repeat"])["value"].median()
    base = values[to]

    rows = []
    for name in dict.fromkeys(drawn["strategy"]):
        own = values[name]
        shared = own.index.intersection(base.index)
        ratios = [float(own[repeat] / base[repeat]) for repeat in shared]
        if ratios:
            rows.append(_Row(name, ratios, float(own.median())))

    return sorted(rows, key=lambda row: -row.median)


def _measure_startups(drawn: pd.DataFrame, to: str) -> dict[str, _Startup]:
    """Return how fast each strategy is after its start, or nothing if starts were not measured."""
    if "startup" not in drawn.columns or drawn["startup"].isna().any():
        return {}

    seconds = drawn.groupby("strategy")["startup"].median()
    after_start = drawn.assign(value=(drawn["seconds"] - drawn["startup"]) / drawn["n"])
    startups = {}
    for row in _make_rows(after_start, to):
        startups[row.strategy] = _Startup(1 / row.median, float(seconds[row.strategy]))
    return startups


def _write_names(ax: Axes, theme: Theme, names: list[str]) -> None:
    """Write the names of the bars."""
    ax.set_yticks(range(len(names)), [clean_text(name) for name in names])
    ax.tick_params(axis="y", labelsize=9, labelcolor=theme.ink)
    for text in ax.get_yticklabels():
        disable_mathtext(text)


def _format_tick(ratio: float) -> str:
    """Return a ratio on the axis: `0.1`, `10`, `10k`."""
    return format_count(ratio) if ratio >= 1 else f"{ratio:g}"


def _draw_longer(ax: Axes, theme: Theme, rows: list[_Row], to: str) -> None:
    """Draw how many times as long each strategy takes, on a logarithmic axis."""
    for index, row in enumerate(rows):
        colour = _GREEN if row.strategy == to else theme.waiting
        most = max(row.ratios)
        ax.barh(index, row.median, height=_BAR, color=colour)
        ax.plot([min(row.ratios), most], [index, index], color=theme.ink, linewidth=1.2)

        ratio = "1" if row.strategy == to else format_ratio(row.median)
        ratio_text = ax.text(
            most,
            index,
            f"  {ratio}",
            color=theme.ink,
            fontweight="bold",
            va="center",
            fontsize=9,
        )
        ax.annotate(
            f"   {format_duration(row.seconds)} an item",
            (1, 0.5),
            xycoords=ratio_text,
            color=theme.muted,
            va="center",
            fontsize=9,
        )

    ax.set_xscale("log")
    least = min(0.5, *(0.6 * min(row.ratios) for row in rows))
    most = max(max(row.ratios) for row in rows)
    # for the text: about half of the axis, or less
    space = min(30, (most / least) ** 1.2)
    ax.set_xlim(left=least, right=space * most)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _format_tick(value)))
    ax.xaxis.set_minor_locator(NullLocator())


def _draw_faster(
    ax: Axes,
    theme: Theme,
    rows: list[_Row],
    to: str,
    startups: dict[str, _Startup],
    cores: int | None,
) -> None:
    """Draw how many times as fast each strategy is, from 0."""
    most = max(_ends_of_bars(rows, startups, cores))
    ax.set_xlim(0, 1.04 * most)
    for index, row in enumerate(rows):
        startup = None
        if row.strategy != to:
            startup = startups.get(row.strategy)

        colour = theme.waiting if row.strategy == to else _GREEN
        end = row.median
        ax.barh(index, row.median, height=_BAR, color=colour)
        if startup is not None:
            end = max(row.median, startup.ratio)
            lighter = end - row.median
            ax.barh(index, lighter, left=row.median, height=_BAR, color=colour, alpha=0.35)
        ends = [min(row.ratios), max(row.ratios)]
        ax.plot(ends, [index, index], color=theme.ink, linewidth=1.2)

        ratio = "1" if row.strategy == to else f"{row.median:.2f} times as fast"
        if row.median < _SHORT * most:
            text_x = end
            text_colour = theme.ink
        else:
            text_x = 0.0
            # green is no darker on a dark page
            text_colour = theme.ink if row.strategy == to else ON_COLOUR
        _write_bar_text(ax, (text_x, index), ratio, _format_times(row, startup), text_colour)

    ax.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}x" if value else "0"))
    if cores:
        ax.axvline(cores, color=theme.muted, linewidth=1.0, linestyle=(0, (4, 3)))


def _ends_of_bars(
    rows: list[_Row], startups: dict[str, _Startup], cores: int | None
) -> Sequence[float]:
    """Return how far the bars, their lighter parts and the line of the cores reach."""
    ends = [max(row.ratios) for row in rows]
    ends += [startup.ratio for startup in startups.values()]
    if cores:
        ends.append(cores)
    return ends


def _format_times(row: _Row, startup: _Startup | None) -> str:
    """Return the second line of a bar's text: the time of an item, and the start."""
    text = f"{format_duration(row.seconds)} an item"
    if startup is None:
        return text
    start = format_duration(startup.seconds)
    return f"{text}; {startup.ratio:.2f} times without a start of {start}"


def _write_bar_text(
    ax: Axes, place: tuple[float, float], ratio: str, times: str, colour: str
) -> None:
    """Write the two lines of a bar's text beside a place, the first one bold."""
    x, y = place
    ax.annotate(
        ratio,
        (x, y + _TEXT),
        (9, 0),
        fontsize=11,
        fontweight="bold",
        textcoords="offset points",
        va="center",
        color=colour,
    )
    ax.annotate(
        times,
        (x, y - _TEXT),
        (9, 0),
        fontsize=SMALL_TEXT,
        textcoords="offset points",
        va="center",
        color=colour,
    )


def _faster_caption(rows: list[_Row], to: str, cores: int | None, *, has_startups: bool) -> str:
    """Return the part of the caption that explains bars of speed."""
    seconds = {row.strategy: row.seconds for row in rows}
    caption = f" of {format_duration(seconds[to])} with {clean_text(to)}"

    if cores:
        plural = "s" if cores > 1 else ""
        caption += f"; {cores} core{plural}, the dashed line"

    caption += "\nmedians of ratios, lines from least to most"
    if has_startups:
        caption += "; lighter: without what passes before the first item"
    return caption

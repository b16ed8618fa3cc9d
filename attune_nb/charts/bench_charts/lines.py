"""Charts of measurements with a line for each strategy, and a band for its spread.

All take a tidy frame of `attune_nb.bench`, with the columns bench, strategy, size, n, seconds,
bytes and repeat. The column `bench` may be missing. Rows without a figure, or whose figure has no
logarithm, are left out. Medians of the repeats are drawn, with bands from the least to the most.
Nothing is drawn that was not measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune_nb.charts.axes import (
    figure_of,
    format_bytes,
    format_count,
    format_ratio,
    prepare_axes,
)
from attune_nb.charts.bench_charts.captions import describe_marks, format_range
from attune_nb.charts.bench_charts.line_chart import (
    annotate_ratio,
    draw_lines,
    set_ticks,
    write_texts,
)
from attune_nb.charts.bench_charts.sides import OURS
from attune_nb.charts.bench_charts.validate import check_bench, select_rows
from attune_nb.results.durations import format_duration

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from attune_nb.charts.bench_charts.line_chart import XColumn

__all__ = ["clone_cost", "memory", "scaling"]

_CONTEXT = "elements or characters in the context"

# the title and the name of the y axis of a chart of bytes, by the measurement
_MEMORY_TEXTS = {
    "clone": ("What one item's context holds", "bytes for one item"),
    "fanout": ("The most memory that a fan-out took", "bytes at the peak"),
    "crossing": ("What crosses the wire for one more item", "bytes for one more item"),
    "": ("The memory that was measured", "bytes"),
}


def clone_cost(df: pd.DataFrame, ax: Axes | None = None, *, dark: bool | None = None) -> Figure:
    """Draw the cost of one item's context by the context's size, on logarithmic axes.

    Args:
        df: A frame of `attune_nb.bench.clone`.
        ax: The axes to draw on; by default those of a new figure.
        dark: Whether the chart is for a dark page; by default it is light or dark as its page.

    Raises:
        ValueError: The frame lacks a column or a row to draw, or is of another measurement.
    """
    check_bench(df, "clone")
    rows = select_rows(df, "seconds", above_zero=("n", "seconds"))
    rows = rows.assign(value=rows["seconds"] / rows["n"])

    ax, theme = prepare_axes(ax, dark=dark)
    lines = draw_lines(ax, theme, rows, "size")
    set_ticks(ax, rows["size"], "size", format_x=format_count, format_y=format_duration)
    annotate_ratio(ax, theme, lines)
    write_texts(
        ax,
        theme,
        "What it costs to give one item its context",
        x=_CONTEXT,
        y="time for one item",
        captions=describe_marks(rows, "size"),
    )
    return figure_of(ax)


def memory(df: pd.DataFrame, ax: Axes | None = None, *, dark: bool | None = None) -> Figure:
    """Draw the bytes of a scope, of a fan-out, or on the wire.

    Args:
        df: A frame of `attune_nb.bench.clone`, `.fanout` or `.crossing`. The x axis of a fan-out
            is its items, at the largest context. If only one number of items was measured, and
            for the other measurements, it is the context's size. A frame that does not name its
            measurement has the axis on which it has more values, and a neutral title.
        ax: The axes to draw on; by default those of a new figure.
        dark: Whether the chart is for a dark page; by default it is light or dark as its page.

    Raises:
        ValueError: The frame lacks a column or a row to draw, or has rows of several measurements.
    """
    bench = check_bench(df)
    rows = select_rows(df, "bytes")
    if bench == "crossing":
        return _draw_wire(rows, ax, dark=dark)

    x: XColumn = "size"
    x_name = _CONTEXT
    captions = []
    if bench != "clone" and _is_by_items(rows, bench):
        x = "n"
        x_name = "items"
        rows = select_rows(rows[rows["size"] == rows["size"].max()], "bytes", above_zero=("n",))
        captions = [f"{format_count(float(rows['size'].max()))} in the context"]
    elif bench == "fanout":
        captions = [f"{format_range(rows['n'])} items"]
    rows = rows.assign(value=rows["bytes"].clip(lower=1))

    ax, theme = prepare_axes(ax, dark=dark)
    lines = draw_lines(ax, theme, rows, x)
    set_ticks(ax, rows[x], x, format_x=format_count, format_y=format_bytes)
    annotate_ratio(ax, theme, lines)
    title, y_name = _MEMORY_TEXTS[bench]
    captions += describe_marks(rows, x)
    write_texts(ax, theme, title, x=x_name, y=y_name, captions=captions)
    return figure_of(ax)


def _draw_wire(rows: pd.DataFrame, ax: Axes | None, *, dark: bool | None) -> Figure:
    """Draw the bytes on the wire by the size of the context."""
    largest = format_bytes(float(rows["size"].max()))
    rows = rows.assign(value=rows["bytes"].clip(lower=1))

    ax, theme = prepare_axes(ax, dark=dark)
    draw_lines(ax, theme, rows, "size", _make_wire_formatter(rows))
    set_ticks(ax, rows["size"], "size", format_x=format_bytes, format_y=format_bytes)
    title, y_name = _MEMORY_TEXTS["crossing"]
    marks = "; ".join(describe_marks(rows, "size"))
    names = f"beside the names: with {largest} of context, and how many times what {OURS} takes"
    captions = [f"{marks}\n{names}"]
    write_texts(ax, theme, title, x="bytes of context", y=y_name, captions=captions)
    return figure_of(ax)


def _make_wire_formatter(rows: pd.DataFrame) -> Callable[[str, float, float], str]:
    """Return a function that says how many bytes a side takes, and the ratio to ours."""
    ours = rows[rows["strategy"] == OURS].groupby("size")["value"].median()

    def format_wire(name: str, size: float, value: float) -> str:
        if name == OURS or size not in ours.index:
            return f"\n{format_bytes(value)}"
        rounded = float(f"{value / ours[size]:.2g}")
        return f"\n{format_bytes(value)}, {format_ratio(rounded)} as much"

    return format_wire


def _is_by_items(rows: pd.DataFrame, bench: str) -> bool:
    """Return whether items are on the x axis: if several numbers of them were measured.

    A frame that does not name its measurement may be of scopes, made as often as there was time
    for. In such a frame the context sizes must be fewer.
    """
    counts = int(rows["n"].groupby(rows["strategy"]).nunique().max())
    if counts <= 1:
        return False
    return bench == "fanout" or int(rows["size"].nunique()) <= counts


def scaling(df: pd.DataFrame, ax: Axes | None = None, *, dark: bool | None = None) -> Figure:
    """Draw the time of a fan-out by its items, with the fitted slope of each line.

    Args:
        df: A frame of `attune_nb.bench.fanout`; the largest context is drawn.
        ax: The axes to draw on; by default those of a new figure.
        dark: Whether the chart is for a dark page; by default it is light or dark as its page.

    Raises:
        ValueError: The frame lacks a column or a row to draw, or is of another measurement.
    """
    check_bench(df, "fanout")
    rows = select_rows(df, "seconds", above_zero=("n", "seconds"))
    rows = rows[rows["size"] == rows["size"].max()]
    rows = rows.assign(value=rows["seconds"])

    ax, theme = prepare_axes(ax, dark=dark)
    lines = draw_lines(ax, theme, rows, "n")
    set_ticks(ax, rows["n"], "n", format_x=format_count, format_y=format_duration)
    annotate_ratio(ax, theme, lines)
    context = f"{format_count(float(rows['size'].max()))} in the context"
    write_texts(
        ax,
        theme,
        "The time of a fan-out, end to end",
        x="items",
        y="time",
        captions=[context, *describe_marks(rows, "n")],
    )
    return figure_of(ax)

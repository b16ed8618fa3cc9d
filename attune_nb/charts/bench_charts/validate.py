"""Checks of a frame of measurements before it is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["check_bench", "select_rows"]

_REQUIRED = ("strategy", "size", "n")


def select_rows(df: pd.DataFrame, value: str, *, above_zero: tuple[str, ...] = ()) -> pd.DataFrame:
    """Return the rows that can be drawn: those with a strategy, a size and the value.

    Args:
        df: A frame of `attune_nb.bench`.
        value: The column that is drawn.
        above_zero: Columns that must be above 0, since a logarithmic axis has no place for less.

    Raises:
        ValueError: A column is missing, or no row can be drawn. The message names it.
    """
    for name in (*_REQUIRED, value, *above_zero):
        if name not in df.columns:
            raise ValueError(f"the frame lacks the column `{name}`")

    rows = df.dropna(subset=[*_REQUIRED, value])
    for name in above_zero:
        rows = rows[rows[name] > 0]
    if rows.empty:
        positive = "".join(f", `{name}` above 0" for name in above_zero)
        raise ValueError(
            f"the frame lacks a row to draw: one with a strategy, a size, `{value}`{positive}"
        )
    return rows


def check_bench(df: pd.DataFrame, expected: str = "") -> str:
    """Return the measurement that a frame is of, or an empty string if it does not say.

    Args:
        df: A frame of `attune_nb.bench`. Its column `bench` names the measurement.
        expected: The measurement that can be drawn, if there is only one.

    Raises:
        ValueError: The frame has rows of several measurements, or of one that cannot be drawn.
    """
    if "bench" not in df.columns:
        return ""

    names = sorted(set(df["bench"].dropna()))
    if not names:
        return ""
    if len(names) > 1:
        raise ValueError(
            f"the frame has rows of {' and of '.join(names)}; draw a chart of each alone"
        )

    name = str(names[0])
    if expected and name != expected:
        raise ValueError(
            f"this chart shows a frame of bench.{expected}; the frame is of bench.{name}"
        )
    return name

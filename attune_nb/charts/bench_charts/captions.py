"""The captions of charts of measurements."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attune_nb.charts.axes import format_count
from attune_nb.results.scaling import MIN_SIZES

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["describe_marks", "format_range"]

# the spread of repeats whose band is as thin as its line, as a share of the value
_THIN_BAND = 0.04

_LEAST_SPREAD = 0.001


def format_range(values: pd.Series) -> str:
    """Return a count, or the least and the most of several."""
    least = format_count(float(np.min(values)))
    most = format_count(float(np.max(values)))
    if least == most:
        return least
    return f"{least} to {most}"


def describe_marks(rows: pd.DataFrame, x: str) -> list[str]:
    """Return the meaning of the medians, bands and slopes that the chart has.

    Args:
        rows: The rows that are drawn, with the column `value`.
        x: The column on the x axis.
    """
    values = rows.groupby(["strategy", x])["value"]
    repeats = values.size()
    spread = float((values.max() / values.min()).max()) - 1

    if repeats.max() == 1:
        captions = ["each measured once"]
    elif spread < _THIN_BAND:
        captions = [f"medians of repeats that lie within {max(spread, _LEAST_SPREAD):.1%}"]
    else:
        captions = ["medians, bands from least to most"]

    if repeats.min() == 1 < repeats.max():
        captions.append("what was measured once has no band")

    sizes = rows[rows[x] > 0].groupby("strategy")[x].nunique()
    if (sizes >= MIN_SIZES).any():
        captions.append("slope 0: constant, 1: in proportion")
    return captions

"""What a frame of measurements must have before it is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["bench_of", "drawable"]


def drawable(df: pd.DataFrame, value: str, *, above: tuple[str, ...] = ()) -> pd.DataFrame:
    """Give the rows that can be drawn: those with a strategy, a size and the value.

    Args:
        df: What `attune_nb.bench` gave.
        value: The column that is drawn.
        above: Columns that must be above 0, since an axis of logarithms has no place for less.

    Raises:
        ValueError: A column is missing, or no row is left; the message says what the frame lacks.
    """
    wanted = list(dict.fromkeys(["strategy", "size", "n", value, *above]))
    missing = [name for name in wanted if name not in df.columns]
    if missing:
        raise ValueError(f"the frame lacks the column `{missing[0]}`")
    rows = df.dropna(subset=["strategy", "size", "n", value])
    for name in above:
        rows = rows[rows[name] > 0]
    if rows.empty:
        positive = "".join(f", `{name}` above 0" for name in above)
        raise ValueError(
            f"the frame lacks a row to draw: one with a strategy, a size, `{value}`{positive}"
        )
    return rows


def bench_of(df: pd.DataFrame, wanted: str = "") -> str:
    """Give which measurement a frame is of, "clone" or "fanout"; "" where it does not say.

    Args:
        df: What `attune_nb.bench` gave; a column `bench` says which.
        wanted: The only one that can be drawn, if there is just one.

    Raises:
        ValueError: It holds rows of both, or of another one than can be drawn.
    """
    found = sorted(set(df["bench"].dropna())) if "bench" in df.columns else []
    if len(found) > 1:
        raise ValueError(f"the frame holds rows of {' and of '.join(found)}: draw each alone")
    name = str(found[0]) if found else ""
    if wanted and name and name != wanted:
        raise ValueError(f"this chart is of what bench.{wanted} gave; the frame is of bench.{name}")
    return name

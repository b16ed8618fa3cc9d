"""What `%attune bench` and `%attune metrics` show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.errors import nearest
from attune_nb.notebook.progress import Text

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from matplotlib.figure import Figure

    from attune_nb.results.run import Run

__all__ = ["BENCHES", "bench", "metrics"]

BENCHES = ("clone", "fanout")


def metrics(run: Run) -> Text:
    """Give a run's metrics and alerts as lines."""
    figures = run.metrics
    width = max(map(len, figures))
    lines = [f"{name:<{width}}  {value:,.1f}".removesuffix(".0") for name, value in figures.items()]
    return Text("\n".join([*lines, *(f"alert: {each}" for each in run.alerts)]))


def bench(words: list[str]) -> tuple[pd.DataFrame, list[Figure]]:
    """Measure, and give the figures with their charts.

    Raises:
        LookupError: There is no such measurement.
    """
    from attune_nb import bench as benches  # noqa: PLC0415 - pandas and matplotlib are heavy
    from attune_nb import charts  # noqa: PLC0415

    name = words[0] if words else ""
    if name not in BENCHES or len(words) > 1:
        raise LookupError(
            f"%attune bench takes one of {', '.join(BENCHES)}{nearest(name, BENCHES)}"
        )
    measure: Callable[[], Any] = getattr(benches, name)
    df = measure()
    if name == "clone":
        return df, [charts.clone_cost(df), charts.memory(df)]
    return df, [charts.speedup(df), charts.scaling(df)]

"""What `%attune metrics` shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune_nb.notebook.progress import Text

if TYPE_CHECKING:
    from attune_nb.results.run import Run

__all__ = ["metrics"]


def metrics(run: Run) -> Text:
    """Give a run's metrics and alerts as lines."""
    figures = run.metrics
    width = max(map(len, figures))
    lines = [f"{name:<{width}}  {value:,.1f}".removesuffix(".0") for name, value in figures.items()]
    return Text("\n".join([*lines, *(f"alert: {each}" for each in run.alerts)]))

"""Pictures of runs, and of measurements.

Their functions are imported when they are first used: the layout of a graph needs no matplotlib.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from attune_nb.charts.bench_charts.lines import clone_cost, memory, scaling
    from attune_nb.charts.bench_charts.ratio_bars import speedup
    from attune_nb.charts.graph_chart.draw import graph
    from attune_nb.charts.timeline_chart.draw import timeline

__all__ = ["clone_cost", "graph", "memory", "scaling", "speedup", "timeline"]

_MODULES = {
    "clone_cost": "bench_charts.lines",
    "graph": "graph_chart.draw",
    "memory": "bench_charts.lines",
    "scaling": "bench_charts.lines",
    "speedup": "bench_charts.ratio_bars",
    "timeline": "timeline_chart.draw",
}


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> Any:
    """Import the module of a chart when the chart is first drawn: matplotlib is slow to import."""
    if name not in _MODULES:
        raise AttributeError(f"module `attune_nb.charts` has no `{name}`")

    module = importlib.import_module(f"attune_nb.charts.{_MODULES[name]}")
    value = getattr(module, name)
    globals()[name] = value
    return value

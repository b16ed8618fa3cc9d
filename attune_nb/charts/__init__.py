"""Pictures of runs, and of measurements."""

from attune_nb.charts.bench_charts.lines import clone_cost, memory, scaling
from attune_nb.charts.bench_charts.ratio_bars import speedup
from attune_nb.charts.graph_chart.draw import graph
from attune_nb.charts.timeline_chart.draw import timeline

__all__ = ["clone_cost", "graph", "memory", "scaling", "speedup", "timeline"]

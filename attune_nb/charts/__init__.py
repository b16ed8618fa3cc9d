"""Pictures of runs, and of measurements."""

from attune_nb.charts.curves import clone_cost, memory, scaling
from attune_nb.charts.graph import graph
from attune_nb.charts.ratios import speedup
from attune_nb.charts.timeline import timeline

__all__ = ["clone_cost", "graph", "memory", "scaling", "speedup", "timeline"]

"""Pictures of runs."""

from attune_nb.charts.timeline import timeline

__all__ = ["timeline"]

"""The strategies that a chart of measurements compares."""

from __future__ import annotations

__all__ = ["BASELINES", "OURS", "find_baseline"]

OURS = "attune_nb"

BASELINES = ("deep copy", "naive context", "client.map, captured")
"""The strategies that attune_nb is compared with, one for each measurement."""


def find_baseline(strategies: list[str]) -> str | None:
    """Return the first baseline among strategies, or None if there is none."""
    for name in BASELINES:
        if name in strategies:
            return name
    return None

"""How the statuses look, wherever a run is shown."""

from __future__ import annotations

__all__ = ["COLOURS", "STATUSES"]

STATUSES = ("succeeded", "failed", "timed_out", "cancelled", "running")
"""In the order of a legend."""

COLOURS = {
    "succeeded": "#009E73",
    "failed": "#D55E00",
    "timed_out": "#E69F00",
    "cancelled": "#CC79A7",
    "running": "#56B4E9",
}
"""Okabe and Ito's colours: distinct to every kind of colour vision."""

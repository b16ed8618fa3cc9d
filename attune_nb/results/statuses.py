"""How the statuses look and read, wherever a run is shown."""

from __future__ import annotations

__all__ = ["COLOURS", "STATUSES", "say_lost"]

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


def say_lost(failed: int, cancelled: int) -> str:
    """Say how many items failed and how many were cancelled: `3 failed, 2 cancelled`, or ``."""
    counts = {"failed": failed, "cancelled": cancelled}
    return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)

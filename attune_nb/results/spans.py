"""Spans of time in words."""

from __future__ import annotations

__all__ = ["say_span"]

_UNITS = ((90.0, "s", 1.0), (5400.0, "min", 60.0))


def say_span(seconds: float) -> str:
    """Say seconds in the unit that a person would choose: `32 ms`, `1.4 s`, `2.5 min`, `3.0 h`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    for below, name, size in _UNITS:
        if seconds < below:
            return f"{seconds / size:.1f} {name}"
    return f"{seconds / 3600:.1f} h"

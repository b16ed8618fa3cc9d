"""Spans of time in words and units."""

from __future__ import annotations

__all__ = ["say_duration", "time_unit"]

_UNITS = (
    (1e-6, "ns", 1e9),
    (1e-3, "µs", 1e6),
    (1.0, "ms", 1e3),
    (120.0, "s", 1.0),
    (7200.0, "min", 1 / 60),
    (172_800.0, "h", 1 / 3600),
)


def time_unit(seconds: float) -> tuple[str, float]:
    """Choose the unit for a span of time: its name, and how many of it make a second."""
    for below, name, scale in _UNITS:
        if seconds < below:
            return name, scale
    return "d", 1 / 86_400


def say_duration(seconds: float) -> str:
    """Say a duration in its sensible unit: `420 µs`, `3.4 ms`, `320 ms`, `1.4 s`, `2.5 min`."""
    name, scale = time_unit(seconds) if seconds else ("ms", 1e3)
    value = seconds * scale
    places = 0 if value >= 100 or value == 0 else 1 if value >= 1 else 2  # noqa: PLR2004
    return f"{value:,.{places}f} {name}"

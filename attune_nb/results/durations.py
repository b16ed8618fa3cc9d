"""Durations in sensible units."""

from __future__ import annotations

__all__ = ["format_duration", "time_unit"]

# below how many seconds a unit is used, its name, and how many of it make a second
_UNITS = (
    (1e-6, "ns", 1e9),
    (1e-3, "µs", 1e6),
    (1.0, "ms", 1e3),
    (120.0, "s", 1.0),
    (7200.0, "min", 1 / 60),
    (172_800.0, "h", 1 / 3600),
)
_LARGEST_UNIT = ("d", 1 / 86_400)

# from here on a value is shown without decimal places
_THREE_DIGITS = 100


def time_unit(seconds: float) -> tuple[str, float]:
    """Return the unit for a duration: its name, and how many of it make a second."""
    for limit, name, scale in _UNITS:
        if seconds < limit:
            return name, scale
    return _LARGEST_UNIT


def format_duration(seconds: float) -> str:
    """Format a duration in a sensible unit: `420 µs`, `3.4 ms`, `320 ms`, `1.4 s`, `2.5 min`."""
    if not seconds:
        return "0 ms"

    name, scale = time_unit(seconds)
    value = seconds * scale
    if value >= _THREE_DIGITS:
        places = 0
    elif value >= 1:
        places = 1
    else:
        places = 2
    return f"{value:,.{places}f} {name}"

"""The limits of a task: how many of its items may fail, and how fast its attempts may start."""

from __future__ import annotations

import re
from math import isfinite
from typing import Any

from attune_nb.language.describe import to_integer_if_whole
from attune_nb.language.model import RateLimit

__all__ = [
    "MAX_FAILURES_FORM",
    "RATE_LIMIT_FORM",
    "format_rate",
    "make_rate_limit",
    "parse_percent",
    "parse_rate",
]

MAX_FAILURES_FORM = 'an integer of 0 or more, or a share of the items such as `"10%"`'
"""What `max_failures` must be, for messages."""

RATE_LIMIT_FORM = "`100/s`, `20/m`, `5/h`, or `{count: 100, per: 2}` (per 2 seconds)"
"""What `rate_limit` must be, for messages."""

# seconds of the units of time
_UNITS = {"s": 1, "m": 60, "h": 3600}
_RATE = re.compile(r"(\d+(?:\.\d+)?) ?/ ?([smh])")
_SHARE = re.compile(r"(\d+(?:\.\d+)?) ?%")
_MAX_TEXT_LENGTH = 40
# percent
_WHOLE = 100


def parse_percent(value: Any) -> float | None:
    """Return the number in a string such as `"10%"`, from 0 to 100; None for another value."""
    if not isinstance(value, str) or len(value) > _MAX_TEXT_LENGTH:
        return None

    match = _SHARE.fullmatch(value.strip())
    if match is None:
        return None

    percent = float(match[1])
    return percent if percent <= _WHOLE else None


def parse_rate(value: Any) -> RateLimit | None:
    """Return the limit that a string such as `100/s` stands for, or None for another value."""
    if not isinstance(value, str) or len(value) > _MAX_TEXT_LENGTH:
        return None

    match = _RATE.fullmatch(value.strip())
    if match is None or not float(match[1]):
        return None
    return make_rate_limit(float(match[1]), _UNITS[match[2]])


def make_rate_limit(count: float, per: float) -> RateLimit | None:
    """Return the limit of so many attempts in so many seconds, or None if there is no such limit.

    A whole number is an integer in it, so that equal limits have equal texts.
    """
    if count <= 0 or per <= 0 or not isfinite(count) or not isfinite(per):
        return None
    return RateLimit(count=to_integer_if_whole(count), per=to_integer_if_whole(per))


def format_rate(rate_limit: RateLimit) -> str | None:
    """Return a limit as text such as `100/s`, or None if it is not per second, minute or hour."""
    for unit, seconds in _UNITS.items():
        if rate_limit.per == seconds:
            text = f"{rate_limit.count}/{unit}"
            return text if _RATE.fullmatch(text) else None
    return None

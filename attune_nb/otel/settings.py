"""The settings of a reader that makes spans."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Literal

from attune_nb.errors import ParameterError
from attune_nb.values.describe import describe_with_value

__all__ = ["SpanSettings", "read_settings"]

_SAMPLE_PREFIX = "sample:"


@dataclass(frozen=True, kw_only=True)
class SpanSettings:
    """The settings of a reader that makes spans.

    Attributes:
        items: Which attempts get spans; "failed" stands for events of those that failed.
        sample_size: How many items of a task get spans, if `items` is "sample".
        propagate: Whether the span of a task is the current one of its attempts.
        cicd: Whether there are also the attributes of the conventions for CI/CD.
    """

    items: Literal["none", "failed", "sample", "all"] = "none"
    sample_size: int = 0
    propagate: bool = False
    cicd: bool = False


def read_settings(items: Any, *, propagate: bool, cicd: bool) -> SpanSettings:
    """Return the settings.

    Raises:
        ParameterError: `items` cannot be used.
    """
    if items == "all":
        warnings.warn(
            "`items='all'` makes a span of each attempt, which takes about 0.1 ms: 10 s for "
            "100,000 items; `items='sample:100'` makes spans of 100 items of each task",
            stacklevel=4,
        )
        return SpanSettings(items="all", propagate=propagate, cicd=cicd)
    if items in ("none", "failed"):
        return SpanSettings(items=items, propagate=propagate, cicd=cicd)

    size = ""
    if isinstance(items, str) and items.startswith(_SAMPLE_PREFIX):
        size = items.removeprefix(_SAMPLE_PREFIX)
    if not (size.isascii() and size.isdecimal() and int(size) > 0):
        raise ParameterError(
            '`items` must be "none", "failed", "all", or "sample:N" with the number of items, not '
            f"{describe_with_value(items)}"
        )
    return SpanSettings(items="sample", sample_size=int(size), propagate=propagate, cicd=cicd)

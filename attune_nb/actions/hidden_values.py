"""Secrets that an action reports with its result, so that the engine masks them in the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.values.frozen import freeze

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["HIDDEN_KEY", "take_hidden_values"]

HIDDEN_KEY = "attune_nb.hidden"
"""The key of a result under which an action reports values that must not be shown.

The engine removes it, so it is in no event, expression or record.
"""


def take_hidden_values(results: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """Return results without their hidden values, and these values."""
    plain_results = []
    hidden_values = []
    for result in results:
        plain = result
        if isinstance(result, dict) and HIDDEN_KEY in result:
            hidden_values.append(result[HIDDEN_KEY])
            plain = freeze({key: value for key, value in result.items() if key != HIDDEN_KEY})
        plain_results.append(plain)
    return plain_results, hidden_values

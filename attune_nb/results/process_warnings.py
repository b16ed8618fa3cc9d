"""Alerts about the processes of pack actions, from the `warnings` of their envelopes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from attune_nb.context import ENVELOPE_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from attune_nb.context import WorkflowContext

__all__ = ["find_process_warnings"]

# Alerts about one task.
_MAX_ALERTS = 5


def find_process_warnings(context: WorkflowContext) -> Iterator[str]:
    """Yield an alert for each kind of warning in the envelopes of a task."""
    for task, outcome in context.tasks.items():
        result = outcome.result
        if _is_envelope(result):
            warnings = Counter(_warnings_of(result))
            total = None
        elif isinstance(result, list) and result and _is_envelope(result[0]):
            warnings = Counter()
            for element in result:
                warnings.update(_warnings_of(element))
            total = len(result)
        else:
            continue

        for warning, count in warnings.most_common(_MAX_ALERTS):
            items = "" if total is None else f" ({count:,} of {total:,} items)"
            yield context.mask.text(f"`{task}`: {warning}{items}")


def _is_envelope(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() >= ENVELOPE_KEYS


def _warnings_of(value: Any) -> list[str]:
    """Return the warnings of an envelope; none of any other value."""
    if not isinstance(value, dict):
        return []
    warnings = value.get("warnings")
    if not isinstance(warnings, list):
        return []
    return [warning for warning in warnings if isinstance(warning, str)]

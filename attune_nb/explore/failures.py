"""The errors of a run's tasks as plain data: groups of items that failed in the same way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.html import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attune_nb.results.failures import ErrorGroup, FailedTask

__all__ = ["build_failures"]

# groups of a task, and of all tasks
_MAX_GROUPS = 30
_MAX_ALL_GROUPS = 300

# characters
_MAX_TITLE = 600
_MAX_DETAILS = 6_000


def build_failures(failed_tasks: Sequence[FailedTask]) -> dict[str, list[dict[str, Any]]]:
    """Return the groups of errors of each task that failed, by its path.

    Args:
        failed_tasks: As `run.failed_tasks()` returns them.

    Returns:
        Of each task a list with the most frequent error first: `title`, `count` of the items with
        this error, `index` of the first one (None for a task without items), its `item` as text,
        and `details`, the lines of the user's code. Groups beyond the limits are one last entry
        with only `hidden`, the number of their items.
    """
    free_groups = _MAX_ALL_GROUPS
    failures: dict[str, list[dict[str, Any]]] = {}
    for failed_task in failed_tasks:
        shown = failed_task.groups[: min(_MAX_GROUPS, free_groups)]
        free_groups -= len(shown)
        entries = failures.setdefault(failed_task.task, [])
        entries += [_describe(group) for group in shown]

        hidden = sum(group.count for group in failed_task.groups[len(shown) :])
        hidden += failed_task.unlisted
        if hidden:
            entries.append({"hidden": hidden})
    return failures


def _describe(group: ErrorGroup) -> dict[str, Any]:
    return {
        "title": _cut(group.title, _MAX_TITLE),
        "count": group.count,
        "index": group.index,
        "item": printable(group.item),
        "details": _cut(group.details, _MAX_DETAILS),
    }


def _cut(text: str, longest: int) -> str:
    """Return a text without control characters, and without its middle if it is too long."""
    text = printable(text)
    if len(text) <= longest:
        return text

    # the last lines of a traceback are those of the user's own code
    end = longest * 2 // 3
    return f"{text[: longest - end]}\n…\n{text[-end:]}"

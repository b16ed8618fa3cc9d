"""The lines that the actions of a run printed, as plain data: those of failures first."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from attune_nb.log_batches import severity
from attune_nb.results.log_text import clean_text

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from attune_nb.log_batches import LogColumns

    # task, visit and index
    Item = tuple[str, int, int]

__all__ = ["build_logs"]

# characters of all lines, and of one
_MAX_CHARACTERS = 300_000
_MAX_LINE = 1_000

# lines of all items, and of an item that failed: its last ones
_MAX_LINES = 10_000
_MAX_FAILED_LINES = 50


def build_logs(lines: LogColumns, failed_items: Collection[Item]) -> dict[str, Any]:
    """Return the lines of a run, as many as a page can hold, in their order.

    If they are more, the last lines of items that failed are kept first, then warnings and lines
    of standard error, then the first of the others.

    Args:
        lines: All lines.
        failed_items: The items that failed.

    Returns:
        `totals`, the number of all lines of each task; and the columns `task`, `visit`, `index`,
        `attempt`, `level` and `text`.
    """
    order = np.argsort(_rank(lines, failed_items), kind="stable")[:_MAX_LINES]
    texts = {row: clean_text(lines.text[row], _MAX_LINE) for row in order.tolist()}
    lengths = np.cumsum([len(text) + 1 for text in texts.values()], dtype=np.int64)
    count = int(np.searchsorted(lengths, _MAX_CHARACTERS, side="right"))

    rows = sorted(order[:count].tolist())
    return {
        "totals": Counter(lines.task),
        "task": [lines.task[row] for row in rows],
        "visit": [lines.visit[row] for row in rows],
        "index": [lines.index[row] for row in rows],
        "attempt": [lines.attempt[row] for row in rows],
        "level": [lines.level[row] for row in rows],
        "text": [texts[row] for row in rows],
    }


def _rank(lines: LogColumns, failed_items: Collection[Item]) -> NDArray[np.int64]:
    """Return 0 for the last lines of failed items, 1 for warnings, 2 for the others."""
    # a run has few different levels
    rank_of = {level: 1 if _is_marked(level) else 2 for level in set(lines.level)}
    ranks = np.array([rank_of[level] for level in lines.level], dtype=np.int64)
    if not failed_items:
        return ranks

    counts: Counter[Item] = Counter()
    for row in range(len(lines) - 1, -1, -1):
        item = (lines.task[row], lines.visit[row], lines.index[row])
        if item in failed_items and counts[item] < _MAX_FAILED_LINES:
            counts[item] += 1
            ranks[row] = 0
    return ranks


def _is_marked(level: str) -> bool:
    return level == "stderr" or severity(level) >= logging.WARNING

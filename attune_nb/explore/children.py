"""The runs within a run as plain data: a list for each task that runs a workflow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["build_children"]

# child runs of a task, and of all tasks
_MAX_RUNS = 500
_MAX_ALL_RUNS = 3_000

# statuses that a list begins with
_FIRST = ("failed", "timed_out", "cancelled", "interrupted")


def build_children(frame: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return the child runs of each task, by its path: those that failed first.

    Args:
        frame: As `run.children()` returns it.

    Returns:
        Of each task `total`, the number of its child runs, and `rows`: objects with `visit`,
        `index`, `attempt`, `id`, `workflow`, `status`, `seconds`, `tasks` and `failed`.
    """
    children: dict[str, dict[str, Any]] = {}
    free_rows = _MAX_ALL_RUNS
    for task, task_rows in frame.groupby("task", sort=False):
        is_later = ~task_rows["status"].isin(_FIRST)
        ordered = task_rows.loc[is_later.sort_values(kind="stable").index]
        shown = ordered.head(min(_MAX_RUNS, free_rows))
        free_rows -= len(shown)

        rows = [_describe(row) for row in shown.to_dict("records")]
        children[str(task)] = {"total": len(task_rows), "rows": rows}
    return children


def _describe(row: dict[Any, Any]) -> dict[str, Any]:
    names = ("visit", "index", "attempt", "workflow", "status", "tasks", "failed")
    described = {name: row[name] for name in names}
    return {**described, "id": row["run_id"], "seconds": row["duration_ms"] / 1000}

"""A short view of a workflow: a heading and a row for each task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from attune_nb.language.model import Task, WorkflowSpec

__all__ = ["COLUMNS", "heading", "render_text", "task_rows"]

COLUMNS = ("task", "action", "items", "next")

# Characters of an expression that are shown.
_MAX_LENGTH = 60
# Rows of the text.
_MAX_ROWS = 50
# Parameters in the heading.
_MAX_NAMES = 20


def heading(workflow: WorkflowSpec) -> str:
    """Return the workflow's name, the number of its tasks and the names of its parameters."""
    count = len(workflow.tasks)
    tasks = "1 task" if count == 1 else f"{count:,} tasks"

    names = "none"
    if workflow.parameters:
        names = ", ".join(list(workflow.parameters)[:_MAX_NAMES])
    return f"{workflow.name}: {tasks}; parameters: {names}"


def task_rows(workflow: WorkflowSpec) -> list[dict[str, str]]:
    """Return a row for each task: its path, its action, its items and the tasks that follow."""
    rows = []
    for path, task in workflow.walk():
        action = task.action
        if not action:
            action = f"{len(task.tasks)} tasks in parallel"
        items = ""
        if task.with_items is not None:
            items = _shorten(task.with_items.source)

        transitions = "; ".join(_describe_transitions(task))
        rows.append({"task": path, "action": action, "items": items, "next": transitions})
    return rows


def render_text(workflow: WorkflowSpec) -> str:
    """Return the heading and the rows, one a line."""
    rows = task_rows(workflow)
    shown = rows[:_MAX_ROWS]
    widths = dict.fromkeys(COLUMNS, 0)
    for row in shown:
        for name, cell in row.items():
            widths[name] = max(widths[name], len(cell))
    columns = [name for name in COLUMNS if widths[name]]

    lines = [heading(workflow)]
    for row in shown:
        cells = [f"{row[name]:<{widths[name]}}" for name in columns]
        lines.append("  ".join(cells).rstrip())
    if len(rows) > _MAX_ROWS:
        lines.append(f"and {len(rows) - _MAX_ROWS:,} more")

    return "\n  ".join(lines)


def _describe_transitions(task: Task) -> Iterator[str]:
    for transition in task.next:
        targets = ", ".join(transition.do) if transition.do else "nothing"
        if transition.when is None:
            yield targets
        else:
            yield f"{targets} when {_shorten(transition.when.source)}"


def _shorten(source: Any) -> str:
    if isinstance(source, list):
        return f"{len(source):,} items"

    text = " ".join(str(source).split())
    if len(text) <= _MAX_LENGTH:
        return text
    return f"{text[: _MAX_LENGTH - 1]}…"

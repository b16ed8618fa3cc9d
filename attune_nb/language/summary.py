"""A workflow at a glance: a row for each task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from attune_nb.language.model import Task, WorkflowSpec

__all__ = ["COLUMNS", "heading", "render_text", "task_rows"]

COLUMNS = ("task", "action", "items", "next")
_LONGEST = 60  # characters of an expression
_SHOWN = 50  # tasks in a text


def heading(workflow: WorkflowSpec) -> str:
    """Give the workflow's name, and what it takes."""
    count = len(workflow.tasks)
    names = ", ".join(list(workflow.parameters or {})[:20]) or "none"
    tasks = "1 task" if count == 1 else f"{count:,} tasks"
    return f"{workflow.name}: {tasks}; parameters: {names}"


def task_rows(workflow: WorkflowSpec) -> list[dict[str, str]]:
    """Give for each task its path, what it runs, over which items, and what follows."""
    return [
        {
            "task": path,
            "action": task.action or f"{len(task.tasks)} tasks in parallel",
            "items": _written(task.with_items.source) if task.with_items is not None else "",
            "next": "; ".join(_next(task)),
        }
        for path, task in workflow.walk()
    ]


def render_text(workflow: WorkflowSpec) -> str:
    """Give heading and rows as lines."""
    found = task_rows(workflow)
    shown = found[:_SHOWN]
    width = {name: max((len(row[name]) for row in shown), default=0) for name in COLUMNS}
    lines = [
        "  ".join(f"{row[name]:<{width[name]}}" for name in COLUMNS if width[name]).rstrip()
        for row in shown
    ]
    more = [f"and {len(found) - _SHOWN:,} more"] if len(found) > _SHOWN else []
    return "\n  ".join([heading(workflow), *lines, *more])


def _next(task: Task) -> Iterator[str]:
    for transition in task.next:
        when = "" if transition.when is None else f" when {_written(transition.when.source)}"
        yield f"{', '.join(transition.do) or 'nothing'}{when}"


def _written(source: Any) -> str:
    if isinstance(source, list):
        return f"{len(source):,} items"
    told = " ".join(str(source).split())
    return told if len(told) <= _LONGEST else f"{told[: _LONGEST - 1]}…"

"""Differences between two versions of a workflow, and the tasks that a change reaches."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from attune_nb.language.model import WorkflowSpec

__all__ = ["changed_tasks", "describe_changes", "reachable_tasks"]


def changed_tasks(
    before: WorkflowSpec, after: WorkflowSpec, *, ignore_transitions: bool = False
) -> list[str]:
    """Return the names of the tasks that both versions have and that differ.

    Args:
        before: The first version.
        after: The second version.
        ignore_transitions: Leave out tasks that differ only in `next`.
    """
    tasks_before = {task.name: task for task in before.tasks}
    changed = []

    for new in after.tasks:
        old = tasks_before.get(new.name)
        if old is None:
            continue

        if ignore_transitions:
            is_changed = replace(old, next=()) != replace(new, next=())
        else:
            is_changed = old != new
        if is_changed:
            changed.append(new.name)

    return changed


def describe_changes(before: WorkflowSpec, after: WorkflowSpec) -> str:
    """Return in one line which tasks of a workflow are changed, new and gone."""
    names_by_change = {
        "changed": changed_tasks(before, after),
        "new": _subtract(after.task_names, before.task_names),
        "gone": _subtract(before.task_names, after.task_names),
    }

    parts = []
    for change, names in names_by_change.items():
        if names:
            noun = "task" if len(names) == 1 else "tasks"
            quoted = ", ".join(f"`{name}`" for name in names)
            parts.append(f"{change} {noun} {quoted}")

    if not parts:
        return "its parameters, variables or output differ"
    return "; ".join(parts)


def _subtract(names: Collection[str], removed: Collection[str]) -> list[str]:
    return [name for name in names if name not in removed]


def reachable_tasks(workflow: WorkflowSpec, starts: Collection[str]) -> list[str]:
    """Return the names of the tasks that some tasks lead to, those included."""
    tasks = {task.name: task for task in workflow.tasks}
    reached = set(starts)
    pending = list(starts)

    while pending:
        task = tasks.get(pending.pop())
        if task is None:
            continue

        for transition in task.next:
            for name in transition.do:
                if name in tasks and name not in reached:
                    reached.add(name)
                    pending.append(name)

    return [name for name in tasks if name in reached]

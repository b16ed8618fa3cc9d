"""What tells two versions of a workflow apart, and what of it a change reaches."""

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
    """Give the tasks that both have and that say something else.

    Args:
        before: The one version.
        after: The other.
        ignore_transitions: Only those that do something else, not those that lead elsewhere.
    """
    then = {task.name: task for task in before.tasks}
    both = [(then[task.name], task) for task in after.tasks if task.name in then]
    if ignore_transitions:
        both = [(replace(old, next=()), replace(new, next=())) for old, new in both]
    return [new.name for old, new in both if old != new]


def describe_changes(before: WorkflowSpec, after: WorkflowSpec) -> str:
    """Say in a line what is different."""
    had, has = ([task.name for task in each.tasks] for each in (before, after))
    parts = {
        "changed": changed_tasks(before, after),
        "new": [name for name in has if name not in had],
        "gone": [name for name in had if name not in has],
    }
    said = [
        f"{what} {_counted(names)} {', '.join(f'`{name}`' for name in names)}"
        for what, names in parts.items()
        if names
    ]
    return "; ".join(said) or "its parameters, variables or output differ"


def reachable_tasks(workflow: WorkflowSpec, begun: Collection[str]) -> list[str]:
    """Give the tasks that some tasks lead to, those included."""
    found, waiting = dict.fromkeys(begun), [*begun]
    names = {task.name: task for task in workflow.tasks}
    while waiting:
        task = names.get(waiting.pop())
        for transition in task.next if task is not None else ():
            fresh = [name for name in transition.do if name in names and name not in found]
            found |= dict.fromkeys(fresh)
            waiting += fresh
    return [name for name in names if name in found]


def _counted(names: Collection[str]) -> str:
    return "task" if len(names) == 1 else "tasks"

"""What a reader of a workflow can know to be wrong before it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune_nb.errors import Position, Problem, nearest
from attune_nb.language.model import RESERVED
from attune_nb.templates.expression import NAMESPACES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from attune_nb.language.model import Task, Workflow
    from attune_nb.templates.template import Template

__all__ = ["problems"]


def problems(workflow: Workflow) -> list[Problem]:
    """Give every problem of the flow and of the names that expressions use."""
    return [*_targets(workflow), *_joins(workflow), *_reach(workflow), *_names(workflow)]


def _targets(workflow: Workflow) -> Iterator[Problem]:
    known = [task.name for task in workflow.tasks]
    for task in workflow.tasks:
        for transition in task.next:
            for name, position in zip(transition.do, transition.do_positions, strict=True):
                if name not in known and name not in RESERVED:
                    hint = nearest(name, [*known, *RESERVED])
                    yield Problem(
                        f"task `{task.name}` goes to `{name}`, which does not exist{hint}", position
                    )


def _joins(workflow: Workflow) -> Iterator[Problem]:
    for task in workflow.tasks:
        if task.join is None:
            continue
        inbound = workflow.sources(task.name)
        if task.name in inbound:
            yield Problem(f"`{task.name}` joins itself, so it could never start", task.position)
        elif isinstance(task.join, int) and task.join > len(inbound):
            yield Problem(
                f"`{task.name}` joins {task.join} tasks, but {len(inbound)} point at it",
                task.position,
            )


def _reach(workflow: Workflow) -> Iterator[Problem]:
    entries = workflow.entries()
    if not entries:
        first = workflow.tasks[0] if workflow.tasks else None
        yield Problem(
            "every task is pointed at by another, so none can start; take one `do` away",
            first.position if first else None,
        )
        return
    reached = {task.name for task in entries}
    waiting = list(entries)
    while waiting:
        for transition in waiting.pop().next:
            for name in transition.do:
                if name not in reached and name not in RESERVED:
                    reached.add(name)
                    waiting += [task for task in workflow.tasks if task.name == name]
    for task in workflow.tasks:
        if task.name not in reached:
            yield Problem(f"no task leads to `{task.name}`", task.position, "warning")


def _names(workflow: Workflow) -> Iterator[Problem]:
    published = {name for name, _ in workflow.vars}
    for task in workflow.tasks:
        published |= {name for step in task.next for name, _ in step.publish}
    tasks = {task.name for task in workflow.tasks}
    known = {
        "parameters": _declared(workflow),
        "workflow": published,
        "vars": published,
        "variables": published,
        "task": tasks,
        "tasks": tasks,
    }
    for task in workflow.tasks:
        for template in task.templates():
            inside = task.with_items is not None and template is task.input
            yield from _unknown_names(template, known, inside, task)
    shared = [template for _, template in workflow.vars]
    for template in [*shared, *([workflow.output_map] if workflow.output_map else [])]:
        yield from _unknown_names(template, known, inside=False, task=None)


def _declared(workflow: Workflow) -> set[str] | None:
    declared = workflow.parameters
    if declared is None:
        return None
    if declared.get("type") == "object" and "properties" in declared:
        return set(declared["properties"])
    return set(declared)


def _unknown_names(
    template: Template, known: dict[str, set[str] | None], inside: bool, task: Task | None
) -> Iterator[Problem]:
    variables = known["workflow"] or set()
    for path, position in template.references:
        root = path[0]
        if root in ("item", "index"):
            if not inside:
                place = (
                    f"`{task.name}`'s `input`" if task and task.with_items else "a with-items task"
                )
                yield Problem(f"`{root}` exists only within {place}", position)
        elif root in NAMESPACES:
            yield from _unknown_member(path, known.get(root), position)
        elif root not in variables:
            hint = nearest(root, [*variables, *NAMESPACES, *(("item", "index") if inside else ())])
            yield Problem(f"`{root}` is undefined{hint}", position)


def _unknown_member(
    path: tuple[str, ...], members: set[str] | None, position: Position | None
) -> Iterator[Problem]:
    if members is not None and len(path) > 1 and path[1] not in members:
        yield Problem(f"`{path[0]}` has no `{path[1]}`{nearest(path[1], members)}", position)

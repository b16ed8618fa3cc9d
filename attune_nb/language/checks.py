"""What a reader of a workflow can know to be wrong before it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune_nb.errors import Position, Problem, nearest
from attune_nb.language import declarations
from attune_nb.language.model import RESERVED
from attune_nb.templates.expression import NAMESPACES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from attune_nb.language.model import Task, Workflow
    from attune_nb.templates.template import Template

    Known = dict[str, set[str] | None]

__all__ = ["problems"]

_SYSTEM = {"workflow_start", "timestamp", "execution_id", "workflow_ref"}


def problems(workflow: Workflow) -> list[Problem]:
    """Give every problem of the flow and of the names that expressions use."""
    reached = _reached(workflow)
    return [
        *_targets(workflow),
        *_entries(workflow),
        *_joins(workflow, reached),
        *_unreached(workflow, reached),
        *_endless(workflow, reached),
        *_names(workflow),
        *_unused(workflow),
    ]


def _targets(workflow: Workflow) -> Iterator[Problem]:
    known = {task.name for task in workflow.tasks}
    for task in workflow.tasks:
        for transition in task.next:
            for name, position in zip(transition.do, transition.do_positions, strict=True):
                if name not in known and name not in RESERVED:
                    hint = nearest(name, [*known, *RESERVED])
                    yield Problem(
                        f"task `{task.name}` goes to `{name}`, which does not exist{hint}", position
                    )


def _entries(workflow: Workflow) -> Iterator[Problem]:
    if workflow.tasks and not workflow.entries():
        circle = " -> ".join(_circle(workflow, workflow.tasks[0].name))
        yield Problem(
            f"every task is pointed at by another ({circle}), so none can start; "
            "take one `do` away, or add a task that starts it all",
            workflow.tasks[0].at.name,
        )


def _circle(workflow: Workflow, name: str) -> list[str]:
    """Follow the first source of each task back, until a task comes up again."""
    way = [name]
    while True:
        source = workflow.sources(way[0])[0]
        if source in way:
            return [source, *way[: way.index(source) + 1]]
        way.insert(0, source)


def _reached(workflow: Workflow) -> set[str]:
    """Give the tasks that some way from a start leads to."""
    steps = {
        task.name: {name for transition in task.next for name in transition.do}
        for task in workflow.tasks
    }
    reached = {task.name for task in workflow.entries()}
    waiting = list(reached)
    while waiting:
        for name in steps[waiting.pop()] - reached:
            if name in steps:
                reached.add(name)
                waiting.append(name)
    return reached


def _joins(workflow: Workflow, reached: set[str]) -> Iterator[Problem]:
    for task in workflow.tasks:
        if task.join is None:
            continue
        inbound = workflow.sources(task.name)
        never = [name for name in inbound if name not in reached]
        if task.name in inbound:
            yield Problem(f"`{task.name}` joins itself, so it could never start", task.at.join)
        elif not inbound:
            yield Problem(f"`{task.name}` has a `join`, but no task points at it", task.at.join)
        elif isinstance(task.join, int) and task.join > len(inbound):
            count = f"only {len(inbound)} point{'s' * (len(inbound) == 1)} at it"
            yield Problem(
                f"`{task.name}` joins {task.join} tasks, but {count}: it could never start",
                task.at.join,
            )
        elif never and task.name in reached and task.join == "all":
            yield Problem(
                f"`{task.name}` joins `{never[0]}`, which no way leads to: it could never start",
                task.at.join,
            )


def _unreached(workflow: Workflow, reached: set[str]) -> Iterator[Problem]:
    for task in workflow.tasks if reached else ():
        if task.name not in reached:
            yield Problem(f"no way leads to `{task.name}`", task.at.name, "warning")


def _endless(workflow: Workflow, reached: set[str]) -> Iterator[Problem]:
    """Warn of a cycle in which every task goes on unconditionally: it has no way out."""
    always = {
        task.name: {
            name for transition in task.next if transition.when is None for name in transition.do
        }
        for task in workflow.tasks
    }
    told: set[str] = set()
    for start in (task for task in workflow.tasks if task.name in reached):
        way, name = [start.name], start.name
        while len(always.get(name, ())) == 1 and name not in told:
            (name,) = always[name]
            if name in way:
                circle = " -> ".join([*way[way.index(name) :], name])
                yield Problem(f"the cycle {circle} has no way out", start.at.name, "warning")
                break
            way.append(name)
        told |= set(way)


def _names(workflow: Workflow) -> Iterator[Problem]:
    published = {name for name, _ in workflow.vars}
    for task in workflow.tasks:
        published |= {name for step in task.next for name, _ in step.publish}
    tasks = {task.name for task in workflow.tasks}
    known: Known = {
        "parameters": declarations.names(workflow.parameters),
        "system": _SYSTEM,
        **dict.fromkeys(("workflow", "vars", "variables"), published),
        **dict.fromkeys(("task", "tasks"), tasks),
    }
    for _, task in workflow.walk():
        for template in task.templates():
            inside = task.with_items is not None and template is task.input
            yield from _unknown_names(template, known, task if inside else None, task)
    shared = [template for _, template in workflow.vars]
    for template in [*shared, *([workflow.output_map] if workflow.output_map else [])]:
        yield from _unknown_names(template, known, None, None)


def _unknown_names(
    template: Template, known: Known, inside: Task | None, task: Task | None
) -> Iterator[Problem]:
    variables = known["workflow"] or set()
    for path, position in template.references:
        root = path[0]
        if root in ("item", "index"):
            if inside is None:
                of_items = task is not None and task.with_items is not None
                place = (
                    f"the `input` of `{task.name}`"
                    if task and of_items
                    else "the `input` of a task with `with_items`"
                )
                yield Problem(f"`{root}` exists only within {place}", position)
        elif root in NAMESPACES:
            yield from _unknown_member(path, known.get(root), position)
        elif root not in variables:
            within = ("item", "index") if inside is not None else ()
            hint = nearest(root, [*variables, *NAMESPACES, *within])
            yield Problem(f"`{root}` is undefined{hint or _where(root, known)}", position)


def _where(name: str, known: Known) -> str:
    """Offer the namespace in which a bare name would be found."""
    for space in ("parameters", "task"):
        if name in (known[space] or ()):
            return f"; did you mean `{space}.{name}`?"
    return ""


def _unknown_member(
    path: tuple[str, ...], members: set[str] | None, position: Position | None
) -> Iterator[Problem]:
    if members is not None and len(path) > 1 and path[1] not in members:
        yield Problem(f"`{path[0]}` has no `{path[1]}`{nearest(path[1], members)}", position)


def _unused(workflow: Workflow) -> Iterator[Problem]:
    """Hint at `vars` that no expression reads."""
    templates = [template for _, task in workflow.walk() for template in task.templates()]
    templates += [template for _, template in workflow.vars]
    templates += [workflow.output_map] if workflow.output_map else []
    read: set[str] = set()
    for template in templates:
        for path, _ in template.references:
            if path[0] in ("workflow", "vars", "variables"):
                if len(path) == 1:
                    return  # all of them at once
                read.add(path[1])
            read.add(path[0])
    for (name, _), position in zip(workflow.vars, workflow.vars_positions, strict=False):
        if name not in read:
            yield Problem(f"no expression reads the variable `{name}`", position, "hint")

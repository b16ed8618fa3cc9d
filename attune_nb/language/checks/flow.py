"""What a reader of a workflow can know to be wrong before it runs."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from attune_nb.errors import Problem
from attune_nb.language.checks import names, read_order
from attune_nb.language.describe import MAX_PROBLEMS
from attune_nb.language.model import RESERVED_TARGETS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from attune_nb.language.model import Task, WorkflowSpec

__all__ = ["find_problems"]

_LONGEST_CIRCLE = 8  # names that are shown of one
_WIDEST = 10_000


def find_problems(workflow: WorkflowSpec, unclear: frozenset[str] = frozenset()) -> list[Problem]:
    """Give every problem of the flow and of the names that expressions use.

    Args:
        workflow: What to check.
        unclear: What problems of the text have left unknown (see `Reader.unclear`): nothing
            is said about what follows from it.
    """
    found: list[Iterator[Problem]] = []
    if "tasks" not in unclear:
        reached = _reached(workflow)
        found += [_targets(workflow), _entries(workflow)]
        if "ways" not in unclear:
            found += [
                _joins(workflow),
                _unreached(workflow, reached),
                read_order.find_early_reads(workflow),
            ]
        found += [_endless(workflow, reached), _wide(workflow)]
    found += [*names.find_problems(workflow, unclear), _twice(workflow), _unused(workflow)]
    return [problem for each in found for problem in itertools.islice(each, MAX_PROBLEMS)]


def _targets(workflow: WorkflowSpec) -> Iterator[Problem]:
    known = {task.name for task in workflow.tasks}
    inner = {each.name: task.name for task in workflow.tasks for each in task.tasks}
    for task in workflow.tasks:
        for transition in task.next:
            for name, position in zip(transition.do, transition.do_positions, strict=True):
                if name not in known and name not in RESERVED_TARGETS:
                    within = f"; it is within `{inner[name]}`" if name in inner else ""
                    hint = within or names.suggest_name(name, [*known, *RESERVED_TARGETS])
                    yield Problem(
                        f"task `{task.name}` goes to `{name[:80]}`, which does not exist{hint}",
                        position,
                    )


def _entries(workflow: WorkflowSpec) -> Iterator[Problem]:
    if workflow.tasks and not workflow.entries():
        circle = _told(_circle(workflow, workflow.tasks[0].name))
        yield Problem(
            f"every task is pointed at by another ({circle}), so none can start; "
            "take one `do` away, or add a task that starts it all",
            workflow.tasks[0].positions.name,
        )


def _circle(workflow: WorkflowSpec, name: str) -> list[str]:
    """Follow the first source of each task back, until a task comes up again."""
    way = {name: None}
    while (source := workflow.sources(name)[0]) not in way:
        way[name := source] = None
    back = list(way)
    return [source, *reversed(back[back.index(source) + 1 :]), source]


def _told(circle: list[str]) -> str:
    shown = circle if len(circle) <= _LONGEST_CIRCLE else [*circle[:4], "...", *circle[-2:]]
    return " -> ".join(shown)


def _reached(workflow: WorkflowSpec) -> set[str]:
    """Give the tasks that some way from a start leads to."""
    steps = _steps(workflow)
    reached = {task.name for task in workflow.entries()}
    waiting = list(reached)
    while waiting:
        for name in steps[waiting.pop()] - reached:
            reached.add(name)
            waiting.append(name)
    return reached


def _steps(workflow: WorkflowSpec, *, always: bool = False) -> dict[str, set[str]]:
    """Give the tasks that each task points at (`always`: whatever happens)."""
    known = {task.name for task in workflow.tasks}
    return {
        task.name: {
            name
            for transition in task.next
            if not always or transition.when is None or transition.when.source is True
            for name in transition.do
            if name in known
        }
        for task in workflow.tasks
    }


def _startable(workflow: WorkflowSpec) -> set[str]:
    """Give the tasks that can start, if every condition holds."""
    steps, wanted = _steps(workflow), {}
    for task in workflow.tasks:
        inbound = workflow.sources(task.name)
        wanted[task.name] = len(inbound) if task.join == "all" else int(task.join or 1)
    startable = {task.name for task in workflow.entries()}
    waiting = list(startable)
    while waiting:
        for name in steps[waiting.pop()]:
            wanted[name] -= 1
            if wanted[name] == 0:
                startable.add(name)
                waiting.append(name)
    return startable


def _joins(workflow: WorkflowSpec) -> Iterator[Problem]:
    startable = _startable(workflow)
    for task in workflow.tasks:
        if task.join is None:
            continue
        name, inbound = task.name, workflow.sources(task.name)
        if not inbound:
            yield Problem(f"`{name}` has a `join`, but no task points at it", task.positions.join)
        elif isinstance(task.join, int) and task.join > len(inbound):
            count = f"only {len(inbound)} point{'s' * (len(inbound) == 1)} at it"
            yield Problem(
                f"`{name}` joins {task.join} tasks, but {count}: it could never start",
                task.positions.join,
            )
        elif name not in startable and startable & set(inbound):
            yield Problem(
                f"{_never(workflow, task, startable)}: it could never start", task.positions.join
            )


def _never(workflow: WorkflowSpec, task: Task, startable: set[str]) -> str:
    """Say why a join that some task arrives at can never be met."""
    inbound = workflow.sources(task.name)
    if task.name in inbound:
        return f"`{task.name}` joins itself"
    other = next(name for name in inbound if name not in startable)
    if other in _reached(workflow):
        return f"`{task.name}` joins `{other}`, which comes only after it or another such join"
    return f"`{task.name}` joins `{other}`, which no way leads to"


def _unreached(workflow: WorkflowSpec, reached: set[str]) -> Iterator[Problem]:
    for task in workflow.tasks if reached else ():
        if task.name not in reached:
            yield Problem(f"no way leads to `{task.name}`", task.positions.name, "warning")


def _endless(workflow: WorkflowSpec, reached: set[str]) -> Iterator[Problem]:
    """Warn of a cycle in which every task goes on unconditionally: it has no way out."""
    steps = {name: sorted(each) for name, each in _steps(workflow, always=True).items()}
    tasks = {task.name: task for task in workflow.tasks}
    done: set[str] = set()
    for start in tasks:
        way: dict[str, Iterator[str]] = {}
        if start in reached and start not in done:
            way[start] = iter(steps[start])
        while way:
            last = next(reversed(way))
            name = next((each for each in way[last] if each not in done), None)
            if name is None:
                done.add(last)
                del way[last]
            elif name in way:
                circle = list(way)[list(way).index(name) :]
                yield Problem(
                    f"the cycle {_told([*circle, name])} has no way out",
                    tasks[name].positions.name,
                    "warning",
                )
                done |= set(circle)
            elif tasks[name].join in (None, 1):
                way[name] = iter(steps[name])
            else:
                done.add(name)  # a join waits for others: it does not go round by itself


def _wide(workflow: WorkflowSpec) -> Iterator[Problem]:
    for _, task in workflow.walk():
        width = task.concurrency.source if task.concurrency else None
        if isinstance(width, int) and width > _WIDEST:
            yield Problem(
                f"no more than the backend's workers run at once, whatever `concurrency` says "
                f"({width:,})"[:200],
                task.positions.concurrency,
                "hint",
            )


def _twice(workflow: WorkflowSpec) -> Iterator[Problem]:
    """Warn of a list of `vars` that has a name again: the later value counts."""
    seen: set[str] = set()
    for (name, _), position in zip(workflow.vars, workflow.vars_positions, strict=False):
        if name in seen:
            message = f"`vars` gives `{name}` a value again; only the last one counts"
            yield Problem(message, position, "warning")
        seen.add(name)


def _unused(workflow: WorkflowSpec) -> Iterator[Problem]:
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

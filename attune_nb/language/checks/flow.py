"""Find the problems of a workflow's flow that can be known before it runs."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from attune_nb.errors import Problem
from attune_nb.language.checks import names, questions, read_order
from attune_nb.language.describe import MAX_PROBLEMS
from attune_nb.language.model import RESERVED_TARGETS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from attune_nb.errors import Position
    from attune_nb.language.model import Task, Transition, WorkflowSpec

__all__ = ["find_problems"]

# Names of a cycle that are shown.
_MAX_CYCLE_LENGTH = 8
# A concurrency above this is probably a mistake.
_MAX_CONCURRENCY = 10_000


def find_problems(workflow: WorkflowSpec, unclear: frozenset[str] = frozenset()) -> list[Problem]:
    """Return the problems of the flow and of the names that expressions use.

    Args:
        workflow: The workflow to check.
        unclear: The parts that problems of the text have left unknown (see `FieldReader`).
            Problems that would follow from them are left out.
    """
    checks: list[Iterator[Problem]] = []
    if "tasks" not in unclear:
        reached = _reached_tasks(workflow)
        checks += [_check_targets(workflow), _check_entries(workflow)]
        if "ways" not in unclear:
            checks += [
                _check_joins(workflow),
                _check_unreached(workflow, reached),
                read_order.find_early_reads(workflow),
            ]
        checks += [_check_endless_cycles(workflow, reached), _check_concurrency(workflow)]

    checks += names.find_problems(workflow, unclear)
    checks += [_check_repeated_vars(workflow), _check_unused_vars(workflow)]
    checks.append(questions.find_text_conditions(workflow))

    problems: list[Problem] = []
    for check in checks:
        problems += itertools.islice(check, MAX_PROBLEMS)
    return problems


def _check_targets(workflow: WorkflowSpec) -> Iterator[Problem]:
    targets = {*workflow.task_names, *RESERVED_TARGETS}

    for task, name, position in _walk_targets(workflow):
        if name not in targets:
            hint = _suggest_target(workflow, name)
            message = f"task `{task.name}` goes to `{name[:80]}`, which does not exist{hint}"
            yield Problem(message, position)


def _walk_targets(workflow: WorkflowSpec) -> Iterator[tuple[Task, str, Position | None]]:
    """Yield every target with the task that leads to it, and its position."""
    for task in workflow.tasks:
        for transition in task.next:
            for name, position in zip(transition.do, transition.do_positions, strict=True):
                yield task, name, position


def _suggest_target(workflow: WorkflowSpec, name: str) -> str:
    for task in reversed(workflow.tasks):
        if any(inner.name == name for inner in task.tasks):
            return f"; it is within `{task.name}`"

    return names.suggest_name(name, [*workflow.task_names, *RESERVED_TARGETS])


def _check_entries(workflow: WorkflowSpec) -> Iterator[Problem]:
    if not workflow.tasks or workflow.entries():
        return

    first = workflow.tasks[0]
    cycle = _format_cycle(_find_cycle(workflow, first.name))
    yield Problem(
        f"every task is the target of another ({cycle}), so none can start; "
        f"write `start: true` below `name: {first.name}` to begin there, or remove one `do`",
        first.positions.name,
    )


def _find_cycle(workflow: WorkflowSpec, name: str) -> list[str]:
    """Follow the first source of each task back, until a task comes up again."""
    indexes = {name: 0}
    source = workflow.sources(name)[0]
    while source not in indexes:
        indexes[source] = len(indexes)
        source = workflow.sources(source)[0]

    names_back = list(indexes)[indexes[source] + 1 :]
    return [source, *reversed(names_back), source]


def _format_cycle(cycle: list[str]) -> str:
    if len(cycle) > _MAX_CYCLE_LENGTH:
        cycle = [*cycle[:4], "...", *cycle[-2:]]
    return " -> ".join(cycle)


def _reached_tasks(workflow: WorkflowSpec) -> set[str]:
    """Return the names of the tasks that some path from an entry leads to."""
    targets = _targets_by_task(workflow)
    reached = {task.name for task in workflow.entries()}
    pending = list(reached)

    while pending:
        for name in targets[pending.pop()] - reached:
            reached.add(name)
            pending.append(name)
    return reached


def _targets_by_task(workflow: WorkflowSpec, *, certain: bool = False) -> dict[str, set[str]]:
    """Return the targets of each task, without those that do not exist.

    Args:
        workflow: The workflow.
        certain: Only the targets of transitions that always fire.
    """
    task_names = set(workflow.task_names)
    targets: dict[str, set[str]] = {}
    for task in workflow.tasks:
        targets[task.name] = set()
        for transition in task.next:
            if not certain or _always_fires(transition):
                targets[task.name].update(transition.do)

        targets[task.name].intersection_update(task_names)
    return targets


def _always_fires(transition: Transition) -> bool:
    return transition.when is None or transition.when.source is True


def _startable_tasks(workflow: WorkflowSpec) -> set[str]:
    """Return the names of the tasks that can start if every condition is true."""
    targets = _targets_by_task(workflow)

    missing_arrivals = {}
    for task in workflow.tasks:
        if task.join == "all":
            missing_arrivals[task.name] = len(workflow.sources(task.name))
        else:
            missing_arrivals[task.name] = int(task.join) if task.join else 1

    startable = {task.name for task in workflow.entries()}
    pending = list(startable)
    while pending:
        for name in targets[pending.pop()]:
            missing_arrivals[name] -= 1

            if missing_arrivals[name] == 0 and name not in startable:
                startable.add(name)
                pending.append(name)
    return startable


def _check_joins(workflow: WorkflowSpec) -> Iterator[Problem]:
    startable = _startable_tasks(workflow)

    for task in workflow.tasks:
        if task.join is None:
            continue
        message = _explain_join(workflow, task, startable)
        if message:
            yield Problem(message, task.positions.join)


def _explain_join(workflow: WorkflowSpec, task: Task, startable: set[str]) -> str | None:
    """Return the problem of a task's `join`, or None."""
    name = task.name
    sources = workflow.sources(name)
    if not sources:
        return f"`{name}` has a `join`, but no task points at it"

    if isinstance(task.join, int) and task.join > len(sources):
        verb = "points" if len(sources) == 1 else "point"
        return (
            f"`{name}` joins {task.join} tasks, but only {len(sources)} {verb} at it: "
            "it could never start"
        )

    if name not in startable and startable & set(sources):
        return f"{_explain_blocked_join(workflow, task, startable)}: it could never start"
    return None


def _explain_blocked_join(workflow: WorkflowSpec, task: Task, startable: set[str]) -> str:
    """Return why a join that some task arrives at can never be met."""
    sources = workflow.sources(task.name)
    if task.name in sources:
        return f"`{task.name}` joins itself"

    blocked = next(name for name in sources if name not in startable)
    if blocked in _reached_tasks(workflow):
        return f"`{task.name}` joins `{blocked}`, which comes only after it or another such join"
    return f"`{task.name}` joins `{blocked}`, which no path leads to"


def _check_unreached(workflow: WorkflowSpec, reached: set[str]) -> Iterator[Problem]:
    if not reached:
        return

    for task in workflow.tasks:
        if task.name not in reached:
            yield Problem(f"no path leads to `{task.name}`", task.positions.name, "warning")


def _check_endless_cycles(workflow: WorkflowSpec, reached: set[str]) -> Iterator[Problem]:
    """Warn of a cycle in which every task goes on unconditionally: it has no way out."""
    targets = {
        name: sorted(certain) for name, certain in _targets_by_task(workflow, certain=True).items()
    }
    tasks = {task.name: task for task in workflow.tasks}
    finished: set[str] = set()

    for start in tasks:
        if start not in reached or start in finished:
            continue

        # a search in depth: the names on the current path, each with its targets still to visit
        path = {start: iter(targets[start])}
        while path:
            last = next(reversed(path))
            name = next((target for target in path[last] if target not in finished), None)

            if name is None:
                finished.add(last)
                del path[last]
            elif name in path:
                names_on_path = list(path)
                cycle = names_on_path[names_on_path.index(name) :]
                message = f"the cycle {_format_cycle([*cycle, name])} has no way out"
                yield Problem(message, tasks[name].positions.name, "warning")
                finished.update(cycle)
            elif tasks[name].join in (None, 1):
                path[name] = iter(targets[name])
            else:
                # a join waits for other tasks, so the cycle does not go round by itself
                finished.add(name)


def _check_concurrency(workflow: WorkflowSpec) -> Iterator[Problem]:
    for _, task in workflow.walk():
        if task.concurrency is None:
            continue

        concurrency = task.concurrency.source
        if isinstance(concurrency, int) and concurrency > _MAX_CONCURRENCY:
            message = (
                "no more items run at once than the backend has workers, whatever `concurrency` "
                f"is ({concurrency:,})"
            )
            yield Problem(message[:200], task.positions.concurrency, "hint")


def _check_repeated_vars(workflow: WorkflowSpec) -> Iterator[Problem]:
    """Warn of an array of `vars` in which a name is repeated: the last value counts."""
    seen: set[str] = set()

    for (name, _), position in zip(workflow.vars, workflow.vars_positions, strict=False):
        if name in seen:
            message = f"`vars` gives `{name}` a value again; only the last one counts"
            yield Problem(message, position, "warning")
        seen.add(name)


def _check_unused_vars(workflow: WorkflowSpec) -> Iterator[Problem]:
    """Hint at `vars` that no expression reads."""
    read_names: set[str] = set()

    for template in names.walk_templates(workflow):
        for path, _ in template.references:
            if path[0] in names.VARIABLE_SPACES:
                if len(path) == 1:
                    # all variables are read at once
                    return
                read_names.add(path[1])
            read_names.add(path[0])

    for (name, _), position in zip(workflow.vars, workflow.vars_positions, strict=False):
        if name not in read_names:
            yield Problem(f"no expression reads the variable `{name}`", position, "hint")

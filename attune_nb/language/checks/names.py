"""The names that a workflow's expressions use: whether they can mean anything where they stand."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attune_nb.errors import Problem, nearest
from attune_nb.language import parameter_specs
from attune_nb.templates.compiler.codegen import NAMESPACES
from attune_nb.templates.library.functions import OUTCOME_FUNCTIONS, function_hint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from attune_nb.errors import Position
    from attune_nb.language.model import Task, WorkflowSpec
    from attune_nb.templates.template import Template

    Path = tuple[str, ...]
    Where = Callable[[], Position | None]

__all__ = ["find_problems", "suggest_name"]

_MOST_COMPARED = 1000  # names, for the nearest of them
_SYSTEM = {"workflow_start", "timestamp", "execution_id", "workflow_ref"}
_VARIABLES = ("workflow", "vars", "variables")
_TASKS = ("task", "tasks")
_ITEM = ("item", "index")
_BEFORE = "`vars` are set before any task runs, in their order"
_FIELDS = ("result", "succeeded")  # outcomes that a task's record has by the same name


def find_problems(workflow: WorkflowSpec, unclear: frozenset[str]) -> list[Iterator[Problem]]:
    """Give the problems of names, in groups; `unclear` as for `checks.problems`."""
    known = _Known(workflow, unclear)
    return [_of_tasks(workflow, known), _of_vars(workflow, known), _outcomes(workflow)]


def suggest_name(name: str, known: Iterable[str]) -> str:
    """Offer the nearest name; comparing with many thousands would take minutes."""
    names = list(itertools.islice(known, _MOST_COMPARED))
    return nearest(name[:80], names)


class _Known:
    """What each namespace has, or None for what is unclear."""

    def __init__(self, workflow: WorkflowSpec, unclear: frozenset[str]) -> None:
        self.published = {name for task in workflow.tasks for name in _published(task)}
        variables = {name for name, _ in workflow.vars} | self.published
        tasks = {task.name for task in workflow.tasks}
        parameters = parameter_specs.declared_names(workflow.parameters)
        self.variables = None if "names" in unclear else variables
        self.tasks = None if "tasks" in unclear else tasks
        self.items = "items" not in unclear
        self.members: dict[str, set[str] | None] = {
            "parameters": None if "parameters" in unclear else parameters,
            "system": _SYSTEM,
            **dict.fromkeys(_VARIABLES, self.variables),
            **dict.fromkeys(_TASKS, self.tasks),
        }
        spaces = ("parameters", "workflow", "task")
        self.hyphened = {space: _by_first(self.members[space] or ()) for space in spaces}


def _published(task: Task) -> Iterator[str]:
    return (name for transition in task.next for name, _ in transition.publish)


def _by_first(names: Iterable[str]) -> dict[str, list[list[str]]]:
    """Give the names that have hyphens, in parts, by their first part."""
    found: dict[str, list[list[str]]] = {}
    for name in names:
        if "-" in name:
            found.setdefault(name.partition("-")[0], []).append(name.split("-"))
    return found


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an expression stands: in which task, and whether within its `input`."""

    task: Task | None = None
    of_item: bool = False  # the `input` of a task with `with_items`


def _of_tasks(workflow: WorkflowSpec, known: _Known) -> Iterator[Problem]:
    for _, task in workflow.walk():
        for template in task.templates():
            inside = task.with_items is not None and template is task.input
            yield from _unknown_names(template, known, _Place(task, inside))
    if workflow.output_map is not None:
        yield from _unknown_names(workflow.output_map, known, _Place())


def _of_vars(workflow: WorkflowSpec, known: _Known) -> Iterator[Problem]:
    before: set[str] = set()
    for name, template in workflow.vars:
        asked = {path[:2] for path in template.tested_names}
        early = {
            path: "" if path[:2] in asked else _too_early(name, path, known, before)
            for path, _ in template.references
        }
        for path, where in template.references:
            if early[path]:
                yield Problem(early[path], where())
        yield from _unknown_names(template, known, _Place(), early)
        before.add(name)


def _too_early(own: str, path: Path, known: _Known, before: set[str]) -> str:
    """Say why what a variable's first value reads is not there yet; or nothing."""
    root, *rest = path
    if root in _TASKS and rest:
        return f"`{root}.{rest[0][:80]}` is not there yet: {_BEFORE}"
    if root in _ITEM or (root in NAMESPACES and not (root in _VARIABLES and rest)):
        return ""
    name = rest[0] if root in NAMESPACES else root
    if known.variables is None or name not in known.variables or name in before:
        return ""
    if name == own:
        return f"`{name}` is read by its own first value: {_BEFORE}"
    if name in known.published:
        return f"`{name}` is published only by a task: {_BEFORE}"
    return f"`{name}` is set only after `{own}`: {_BEFORE}"


def _outcomes(workflow: WorkflowSpec) -> Iterator[Problem]:
    """Refuse to ask how a task ended where no task has just ended."""
    templates = [each for _, task in workflow.walk() for each in task.start_templates()]
    templates += [template for _, template in workflow.vars]
    templates += [workflow.output_map] if workflow.output_map else []
    for template in templates:
        for name, where in template.calls:
            if name in OUTCOME_FUNCTIONS:
                instead = f"`task.NAME.{name if name in _FIELDS else 'status'}`"
                message = f"`{name}()` can be asked only in a task's `next`"
                yield Problem(f"{message}; here, write {instead} of a task that has ended", where())


def _unknown_names(
    template: Template, known: _Known, place: _Place, told: Mapping[Path, str] | None = None
) -> Iterator[Problem]:
    """Give the names that mean nothing, but not those that are `told` already."""
    meant = _meant(template, known)
    for path, where in template.references:
        root = path[0]
        if told and told[path]:
            continue
        if root in _ITEM:
            if known.items and not place.of_item:
                yield Problem(f"`{root}` exists only within {_its_input(place)}", where())
        elif root in NAMESPACES:
            yield from _unknown_member(path, known.members.get(root), where, meant)
        elif known.variables is not None and root not in known.variables:
            within = _ITEM if place.of_item else ()
            yield from _undefined(root, known, where, (within, meant))


def _its_input(place: _Place) -> str:
    if place.task is not None and place.task.with_items is not None:
        return f"the `input` of `{place.task.name}`"
    return "the `input` of a task with `with_items`"


def _undefined(
    name: str, known: _Known, where: Where, by: tuple[tuple[str, ...], dict[str, str]]
) -> Iterator[Problem]:
    within, meant = by
    if meant.get(name) == "":
        return  # a part of a name with hyphens, which is told at its first
    message = function_hint(name)
    if not message:
        variables = known.variables or ()
        hint = meant.get(name) or suggest_name(name, [*NAMESPACES, *within, *variables])
        message = f"`{name}` is undefined{hint or _nearby(name, known)}"
    yield Problem(message, where())


def _nearby(name: str, known: _Known) -> str:
    """Offer the namespace in which a bare name would be found."""
    for space in ("parameters", "task"):
        if name in (known.members[space] or ()):
            return f"; did you mean `{space}.{name}`?"
    return ""


def _unknown_member(
    path: Path, members: set[str] | None, where: Where, meant: dict[str, str]
) -> Iterator[Problem]:
    if members is not None and len(path) > 1 and path[1] not in members:
        hint = meant.get(".".join(path[:2])) or suggest_name(path[1], members)
        yield Problem(f"`{path[0]}` has no `{path[1]}`{hint}", where())


def _meant(template: Template, known: _Known) -> dict[str, str]:
    """Find names with hyphens, which an expression takes for subtractions.

    Returns:
        A hint for what stands before the first hyphen, or for the name after it if only that
        is unknown; and nothing for the other parts.
    """
    found: dict[str, str] = {}
    if not any(known.hyphened.values()):
        return found
    roots = {path[0] for path, _ in template.references}
    for path, _ in template.references:
        space = path[0] if len(path) == 2 else ""  # noqa: PLR2004 - as in `task.a`
        same = {**dict.fromkeys(_VARIABLES, "workflow"), **dict.fromkeys(_TASKS, "task")}
        names = known.hyphened.get(same.get(space, space), {}).get(path[-1], ())
        for _, *rest in names:
            if all(part in roots or part.isdigit() for part in rest):
                full = "-".join([path[1], *rest])
                hint = f"; a name with `-` is written `{space}['{full}']`"
                alone = path[1] in (known.members[space] or ())
                words = [part for part in rest if not part.isdigit()]
                found |= dict.fromkeys(words, "")
                found[words[0] if alone and words else ".".join(path)] = hint
    return found

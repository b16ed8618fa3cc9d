"""Find names in expressions that mean nothing in the place where they stand."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attune_nb.context import ENVELOPE_WORDS, INQUIRY_FIELDS, OUTCOME_FIELDS, TASK_SPACES
from attune_nb.errors import Problem, nearest
from attune_nb.language import parameter_specs
from attune_nb.templates.compiler.codegen import NAMESPACES
from attune_nb.templates.library.foreign_names import explain_foreign_name
from attune_nb.templates.library.functions import OUTCOME_FUNCTIONS, function_hint
from attune_nb.templates.library.outer_names import explain_outer_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from attune_nb.errors import Position
    from attune_nb.language.model import Task, WorkflowSpec
    from attune_nb.templates.template import Template

    # A dotted name, in parts.
    NamePath = tuple[str, ...]
    Locate = Callable[[], Position | None]

__all__ = ["VARIABLE_SPACES", "find_problems", "suggest_name", "walk_templates"]

VARIABLE_SPACES = ("workflow", "vars", "variables")
_ITEM_NAMES = ("item", "index")
_SYSTEM_NAMES = {"workflow_start", "timestamp", "execution_id", "workflow_ref"}

# Names that are compared with an unknown one: many thousands would take minutes.
_MAX_COMPARED = 1000
# Characters of a name that a message shows.
_MAX_NAME_LENGTH = 80
_VARS_ORDER = "`vars` are set before any task runs, in their order"

# Outcome functions that a task's record has as fields of the same name.
_RECORD_FIELDS = ("result", "succeeded")

# The fields of a task's record that are null if the task keeps no results.
_RESULT_FIELDS = ("result", "successes", "data")


def find_problems(workflow: WorkflowSpec, unclear: frozenset[str]) -> list[Iterator[Problem]]:
    """Return the problems of names, in groups.

    Args:
        workflow: The workflow to check.
        unclear: As for `flow.find_problems`.
    """
    name_table = _NameTable(workflow, unclear)
    return [
        _check_tasks(workflow, name_table),
        _check_vars(workflow, name_table),
        _check_outcomes(workflow),
    ]


def suggest_name(name: str, known_names: Iterable[str]) -> str:
    """Return a hint at the nearest known name, or an empty string."""
    compared = list(itertools.islice(known_names, _MAX_COMPARED))
    return nearest(name[:_MAX_NAME_LENGTH], compared)


def walk_templates(workflow: WorkflowSpec) -> Iterator[Template]:
    """Yield every template of a workflow."""
    for _, task in workflow.walk():
        yield from task.templates()
    yield from _workflow_templates(workflow)


def _workflow_templates(workflow: WorkflowSpec) -> Iterator[Template]:
    for _, template in workflow.vars:
        yield template
    if workflow.output_map is not None:
        yield workflow.output_map


class _NameTable:
    """The names in each namespace, or None for a namespace that is unclear."""

    def __init__(self, workflow: WorkflowSpec, unclear: frozenset[str]) -> None:
        self.published: set[str] = set()
        for task in workflow.tasks:
            for transition in task.next:
                self.published.update(name for name, _ in transition.publish)

        variables = {name for name, _ in workflow.vars} | self.published
        parameters = parameter_specs.declared_names(workflow.parameters)

        self.variables = None if "names" in unclear else variables
        self.tasks = None if "tasks" in unclear else set(workflow.task_names)
        self.parameters = None if "parameters" in unclear else parameters
        self.tasks_with_items = {
            task.name for task in workflow.tasks if task.with_items is not None
        }
        self.tasks_without_results = {
            task.name for task in workflow.tasks if task.keep_results == "none"
        }
        self.are_items_clear = "items" not in unclear
        waiting_tasks = {task.name for task in workflow.tasks if task.wait_for is not None}

        self.members: dict[str, set[str] | None] = {
            "parameters": self.parameters,
            "system": _SYSTEM_NAMES,
            "inquiry": waiting_tasks if unclear.isdisjoint({"tasks", "inquiries"}) else None,
            **dict.fromkeys(VARIABLE_SPACES, self.variables),
            **dict.fromkeys(TASK_SPACES, self.tasks),
        }
        self.hyphenated = {
            space: _hyphenated_by_first_part(self.in_space(space))
            for space in ("parameters", "workflow", "task")
        }

    def in_space(self, space: str) -> set[str]:
        """Return the names in a namespace; none if they are unclear."""
        names = self.members[space]
        return set() if names is None else names


def _hyphenated_by_first_part(names: Iterable[str]) -> dict[str, list[list[str]]]:
    """Return the names that have hyphens, in parts, by their first part."""
    hyphenated: dict[str, list[list[str]]] = {}
    for name in names:
        if "-" in name:
            parts = name.split("-")
            hyphenated.setdefault(parts[0], []).append(parts)
    return hyphenated


@dataclass(frozen=True, slots=True)
class _Place:
    """The place of an expression: its task, and whether it can read `item` and `index`."""

    task: Task | None = None
    has_item: bool = False


def _check_tasks(workflow: WorkflowSpec, name_table: _NameTable) -> Iterator[Problem]:
    for _, task in workflow.walk():
        for template in task.templates():
            has_item = task.with_items is not None and template is task.input
            yield from _find_unknown_names(template, name_table, _Place(task, has_item))

    if workflow.output_map is not None:
        yield from _find_unknown_names(workflow.output_map, name_table, _Place())


def _check_vars(workflow: WorkflowSpec, name_table: _NameTable) -> Iterator[Problem]:
    names_before: set[str] = set()

    for name, template in workflow.vars:
        tested = {path[:2] for path in template.tested_names}
        reported = set()
        for path, locate in template.references:
            if path[:2] in tested:
                continue
            message = _explain_early_read(name, path, name_table, names_before)
            if message:
                reported.add(path)
                yield Problem(message, locate())

        yield from _find_unknown_names(template, name_table, _Place(), reported)
        names_before.add(name)


def _explain_early_read(
    own_name: str, path: NamePath, name_table: _NameTable, names_before: set[str]
) -> str | None:
    """Return why a variable's first value cannot read a name, or None if it can."""
    root, *members = path

    if root in TASK_SPACES and members:
        return f"`{root}.{members[0][:_MAX_NAME_LENGTH]}` is not there yet: {_VARS_ORDER}"
    if root in _ITEM_NAMES:
        return None

    name = root
    if root in NAMESPACES:
        # of the namespaces, only variables are set in an order
        if root not in VARIABLE_SPACES or not members:
            return None
        name = members[0]

    if name_table.variables is None or name not in name_table.variables or name in names_before:
        return None
    if name == own_name:
        return f"`{name}` is read by its own first value: {_VARS_ORDER}"
    if name in name_table.published:
        return f"`{name}` is published only by a task: {_VARS_ORDER}"
    return f"`{name}` is set only after `{own_name}`: {_VARS_ORDER}"


def _check_outcomes(workflow: WorkflowSpec) -> Iterator[Problem]:
    """Refuse outcome functions in places where no task has just ended."""
    templates: list[Template] = []
    for _, task in workflow.walk():
        templates += task.start_templates()
    templates += _workflow_templates(workflow)

    for template in templates:
        for name, locate in template.calls:
            if name in OUTCOME_FUNCTIONS:
                field = name if name in _RECORD_FIELDS else "status"
                message = (
                    f"`{name}()` can be called only in a task's `next`; here, write "
                    f"`task.NAME.{field}` of a task that has ended"
                )
                yield Problem(message, locate())

    for _, task in workflow.walk():
        if task.keep_results == "none":
            yield from _check_calls_of_result(task)


def _check_calls_of_result(task: Task) -> Iterator[Problem]:
    """Refuse `result()` in the transitions of a task that keeps no results."""
    start_templates = task.start_templates()
    for template in task.templates():
        if template in start_templates:
            continue
        for name, locate in template.calls:
            if name == "result":
                message = f"`{task.name}` has no `result()`: the task has `keep_results: none`"
                yield Problem(message, locate())


def _find_unknown_names(
    template: Template,
    name_table: _NameTable,
    place: _Place,
    reported: Iterable[NamePath] = (),
) -> Iterator[Problem]:
    """Yield the names that mean nothing, without those that were reported before."""
    hints = _hyphen_hints(template, name_table)

    for path, locate in template.references:
        root = path[0]
        if path in reported:
            continue

        if root in _ITEM_NAMES:
            if name_table.are_items_clear and not place.has_item:
                message = f"`{root}` exists only within {_describe_item_input(place)}"
                yield Problem(message, locate())
        elif root in NAMESPACES:
            unknown_member = _explain_unknown_member(path, name_table, hints)
            if not unknown_member:
                unknown_member = _explain_unknown_field(path, name_table)
            if unknown_member:
                yield Problem(unknown_member, locate())
        elif name_table.variables is not None and root not in name_table.variables:
            undefined = _explain_undefined(path, name_table, place, hints)
            if undefined:
                yield Problem(undefined, locate())


def _describe_item_input(place: _Place) -> str:
    if place.task is not None and place.task.with_items is not None:
        return f"the `input` of `{place.task.name}`"
    return "the `input` of a task with `with_items`"


def _explain_undefined(
    path: NamePath, name_table: _NameTable, place: _Place, hints: Mapping[str, str]
) -> str | None:
    name = path[0]
    hint = hints.get(name)
    if hint == "":
        # a further part of a name with hyphens, which is reported at its first part
        return None

    message = function_hint(name)
    if message:
        return message

    if not hint:
        hint = _suggest_namespace(name, name_table)
    if not hint:
        hint = _explain_outside(path)
    if not hint:
        items = _ITEM_NAMES if place.has_item else ()
        variables = name_table.in_space("workflow")
        hint = suggest_name(name, [*NAMESPACES, *items, *variables])
    return f"`{name}` is undefined{hint}"


def _explain_outside(path: NamePath) -> str:
    """Return a hint for a name of another tool or of the notebook, or an empty string.

    A secret comes from outside in one way only, also if the notebook has a variable `env`.
    """
    hint = explain_foreign_name(path)
    if "keystore" in hint:
        return hint

    outer_hint = explain_outer_name(path[0])
    if outer_hint:
        return outer_hint
    return hint


def _suggest_namespace(name: str, name_table: _NameTable) -> str:
    """Return a hint at the namespace that has a bare name, or an empty string."""
    for space in ("parameters", "task"):
        if name in name_table.in_space(space):
            return f"; did you mean `{space}.{name}`?"
    return ""


def _explain_unknown_member(
    path: NamePath, name_table: _NameTable, hints: Mapping[str, str]
) -> str | None:
    space, *members = path
    names = name_table.members.get(space)
    if path == ("inquiry",) and names == set() and space in name_table.in_space("workflow"):
        # it was no namespace once
        return "no task has `wait_for`; the variable `inquiry` is `workflow.inquiry`"
    if names is None or not members or members[0] in names:
        return None

    name = members[0]
    hint = hints.get(f"{space}.{name}")
    if not hint and space in VARIABLE_SPACES and name in name_table.in_space("parameters"):
        hint = f"; did you mean `parameters.{name}`?"
    if not hint and space == "parameters" and name in name_table.in_space("workflow"):
        hint = f"; did you mean `workflow.{name}`?"
    if not hint and space in (*VARIABLE_SPACES, "parameters"):
        hint = explain_outer_name(name)
    if not hint and space == "inquiry" and space in name_table.in_space("workflow"):
        hint = "; the variable of that name is `workflow.inquiry`"
    if not hint and space == "inquiry" and name in name_table.in_space("task"):
        hint = ", which has no `wait_for`; the name is that of the task that waits for the answer"
    if not hint:
        hint = suggest_name(name, names)
    if not hint and space == "parameters":
        hint = f"; declare it with `parameters: {{{name}: {{type: any}}}}`"
    return f"`{space}` has no `{name}`{hint}"


def _explain_unknown_field(path: NamePath, name_table: _NameTable) -> str | None:
    """Return why a task's record or inquiry has no such field, or None if it may have it.

    The result of a task with items is an array, without keys, or is not kept.
    """
    space, *members = path
    if len(members) < len(("task", "field")):
        return None

    name, field = members[:2]
    if space == "inquiry" and field not in INQUIRY_FIELDS:
        hint = suggest_name(field, INQUIRY_FIELDS)
        return f"`inquiry.{name}` has no `{field[:_MAX_NAME_LENGTH]}`{hint}"
    if space not in TASK_SPACES:
        return None
    if name in name_table.tasks_without_results and field in _RESULT_FIELDS:
        return f"`{space}.{name}` has no `{field}`: the task has `keep_results: none`"
    if name not in name_table.tasks_with_items or field in (*OUTCOME_FIELDS, *ENVELOPE_WORDS):
        return None
    return (
        f"`{space}.{name}` has no `{field[:_MAX_NAME_LENGTH]}`: the result of a task with "
        f"`with_items` is an array{suggest_name(field, OUTCOME_FIELDS)}"
    )


def _hyphen_hints(template: Template, name_table: _NameTable) -> dict[str, str]:
    """Return hints for names with hyphens, which an expression reads as subtractions.

    Returns:
        A hint for the part before the first hyphen, or for the next part if only that is
        unknown; and an empty string for the other parts.
    """
    hints: dict[str, str] = {}
    if not any(name_table.hyphenated.values()):
        return hints

    roots = {path[0] for path, _ in template.references}
    for path, _ in template.references:
        for parts in _hyphenated_candidates(path, name_table):
            further_parts = parts[1:]
            if not all(part in roots or part.isdigit() for part in further_parts):
                continue

            space, name = path
            full_name = "-".join(parts)
            hint = f"; a name with `-` is written `{space}['{full_name}']`"
            # a number is no name, so it has no problem of its own
            words = [part for part in further_parts if not part.isdigit()]
            hints.update(dict.fromkeys(words, ""))
            if words and name in name_table.in_space(space):
                hints[words[0]] = hint
            else:
                hints[".".join(path)] = hint
    return hints


def _hyphenated_candidates(path: NamePath, name_table: _NameTable) -> list[list[str]]:
    """Return the names with hyphens, in parts, that a path such as `task.a` may begin."""
    if len(path) != 2:  # noqa: PLR2004 - a namespace and a name
        return []

    space, name = path
    if space in VARIABLE_SPACES:
        space = "workflow"
    elif space in TASK_SPACES:
        space = "task"
    return name_table.hyphenated.get(space, {}).get(name, [])

"""A workflow's tasks to what they do: functions, other workflows, made-up results."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.actions import registry
from attune_nb.errors import ParameterError, Problem, Source, Timeout, WorkflowError, nearest
from attune_nb.language import parameter_specs
from attune_nb.language.model import WorkflowSpec
from attune_nb.templates.compiler.parse import has_template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from attune_nb.actions.registry import Action
    from attune_nb.language.model import Task

__all__ = ["Links", "link", "mocked_paths", "mocked_whole"]

_FILES = (".yaml", ".yml")
_MOST = 10  # problems of one workflow that are told where it is run


class Links(msgspec.Struct, kw_only=True):
    """What a workflow may be linked with.

    Args:
        given: Functions and workflows by the names that `action` uses.
        mock: Made-up results by task; see `Workflow.run`.
        dry_run: Run no action at all: a task without a mock gives null.
        allow_imports: Whether `module:function` may import.
        load: Reads a workflow's file.
        nested: Makes the function that runs another workflow.
        levels: How many workflows within workflows to look into.
        loaded: The files read so far.
        seen: What is wrong within the workflows looked into so far.
        once: Those of them that do something which must not be done twice.
    """

    given: Mapping[str, Any]
    mock: Mapping[str, Any]
    dry_run: bool
    allow_imports: bool
    load: Callable[[Path], WorkflowSpec]
    nested: Callable[[WorkflowSpec], Callable[..., Any]]
    levels: int = 20
    loaded: dict[Path, WorkflowSpec] = msgspec.field(default_factory=dict)
    seen: dict[Source | int, list[Problem]] = msgspec.field(default_factory=dict)
    once: set[Source | int] = msgspec.field(default_factory=set)


def link(workflow: WorkflowSpec, links: Links) -> tuple[dict[str, Action], list[Problem]]:
    """Find what each task does; give the actions by the task's path, and what is wrong.

    What is wrong within the workflows that it runs is told where it runs them.
    """
    links.seen[_key(workflow)] = []  # one that runs itself tells its own problems
    found, problems = _link(workflow, links)
    return found, [*_no_functions(workflow, links.given), *problems]


def _link(workflow: WorkflowSpec, links: Links) -> tuple[dict[str, Action], list[Problem]]:
    mocks = _mocks(workflow, links.mock)
    broken = {name for name, each in links.given.items() if not _is_action(each)}
    found: dict[str, Action] = {}
    problems: list[Problem] = []
    for path, task in workflow.walk():
        if task.type == "parallel":
            continue
        if path in mocks or links.dry_run:
            found[path] = _mocked(path, mocks.get(path))
            continue
        if task.action in broken:
            continue  # `_no_functions` tells
        try:
            action, misfits = _find(workflow, task, links)
        except (KeyError, WorkflowError) as error:
            told = [error.args[0]] if isinstance(error, KeyError) else _within(task, error.problems)
            problems += [Problem(message, task.positions.action) for message in told]
            continue
        found[path] = action
        for argument, message in misfits:
            problems.append(
                Problem(message, task.positions.inputs.get(argument or "", task.positions.action))
            )
    return found, problems


def mocked_whole(workflow: WorkflowSpec, mock: Mapping[str, Any]) -> WorkflowSpec:
    """Make an action of each parallel task that has a mock itself: its tasks do not run."""

    def mocked(task: Task, path: str) -> Task:
        if task.type != "parallel":
            return task
        if path in mock or task.name in mock:
            return replace(task, type="action", action="core.noop", tasks=())
        return replace(
            task, tasks=tuple(mocked(each, f"{path}/{each.name}") for each in task.tasks)
        )

    if not any(task.type == "parallel" for task in workflow.tasks) or not mock:
        return workflow
    return replace(workflow, tasks=tuple(mocked(each, each.name) for each in workflow.tasks))


def mocked_paths(workflow: WorkflowSpec, mock: Mapping[str, Any], *, dry_run: bool) -> set[str]:
    """Give the tasks whose results are made up."""
    return {path for path, _ in workflow.walk()} if dry_run else set(_mocks(workflow, mock))


def _find(
    workflow: WorkflowSpec, task: Task, links: Links
) -> tuple[Action, list[tuple[str | None, str]]]:
    name = task.action or ""
    other = _workflow(workflow, task, links)
    if other is not None:
        problems = _inner(other, links)
        action = registry.Action(
            name=name,
            function=links.nested(other),
            idempotent=_key(other) not in links.once,
            cancellable=True,
            version=repr(other),
        )
        misfits = list(_parameter_misfits(name, other, task))
        return action, [*misfits, *((None, each) for each in _within(task, problems))]
    functions = {
        key: each for key, each in links.given.items() if not isinstance(each, WorkflowSpec)
    }
    action = registry.find_action(
        name, functions, allow_imports=links.allow_imports, alternatives=_workflows(links.given)
    )
    return action, registry.find_mismatches(action, _arguments(task))


def _arguments(task: Task) -> dict[str, Any]:
    written = task.input.source
    return written if isinstance(written, dict) else {}


def _is_action(given: Any) -> bool:
    return callable(given) or isinstance(given, WorkflowSpec)


def _no_functions(workflow: WorkflowSpec, given: Mapping[str, Any]) -> Iterator[Problem]:
    """Tell of what is given as an action and is none, at the tasks that use it."""
    for name, each in given.items():
        if not _is_action(each):
            message = f"the action `{name}` is no function: it is of type {type(each).__name__}"
            used = [task.positions.action for _, task in workflow.walk() if task.action == name]
            yield from (Problem(message, place) for place in used or [None])


def _workflows(given: Mapping[str, Any]) -> dict[str, WorkflowSpec]:
    """Give the workflows among what is given, by name and by ref."""
    known = {key: each for key, each in given.items() if isinstance(each, WorkflowSpec)}
    return known | {each.ref: each for each in known.values() if each.ref}


def _key(workflow: WorkflowSpec) -> Source | int:
    """Tell workflows apart: one file read twice is one workflow."""
    place = workflow.tasks[0].positions.name
    return id(workflow) if place is None else place.source


def _inner(other: WorkflowSpec, links: Links) -> list[Problem]:
    """Give what is wrong within a workflow that a task runs; each is looked into once."""
    key = _key(other)
    if key not in links.seen and links.levels > 0:
        links.seen[key] = []  # in case it runs itself
        inner = msgspec.structs.replace(links, mock={}, levels=links.levels - 1)
        found, links.seen[key] = _link(other, inner)
        if not all(each.idempotent for each in found.values()):
            links.once.add(key)
    return links.seen.get(key, [])


def _within(task: Task, problems: Iterable[Problem]) -> Iterator[str]:
    """Word what is wrong within the workflow that a task runs."""
    for problem in itertools.islice(problems, _MOST):
        yield f"workflow `{task.action}`: {problem}"


def _workflow(workflow: WorkflowSpec, task: Task, links: Links) -> WorkflowSpec | None:
    """Give the workflow that a task runs, or None where it runs a function."""
    name = task.action or ""
    known = _workflows(links.given)
    if name in known:
        return known[name]
    if name.endswith(_FILES):
        path = _beside(workflow, name)
        if path not in links.loaded:
            links.loaded[path] = links.load(path)
        return links.loaded[path]
    if task.type == "workflow":
        hint = nearest(name, known) or "; give it in `actions`, or name its file"
        raise KeyError(f"there is no workflow `{name}`{hint}")
    return None


def _beside(workflow: WorkflowSpec, name: str) -> Path:
    """Read a file's name from the folder of the workflow that names it."""
    place = workflow.tasks[0].positions.name
    folder = Path(place.source.name).parent if place is not None else Path()
    found = folder / name
    return found if found.exists() else Path(name)


def _parameter_misfits(
    name: str, other: WorkflowSpec, task: Task
) -> Iterator[tuple[str | None, str]]:
    given = _arguments(task)
    known = parameter_specs.declared_names(other.parameters)
    for key, value in given.items():
        if key not in known:
            yield key, f"workflow `{name}` has no parameter `{key}`{nearest(key, known)}"
        elif not has_template(value):
            told = parameter_specs.explain_misfit(other.parameters or {}, key, value)
            if told:
                yield key, f"workflow `{name}`: {told}"
    missing = [key for key in parameter_specs.required_names(other.parameters) if key not in given]
    if missing:
        yield None, f"workflow `{name}` needs `{'`, `'.join(missing)}` in `input`"


def _mocks(workflow: WorkflowSpec, mock: Mapping[str, Any]) -> dict[str, Any]:
    """Give the made-up results by path; a task within a parallel one may be named alone."""
    paths = [path for path, _ in workflow.walk()]
    found: dict[str, Any] = {}
    for name, value in mock.items():
        fitting = [name] if name in paths else [p for p in paths if p.split("/")[-1] == name]
        if len(fitting) != 1:
            told = f"mock: several tasks are named `{name}`: {', '.join(fitting)}"
            if not fitting:
                hint = nearest(name, paths) or f"; there are {', '.join(paths[:20])}"
                told = f"mock: there is no task `{name}`{hint}"
            raise ParameterError(told)
        found[fitting[0]] = value
    return found


def _mocked(path: str, value: Any) -> Action:
    """Give an action that does nothing but end as a mock says."""

    def act(rendered: Any) -> Any:
        if isinstance(value, BaseException):
            raise value.with_traceback(None)
        if isinstance(value, type) and issubclass(value, BaseException):
            raise value("mocked") if issubclass(value, Timeout) else value()
        return value(rendered) if callable(value) else value

    return registry.Action(name=f"mock of {path}", function=act, whole_input=True, local=True)

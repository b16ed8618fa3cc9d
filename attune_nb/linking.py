"""A workflow's tasks to what they do: functions, other workflows, made-up results."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.actions import registry
from attune_nb.errors import ParameterError, Problem, Timeout, WorkflowError, nearest
from attune_nb.language import declarations
from attune_nb.language.model import Workflow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from attune_nb.actions.registry import Action
    from attune_nb.language.model import Task

__all__ = ["Links", "link", "mocked_paths"]

_FILES = (".yaml", ".yml")


class Links(msgspec.Struct, kw_only=True):
    """What a workflow may be linked with.

    Args:
        given: Functions and workflows by the names that `action` uses.
        mock: Made-up results by task; see `Workflow.run`.
        dry_run: Run no action at all: a task without a mock gives null.
        allow_imports: Whether `module:function` may import.
        load: Reads a workflow's file.
        nested: Makes the function that runs another workflow.
    """

    given: Mapping[str, Any]
    mock: Mapping[str, Any]
    dry_run: bool
    allow_imports: bool
    load: Callable[[Path], Workflow]
    nested: Callable[[Workflow], Callable[..., Any]]


def link(workflow: Workflow, links: Links) -> tuple[dict[str, Action], list[Problem]]:
    """Find what each task does; give the actions by the task's path, and what is wrong."""
    mocks = _mocks(workflow, links.mock)
    found: dict[str, Action] = {}
    problems: list[Problem] = []
    for path, task in workflow.walk():
        if task.type == "parallel":
            continue
        if path in mocks or links.dry_run:
            found[path] = _mocked(path, mocks.get(path))
            continue
        try:
            action, misfits = _find(workflow, task, links)
        except (KeyError, WorkflowError) as error:
            message = error.args[0] if isinstance(error, KeyError) else str(error)
            problems.append(Problem(message, task.at.action))
            continue
        found[path] = action
        for argument, message in misfits:
            problems.append(Problem(message, task.at.inputs.get(argument or "", task.at.action)))
    return found, problems


def mocked_paths(workflow: Workflow, mock: Mapping[str, Any], *, dry_run: bool) -> set[str]:
    """Give the tasks whose results are made up."""
    return {path for path, _ in workflow.walk()} if dry_run else set(_mocks(workflow, mock))


def _find(
    workflow: Workflow, task: Task, links: Links
) -> tuple[Action, list[tuple[str | None, str]]]:
    name = task.action or ""
    other = _workflow(workflow, task, links)
    if other is not None:
        function = links.nested(other)
        action = registry.Action(name=name, function=function, cancellable=True)
        return action, list(_parameter_misfits(name, other, task))
    functions = {key: each for key, each in links.given.items() if not isinstance(each, Workflow)}
    action = registry.find(name, functions, allow_imports=links.allow_imports)
    arguments = task.input.source or {}
    return action, registry.misfits(action, arguments)


def _workflow(workflow: Workflow, task: Task, links: Links) -> Workflow | None:
    """Give the workflow that a task runs, or None where it runs a function."""
    name = task.action or ""
    known = {key: each for key, each in links.given.items() if isinstance(each, Workflow)}
    known |= {each.ref: each for each in known.values() if each.ref}
    if name in known:
        return known[name]
    if name.endswith(_FILES):
        return links.load(_beside(workflow, name))
    if task.type == "workflow":
        hint = nearest(name, known) or "; give it in `actions`, or name its file"
        raise KeyError(f"there is no workflow `{name}`{hint}")
    return None


def _beside(workflow: Workflow, name: str) -> Path:
    """Read a file's name from the folder of the workflow that names it."""
    place = workflow.tasks[0].at.name
    folder = Path(place.source.name).parent if place is not None else Path()
    found = folder / name
    return found if found.exists() else Path(name)


def _parameter_misfits(name: str, other: Workflow, task: Task) -> Iterator[tuple[str | None, str]]:
    given = task.input.source or {}
    known = declarations.names(other.parameters)
    for key in given:
        if key not in known:
            yield key, f"workflow `{name}` has no parameter `{key}`{nearest(key, known)}"
    missing = [key for key in declarations.required(other.parameters) if key not in given]
    if missing:
        yield None, f"workflow `{name}` needs `{'`, `'.join(missing)}` in `input`"


def _mocks(workflow: Workflow, mock: Mapping[str, Any]) -> dict[str, Any]:
    """Give the made-up results by path; a task within a parallel one may be named alone."""
    paths = [path for path, _ in workflow.walk()]
    found: dict[str, Any] = {}
    for name, value in mock.items():
        fitting = [name] if name in paths else [p for p in paths if p.split("/")[-1] == name]
        if len(fitting) != 1:
            hint = nearest(name, paths) if not fitting else f"; it is one of {', '.join(fitting)}"
            raise ParameterError(f"mock: there is no one task `{name}`{hint}")
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

    return registry.Action(name=f"mock of {path}", function=act, whole_input=True)

"""Bind the tasks of a workflow to their actions: functions, other workflows, mocks."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import msgspec

from attune_nb.actions import registry
from attune_nb.actions.fingerprint import digest_actions
from attune_nb.errors import ParameterError, Problem, Source, Timeout, WorkflowError, nearest
from attune_nb.language import parameter_specs
from attune_nb.language.identity import workflow_identity
from attune_nb.packs.pack_set import PackSet
from attune_nb.running.workflow_view import WorkflowView
from attune_nb.templates.compiler.parse import has_template
from attune_nb.values.describe import describe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from attune_nb.actions.registry import Action
    from attune_nb.language.model import Task, WorkflowSpec
    from attune_nb.packs.model import PackAction
    from attune_nb.packs.process.pack_function import PackFunction
    from attune_nb.running.pack_session import PackSession
    from attune_nb.running.request import Actions

    Misfit = tuple[str | None, str]

__all__ = [
    "BindingContext",
    "bind_actions",
    "find_asking_tasks",
    "find_nested_workflows",
    "mocked_paths",
    "replace_mocked_parallel_tasks",
    "unmade_paths",
]

_FILE_SUFFIXES = (".yaml", ".yml")

# problems of a nested workflow that the outer workflow reports
_MAX_NESTED_PROBLEMS = 10

# task names in a message
_MAX_NAMES = 20


class BindingContext(msgspec.Struct, kw_only=True):
    """The actions that a workflow may use, and the nested workflows that were bound so far.

    Args:
        actions: Functions and workflows by the names that `action` uses.
        mock: Made-up results by task; see `Workflow.run`.
        dry_run: Run no action at all: a task without a mock results in null.
        allow_imports: Whether `module:function` may import.
        load: Reads a workflow from a file.
        nest: Returns the `ChildWorkflow` of another workflow, under a name.
        packs: The packs of the run.
        pack_session: The services of the run for its packs; None for a check.
        is_nested: Whether the workflow itself runs within another one.
        levels: How many levels of nested workflows are checked.
        files: The workflow files read so far.
        problems: The problems of the nested workflows checked so far.
        not_idempotent: The nested workflows with an action that must not run twice.
        uses: For each nested workflow, digits that change with the code of its actions.
    """

    actions: Actions
    mock: Mapping[str, Any]
    dry_run: bool
    allow_imports: bool
    load: Callable[[Path], WorkflowView]
    nest: Callable[[WorkflowSpec, str], Any]
    packs: PackSet = msgspec.field(default_factory=PackSet)
    pack_session: PackSession | None = None
    is_nested: bool = False
    levels: int = 20
    files: dict[Path, WorkflowView] = msgspec.field(default_factory=dict)
    problems: dict[Source | int, list[Problem]] = msgspec.field(default_factory=dict)
    not_idempotent: set[Source | int] = msgspec.field(default_factory=set)
    uses: dict[Source | int, str] = msgspec.field(default_factory=dict)

    def pack_workflows(self) -> dict[str, WorkflowView]:
        """Return the workflows of the packs that are not switched off, by ref."""
        workflows = self.packs.workflows
        return {ref: WorkflowView(item.spec) for ref, item in workflows.items() if item.enabled}


def bind_actions(
    workflow: WorkflowSpec, context: BindingContext
) -> tuple[dict[str, Action], list[Problem]]:
    """Find the action of every task.

    Returns:
        The actions by the task's path, and the problems. Problems of a nested workflow are
        reported at the task that runs it.
    """
    # a workflow that runs itself reports its own problems once
    context.problems[_identity(workflow)] = []

    actions, problems = _bind(workflow, context)
    return actions, [*_not_callable(workflow, context.actions), *problems]


def _bind(
    workflow: WorkflowSpec, context: BindingContext
) -> tuple[dict[str, Action], list[Problem]]:
    mocks = _mocks_by_path(workflow, context.mock)
    unusable = {name for name, value in context.actions.items() if not _is_action(value)}
    actions: dict[str, Action] = {}
    problems: list[Problem] = []

    for path, task in workflow.walk():
        if task.type == "parallel":
            continue
        if path in mocks or context.dry_run:
            actions[path] = _mock_action(path, mocks.get(path))
            continue
        if task.action in unusable:
            continue  # `_not_callable` reports it

        try:
            action, misfits = _find_action(workflow, path, task, context)
        except KeyError as error:
            problems.append(Problem(error.args[0], task.positions.action))
            continue
        except WorkflowError as error:
            problems += _nested_problems(task, error.problems)
            continue

        actions[path] = action
        for argument, message in misfits:
            position = task.positions.action
            if argument is not None:
                position = task.positions.inputs.get(argument, position)
            problems.append(Problem(message, position))

    return actions, problems


def find_nested_workflows(
    workflow: WorkflowSpec, context: BindingContext
) -> Iterator[tuple[str, Task, WorkflowView]]:
    """Yield each task that runs a workflow: its path, the task and that workflow."""
    for path, task in workflow.walk():
        if task.type == "parallel":
            continue
        try:
            nested = _nested_workflow(workflow, task, context)
        except (KeyError, WorkflowError):
            # `bind_actions` reports it
            continue

        if nested is not None:
            yield path, task, nested


def find_asking_tasks(actions: Mapping[str, Action]) -> list[str]:
    """Return the paths of the tasks whose actions, those of packs, may ask questions."""
    return [path for path, action in actions.items() if action.can_ask]


def replace_mocked_parallel_tasks(workflow: WorkflowSpec, mock: Mapping[str, Any]) -> WorkflowSpec:
    """Replace each parallel task that has a mock itself by an action; its tasks do not run."""
    has_parallel_tasks = any(task.type == "parallel" for task in workflow.tasks)
    if not mock or not has_parallel_tasks:
        return workflow

    tasks = tuple(_replace_if_mocked(task, task.name, mock) for task in workflow.tasks)
    return replace(workflow, tasks=tasks)


def _replace_if_mocked(task: Task, path: str, mock: Mapping[str, Any]) -> Task:
    if task.type != "parallel":
        return task
    if path in mock or task.name in mock:
        return replace(task, type="action", action="core.noop", tasks=())

    inner_tasks = tuple(
        _replace_if_mocked(inner, f"{path}/{inner.name}", mock) for inner in task.tasks
    )
    return replace(task, tasks=inner_tasks)


def mocked_paths(workflow: WorkflowSpec, mock: Mapping[str, Any], *, dry_run: bool) -> set[str]:
    """Return the paths of the tasks whose results are made up."""
    if dry_run:
        return {path for path, _ in workflow.walk()}
    return set(_mocks_by_path(workflow, mock))


def unmade_paths(workflow: WorkflowSpec, mock: Mapping[str, Any]) -> set[str]:
    """Return the paths of the tasks that have no mock, and so no result in a dry run.

    A parallel task is one of them if a task within it is.
    """
    mocks = _mocks_by_path(workflow, mock)
    paths = {path for path, task in workflow.walk() if task.type != "parallel"} - mocks.keys()
    parents = {path.rpartition("/")[0] for path in paths}
    while parents - paths - {""}:
        paths |= parents - {""}
        parents = {path.rpartition("/")[0] for path in paths}
    return paths


def _find_action(
    workflow: WorkflowSpec, path: str, task: Task, context: BindingContext
) -> tuple[Action, list[Misfit]]:
    """Return a task's action, and the arguments that do not fit it.

    Raises:
        KeyError: There is no such action.
        WorkflowError: The file of the nested workflow cannot be read.
    """
    nested = _nested_workflow(workflow, task, context)
    if nested is not None:
        return _nested_action(nested, task, context)

    name = task.action
    if context.packs and name is not None and name not in context.actions:
        pack_action = _find_pack_action(name, context)
        if pack_action is not None:
            asking_task = "" if context.is_nested else path
            function = _make_function(pack_action, context.pack_session, asking_task)
            return function.__attune_action__, function.certain_mismatches(_input_of(task))

    functions: dict[str, Callable[..., Any]] = {}
    for name, value in context.actions.items():
        if not issubclass(type(value), WorkflowView):
            functions[name] = cast("Callable[..., Any]", value)
    action = registry.find_action(
        task.action or "",
        functions,
        allow_imports=context.allow_imports,
        alternatives=[*_named_workflows(context), *context.packs.refs],
    )
    return action, registry.find_mismatches(action, _input_of(task))


def _find_pack_action(name: str, context: BindingContext) -> PackAction | None:
    """Return the action of a pack, or None if the name belongs to no pack.

    A function that was registered under the name stands in for an action that no pack has.

    Raises:
        KeyError: The action cannot be used, its pack has no such action, or is not loaded.
    """
    if name not in context.packs.actions and registry.is_registered(name):
        return None

    problem = context.packs.explain_unusable(name)
    if problem is None:
        problem = context.packs.explain_unloaded(name)
    if problem is not None:
        raise KeyError(problem)
    return context.packs.actions.get(name)


def _make_function(action: PackAction, session: PackSession | None, task: str) -> PackFunction:
    """Return the function of a pack's action.

    Args:
        action: The action.
        session: The services of the run for its packs; None for a check.
        task: The path of the task that may ask questions; empty if none may.

    Raises:
        KeyError: The program that runs it is missing.
    """
    if session is None:
        from attune_nb.packs.options import PackOptions  # noqa: PLC0415 - only workflows with packs
        from attune_nb.packs.process.pack_function import PackFunction  # noqa: PLC0415 - as above

        return PackFunction(action, PackOptions())

    problem = session.explain_interpreter(action)
    if problem is not None:
        raise KeyError(f"action `{action.ref}` cannot run: {problem}")
    return session.make_function(action, task)


def _nested_action(
    nested: WorkflowView, task: Task, context: BindingContext
) -> tuple[Action, list[Misfit]]:
    name = task.action or ""
    problems = _problems_within(nested.spec, context)
    action = registry.Action(
        name=name,
        function=context.nest(nested.spec, _nested_name(nested, name)),
        idempotent=_identity(nested.spec) not in context.not_idempotent,
        cancellable=True,
        version=workflow_identity(nested.spec),
        uses=context.uses.get(_identity(nested.spec), ""),
        runs_workflow=True,
    )

    misfits = list(_parameter_misfits(name, nested, task))
    misfits += [(None, problem.message) for problem in _nested_problems(task, problems)]
    return action, misfits


def _nested_name(nested: WorkflowView, action: str) -> str:
    """Return the name of a nested workflow: its own, its file's, or the one that the task uses."""
    if action.endswith(_FILE_SUFFIXES):
        return nested.name

    given_name = nested.spec.given_name
    return given_name or action


def _input_of(task: Task) -> dict[str, Any]:
    source = task.input.source
    return source if isinstance(source, dict) else {}


def _is_action(value: Any) -> bool:
    return callable(value) or issubclass(type(value), WorkflowView)


def _not_callable(workflow: WorkflowSpec, actions: Actions) -> Iterator[Problem]:
    """Yield a problem at each use of an action that is neither a function nor a workflow."""
    for name, value in actions.items():
        if _is_action(value):
            continue

        message = f"action `{name}` must be a function or a workflow, not {describe(value)}"
        positions = [task.positions.action for _, task in workflow.walk() if task.action == name]
        if not positions:
            yield Problem(message, None)
        for position in positions:
            yield Problem(message, position)


def _named_workflows(context: BindingContext) -> dict[str, WorkflowView]:
    """Return the workflows among the actions, by name and by ref; then those of the packs."""
    workflows: dict[str, WorkflowView] = {}
    for name, value in context.actions.items():
        if issubclass(type(value), WorkflowView):
            workflows[name] = cast("WorkflowView", value)
    by_ref = {workflow.ref: workflow for workflow in workflows.values() if workflow.ref}
    return context.pack_workflows() | workflows | by_ref


def _identity(workflow: WorkflowSpec) -> Source | int:
    """Return a key that differs between workflows; a file that is read twice is one workflow."""
    position = workflow.tasks[0].positions.name
    if position is None:
        return id(workflow)
    return position.source


def _problems_within(workflow: WorkflowSpec, context: BindingContext) -> list[Problem]:
    """Return the problems of a workflow that a task runs. Each workflow is checked once."""
    key = _identity(workflow)
    if key not in context.problems and context.levels > 0:
        context.problems[key] = []  # in case it runs itself
        inner_context = msgspec.structs.replace(context, mock={}, levels=context.levels - 1)
        actions, context.problems[key] = _bind(workflow, inner_context)
        context.uses[key] = digest_actions(actions)
        if not all(action.idempotent for action in actions.values()):
            context.not_idempotent.add(key)

    return context.problems.get(key, [])


def _nested_problems(task: Task, problems: Iterable[Problem]) -> Iterator[Problem]:
    """Yield the problems of a nested workflow as problems of the task that runs it."""
    for problem in itertools.islice(problems, _MAX_NESTED_PROBLEMS):
        yield Problem(f"workflow `{task.action}`: {problem}", task.positions.action)


def _nested_workflow(
    workflow: WorkflowSpec, task: Task, context: BindingContext
) -> WorkflowView | None:
    """Return the workflow that a task runs, or None if it runs a function."""
    name = task.action or ""
    workflows = _named_workflows(context)
    if name in workflows:
        return workflows[name]

    # the action of a pack may be named `yaml`
    if name.endswith(_FILE_SUFFIXES) and name not in context.packs.actions:
        path = _resolve_path(workflow, name)
        if path not in context.files:
            context.files[path] = context.load(path)
        return context.files[path]

    if task.type == "workflow":
        hint = nearest(name, workflows)
        if not hint:
            hint = "; pass it in `actions`, or name its file"
        raise KeyError(f"there is no workflow `{name}`{hint}")
    return None


def _resolve_path(workflow: WorkflowSpec, name: str) -> Path:
    """Return the path of a file, relative to the folder of the workflow that names it.

    If there is no such file, the path is relative to the current folder.
    """
    position = workflow.tasks[0].positions.name
    folder = Path()
    if position is not None:
        folder = Path(position.source.name).parent

    path = folder / name
    return path if path.exists() else Path(name)


def _parameter_misfits(name: str, nested: WorkflowView, task: Task) -> Iterator[Misfit]:
    values = _input_of(task)
    declared = parameter_specs.declared_names(nested.parameters)
    for key, value in values.items():
        if key not in declared:
            yield key, f"workflow `{name}` has no parameter `{key}`{nearest(key, declared)}"
        elif not has_template(value):
            message = parameter_specs.explain_misfit(nested.parameters or {}, key, value)
            if message:
                yield key, f"workflow `{name}`: {message}"

    required = parameter_specs.required_names(nested.parameters)
    missing = [key for key in required if key not in values]
    if missing:
        yield None, f"workflow `{name}` needs `{'`, `'.join(missing)}` in `input`"


def _mocks_by_path(workflow: WorkflowSpec, mock: Mapping[str, Any]) -> dict[str, Any]:
    """Return the mocks by the task's path.

    The key of a task within a parallel task may be its name alone.

    Raises:
        ParameterError: A key input_filter no task, or several.
    """
    paths = [path for path, _ in workflow.walk()]
    mocks: dict[str, Any] = {}
    for name, value in mock.items():
        matches = [name] if name in paths else _paths_ending_in(name, paths)
        if not matches:
            hint = nearest(name, paths)
            if not hint:
                hint = f"; there are {', '.join(paths[:_MAX_NAMES])}"
            raise ParameterError(f"mock: there is no task `{name}`{hint}")
        if len(matches) > 1:
            raise ParameterError(f"mock: several tasks are named `{name}`: {', '.join(matches)}")
        mocks[matches[0]] = value

    return mocks


def _paths_ending_in(name: str, paths: Iterable[str]) -> list[str]:
    return [path for path in paths if path.split("/")[-1] == name]


def _mock_action(path: str, value: Any) -> Action:
    """Return an action that only returns or raises the value of a mock."""

    def act(rendered: Any) -> Any:
        if isinstance(value, BaseException):
            raise value.with_traceback(None)
        if isinstance(value, type) and issubclass(value, BaseException):
            raise value("mocked") if issubclass(value, Timeout) else value()
        if callable(value):
            return value(rendered)
        return value

    return registry.Action(name=f"mock of {path}", function=act, whole_input=True, local=True)

"""Check a request for a run and prepare everything that the run needs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from attune_nb.actions.fingerprint import fingerprints
from attune_nb.backends.inline import InlineBackend
from attune_nb.backends.threads.backend import ThreadBackend
from attune_nb.errors import (
    BackendError,
    ParameterError,
    WorkflowError,
    nearest,
)
from attune_nb.language.describe import is_positive_integer
from attune_nb.running.answers import (
    OptionAnswers,
    answers_of_dry_run,
)
from attune_nb.running.bind_actions import (
    BindingContext,
    bind_actions,
    mocked_paths,
    replace_mocked_parallel_tasks,
    unmade_paths,
)
from attune_nb.running.child_workflow import MAX_DEPTH, ChildWorkflow
from attune_nb.running.open_packs import open_packs, read_variable_names
from attune_nb.running.prepared_run import BoundWorkflow, PreparedRun
from attune_nb.running.workflow_view import WorkflowView
from attune_nb.templates.compiler.parse import has_template
from attune_nb.values.describe import describe, describe_with_value
from attune_nb.values.frozen import are_json_data, freeze, freeze_guarded
from attune_nb.values.guard import ask
from attune_nb.values.named_values import is_mapping, plain_text, read_pairs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attune_nb.actions.registry import Action
    from attune_nb.backends.protocol import Backend
    from attune_nb.language.model import WorkflowSpec
    from attune_nb.running.request import RunOptions

__all__ = [
    "BACKENDS",
    "bind_workflow",
    "binding_context",
    "check_workflow",
    "prepare_run",
    "read_names",
    "read_options",
]

BACKENDS = ("threads", "processes", "dask", "inline")
"""The names of the backends; the first is the default."""

# the methods of a backend that is passed as an object
_BACKEND_METHODS = ("start", "retry", "stop", "set_paused", "release", "poll", "collect", "close")


def binding_context(options: RunOptions) -> BindingContext:
    """Return the context in which the actions of a workflow are bound."""
    # nested workflows are checked once, from the outermost
    levels = 0 if options.depth else MAX_DEPTH
    return BindingContext(
        actions=options.actions,
        mock=options.mock,
        dry_run=options.dry_run,
        allow_imports=options.allow_imports,
        load=options.load,
        nest=lambda workflow, name: ChildWorkflow(workflow, name, options, bind_workflow),
        packs=options.packs,
        pack_session=options.pack_session,
        levels=levels,
        is_nested=options.depth > 0,
    )


def prepare_run(
    workflow: WorkflowSpec, parameters: Mapping[str, Any], options: RunOptions
) -> PreparedRun:
    """Check everything that a run needs.

    Raises:
        AttuneError: The workflow, its parameters or an option cannot be used.
    """
    bound = bind_workflow(workflow, options)
    prepared = bound.prepare(parameters)
    return replace(prepared, backend=_make_backend(options.backend, options.workers))


def bind_workflow(workflow: WorkflowSpec, options: RunOptions) -> BoundWorkflow:
    """Find the actions of a workflow, and check the options of its runs.

    Raises:
        AttuneError: The workflow or an option cannot be used.
    """
    options = replace(
        options,
        config=_freeze_option("config", options.config),
        keystore=_freeze_option("keystore", options.keystore),
        keys=_freeze_option("keys", options.keys),
    )
    if options.dry_run and options.answers:
        options = _answer_dry_run(workflow, options)

    _check_plain("keys", options.keys)

    workflow = replace_mocked_parallel_tasks(workflow, options.mock)
    actions, problems = bind_actions(workflow, binding_context(options))
    problems += options.packs.find_name_clashes()
    if problems:
        # the action that is missing may be one of theirs
        problems += options.packs.unreadable
    if problems:
        raise WorkflowError(problems)

    _check_count("concurrency", options.concurrency)
    unmade: set[str] = set()
    if options.dry_run:
        unmade = unmade_paths(workflow, options.mock)
    return BoundWorkflow(
        workflow=workflow,
        options=options,
        actions=actions,
        code=fingerprints(actions),
        mocked=frozenset(mocked_paths(workflow, options.mock, dry_run=options.dry_run)),
        unmade=frozenset(unmade),
        written_secrets=_written_secrets(workflow, actions),
    )


def _written_secrets(workflow: WorkflowSpec, actions: Mapping[str, Action]) -> dict[str, Any]:
    """Return the secret parameters of actions that stand in the workflow's text, by their path."""
    secrets = {}
    for path, action in actions.items():
        written = workflow.task(path).input.source
        if not isinstance(written, dict):
            continue
        for name in action.secret_parameters:
            value = written.get(name)
            # a template is not the secret itself
            if value is not None and not (isinstance(value, str) and has_template(value)):
                secrets[f"{path}.{name}"] = value
    return secrets


def _answer_dry_run(workflow: WorkflowSpec, options: RunOptions) -> RunOptions:
    """Return the options of a dry run, in which answers are the results of tasks that ask."""
    results = answers_of_dry_run(workflow, options.answers)
    return replace(options, answers={}, mock={**results, **options.mock})


def _freeze_option(option: str, values: Mapping[str, Any] | None) -> Any:
    """Return the read-only values of an option.

    Raises:
        ParameterError: One of them cannot be used; the message names it.
    """
    if values is None:
        return None

    frozen = {}
    for name, value in values.items():
        try:
            frozen[name] = freeze_guarded(value)
        except ValueError as error:
            raise ParameterError(f"`{name}` in `{option}` cannot be used: {error}") from None
    return freeze(frozen)


def _check_plain(option: str, values: Mapping[str, Any] | None) -> None:
    """Check that the values of an option are plain data, which JSON can hold.

    Raises:
        ParameterError: One is not; the message names it, and does not show it.
    """
    if values is None:
        return
    for name, value in values.items():
        if not are_json_data([value]):
            raise ParameterError(
                f"`{name}` in `{option}` must be a string, a number, a boolean, or an array or an "
                "object of these"
            )


def read_options(options: RunOptions) -> RunOptions:
    """Return options whose objects of names and values are plain.

    Raises:
        ParameterError: One of them cannot be used.
    """
    return replace(
        options,
        actions=read_names("actions", options.actions),
        mock=read_names("mock", options.mock),
        answers=read_names("answers", options.answers),
        config=read_names("config", options.config),
        keystore=read_names("keystore", options.keystore),
        packs=open_packs(options.packs),
        pass_env=read_variable_names(options.pass_env),
        keys=read_names("keys", options.keys),
    )


def read_names(option: str, value: Any) -> Any:
    """Return an option that is an object of names and values as a plain one; null as it is.

    Answers of the command line keep their type, which says where they come from.

    Raises:
        ParameterError: The value cannot be used, or a name is no string.
    """
    if value is None:
        return None
    if not is_mapping(value):
        raise ParameterError(f"`{option}` must be an object, not {describe(value)}")

    try:
        pairs = read_pairs(value)
    except ValueError as error:
        raise ParameterError(f"`{option}` cannot be used: {error}") from None
    for name in pairs:
        if type(name) is not str:
            raise ParameterError(
                f"the names in `{option}` must be strings, not {describe_with_value(name)}"
            )
    return value if type(value) is OptionAnswers else pairs


def check_workflow(value: object) -> None:
    """Check that the `workflow` argument is None or a workflow.

    Raises:
        ParameterError: It is not.
    """
    if value is not None and not isinstance(value, WorkflowView):
        raise ParameterError(
            f"`workflow` must be a Workflow, as `load` returns it, not {describe(value)}"
        )


def _check_count(option: str, value: int | None) -> None:
    if value is not None and not is_positive_integer(value):
        raise BackendError(
            f"`{option}` must be an integer of 1 or more, not {describe_with_value(value)}"
        )


def _make_backend(backend: str | Backend, workers: int | None) -> Backend:
    _check_count("workers", workers)
    backend = plain_text(backend)

    if type(backend) is not str:
        return _check_backend(backend)
    if backend == "threads":
        return ThreadBackend(workers)
    if backend == "inline":
        return InlineBackend()
    if backend == "processes":
        from attune_nb.backends.processes.backend import ProcessBackend  # noqa: PLC0415 - slow

        return ProcessBackend(workers)
    if backend == "dask":
        from attune_nb.backends.dask import DaskBackend  # noqa: PLC0415 - slow

        return DaskBackend(workers=workers)

    hint = nearest(backend, BACKENDS)
    names = ", ".join(BACKENDS)
    raise BackendError(f"there is no backend `{backend}`{hint}; known backends: {names}")


def _has_attribute(backend: Any, name: str, *, if_it_raises: bool = False) -> bool:
    return bool(ask(lambda: hasattr(backend, name), default=if_it_raises))


def _check_backend(backend: Any) -> Backend:
    rule = f"`backend` must be a name or a backend, not {describe_with_value(backend)}"
    if not _has_attribute(backend, "poll"):
        raise BackendError(rule)
    if _has_attribute(backend, "no_method_of_a_backend"):
        raise BackendError(f"{rule}, which has an attribute of any name, as a mock does")

    # the engine reports a method that cannot be looked up
    missing = [
        name for name in _BACKEND_METHODS if not _has_attribute(backend, name, if_it_raises=True)
    ]
    if missing:
        raise BackendError(f"{rule}, which lacks `{'`, `'.join(missing)}`")
    checked: Backend = backend
    return checked

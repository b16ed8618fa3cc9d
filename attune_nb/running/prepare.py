"""Check a request for a run and prepare everything that the run needs."""

from __future__ import annotations

import logging
import threading
import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from attune_nb.actions.fingerprint import fingerprints
from attune_nb.backends.inline import InlineBackend
from attune_nb.backends.threads.backend import ThreadBackend
from attune_nb.conductor.machine import initial_state
from attune_nb.engine.driver import Driver
from attune_nb.errors import (
    ActionError,
    BackendError,
    ParameterError,
    Timeout,
    WorkflowError,
    nearest,
)
from attune_nb.events import TaskEnded
from attune_nb.language import parameter_specs
from attune_nb.language.describe import is_positive_integer
from attune_nb.results.failures import explain_error, find_failed_tasks
from attune_nb.results.mistakes import find_mistakes
from attune_nb.running.answers import (
    AdvanceAnswers,
    OptionAnswers,
    answers_of_dry_run,
    bind_answers,
)
from attune_nb.running.bind_actions import (
    BindingContext,
    bind_actions,
    explain_nested_question,
    find_asking_tasks,
    mocked_paths,
    replace_mocked_parallel_tasks,
    unmade_paths,
)
from attune_nb.running.open_packs import open_packs, read_variable_names
from attune_nb.running.workflow_view import WorkflowView
from attune_nb.templates.compiler.parse import has_template
from attune_nb.values.describe import describe, describe_with_value
from attune_nb.values.frozen import are_json_data, freeze, freeze_guarded
from attune_nb.values.guard import ask
from attune_nb.values.named_values import is_mapping, plain_text, read_pairs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from attune_nb.actions.cancel import CancelToken
    from attune_nb.actions.registry import Action
    from attune_nb.backends.protocol import Backend
    from attune_nb.conductor.state import RunState
    from attune_nb.events import Event
    from attune_nb.language.model import WorkflowSpec
    from attune_nb.results.failures import FailedTask
    from attune_nb.running.pack_session import PackSession
    from attune_nb.running.request import EventReader, RunOptions
    from attune_nb.values.secrets import Mask

__all__ = [
    "BACKENDS",
    "PreparedRun",
    "binding_context",
    "check_workflow",
    "nested_run_function",
    "prepare_run",
    "read_names",
    "read_options",
]

_log = logging.getLogger("attune_nb")

BACKENDS = ("threads", "processes", "dask", "inline")
"""The names of the backends; the first is the default."""

# the methods of a backend that is passed as an object
_BACKEND_METHODS = ("start", "retry", "stop", "set_paused", "release", "poll", "collect", "close")

# levels of workflows within workflows
_MAX_DEPTH = 20


def binding_context(options: RunOptions) -> BindingContext:
    """Return the context in which the actions of a workflow are bound."""
    # nested workflows are checked once, from the outermost
    levels = 0 if options.depth else _MAX_DEPTH
    return BindingContext(
        actions=options.actions,
        mock=options.mock,
        dry_run=options.dry_run,
        allow_imports=options.allow_imports,
        load=options.load,
        nest=lambda workflow, name: nested_run_function(workflow, name, options),
        packs=options.packs,
        pack_session=options.pack_session,
        levels=levels,
        is_nested=options.depth > 0,
    )


@dataclass(frozen=True, kw_only=True)
class PreparedRun:
    """Everything that a run needs, checked.

    Attributes:
        state: The state that the run begins with.
        parameters: All parameters.
        recorded_parameters: Those that are not secret.
        mocked: The paths of the tasks whose results are made up.
        code: For each task the fingerprint of its action, which changes with the action's code.
        answers: The answers to questions that are not open yet.
        pack_session: The services of the run for its packs.
    """

    state: RunState
    parameters: dict[str, Any]
    recorded_parameters: dict[str, Any]
    mocked: frozenset[str]
    code: dict[str, str]
    actions: Mapping[str, Action]
    backend: Backend
    answers: AdvanceAnswers
    skip_delays: bool
    pack_session: PackSession | None = None

    @property
    def mask(self) -> Mask:
        """Hides the run's secrets."""
        return self.state.context.mask

    def make_driver(
        self, readers: Sequence[EventReader], result_readers: Sequence[EventReader] = ()
    ) -> Driver:
        """Return a driver of the run, and reserve the backend for it.

        Args:
            readers: Called with lists of new events, in the engine's thread.
            result_readers: The same; they also get the results that no log and no record keeps.

        Raises:
            BackendError: Another run uses the backend.
        """
        driver = Driver(
            self.state,
            self.backend,
            self.actions,
            readers,
            result_readers=result_readers,
            skip_delays=self.skip_delays,
        )
        driver.on_question = self.answers.give
        _reserve_backend(self.backend, driver)
        return driver


def prepare_run(
    workflow: WorkflowSpec, parameters: Mapping[str, Any], options: RunOptions
) -> PreparedRun:
    """Check everything that a run needs.

    Raises:
        AttuneError: The workflow, its parameters or an option cannot be used.
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

    values = parameter_specs.bind(workflow.parameters, parameters)
    secret_names = parameter_specs.secret_names(workflow.parameters)
    secrets = {name: values.pop(name) for name in secret_names if name in values}

    _check_count("concurrency", options.concurrency)
    mocked = frozenset(mocked_paths(workflow, options.mock, dry_run=options.dry_run))
    unmade: set[str] = set()
    if options.dry_run:
        unmade = unmade_paths(workflow, options.mock)
    answers = bind_answers(workflow, options.answers, mocked, find_asking_tasks(actions))
    hidden = _written_secrets(workflow, actions)
    if options.keys is not None:
        hidden |= options.keys
    if options.pack_session is not None:
        hidden |= options.pack_session.keys.known_secrets()
    state = initial_state(
        workflow,
        options.config,
        options.keystore,
        options.concurrency,
        secrets=secrets,
        hidden=hidden,
        mocked=mocked,
        unmade=unmade,
    )
    return PreparedRun(
        state=state,
        parameters={**values, **secrets},
        recorded_parameters=values,
        mocked=mocked,
        code=fingerprints(actions),
        actions=actions,
        backend=_make_backend(options.backend, options.workers),
        answers=answers,
        skip_delays=options.dry_run,
        pack_session=options.pack_session,
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


class _NestedError(ActionError):
    """Workflows run each other without end."""


def _nesting_error(events: Sequence[Event]) -> str:
    """Return the message of the `_NestedError` that ended a nested run, or an empty string."""
    for event in events:
        error = event.error if isinstance(event, TaskEnded) else None
        if error is not None and error.type == _NestedError.__name__:
            return error.message
    return ""


def nested_run_function(
    workflow: WorkflowSpec, name: str, options: RunOptions
) -> Callable[..., Any]:
    """Return the function that runs a workflow as one attempt of a task."""
    # the worker that runs this attempt makes the attempts of the nested run in its own process
    backend = "inline" if options.backend == "inline" else "threads"
    nested_options = replace(
        options,
        mock={},
        answers={},
        concurrency=None,
        backend=backend,
        depth=options.depth + 1,
    )

    # each note on a handled failure is logged once, not for each item that runs the workflow
    logged: set[str] = set()

    def run_workflow(*, cancel: CancelToken, **parameters: Any) -> Any:
        if nested_options.depth > _MAX_DEPTH:
            raise _NestedError(
                f"workflows are nested deeper than {_MAX_DEPTH} levels; does `{name}` run itself?"
            )
        if not nested_options.dry_run:
            _refuse_questions(workflow, name)

        prepared = prepare_run(workflow, parameters, nested_options)
        driver = prepared.make_driver([])
        with cancel.on_cancel(lambda: driver.cancel("the task was stopped", force=True)):
            driver.run(uuid.uuid4().hex[:12], name, prepared.recorded_parameters)

        failed_tasks = _failed_tasks_of(driver)
        for mistake in find_mistakes(failed_tasks):
            if driver.state.status == "succeeded" and mistake not in logged:
                logged.add(mistake)
                _log.warning("workflow `%s` within another one: %s", name, mistake)
        return _nested_output(driver, name, nested_options.depth, failed_tasks)

    return run_workflow


def _failed_tasks_of(driver: Driver) -> list[FailedTask]:
    state = driver.state
    return find_failed_tasks(
        driver.events,
        lambda key, index: state.executions[key].items[index],
        state.context.mask.value,
    )


def _refuse_questions(workflow: WorkflowSpec, name: str) -> None:
    problem = explain_nested_question(workflow, name)
    if problem:
        raise ActionError(problem)


def _nested_output(
    driver: Driver, name: str, depth: int, failed_tasks: Sequence[FailedTask]
) -> Any:
    """Return the output of a nested run.

    Raises:
        Timeout: The run took too long.
        ActionError: The run did not succeed for another reason.
    """
    state = driver.state
    if state.status == "succeeded":
        return state.output
    if state.status == "timed_out":
        raise Timeout(f"workflow `{name}`: {state.error}")

    # the message of endless nesting is passed on as it is, not wrapped once a level
    nesting_error = _nesting_error(driver.events) if depth > 1 else ""
    if nesting_error:
        raise _NestedError(nesting_error)

    reason = explain_error(state.error or "", failed_tasks)
    message = f"workflow `{name}` {state.status}: {reason}"
    raise ActionError(message, {"status": state.status})


# the backend that each driver uses, until it ends
_reserved_backends: WeakKeyDictionary[Driver, Backend] = WeakKeyDictionary()
_reservation_lock = threading.Lock()


def _reserve_backend(backend: Backend, driver: Driver) -> None:
    """Reserve a backend for one run: job keys are unique only within a run.

    Raises:
        BackendError: Another run uses it.
    """
    with _reservation_lock:
        for user, reserved in _reserved_backends.items():
            if reserved is backend and not user.ended.is_set():
                raise BackendError(
                    f"this {type(backend).__name__} is in use by another run; make one for each "
                    "run (of the same Dask client, if you like), or wait until that run has ended"
                )
        _reserved_backends[driver] = backend


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

"""From what a run was asked for to the driver that carries it; workflows within it included."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple
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
from attune_nb.language import model, parameter_specs
from attune_nb.language.describe import is_positive_integer
from attune_nb.language.model import ASK
from attune_nb.running.bind_actions import Links, link, mocked_paths, mocked_whole

if TYPE_CHECKING:
    from pathlib import Path

    from attune_nb.actions.cancel import CancelToken
    from attune_nb.backends.protocol import Backend
    from attune_nb.conductor.state import RunState
    from attune_nb.events import Event
    from attune_nb.language.model import WorkflowSpec
    from attune_nb.values.secrets import Mask

__all__ = [
    "BACKENDS",
    "Options",
    "Prepared",
    "links_of",
    "prepared",
    "refuse_unless_map",
    "refuse_unless_workflow",
]

Reader = Callable[[list["Event"]], None]

BACKENDS = ("threads", "processes", "dask", "inline")
"""The names of the places where attempts run; the first is the usual one."""

MAX_DEPTH = 20  # of workflows within workflows


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a run was asked for; a workflow within it is run with the same."""

    load: Callable[[Path], WorkflowSpec]  # reads a workflow's file
    actions: Mapping[str, Callable[..., Any] | WorkflowSpec]
    mock: Mapping[str, Any] = field(default_factory=dict)
    dry_run: bool = False
    allow_imports: bool = False
    config: Mapping[str, Any] | None = None
    keystore: Mapping[str, Any] | None = None
    backend: str | Backend = "threads"
    workers: int | None = None
    concurrency: int | None = None
    depth: int = 0  # of workflows within workflows


def links_of(options: Options) -> Links:
    """Give what a workflow is linked with."""
    return Links(
        given=options.actions,
        mock=options.mock,
        dry_run=options.dry_run,
        allow_imports=options.allow_imports,
        load=options.load,
        nested=lambda workflow: _nested(workflow, options),
        levels=0 if options.depth else MAX_DEPTH,  # looked into once, from the outermost
    )


class Prepared(NamedTuple):
    """Everything that a run needs, checked.

    `state` is what it begins with; `driver` makes its driver, given readers; `given` are all its
    parameters, `parameters` those that are no secret; `mocked` are the tasks whose results are
    made up; `code` tells versions of the tasks' actions apart.
    """

    state: RunState
    driver: Callable[[list[Reader]], Driver]
    given: dict[str, Any]
    parameters: dict[str, Any]
    mask: Mask
    mocked: frozenset[str]
    code: dict[str, str]


def prepared(workflow: WorkflowSpec, parameters: Mapping[str, Any], options: Options) -> Prepared:
    """Check everything that a run needs.

    Raises:
        AttuneError: Something of it cannot be.
    """
    for name in ("actions", "mock", "config", "keystore"):
        refuse_unless_map(name, getattr(options, name))
    workflow = mocked_whole(workflow, options.mock)
    found, problems = link(workflow, links_of(options))
    if problems:
        raise WorkflowError(problems)
    values = parameter_specs.bind(workflow.parameters, parameters)
    hidden = {
        key: values.pop(key)
        for key in parameter_specs.secret_names(workflow.parameters)
        if key in values
    }
    if options.concurrency is not None and not is_positive_integer(options.concurrency):
        raise BackendError(
            f"`concurrency` is a whole number, 1 or more, not {options.concurrency!r}"
        )
    mocked = frozenset(mocked_paths(workflow, options.mock, dry_run=options.dry_run))
    state = initial_state(
        workflow,
        options.config,
        options.keystore,
        options.concurrency,
        secrets=hidden,
        mocked=mocked,
    )
    backend = _backend(options.backend, options.workers)
    return Prepared(
        state,
        lambda readers: _claiming(
            Driver(state, backend, found, readers, skip_delays=options.dry_run), backend
        ),
        {**values, **hidden},
        values,
        state.context.mask,
        mocked,
        fingerprints(found),
    )


def refuse_unless_map(what: str, given: Any) -> None:
    """Refuse what is no map of names, None aside.

    Raises:
        ParameterError: It is none.
    """
    if given is None:
        return
    if not isinstance(given, Mapping):
        raise ParameterError(f"`{what}` is a map of names, not {type(given).__name__}")
    odd = next((name for name in given if not isinstance(name, str)), None)
    if odd is not None:
        raise ParameterError(f"`{what}` is a map of names, and a name is text, not {odd!r}")


def refuse_unless_workflow(given: Any) -> None:
    """Refuse what is no workflow, None aside.

    Raises:
        ParameterError: It is none.
    """
    if given is not None and not isinstance(given, model.WorkflowSpec):
        told = "`workflow` is a Workflow, as `load` gives it"
        raise ParameterError(f"{told}, not {type(given).__name__}")


class _NestedError(ActionError):
    """Workflows run each other without end."""


def _endless(events: list[Event]) -> str | None:
    """Give what a nested run said of workflows without end, if it did."""
    errors = [each.error for each in events if isinstance(each, TaskEnded) and each.error]
    return next((each.message for each in errors if each.type == _NestedError.__name__), None)


def _nested(workflow: WorkflowSpec, options: Options) -> Callable[..., Any]:
    """Give the function that runs another workflow as one attempt of a task."""
    within = replace(
        options,
        mock={},
        concurrency=None,
        # a worker has one item; what runs within it, runs within its process
        backend="inline" if options.backend == "inline" else "threads",
        depth=options.depth + 1,
    )

    def run_workflow(*, cancel: CancelToken, **parameters: Any) -> Any:
        if within.depth > MAX_DEPTH:
            raise _NestedError(
                f"workflows are nested deeper than {MAX_DEPTH}; does `{workflow.name}` run itself?"
            )
        asks = [path for path, task in workflow.walk() if task.action == ASK]
        if asks and not within.dry_run:
            raise ActionError(
                f"workflow `{workflow.name}` asks a question (task `{asks[0]}`), which only the "
                "outermost workflow can; ask there, and hand the answer over as a parameter"
            )
        ready = prepared(workflow, parameters, within)
        driver = ready.driver([])
        with cancel.on_cancel(lambda: driver.cancel("the task was stopped", force=True)):
            driver.run(uuid.uuid4().hex[:12], workflow.name, ready.parameters)
        state = driver.state
        if state.status == "timed_out":
            raise Timeout(f"workflow `{workflow.name}`: {state.error}")
        if state.status != "succeeded":
            endless = _endless(driver.events) if within.depth > 1 else None
            if endless is not None:
                raise _NestedError(endless)  # said once, not at each level
            message = f"workflow `{workflow.name}` {state.status}: {state.error}"
            raise ActionError(message, {"status": state.status})
        return state.output

    return run_workflow


_given: WeakKeyDictionary[Driver, Backend] = WeakKeyDictionary()
_giving = threading.Lock()


def _claiming(driver: Driver, backend: Backend) -> Driver:
    """Hand a backend to a driver: what a run's tasks are called by is its own.

    Raises:
        BackendError: Another run is at it.
    """
    with _giving:
        if any(its is backend and not each.ended.is_set() for each, its in _given.items()):
            raise BackendError(
                f"this {type(backend).__name__} is at another run; make one for each run (of the "
                "same Dask client, if you like), or wait until that one has ended"
            )
        _given[driver] = backend
    return driver


def _backend(backend: str | Backend, workers: int | None) -> Backend:
    if workers is not None and not is_positive_integer(workers):
        raise BackendError(f"`workers` is a whole number of 1 or more, not {workers!r}")
    if backend == "threads":
        return ThreadBackend(workers)
    if backend == "inline":
        return InlineBackend()
    if backend == "processes":
        from attune_nb.backends.processes.backend import ProcessBackend  # noqa: PLC0415 - where asked for

        return ProcessBackend(workers)
    if backend == "dask":
        from attune_nb.backends.dask import DaskBackend  # noqa: PLC0415 - as above

        return DaskBackend(workers=workers)
    if isinstance(backend, str):
        hint = nearest(backend, BACKENDS)
        raise BackendError(f"there is no backend `{backend}`{hint}; known: {', '.join(BACKENDS)}")
    if not hasattr(backend, "poll"):
        raise BackendError(f"a backend is a name or a backend object, not {backend!r}")
    return backend

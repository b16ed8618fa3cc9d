"""The two things a user holds, with the verbs that need the whole engine."""

from __future__ import annotations

import threading
import uuid
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attune_nb.actions import registry
from attune_nb.backends.inline import InlineBackend
from attune_nb.backends.threads import ThreadBackend
from attune_nb.conductor.machine import initial_state
from attune_nb.driver.loop import Driver
from attune_nb.errors import (
    BackendError,
    ParameterError,
    Problem,
    WorkflowError,
    nearest,
)
from attune_nb.language import checks, loading, model
from attune_nb.notebook.progress import progress_reader
from attune_nb.results import run as results

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from attune_nb.actions.registry import Action
    from attune_nb.backends.protocol import Backend
    from attune_nb.events import Event

    Reader = Callable[[list[Event]], None]
    Progress = bool | str | Callable[[], Reader]

__all__ = ["Run", "Workflow", "load", "load_file", "loads"]

GRACE = 1.5  # seconds that an interrupt waits for attempts under way


class Run(results.Run):
    """One run of a workflow, with its picture."""

    def timeline(self, ax: Axes | None = None, *, dark: bool = False) -> Figure:
        """Draw what ran when."""
        from attune_nb.charts import timeline  # noqa: PLC0415 - matplotlib is heavy

        return timeline(self, ax=ax, dark=dark)


class Workflow(model.Workflow):
    """A workflow that was read from text, ready to run."""

    def check(self, actions: Mapping[str, Callable[..., Any]] | None = None) -> list[Problem]:
        """Give every problem that can be known before a run, those of actions included."""
        return [*checks.problems(self), *_action_problems(self, actions or {})[1]]

    def run(
        self,
        parameters: Mapping[str, Any] | None = None,
        *,
        backend: str | Backend = "threads",
        workers: int | None = None,
        concurrency: int | None = None,
        actions: Mapping[str, Callable[..., Any]] | None = None,
        config: Mapping[str, Any] | None = None,
        keystore: Mapping[str, Any] | None = None,
        progress: Progress = "auto",
        readers: list[Reader] | None = None,
        background: bool = False,
        name: str | None = None,
    ) -> Run:
        """Run the workflow.

        Args:
            parameters: Values for the declared parameters; defaults fill the rest.
            backend: "threads", "inline", or a backend.
            workers: The most threads for one task.
            concurrency: Overrides every task's own.
            actions: Functions for this run, by name.
            config: What `config` holds.
            keystore: What `keystore` holds.
            progress: "auto" shows it in a notebook and in a terminal; True anywhere, False
                nowhere. Or a function that gives a reader of its own.
            readers: Called with the new events, in the engine's thread.
            background: Return at once; `run.wait()` waits.
            name: What to call the workflow.

        Raises:
            ParameterError: The parameters do not fit.
            WorkflowError: An action does not exist or does not take the task's input.
        """
        found, problems = _action_problems(self, actions or {})
        if problems:
            raise WorkflowError(problems)
        values = _parameters(self, dict(parameters or {}))
        state = initial_state(self, config, keystore, concurrency)
        chosen = _backend(backend, workers)
        shown = progress() if callable(progress) else progress_reader(progress)
        driver = Driver(state, chosen, found, [*(readers or []), *([shown] if shown else [])])
        run_id, called = uuid.uuid4().hex[:12], name or self.name
        run = Run(run_id, called, [task.name for task in self.tasks], driver)
        if backend == "inline" and not background:
            _inline(driver, run_id, called, values)
            return run
        thread = threading.Thread(
            target=driver.run, args=(run_id, called, values), name=f"attune {run_id}", daemon=True
        )
        thread.start()
        if not background:
            _wait(run)
        return run


def load(source: str | Path) -> Workflow:
    """Read a workflow: a path, or text that holds a line break.

    Raises:
        WorkflowError: With every problem, each with its line and column.
    """
    if isinstance(source, Path) or "\n" not in source:
        return load_file(source)
    return loads(source)


def loads(text: str, name: str = "<text>", *, above: str = "") -> Workflow:
    """Read a workflow from text.

    Args:
        text: The YAML.
        name: What errors call the text.
        above: What stands over it where a person sees it, such as a cell's first line;
            the lines of errors count from there.
    """
    plain = loading.load_workflow(text, name, above)
    return Workflow(**{each.name: getattr(plain, each.name) for each in fields(plain)})


def load_file(path: str | Path) -> Workflow:
    """Read a workflow from a file."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise WorkflowError([Problem(f"cannot read {path}: {error.strerror}")]) from None
    except UnicodeDecodeError:
        raise WorkflowError([Problem(f"{path} is not UTF-8 text")]) from None
    return loads(text, str(path))


def _backend(backend: str | Backend, workers: int | None) -> Backend:
    if backend == "threads":
        return ThreadBackend(workers)
    if backend == "inline":
        return InlineBackend()
    if isinstance(backend, str):
        hint = nearest(backend, ["threads", "inline"])
        raise BackendError(f"there is no backend `{backend}`{hint}; known: threads, inline")
    return backend


def _inline(driver: Driver, run_id: str, name: str, parameters: Any) -> None:
    try:
        driver.run(run_id, name, parameters)
    except KeyboardInterrupt:
        return  # the driver has recorded the run as cancelled; the partial Run is there


def _wait(run: Run) -> None:
    """Wait for the end; an interrupt cancels, and waits no longer than a moment."""
    try:
        while not run.wait(0.2):
            pass
    except KeyboardInterrupt:
        try:
            run.cancel()
            if not run.wait(GRACE):
                run.cancel(force=True)
                run.wait(GRACE)
        except KeyboardInterrupt:
            run.cancel(force=True)


def _action_problems(
    workflow: model.Workflow, given: Mapping[str, Callable[..., Any]]
) -> tuple[dict[str, Action], list[Problem]]:
    found: dict[str, Action] = {}
    problems: list[Problem] = []
    for task in workflow.tasks:
        try:
            found[task.name] = registry.find(task.action, given)
        except KeyError as error:
            problems.append(Problem(str(error.args[0]), task.action_position))
            continue
        for argument, message in registry.misfits(found[task.name], task.input.source or {}):
            place = task.input_positions.get(argument or "", task.action_position)
            problems.append(Problem(message, place))
    return found, problems


def _parameters(workflow: model.Workflow, given: dict[str, Any]) -> dict[str, Any]:
    declared = workflow.parameters
    if declared is None:
        if given:
            names = ", ".join(sorted(given))
            raise ParameterError(f"the workflow declares no parameters, but was given {names}")
        return {}
    schema = _schema(declared)
    specs: dict[str, Any] = schema["properties"]
    for name in given:
        if name not in specs:
            raise ParameterError(f"there is no parameter `{name}`{nearest(name, specs)}")
    defaults = {name: spec["default"] for name, spec in specs.items() if "default" in spec}
    values = defaults | given
    missing = [name for name in schema.get("required", []) if name not in values]
    if missing:
        raise ParameterError(f"the run needs the parameter `{'`, `'.join(missing)}`")
    _validate(values, specs)
    return values


def _schema(declared: Mapping[str, Any]) -> dict[str, Any]:
    if declared.get("type") == "object" and isinstance(declared.get("properties"), dict):
        return dict(declared)
    specs = {}
    for name, spec in declared.items():
        kept = {key: each for key, each in spec.items() if key not in ("required", "secret")}
        if kept.get("type") == "any":
            del kept["type"]
        specs[name] = kept
    required = [name for name, spec in declared.items() if spec.get("required") is True]
    return {"type": "object", "properties": specs, "required": required}


def _validate(values: dict[str, Any], specs: Mapping[str, Any]) -> None:
    import jsonschema  # noqa: PLC0415 - heavy, and only a run with parameters needs it

    for name, value in values.items():
        try:
            jsonschema.Draft202012Validator(specs[name]).validate(value)
        except jsonschema.ValidationError as error:
            where = "".join(f"[{part!r}]" for part in error.absolute_path)
            raise ParameterError(f"parameter `{name}`{where}: {error.message[:300]}") from None
        except jsonschema.SchemaError as error:
            raise ParameterError(f"the declaration of `{name}` is wrong: {error.message}") from None

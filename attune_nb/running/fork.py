"""Plan a run that reuses results of an earlier one: a fork, or a retry of failed tasks."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.actions.fingerprint import is_changed
from attune_nb.conductor import fork_inputs
from attune_nb.conductor.recovery import recover
from attune_nb.errors import LookupFailed, nearest
from attune_nb.events import SUCCEEDED, RunStarted
from attune_nb.language import diff, parameter_specs
from attune_nb.running.answers import check_secret_answers, restore_mask
from attune_nb.running.child_reuse import ChildReuse, step_into_child
from attune_nb.running.lost_results import refuse_lost_results
from attune_nb.running.new_run_id import choose_run_id
from attune_nb.running.plan import RunPlan, open_session, with_prepared
from attune_nb.running.prepare import bind_workflow, prepare_run
from attune_nb.values.describe import is_different
from attune_nb.values.frozen import NotStored
from attune_nb.values.remote import read_stored
from attune_nb.values.secrets import Mask

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from attune_nb.conductor.recovery import Recovered
    from attune_nb.events import Event, Input
    from attune_nb.language.model import Task, WorkflowSpec
    from attune_nb.running.prepared_run import PreparedRun
    from attune_nb.running.request import EarlierRun, RunRequest

__all__ = ["plan_fork", "plan_retry", "restore_secrets"]

# names in a message
_MAX_NAMES = 10
_MAX_HINTS = 20


def restore_secrets(earlier: EarlierRun, request: RunRequest) -> tuple[EarlierRun, RunRequest]:
    """Put secrets that were passed again into the events and parameters read from a record."""
    if request.stored is None or earlier.store is None:
        return earlier, request

    names = parameter_specs.secret_names(request.workflow.parameters)
    secrets = {name: request.parameters[name] for name in names if name in request.parameters}
    options = request.options
    sources = (options.keystore, secrets, options.keys)
    mask = Mask(*sources, names=("keystore", "parameters", "keys"))
    mask = restore_mask(mask, earlier.events, request.options.answers)
    if not mask:
        return earlier, request

    from attune_nb.store.reading import events_of  # noqa: PLC0415 - SQLite is slow to import

    events = events_of(earlier.store, request.stored, mask)
    masked = _parameters_in(earlier.events)
    restored = _parameters_in(events)
    parameters = dict(request.parameters)
    for name, value in parameters.items():
        is_unchanged = name in masked and value is masked[name]
        if is_unchanged:
            parameters[name] = restored[name]

    return earlier._replace(events=events), replace(request, parameters=parameters)


def plan_fork(earlier: EarlierRun, request: RunRequest, path: str) -> RunPlan:
    """Plan a run that runs one task and its successors again, and reuses all other results.

    Args:
        earlier: The run whose results are reused.
        request: The request for the new run.
        path: The task's path.

    Raises:
        LookupFailed: There is no such task, or the new run does not reach it.
    """
    paths = [task_path for task_path, _ in request.workflow.walk()]
    child_path = None
    if path not in paths:
        bound = bind_workflow(request.workflow.spec, request.options)
        child_path = step_into_child(path, bound.actions)
        if child_path is None:
            hint = nearest(path, paths)
            if not hint:
                hint = f"; there are {', '.join(paths[:_MAX_HINTS])}"
            raise LookupFailed(f"there is no task `{path}`{hint}")
        path = child_path.task

    inputs = fork_inputs.inputs_before_task(earlier.state, earlier.events, path)
    plan, past = _plan(earlier, request, inputs, f"fork of {earlier.run_id}")
    if child_path is not None:
        plan = replace(plan, child_reuse=ChildReuse(earlier, child_path))
    is_reached = any(task == path for task, _ in past.state.executions)
    if past.state.ended and not is_reached:
        raise LookupFailed(
            f"task `{path}` has not run in run {earlier.run_id}, and the tasks that ran there do "
            "not lead to it"
        )
    return plan


def plan_retry(earlier: EarlierRun, request: RunRequest) -> RunPlan:
    """Plan a run that repeats the failed tasks and items of another one, and reuses its results.

    Raises:
        LookupFailed: Nothing has failed.
    """
    inputs = fork_inputs.inputs_that_succeeded(earlier.state, earlier.events)
    plan, past = _plan(earlier, request, inputs, f"retry of {earlier.run_id}")
    plan = replace(plan, child_reuse=ChildReuse(earlier))
    if past.state.status == "succeeded" and earlier.state.status == "succeeded":
        raise LookupFailed(
            f"nothing has failed in run {earlier.run_id}; `retry(failed_only=False)` runs all again"
        )
    return plan


def _plan(
    earlier: EarlierRun, request: RunRequest, inputs: Sequence[Input], origin: str
) -> tuple[RunPlan, Recovered]:
    """Replay the inputs that are reused, as those of a new run that began as long ago.

    Raises:
        ParameterError: A secret answer that is reused must be passed again.
        StoreError: A task that may still run reads a result that the store does not hold.
    """
    observation = request.observation
    run_id = choose_run_id(observation.run_id, observation.store)
    options = open_session(request.options, run_id, observation.store)
    prepared = prepare_run(request.workflow.spec, request.parameters, options)
    spent = max((event.time for event in inputs), default=0.0)
    started = msgspec.structs.replace(
        _first_start(earlier.events),
        run_id=run_id,
        workflow=request.name,
        started_at=time.time() - spent,
        parameters=prepared.recorded_parameters,
        dry_run=request.options.dry_run,
        mocked=bool(request.options.mock),
        origin=origin,
    )

    check_secret_answers(earlier.run_id, inputs)
    input_filter = fork_inputs.InputFilter(earlier.state)
    past = recover(prepared.state, [started, *inputs], input_filter)
    refuse_lost_results(past)

    reused = _reused_paths(earlier, past)
    partly_reused = _partly_reused_items(past)
    kept = reused | partly_reused.keys()
    changed = _changed_paths(earlier, request.workflow.spec, prepared, kept)
    notes = [
        *_describe_restarted_tasks(input_filter.changed_tasks),
        *_describe_changed_tasks([path for path in changed if path not in partly_reused]),
        *_describe_changed_items(changed, partly_reused),
        *_describe_changed_parameters(earlier, prepared, kept),
    ]
    plan = RunPlan(
        run_id=run_id,
        request=with_prepared(request, prepared),
        prepared=prepared,
        past=past,
        notes=notes,
        changed=changed,
        origin=origin,
    )
    return plan, past


def _first_start(events: Sequence[Event]) -> RunStarted:
    for event in events:
        if isinstance(event, RunStarted):
            return event
    raise LookupFailed("the run has not started")


def _parameters_in(events: Sequence[Event]) -> Mapping[str, Any]:
    parameters: Mapping[str, Any] = _first_start(events).parameters
    return parameters


def _reused_paths(earlier: EarlierRun, past: Recovered) -> set[str]:
    paths = set()
    for key, execution in past.state.executions.items():
        if execution.outcome is not None and key in earlier.state.executions:
            paths.add(execution.task)
    return paths


def _partly_reused_items(past: Recovered) -> dict[str, int]:
    """Return the tasks that are open and begin with results, and the number of their items."""
    items = {}
    for execution in past.state.executions.values():
        if execution.outcome is None:
            count = sum(batch.succeeded for batch in execution.batches)
            if execution.counts is not None:
                count = execution.counts[SUCCEEDED]
            if count:
                items[execution.task] = count
    return items


def _describe_restarted_tasks(paths: Sequence[str]) -> Iterator[str]:
    """Yield a note on tasks that run again because their items changed."""
    if paths:
        verb = "runs" if len(paths) == 1 else "run"
        yield f"{_format_tasks(paths)} {verb} again, because the items changed"


def _changed_paths(
    earlier: EarlierRun, workflow: WorkflowSpec, prepared: PreparedRun, reused: set[str]
) -> list[str]:
    """Return the reused tasks whose text changed, or whose action's code did."""
    outermost = {path.partition("/")[0] for path in reused}
    with_changed_text = diff.changed_tasks(
        earlier.state.workflow, workflow, ignore_transitions=True
    )
    changed = [name for name in with_changed_text if name in outermost]

    code = prepared.code
    compared = (reused & code.keys() & earlier.code.keys()) - set(with_changed_text)
    changed += [path for path in sorted(compared) if is_changed(earlier.code[path], code[path])]
    return changed


def _describe_changed_tasks(paths: Sequence[str]) -> Iterator[str]:
    """Yield a note on tasks that changed and whose results are reused."""
    if paths:
        yield (
            f"{_format_tasks(paths)} changed since, but the earlier results are reused; "
            f"fork at `{paths[0]}` to run it again"
        )


def _describe_changed_items(changed: Sequence[str], items: Mapping[str, int]) -> Iterator[str]:
    """Yield a note on each task that changed and of which some results are reused."""
    for path in changed:
        if path in items:
            count = items[path]
            result = "1 earlier result" if count == 1 else f"{count:,} earlier results"
            verb = "is" if count == 1 else "are"
            yield (
                f"task `{path}` changed since, but {result} of its items {verb} reused; "
                f"fork at `{path}` to run all of them again"
            )


def _describe_changed_parameters(
    earlier: EarlierRun, prepared: PreparedRun, reused: set[str]
) -> Iterator[str]:
    """Yield a note on tasks that read a changed parameter and whose results are reused."""
    changed = set()
    for name, value in _parameters_in(earlier.events).items():
        is_known = not isinstance(value, NotStored)
        new_value = read_stored(prepared.recorded_parameters.get(name))
        if is_known and is_different(read_stored(value), new_value):
            changed.add(name)

    paths = []
    for path, task in earlier.state.workflow.walk():
        is_stale = path in reused and bool(_parameters_read(task) & changed)
        if is_stale:
            paths.append(path)

    if paths:
        verb = "reads" if len(paths) == 1 else "read"
        names = ", ".join(f"`parameters.{name}`" for name in sorted(changed))
        yield (
            f"{_format_tasks(paths)} {verb} {names}, which changed, but the earlier results are "
            "reused"
        )


def _parameters_read(task: Task) -> set[str]:
    """Return the parameters that a task's expressions name directly."""
    names = set()
    for template in task.templates():
        for path in template.paths:
            if path[0] == "parameters" and len(path) > 1:
                names.add(path[1])
    return names


def _format_tasks(paths: Sequence[str]) -> str:
    noun = "task" if len(paths) == 1 else "tasks"
    names = ", ".join(f"`{path}`" for path in paths[:_MAX_NAMES])
    if len(paths) > _MAX_NAMES:
        names += f" and {len(paths) - _MAX_NAMES:,} more"
    return f"{noun} {names}"

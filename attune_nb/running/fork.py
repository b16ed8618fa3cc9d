"""Another run that begins with what one has done: forks, and runs of what has failed."""

from __future__ import annotations

import time
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.conductor import fork_inputs
from attune_nb.conductor.recovery import Recovered, recover
from attune_nb.errors import LookupFailed, nearest
from attune_nb.events import RunStarted
from attune_nb.language import diff, parameter_specs
from attune_nb.running.lost_results import refuse_lost
from attune_nb.running.prepare import prepared
from attune_nb.running.start import Run, begin, carry
from attune_nb.values.describe import is_different
from attune_nb.values.frozen import NotStored
from attune_nb.values.secrets import Mask

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from attune_nb.events import Event, Input
    from attune_nb.language import model
    from attune_nb.running.prepare import Prepared
    from attune_nb.running.request import Begun, Done

__all__ = ["fork", "retry", "with_secrets"]

_SHOWN = 10  # names in a line


def with_secrets(run: Done, begun: Begun) -> tuple[Done, Begun]:
    """Put secrets that were given again into their places in a run known from its record."""
    names = parameter_specs.secret_names(begun.workflow.parameters)
    hidden = {name: begun.parameters[name] for name in names if name in begun.parameters}
    mask = Mask(begun.options.keystore, hidden)
    if begun.stored is None or run.store is None or not mask:
        return run, begun
    from attune_nb.store.reading import events_of  # noqa: PLC0415 - SQLite takes its time

    events = events_of(run.store, begun.stored, mask)
    was, now = (_parameters_in(each) for each in (run.events, events))
    known = {
        name: now[name] if name in was and value is was[name] else value
        for name, value in begun.parameters.items()
    }
    return run._replace(events=events), replace(begun, parameters=known)


def _parameters_in(events: Sequence[Event]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = next(
        each.parameters for each in events if isinstance(each, RunStarted)
    )
    return found


def fork(run: Done, begun: Begun, at: str) -> Run:
    """Begin a run with all that another has done, but for a task and what it has led to.

    Args:
        run: The other run.
        begun: What the new one is begun with.
        at: The task's path.

    Raises:
        LookupFailed: There is no such task, or it does not come to run.
    """
    known = [path for path, _ in begun.workflow.walk()]
    if at not in known:
        hint = nearest(at, known) or f"; there are {', '.join(known[:20])}"
        raise LookupFailed(f"there is no task `{at}`{hint}")
    ready = prepared(begun.workflow, begun.parameters, begun.options)
    inputs = fork_inputs.inputs_before_task(run.state, run.events, at)
    run_id, past, told = _folded(run, begun, ready, inputs)
    if past.state.ended and all(key[0] != at for key in past.state.executions):
        raise LookupFailed(
            f"task `{at}` has not run in run {run.run_id}, and what ran there does not lead to it"
        )
    return carry(_with(begun, ready), run_id, ready, past, told=told)


def retry(run: Done, begun: Begun, *, failed_only: bool = True) -> Run:
    """Run a workflow again; or of what another run has done, only what has failed in it.

    Raises:
        LookupFailed: Nothing has failed.
    """
    if not failed_only:
        return begin(begun, begun.parameters)
    ready = prepared(begun.workflow, begun.parameters, begun.options)
    inputs = fork_inputs.inputs_that_succeeded(run.state, run.events)
    run_id, past, told = _folded(run, begun, ready, inputs)
    if past.state.ended and past.state.status == "succeeded" and run.state.status == "succeeded":
        raise LookupFailed(
            f"nothing has failed in run {run.run_id}; `retry(failed_only=False)` runs all again"
        )
    return carry(_with(begun, ready), run_id, ready, past, told=told)


def _with(begun: Begun, ready: Prepared) -> Begun:
    return replace(begun, parameters=ready.given, code=ready.code)


def _folded(
    run: Done, begun: Begun, ready: Prepared, inputs: Sequence[Input]
) -> tuple[str, Recovered, list[str]]:
    """Fold what is reused, as a new run that began so long ago; and tell what to look at."""
    first = next(each for each in run.events if isinstance(each, RunStarted))
    last = max((each.time for each in inputs), default=0.0)
    run_id = uuid.uuid4().hex[:12]
    started = msgspec.structs.replace(
        first,
        run_id=run_id,
        workflow=begun.manner.name or begun.workflow.name,
        started_at=time.time() - last,
        parameters=ready.parameters,
    )
    fits = fork_inputs.InputFilter(run.state)
    past = recover(ready.state, [started, *inputs], fits)
    refuse_lost(past)
    reused = {
        key[0]
        for key, each in past.state.executions.items()
        if each.outcome is not None and key in run.state.executions
    }
    told = [
        *_told_of_items(fits.changed_tasks),
        *_told_of_tasks(_changed(run, begun.workflow, ready, reused)),
        *_told_of_values(run, ready, reused),
    ]
    return run_id, past, told


def _told_of_items(anew: Sequence[str]) -> Iterator[str]:
    """Tell of the tasks that run again, although nobody asked for it."""
    if anew:
        yield f"{_named(anew)} began anew: the items are others now"


def _changed(
    run: Done, after: model.WorkflowSpec, ready: Prepared, reused: set[str]
) -> Iterator[str]:
    """Give the reused tasks that do something else now: by their text, or their action's code."""
    done = {path.partition("/")[0] for path in reused}
    texts = diff.changed_tasks(run.state.workflow, after, ignore_transitions=True)
    yield from (name for name in texts if name in done)
    for path in sorted(reused):
        if path not in texts and path in run.code and run.code[path] != ready.code.get(path):
            yield path


def _told_of_tasks(stale: Iterator[str]) -> Iterator[str]:
    """Tell of the tasks that have changed since, and are not run again."""
    found = [*stale]
    if found:
        yield (
            f"{_named(found)} changed since, and what came of it then is reused; "
            f"fork at `{found[0]}` to run it again"
        )


def _told_of_values(run: Done, ready: Prepared, reused: set[str]) -> Iterator[str]:
    """Tell of the tasks that read a parameter which is another now, and are not run again."""
    before = _parameters_in(run.events)
    known = {name: each for name, each in before.items() if not isinstance(each, NotStored)}
    other = {name for name, each in known.items() if is_different(each, ready.parameters.get(name))}
    stale = [
        path
        for path, task in run.state.workflow.walk()
        if path in reused and _parameters_of(task) & other
    ]
    if stale:
        reads = "reads" if len(stale) == 1 else "read"
        names = ", ".join(f"`parameters.{each}`" for each in sorted(other))
        yield f"{_named(stale)} {reads} {names}, another now; what came of it then is reused"


def _parameters_of(task: model.Task) -> set[str]:
    """Give the parameters that a task reads outright."""
    paths = [path for each in task.templates() for path, _ in each.references]
    return {path[1] for path in paths if path[0] == "parameters" and len(path) > 1}


def _named(tasks: Sequence[str]) -> str:
    shown = ", ".join(f"`{each}`" for each in tasks[:_SHOWN])
    more = f" and {len(tasks) - _SHOWN:,} more" if len(tasks) > _SHOWN else ""
    return f"{'task' if len(tasks) == 1 else 'tasks'} {shown}{more}"

"""Refuse to continue a run that needs results which its record does not hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attune_nb.errors import StoreError
from attune_nb.events import AttemptsEnded, KeyAdded
from attune_nb.language import diff
from attune_nb.values.frozen import describe_not_stored
from attune_nb.values.remote import remote_references
from attune_nb.values.secrets import MASKED
from attune_nb.values.stored import StoredValue

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from attune_nb.conductor.recovery import Recovered
    from attune_nb.conductor.state import Execution, RunState
    from attune_nb.events import Event
    from attune_nb.language.model import WorkflowSpec

    ReferencePath = tuple[str, ...]

__all__ = ["refuse_lost_results"]


def refuse_lost_results(past: Recovered) -> None:
    """Check that no task that may still run reads a result which the store does not hold.

    Raises:
        StoreError: A task does.
    """
    state = past.state
    if state.ended:
        return

    losses = _losses_by_namespace(state, has_secrets=_has_secret_results(past.events))
    for reader, path in _paths_read(state.workflow, _open_tasks(state)):
        if len(path) < 2:  # noqa: PLR2004 - a namespace and a name
            continue
        loss = losses.get(path[0], {}).get(path[1])
        if loss:
            raise StoreError(
                f"{reader} reads `{'.'.join(path[:2])}`, {loss}; fork the run at the task that "
                "made it"
            )


def _has_secret_results(events: Iterable[Event]) -> bool:
    """Return whether a result may have a part that no record holds."""
    for event in events:
        if isinstance(event, KeyAdded) or (isinstance(event, AttemptsEnded) and event.secrets):
            return True
    return False


def _losses_by_namespace(state: RunState, *, has_secrets: bool) -> dict[str, dict[str, str]]:
    """Return for each namespace of the context the reasons why values in it are lost, by name.

    Args:
        state: The state of the run.
        has_secrets: Whether a result had a secret part: in a record, that is `***`.
    """

    def describe(value: Any) -> str:
        if has_secrets and _holds_masked(value):
            return "which held a secret that no record holds"
        return _describe_loss(value)

    task_losses = {name: describe(task.result) for name, task in state.context.tasks.items()}
    for execution in state.executions.values():
        if execution.outcome is None:
            task_losses.setdefault(execution.task, _loss_of_items(execution))

    variable_losses = {name: describe(value) for name, value in state.context.variables.items()}
    return {
        "task": task_losses,
        "tasks": task_losses,
        "workflow": variable_losses,
        "vars": variable_losses,
        "variables": variable_losses,
    }


def _loss_of_items(execution: Execution) -> str:
    for batch in execution.batches:
        loss = _describe_loss(batch.results)
        if loss:
            return loss
    return ""


def _holds_masked(value: Any) -> bool:
    """Return whether a string in a value was masked as a whole."""
    pending = [value]
    while pending:
        part = pending.pop()
        if isinstance(part, str):
            if part == MASKED:
                return True
        elif isinstance(part, Mapping):
            pending += part.values()
        elif isinstance(part, list | tuple):
            pending += part
    return False


def _describe_loss(value: Any) -> str:
    """Describe the part that a value lacks; an empty string if it is complete."""
    loss = describe_not_stored(value)
    if loss:
        return loss
    for reference in remote_references(value):
        if isinstance(reference, StoredValue) and reference.is_missing:
            return f"a {reference.description} whose file {reference.file} is missing"
    return ""


def _open_tasks(state: RunState) -> set[str]:
    """Return the outermost tasks that are running, or that a join waits with."""
    keys = [key for key, execution in state.executions.items() if execution.outcome is None]
    keys += state.joins
    return {path.partition("/")[0] for path, _ in keys}


def _paths_read(
    workflow: WorkflowSpec, open_tasks: set[str]
) -> Iterator[tuple[str, ReferencePath]]:
    """Yield the paths that tasks which may still run read, and the output, each with its reader."""
    reachable = set(diff.reachable_tasks(workflow, open_tasks))
    for task_path, task in workflow.walk():
        if task_path.partition("/")[0] not in reachable:
            continue
        for template in task.templates():
            for path in template.paths:
                yield f"task `{task_path}`", path

    if workflow.output_map is not None:
        for path in workflow.output_map.paths:
            yield "`output_map`", path

"""Refuse to go on with a run whose kept results are lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune_nb.errors import StoreError
from attune_nb.language import diff
from attune_nb.values.frozen import describe_not_stored

if TYPE_CHECKING:
    from collections.abc import Iterator

    from attune_nb.conductor.recovery import Recovered
    from attune_nb.conductor.state import RunState
    from attune_nb.language import model

__all__ = ["refuse_lost"]


def refuse_lost(past: Recovered) -> None:
    """Refuse to go on where a task that may still run reads what the store does not hold.

    Raises:
        StoreError: One does.
    """
    state = past.state
    if state.ended:
        return
    spaces: dict[str, dict[str, str]] = {
        "task": {
            name: describe_not_stored(each.result) for name, each in state.context.tasks.items()
        },
        "workflow": {
            name: describe_not_stored(each) for name, each in state.context.variables.items()
        },
    }
    for each in state.executions.values():
        if each.outcome is None:
            found = next(
                filter(None, (describe_not_stored(batch.results) for batch in each.batches)), ""
            )
            spaces["task"].setdefault(each.task, found)
    spaces["tasks"] = spaces["task"]
    spaces |= dict.fromkeys(("vars", "variables"), spaces["workflow"])
    for name, path in _reads(state.workflow, {key[0].partition("/")[0] for key in _open(state)}):
        kind = spaces.get(path[0], {}).get(path[1], "") if len(path) > 1 else ""
        if kind:
            raise StoreError(
                f"{name} reads `{'.'.join(path[:2])}`, {kind}; fork the run at the task that "
                "made it"
            )


def _open(state: RunState) -> list[tuple[str, int]]:
    return [*(k for k, each in state.executions.items() if each.outcome is None), *state.joins]


def _reads(workflow: model.WorkflowSpec, begun: set[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Give what is read by the tasks that may still run, and by the output."""
    for name in diff.reachable_tasks(workflow, begun):
        for path, task in workflow.walk():
            if path.partition("/")[0] == name:
                for template in task.templates():
                    yield from ((f"task `{path}`", each) for each, _ in template.references)
    if workflow.output_map is not None:
        yield from (("`output_map`", each) for each, _ in workflow.output_map.references)

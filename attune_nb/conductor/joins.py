"""When the arrivals of branches start a join."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune_nb.conductor.state import JoinState, Token

if TYPE_CHECKING:
    from attune_nb.conductor.state import RunState
    from attune_nb.language.model import Task, WorkflowSpec

__all__ = ["add_arrival", "describe_unmet", "is_met"]


def add_arrival(state: JoinState, token: Token, source: str) -> JoinState:
    """Count the arrival of a branch. A second one from the same task counts no more."""
    arrived = state.arrived
    if source not in arrived:
        arrived = arrived.append(source)
    return JoinState(arrived, merge(state.token, token))


def merge(first: Token, second: Token) -> Token:
    """Merge two branches into one, whose past is that of both."""
    visits = first.visits
    for name, count in second.visits.items():
        visits = visits.set(name, max(count, visits.get(name, 0)))

    new_causes = [key for key in second.causes if key not in first.causes]
    return Token((*first.causes, *new_causes), visits)


def is_met(workflow: WorkflowSpec, task: Task, state: JoinState) -> bool:
    """Return whether enough branches have arrived at a join."""
    needed = task.join
    if needed == "all":
        needed = len(workflow.sources(task.name))
    return isinstance(needed, int) and len(state.arrived) >= needed


def describe_unmet(state: RunState) -> list[str]:
    """Return a message for each join that still waits, with the tasks it waits for."""
    messages = []
    for key in sorted(state.joins):
        name, _ = key
        join = state.joins[key]
        if key in state.executions or is_met(state.workflow, state.workflow.task(name), join):
            continue

        sources = state.workflow.sources(name)
        missing = [source for source in sources if source not in join.arrived]
        messages.append(f"join `{name}` was never met: it still waited for {', '.join(missing)}")
    return messages

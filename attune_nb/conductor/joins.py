"""When a branch that arrives at a task starts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune_nb.conductor.state import JoinState, Token

if TYPE_CHECKING:
    from attune_nb.conductor.state import RunState
    from attune_nb.language.model import Task, WorkflowSpec

__all__ = ["arrive", "unmet"]


def arrive(state: JoinState, token: Token, source: str) -> JoinState:
    """Count one arrival; a second one from the same task counts no more."""
    arrived = state.arrived if source in state.arrived else state.arrived.append(source)
    return JoinState(arrived, merge(state.token, token))


def merge(first: Token, second: Token) -> Token:
    """Make one branch of two: its past is whatever either has been through."""
    visits = first.visits
    for name, count in second.visits.items():
        visits = visits.set(name, max(count, visits.get(name, 0)))
    causes = first.causes + tuple(key for key in second.causes if key not in first.causes)
    return Token(causes, visits)


def is_met(workflow: WorkflowSpec, task: Task, state: JoinState) -> bool:
    """Tell whether enough branches have arrived."""
    wanted = len(workflow.sources(task.name)) if task.join == "all" else task.join
    return isinstance(wanted, int) and len(state.arrived) >= wanted


def unmet(state: RunState) -> list[str]:
    """Say of each join that still waits what it waits for."""
    said = []
    for key in sorted(state.joins):
        name, join = key[0], state.joins[key]
        if key in state.executions or is_met(state.workflow, state.workflow.task(name), join):
            continue
        missing = [each for each in state.workflow.sources(name) if each not in join.arrived]
        said.append(f"join `{name}` was never met: it still waited for {', '.join(missing)}")
    return said

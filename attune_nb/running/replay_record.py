"""Replay the record of a run whose process is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from attune_nb.conductor.recovery import first_difference, recover
from attune_nb.errors import StoreError
from attune_nb.events import FINAL, RunStarted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from attune_nb.conductor.recovery import AttemptId, Recovered
    from attune_nb.conductor.state import RunState
    from attune_nb.events import Event
    from attune_nb.running.prepared_run import PreparedRun
    from attune_nb.store.reading import StoredRun

__all__ = ["find_doubts", "replay_record"]


def replay_record(prepared: PreparedRun, events: Sequence[Event], stored: StoredRun) -> Recovered:
    """Replay the inputs among the events, and compare the facts that follow with the record.

    Raises:
        StoreError: They differ: something that no record holds has changed.
    """
    recorded: list[Event] = []
    for event in events:
        if isinstance(event, RunStarted):
            parameters = prepared.recorded_parameters
            recorded.append(msgspec.structs.replace(event, parameters=parameters))
        else:
            recorded.append(event)

    past = recover(prepared.state, recorded)
    wrong = first_difference(recorded, past.events)
    if wrong is not None:
        path = getattr(wrong, "task", "")
        subject = f"task `{path}`" if path else "the run"
        raise StoreError(
            f"run {stored.run_id} cannot be resumed: {subject} would not go as it is recorded "
            f"({type(wrong).__name__} at {wrong.time:.3f} s). The arguments differ from those "
            "that the run began with, or this version of attune_nb works differently "
            f"(recorded: {stored.versions.get('attune_nb', '?')})"
        )
    return msgspec.structs.replace(past, events=[*recorded, *past.events[len(recorded) :]])


def find_doubts(state: RunState, intents: Sequence[AttemptId]) -> Iterator[AttemptId]:
    """Yield the announced attempts whose end is not recorded."""
    if state.ended:
        return

    for task, visit, index, attempt in intents:
        execution = state.executions.get((task, visit))
        if execution is None or execution.outcome is not None:
            continue
        last_attempt = execution.last_attempts[index] if index < len(execution.last_attempts) else 0
        if last_attempt != FINAL and last_attempt < attempt:
            yield task, visit, index, attempt

"""The figures that every run carries, under the names that dashboards know, and their alerts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune_nb.events import AttemptsEnded, RunStarted, TaskEnded, TaskStarted
from attune_nb.frozen import size_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from attune_nb.context import WorkflowContext
    from attune_nb.events import Batch, Event, Key

__all__ = ["alerts_of", "metrics_of"]

MEGABYTE = 10**6
LARGE_CONTEXT = 10 * MEGABYTE
ROOM = 50 * MEGABYTE  # that memory may rise by, whatever the results: caches, a first import
AN_ITEM = 400  # bytes beside its result: twice what a run of a million items is held to


def metrics_of(events: Sequence[Event], context: WorkflowContext) -> dict[str, float]:
    """Give the metrics of a run.

    `clone_count` counts the scopes made for items (one for each first attempt),
    `size_bytes` is kept up while values are frozen, `duration_ms` sums over the with-items
    tasks, and `usage_mb` is the most that the engine's process was seen to hold, in 10^6 bytes.
    """
    fanned: dict[Key, float] = {}
    scopes, spent, most = 0, 0.0, 0
    for event in events:
        most = max(most, getattr(event, "memory", 0))
        if isinstance(event, TaskStarted) and event.with_items:
            fanned[event.task, event.visit] = event.time
        elif isinstance(event, AttemptsEnded) and (event.task, event.visit) in fanned:
            scopes += event.batch.attempt.count(1)
        elif isinstance(event, TaskEnded) and (event.task, event.visit) in fanned:
            spent += event.time - fanned[event.task, event.visit]
    return {
        "workflow.context.clone_count": scopes,
        "workflow.context.size_bytes": context.size_bytes,
        "workflow.with_items.duration_ms": spent * 1000,
        "executor.memory.usage_mb": most / MEGABYTE,
    }


def alerts_of(events: Sequence[Event], context: WorkflowContext) -> list[str]:
    """Give what is worth a look: each in one line, with what to do."""
    return [*_large_context(context), *_rising_memory(events)]


def _large_context(context: WorkflowContext) -> Iterator[str]:
    if context.size_bytes <= LARGE_CONTEXT:
        return
    parts = {
        f"the result of `{name}`": size_of(each.result) for name, each in context.tasks.items()
    }
    parts |= {f"the variable `{name}`": size_of(each) for name, each in context.variables.items()}
    parts |= {f"the parameter `{name}`": size_of(each) for name, each in context.parameters.items()}
    largest = max(parts, key=lambda name: parts[name])
    yield (
        f"the context holds {context.size_bytes / MEGABYTE:,.1f} MB, of which {largest} is "
        f"{parts[largest] / MEGABYTE:,.1f} MB: have an action keep large data in a file and give "
        "its path"
    )


def _rising_memory(events: Sequence[Event]) -> Iterator[str]:
    """Tell of tasks through which memory rose by more than what they gave accounts for."""
    before: dict[Key, int] = {}
    batches: dict[Key, list[Batch]] = {}
    last = 0
    for event in events:
        last = getattr(event, "memory", 0) or last
        if isinstance(event, RunStarted):
            continue
        if isinstance(event, TaskStarted) and event.with_items:
            before[event.task, event.visit], batches[event.task, event.visit] = last, []
        elif isinstance(event, AttemptsEnded) and (event.task, event.visit) in before:
            batches[event.task, event.visit].append(event.batch)
        elif isinstance(event, TaskEnded) and before.get((event.task, event.visit)):
            rose = last - before[event.task, event.visit]
            # a million results are weighed only where there is something to explain
            gave = _size_of(batches[event.task, event.visit]) if rose > ROOM else 0
            if rose > gave + ROOM:
                yield (
                    f"memory rose by {rose / MEGABYTE:,.0f} MB through `{event.task}`, whose "
                    f"results take {gave / MEGABYTE:,.0f} MB: look for what its action keeps"
                )


def _size_of(batches: Sequence[Batch]) -> int:
    return sum(AN_ITEM * len(each) + sum(map(size_of, each.results)) for each in batches)

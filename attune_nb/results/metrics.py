"""The figures that every run carries, under the names that dashboards know, and their alerts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune_nb.events import AttemptsEnded, RunResumed, TaskEnded, TaskStarted
from attune_nb.values.frozen import FrozenDict, FrozenList, FrozenTuple, size_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from attune_nb.context import WorkflowContext
    from attune_nb.events import Batch, Event, Key

__all__ = ["compute_metrics", "find_alerts"]

MEGABYTE = 10**6
LARGE_CONTEXT = 10 * MEGABYTE
ROOM = 50 * MEGABYTE  # that memory may rise by, whatever the results: caches, a first import
AN_ITEM = 400  # bytes beside its result: twice what a run of a million items is held to


def compute_metrics(events: Sequence[Event], context: WorkflowContext) -> dict[str, float]:
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


def find_alerts(events: Sequence[Event], context: WorkflowContext) -> list[str]:
    """Give what is worth a look: each in one line, with what to do."""
    return [*_large_context(context), *_rising_memory(events)]


def _large_context(context: WorkflowContext) -> Iterator[str]:
    if context.size_bytes <= LARGE_CONTEXT:
        return
    results = {name: each.result for name, each in context.tasks.items()}
    named = {
        "the result of": results,
        "the variable": context.variables,
        "the parameter": context.parameters,
        "the config": context.config,
        "the key": context.keystore,
    }
    parts = {
        f"{what} `{name}`": size_of(each)
        for what, values in named.items()
        for name, each in values.items()
    }
    largest = max(parts, key=lambda name: parts[name], default="")
    told = f", of which {largest} is {parts[largest] / MEGABYTE:,.1f} MB" if largest else ""
    yield (
        f"the context holds {context.size_bytes / MEGABYTE:,.1f} MB{told}: have an action keep "
        "large data in a file and give its path"
    )


def _rising_memory(events: Sequence[Event]) -> Iterator[str]:
    """Tell of tasks through which memory rose by more than what they gave accounts for.

    What an object that is no plain data holds cannot be told, so of a task that gives such
    objects nothing is said. Tasks that ran meanwhile are named too: it may be theirs.
    """
    spans = _Spans()
    for event in events:
        spans.read(event)
    for span in spans.ended:
        rose = span.most - span.before
        if rose <= ROOM or not span.before:
            continue
        # a million results are weighed only where there is something to explain
        gave = _size_of(span.batches)
        if gave is not None and rose > gave + ROOM:
            beside = ", ".join(f"`{name}`" for name in sorted(span.beside))
            yield (
                f"memory rose by {rose / MEGABYTE:,.0f} MB through `{span.task}`"
                f"{f' (and {beside} beside it)' if beside else ''}, whose "
                f"results take {gave / MEGABYTE:,.0f} MB: look for what its action keeps"
            )


class _Span:
    """A with-items task while it is under way: what memory did, and what ran beside it."""

    def __init__(self, task: str, before: int) -> None:
        self.task, self.before, self.most = task, before, before
        self.batches: list[Batch] = []
        self.beside: set[str] = set()


class _Spans:
    """Follows the tasks of a run and the memory that was read."""

    def __init__(self) -> None:
        self.ended: list[_Span] = []
        self._open: dict[Key, _Span] = {}
        self._running: set[str] = set()
        self._memory = 0

    def read(self, event: Event) -> None:
        """Take the next event in."""
        self._memory = getattr(event, "memory", 0) or self._memory
        for span in self._open.values():
            span.most = max(span.most, self._memory)
        if isinstance(event, RunResumed):
            for span in self._open.values():  # another process: what the first held is gone
                span.before = span.most = self._memory
        elif isinstance(event, TaskStarted):
            self._start(event)
        elif isinstance(event, AttemptsEnded) and (event.task, event.visit) in self._open:
            self._open[event.task, event.visit].batches.append(event.batch)
        elif isinstance(event, TaskEnded):
            self._running.discard(event.task)
            if (event.task, event.visit) in self._open:
                self.ended.append(self._open.pop((event.task, event.visit)))

    def _start(self, event: TaskStarted) -> None:
        for span in self._open.values():
            span.beside.add(event.task)
        if event.with_items:
            span = self._open[event.task, event.visit] = _Span(event.task, self._memory)
            parent = event.task.partition("/")[0]
            span.beside = self._running - {parent}
        self._running.add(event.task)


def _size_of(batches: Sequence[Batch]) -> int | None:
    """Give what the results take, and the items where only the batch holds them; None: unknown."""
    held = 0
    for batch in batches:
        values = [*batch.results, *(batch.items or ())]
        if not all(map(_is_plain, values)):
            return None
        held += AN_ITEM * len(batch) + sum(map(size_of, values))
    return held


def _is_plain(value: object) -> bool:
    """Tell whether a value's size is known: plain data, or what tells its own bytes."""
    return value is None or isinstance(value, _PLAIN) or hasattr(value, "nbytes")


_PLAIN = (str, int, float, bytes, FrozenDict, FrozenList, FrozenTuple)

"""The figures of a run, named as on dashboards, and the alerts that follow from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from attune_nb.events import RunResumed, TaskEnded, TaskStarted
from attune_nb.results.batches import count_failures
from attune_nb.results.process_warnings import find_process_warnings
from attune_nb.results.timeline import TaskExecution, TaskTimeline
from attune_nb.values.frozen import FrozenDict, FrozenList, FrozenTuple
from attune_nb.values.sizes import size_of, total_size

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from attune_nb.context import WorkflowContext
    from attune_nb.events import Batch, Event, Key

__all__ = ["compute_metrics", "find_alerts"]

# short secrets that an alert names
_MOST_NAMES = 5

_MEGABYTE = 10**6
_LARGE_CONTEXT = 10 * _MEGABYTE

# By how much memory may rise beside the results: caches, imports, what other cells do meanwhile.
_MEMORY_MARGIN = 250 * _MEGABYTE

# The least share of the rise that falls into either half of the items. Data that an action keeps
# grows with the items; an import or a table that is loaded is a step.
_STEADY_SHARE = 0.25
_MIN_SAMPLES = 4

# bytes of an item beside its result: twice the limit for a run of a million items
_BYTES_PER_ITEM = 400


def compute_metrics(events: Sequence[Event], context: WorkflowContext) -> dict[str, float]:
    """Compute the metrics of a run.

    `clone_count` is the number of scopes made for items (one for each first attempt),
    `size_bytes` is counted now (of large arrays from a sample), `duration_ms` is the sum over the
    tasks with items, and `usage_mb` is the most memory that the engine's process was seen to
    use, in 10^6 bytes.
    """
    timeline = TaskTimeline()
    max_memory = 0
    for event in events:
        timeline.add(event)
        max_memory = max(max_memory, getattr(event, "memory", 0))

    executions = [execution for execution in timeline.executions.values() if execution.with_items]
    seconds = sum(execution.duration for execution in executions)
    return {
        "workflow.context.clone_count": sum(execution.first_attempts for execution in executions),
        "workflow.context.size_bytes": context.size_bytes,
        "workflow.with_items.duration_ms": seconds * 1000,
        "executor.memory.usage_mb": max_memory / _MEGABYTE,
    }


def find_alerts(events: Sequence[Event], context: WorkflowContext) -> list[str]:
    """Return the alerts of a run: each one line, with advice."""
    return [
        *_short_secrets(context),
        *find_process_warnings(context),
        *_large_context(context),
        *_rising_memory(events),
        *_unlisted_failures(events),
    ]


def _short_secrets(context: WorkflowContext) -> Iterator[str]:
    names = context.mask.short_names
    if not names:
        return

    shown = ", ".join(f"`{name}`" for name in names[:_MOST_NAMES])
    if len(names) > _MOST_NAMES:
        shown += f" and {len(names) - _MOST_NAMES} more"
    yield (
        f"{shown}: a secret of less than 4 characters is hidden only if it is a whole value (one "
        "of 3 also as a word of its own); use a longer one"
    )


def _large_context(context: WorkflowContext) -> Iterator[str]:
    if context.size_bytes <= _LARGE_CONTEXT:
        return

    sizes = _sizes_by_part(context)
    largest = ""
    if sizes:
        name = max(sizes, key=lambda part: sizes[part])
        largest = f", of which {name} is {sizes[name] / _MEGABYTE:,.1f} MB"
    yield (
        f"the context holds {context.size_bytes / _MEGABYTE:,.1f} MB{largest}: let an action keep "
        "large data in a file and return its path"
    )


def _unlisted_failures(events: Sequence[Event]) -> Iterator[str]:
    for (task, _), failures in count_failures(events).items():
        if failures.unlisted:
            yield (
                f"`{task}` keeps no results (`keep_results: none`): of its {failures.failed:,} "
                f"failures the first {failures.listed:,} are listed"
            )


def _sizes_by_part(context: WorkflowContext) -> dict[str, int]:
    """Return the bytes of each value in a context, by its description."""
    results = {name: task.result for name, task in context.tasks.items()}
    parts = {
        "the result of": results,
        "the variable": context.variables,
        "the parameter": context.parameters,
        "the config": context.config,
        "the key": context.keystore,
    }
    sizes = {}
    for kind, values in parts.items():
        for name, value in values.items():
            sizes[f"{kind} `{name}`"] = size_of(value)
    return sizes


def _rising_memory(events: Sequence[Event]) -> Iterator[str]:
    """Yield an alert for each task during which memory rose by more than its results explain.

    The memory is that of the whole process, which may do other work. So a rise counts only if
    it is large, grows with the items, and is left at the task's end. The memory of an object
    that is not plain data is unknown, so a task with such results has no alert. Tasks that ran
    at the same time are named: the memory may be theirs.
    """
    watch = _MemoryWatch()
    for event in events:
        watch.read(event)

    for span in watch.ended:
        rise = span.rise
        if rise <= _MEMORY_MARGIN or not span.is_steady:
            continue

        # the results are measured only now: there may be a million of them
        size = _size_of_results(span.execution.batches)
        if size is None or rise <= size + _MEMORY_MARGIN:
            continue

        names = ", ".join(f"`{name}`" for name in sorted(span.concurrent))
        concurrent = f" (and {names} beside it)" if names else ""
        yield (
            f"memory rose by {rise / _MEGABYTE:,.0f} MB through `{span.execution.task}`"
            f"{concurrent}, whose results take {size / _MEGABYTE:,.0f} MB: look for data that its "
            "action keeps"
        )


class _MemorySpan(msgspec.Struct):
    """The memory during one execution of a task with items, and the tasks that ran beside it.

    Attributes:
        samples: The number of attempts that had ended, and the memory at that time; the first
            one is from before the task.
    """

    execution: TaskExecution
    samples: list[tuple[int, int]]
    concurrent: set[str]

    @property
    def rise(self) -> int:
        """The bytes by which memory is higher at the end than before the task."""
        _, before = self.samples[0]
        _, after = self.samples[-1]
        return after - before if before else 0

    @property
    def is_steady(self) -> bool:
        """Whether memory rose in the first half of the attempts as well as in the second."""
        if len(self.samples) < _MIN_SAMPLES:
            return False

        first_count, before = self.samples[0]
        last_count, _ = self.samples[-1]
        half = (first_count + last_count) / 2
        middle = next(memory for count, memory in self.samples if count >= half)
        share = (middle - before) / self.rise
        return _STEADY_SHARE <= share <= 1 - _STEADY_SHARE


class _MemoryWatch:
    """Follows the tasks of a run and the memory of the engine's process.

    Attributes:
        ended: The executions that have ended.
    """

    def __init__(self) -> None:
        self.ended: list[_MemorySpan] = []
        self._timeline = TaskTimeline()
        self._open: dict[Key, _MemorySpan] = {}
        self._running: set[str] = set()
        self._memory = 0

    def read(self, event: Event) -> None:
        """Read the next event."""
        execution = self._timeline.add(event)
        memory = getattr(event, "memory", 0)
        if memory:
            self._memory = memory

        if isinstance(event, RunResumed):
            # another process: the memory of the first one does not count
            for span in self._open.values():
                span.samples = [(span.execution.attempts, self._memory)]
        elif memory and execution is not None and execution.key in self._open:
            self._open[execution.key].samples.append((execution.attempts, memory))
        elif execution is not None and isinstance(event, TaskStarted):
            self._start(execution)
        elif execution is not None and isinstance(event, TaskEnded):
            self._running.discard(execution.task)
            if execution.key in self._open:
                self.ended.append(self._open.pop(execution.key))

    def _start(self, execution: TaskExecution) -> None:
        for span in self._open.values():
            span.concurrent.add(execution.task)
        if execution.with_items:
            parent = execution.task.partition("/")[0]
            self._open[execution.key] = _MemorySpan(
                execution, [(0, self._memory)], self._running - {parent}
            )
        self._running.add(execution.task)


def _size_of_results(batches: Sequence[Batch]) -> int | None:
    """Return the bytes of the results, and of items that only a batch holds; None if unknown."""
    size = 0
    for batch in batches:
        values = list(batch.results)
        if batch.items is not None:
            values += batch.items
        if not all(map(_has_known_size, values)):
            return None
        size += _BYTES_PER_ITEM * len(batch) + total_size(values)
    return size


def _has_known_size(value: object) -> bool:
    """Return whether a value is plain data, or has a size of its own."""
    return value is None or isinstance(value, _PLAIN) or hasattr(value, "nbytes")


_PLAIN = (str, int, float, bytes, FrozenDict, FrozenList, FrozenTuple)

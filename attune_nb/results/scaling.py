"""Scaling: how the time of a task grows with its items, over the recorded runs."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attune_nb.events import AttemptsEnded, TaskEnded, TaskStarted
from attune_nb.results.durations import format_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence

    from attune_nb.events import Event, Key

__all__ = ["MIN_SIZES", "DurationHistory", "TaskDuration", "WorkflowScaling", "slope"]

MIN_SIZES = 3
"""The fewest different numbers of items that a slope is fitted to."""

# the slope above which a task is reported; 1 is in proportion
_STEEP = 1.15

# the least ratio of the largest number of items to the smallest: below it, noise decides
_MIN_SPREAD = 4

# seconds below which a duration is not worth a look, and mostly noise
_MIN_SECONDS = 0.1

# the newest durations of a task, and the newest tasks, that are kept
_MAX_DURATIONS = 100
_MAX_TASKS = 1_000


ComparedTask = tuple["Hashable", ...]
"""Executions that may be compared: of one workflow, task, action and concurrency."""


TaskDuration = tuple[str, int, float, int]
"""How long an execution of a task took: the task, its items, seconds, its concurrency."""


class DurationHistory:
    """The durations of tasks with items in past runs: items and seconds, oldest first."""

    def __init__(self) -> None:
        self._durations: dict[ComparedTask, deque[tuple[int, float]]] = {}

    def of(
        self,
        workflow: str,
        tasks: Mapping[str, Hashable],
        parameters: Hashable = None,
        read_store: Callable[[], Iterable[TaskDuration]] | None = None,
    ) -> WorkflowScaling:
        """Return the part that concerns one workflow.

        Args:
            workflow: Its name.
            tasks: For each task a key that changes with its text and its action's code: a
                changed task has no past.
            parameters: A key that changes with the parameters other than the items.
            read_store: Returns the durations of such runs from the store, if they are
                recorded. They replace those of this process, which are part of them.
        """
        return WorkflowScaling(self, (workflow, parameters), tasks, read_store)

    def add(self, task: ComparedTask, items: int, seconds: float) -> None:
        """Add the duration of an execution; the oldest ones are dropped."""
        durations = self._durations.pop(task, None)
        if durations is None:
            durations = deque(maxlen=_MAX_DURATIONS)
        durations.append((items, seconds))

        # at the end of the dict, as the newest
        self._durations[task] = durations
        while len(self._durations) > _MAX_TASKS:
            self._durations.pop(next(iter(self._durations)))

    def medians(self, task: ComparedTask) -> dict[int, float]:
        """Return the median of the seconds for each number of items, the smallest first."""
        seconds_by_items: defaultdict[int, list[float]] = defaultdict(list)
        for items, seconds in tuple(self._durations.get(task, ())):
            seconds_by_items[items].append(seconds)
        return {
            items: statistics.median(seconds_by_items[items]) for items in sorted(seconds_by_items)
        }


@dataclass(frozen=True)
class WorkflowScaling:
    """The durations of the tasks of one workflow."""

    history: DurationHistory
    workflow: Hashable
    tasks: Mapping[str, Hashable]
    read_store: Callable[[], Iterable[TaskDuration]] | None = None

    def reader(self) -> Callable[[Sequence[Event]], None]:
        """Return a reader of a run's events that remembers how long its tasks took.

        A task that was cut short is left out; one with failed items is not.
        """
        counter = ItemCounter()

        def read(events: Sequence[Event]) -> None:
            for started, items, ended in counter.complete_tasks(events):
                self.history.add(self._key(started), items, ended.time - started.time)

        return read

    def alerts(self, events: Sequence[Event]) -> Iterator[str]:
        """Yield an alert for each task of a run whose time grows faster than its items.

        A run with fewer items than earlier ones has none: the slow runs are the large ones.
        """
        complete_tasks = list(ItemCounter().complete_tasks(events))
        if all(ended.time - started.time < _MIN_SECONDS for started, _, ended in complete_tasks):
            return

        history = self._full_history()
        for started, items, _ in complete_tasks:
            medians = history.medians(self._key(started))
            if len(medians) < MIN_SIZES or items < max(medians):
                continue
            if max(medians) < _MIN_SPREAD * min(medians):
                continue

            exponent = slope(list(medians), list(medians.values()))
            fewest, most = min(medians), max(medians)
            if exponent > _STEEP and medians[most] >= _MIN_SECONDS:
                yield (
                    f"`{started.task}` took {format_duration(medians[fewest])} for {fewest:,} "
                    f"items and {format_duration(medians[most])} for {most:,}: its time grows as "
                    f"the items to the power of {exponent:.2f} (1 is in proportion); look for "
                    "work that each item does with all of them"
                )

    def _full_history(self) -> DurationHistory:
        if self.read_store is None:
            return self.history

        history = DurationHistory()
        for task, items, seconds, concurrency in self.read_store():
            history.add((self.workflow, task, self.tasks.get(task), concurrency), items, seconds)
        return history

    def _key(self, started: TaskStarted) -> ComparedTask:
        return self.workflow, started.task, self.tasks.get(started.task), started.concurrency


class ItemCounter:
    """Counts the items of tasks while events are read."""

    def __init__(self) -> None:
        self._starts: dict[Key, TaskStarted] = {}
        self._items: defaultdict[Key, int] = defaultdict(int)

    def complete_tasks(
        self, events: Sequence[Event]
    ) -> Iterator[tuple[TaskStarted, int, TaskEnded]]:
        """Yield the start, the items and the end of the tasks that have tried all their items."""
        for event in events:
            if isinstance(event, TaskStarted) and event.with_items:
                self._starts[event.task, event.visit] = event
            elif isinstance(event, AttemptsEnded) and (event.task, event.visit) in self._starts:
                self._items[event.task, event.visit] += event.batch.attempt.count(1)
            elif isinstance(event, TaskEnded) and event.status in ("succeeded", "failed"):
                started = self._starts.pop((event.task, event.visit), None)
                items = self._items.pop((event.task, event.visit), 0)
                if started is not None and items and started.total in (items, None):
                    yield started, items, event


def slope(x: Sequence[float], y: Sequence[float]) -> float:
    """Fit the exponent of a power law: the slope of the least squares line through logarithms."""
    return statistics.linear_regression([*map(math.log, x)], [*map(math.log, y)]).slope

"""Scaling: how the time of a task grows with its items, over the recorded runs."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attune_nb.events import TaskEnded
from attune_nb.results.durations import format_duration
from attune_nb.results.timeline import TaskTimeline

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence

    from attune_nb.events import Event
    from attune_nb.results.timeline import TaskExecution

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
        timeline = TaskTimeline()

        def read(events: Sequence[Event]) -> None:
            for execution, items in _complete_executions(timeline, events):
                self.history.add(self._key(execution), items, execution.duration)

        return read

    def alerts(self, events: Sequence[Event]) -> Iterator[str]:
        """Yield an alert for each task of a run whose time grows faster than its items.

        A run with fewer items than earlier ones has none: the slow runs are the large ones.
        """
        executions = list(_complete_executions(TaskTimeline(), events))
        if all(execution.duration < _MIN_SECONDS for execution, _ in executions):
            return

        history = self._full_history()
        for execution, items in executions:
            medians = history.medians(self._key(execution))
            if len(medians) < MIN_SIZES or items < max(medians):
                continue
            if max(medians) < _MIN_SPREAD * min(medians):
                continue

            exponent = slope(list(medians), list(medians.values()))
            fewest = min(medians)
            most = max(medians)
            if exponent > _STEEP and medians[most] >= _MIN_SECONDS:
                yield (
                    f"`{execution.task}` took {format_duration(medians[fewest])} for {fewest:,} "
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

    def _key(self, execution: TaskExecution) -> ComparedTask:
        text_and_code = self.tasks.get(execution.task)
        return self.workflow, execution.task, text_and_code, execution.concurrency


def _complete_executions(
    timeline: TaskTimeline, events: Sequence[Event]
) -> Iterator[tuple[TaskExecution, int]]:
    """Yield the executions that have tried all their items, each with its number of items.

    Ended executions are dropped from the timeline: their attempts may be many.
    """
    for event in events:
        execution = timeline.add(event)
        if execution is None or not isinstance(event, TaskEnded):
            continue

        del timeline.executions[execution.key]
        if not execution.with_items or event.status not in ("succeeded", "failed"):
            continue
        items = execution.first_attempts
        if items and execution.planned in (items, None):
            yield execution, items


def slope(x: Sequence[float], y: Sequence[float]) -> float:
    """Fit the exponent of a power law: the slope of the least squares line through logarithms."""
    return statistics.linear_regression([*map(math.log, x)], [*map(math.log, y)]).slope

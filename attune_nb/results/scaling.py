"""How the time of a with-items task grows with its items, over the runs on record."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attune_nb.events import AttemptsEnded, TaskEnded, TaskStarted
from attune_nb.results.durations import say_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence

    from attune_nb.events import Event, Key

__all__ = ["SLOPED", "Past", "Record", "Taken", "slope"]

SLOPED = 3  # sizes that a slope needs
STEEP = 1.15  # the slope that is told: 1 is in proportion
SPREAD = 4  # the largest size over the smallest: nearer ones tell of noise
LONG = 0.1  # seconds: what takes less is no one's concern, and mostly noise
KEPT, TASKS = 100, 1_000  # durations of a task, and tasks, of which the newest are kept


Which = tuple["Hashable", ...]
"""Runs that may be compared: one workflow's, of one task with one action, at one concurrency."""


Taken = tuple[str, int, float, int]
"""What a task took: the task, its items, seconds, its concurrency."""


class Record:
    """How long the with-items tasks of past runs took: items and seconds, oldest first."""

    def __init__(self) -> None:
        self._taken: dict[Which, deque[tuple[int, float]]] = {}

    def of(
        self,
        workflow: str,
        tasks: Mapping[str, Hashable],
        given: Hashable = None,
        earlier: Callable[[], Iterable[Taken]] | None = None,
    ) -> Past:
        """Give what concerns one workflow.

        Args:
            workflow: Its name.
            tasks: For each task what tells it from another of the same name, such as its text
                and its action's code: what was changed has no past.
            given: What else its runs differ in, such as parameters beside the items.
            earlier: Gives what the tasks of such runs took, where they are on record: that is
                the past then, and this process's own runs are part of it.
        """
        return Past(self, (workflow, given), tasks, earlier)

    def keep(self, which: Which, items: int, seconds: float) -> None:
        """Keep what a task took."""
        taken = self._taken.pop(which, None) or deque(maxlen=KEPT)
        taken.append((items, seconds))
        self._taken[which] = taken  # as the newest
        while len(self._taken) > TASKS:
            self._taken.pop(next(iter(self._taken)))

    def medians(self, which: Which) -> dict[int, float]:
        """Give the median of the seconds for each number of items, the fewest first."""
        times: defaultdict[int, list[float]] = defaultdict(list)
        for items, seconds in tuple(self._taken.get(which, ())):
            times[items].append(seconds)
        return {items: statistics.median(times[items]) for items in sorted(times)}


@dataclass(frozen=True)
class Past:
    """The past of one workflow."""

    record: Record
    workflow: Hashable
    tasks: Mapping[str, Hashable]
    earlier: Callable[[], Iterable[Taken]] | None = None

    def reader(self) -> Callable[[Sequence[Event]], None]:
        """Give what reads the events of a run, and keeps what its tasks took.

        A task that was cut short tells nothing; one whose items have failed all the same does.
        """
        counted = Counted()

        def read(events: Sequence[Event]) -> None:
            for began, count, ended in counted.whole(events):
                self.record.keep(self._which(began), count, ended.time - began.time)

        return read

    def alerts(self, events: Sequence[Event]) -> Iterator[str]:
        """Tell of a run's tasks whose time grows faster than their items.

        Of a run with few items nothing is told: it is the many that are slow.
        """
        whole = [*Counted().whole(events)]
        if all(ended.time - began.time < LONG for began, _, ended in whole):
            return  # as are all below
        record = self._whole_record()
        for began, count, _ in whole:
            took = record.medians(self._which(began))
            if len(took) < SLOPED or max(took) < SPREAD * min(took) or count < max(took):
                continue
            steep = slope(list(took), list(took.values()))
            (least, short), *_, (most, long) = took.items()
            if steep > STEEP and long >= LONG:
                yield (
                    f"`{began.task}` took {say_duration(short)} for {least:,} items and "
                    f"{say_duration(long)} for {most:,}: its time grows as the items to the "
                    f"power of {steep:.2f} (1 is in proportion); look for what an item does "
                    "with what all items share"
                )

    def _whole_record(self) -> Record:
        if self.earlier is None:
            return self.record
        found = Record()
        for task, items, seconds, concurrency in self.earlier():
            found.keep((self.workflow, task, self.tasks.get(task), concurrency), items, seconds)
        return found

    def _which(self, began: TaskStarted) -> Which:
        return self.workflow, began.task, self.tasks.get(began.task), began.concurrency


class Counted:
    """Counts the items of with-items tasks while events are read."""

    def __init__(self) -> None:
        self._began: dict[Key, TaskStarted] = {}
        self._items: defaultdict[Key, int] = defaultdict(int)

    def whole(self, events: Sequence[Event]) -> Iterator[tuple[TaskStarted, int, TaskEnded]]:
        """Give the tasks that have tried all their items: start, items, end."""
        for event in events:
            if isinstance(event, TaskStarted) and event.with_items:
                self._began[event.task, event.visit] = event
            elif isinstance(event, AttemptsEnded) and (event.task, event.visit) in self._began:
                self._items[event.task, event.visit] += event.batch.attempt.count(1)
            elif isinstance(event, TaskEnded) and event.status in ("succeeded", "failed"):
                began = self._began.pop((event.task, event.visit), None)
                count = self._items.pop((event.task, event.visit), 0)
                if began is not None and count and began.total in (count, None):
                    yield began, count, event


def slope(x: Sequence[float], y: Sequence[float]) -> float:
    """Fit the exponent of a power law: the slope of the least squares line through logarithms."""
    return statistics.linear_regression([*map(math.log, x)], [*map(math.log, y)]).slope

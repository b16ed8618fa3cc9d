"""How the time of a with-items task grows with its items, over the runs on record."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attune_nb.events import AttemptsEnded, TaskEnded, TaskStarted
from attune_nb.results.spans import say_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from attune_nb.events import Event, Key

__all__ = ["SLOPED", "Past", "Record", "slope"]

SLOPED = 3  # sizes that a slope needs
STEEP = 1.15  # the slope that is told: 1 is in proportion
SPREAD = 4  # the largest size over the smallest: nearer ones tell of noise
LONG = 0.1  # seconds: what takes less is no one's concern, and mostly noise
KEPT, TASKS = 100, 1_000  # durations of a task, and tasks, of which the newest are kept


Which = tuple[str, str, str | None, int]
"""Runs that may be compared: the workflow's name, the task, its action, its concurrency."""


class Record:
    """How long the with-items tasks of past runs took: items and seconds, oldest first."""

    def __init__(self) -> None:
        self._taken: dict[Which, deque[tuple[int, float]]] = {}

    def of(self, workflow: str, actions: Mapping[str, str | None]) -> Past:
        """Give what concerns one workflow: its name, and the action of each of its tasks."""
        return Past(self, workflow, actions)

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
    workflow: str
    actions: Mapping[str, str | None]

    def reader(self) -> Callable[[Sequence[Event]], None]:
        """Give what reads the events of a run, and keeps what its tasks took."""
        started: dict[Key, TaskStarted] = {}
        items: defaultdict[Key, int] = defaultdict(int)

        def read(events: Sequence[Event]) -> None:
            for event in events:
                if isinstance(event, TaskStarted) and event.with_items:
                    started[event.task, event.visit] = event
                elif isinstance(event, AttemptsEnded) and (event.task, event.visit) in started:
                    items[event.task, event.visit] += event.batch.attempt.count(1)
                elif isinstance(event, TaskEnded) and event.status == "succeeded":
                    began, count = (
                        started.get((event.task, event.visit)),
                        items[event.task, event.visit],
                    )
                    if began is not None and count and event.time > began.time:
                        self.record.keep(self._which(began), count, event.time - began.time)

        return read

    def alerts(self, events: Sequence[Event]) -> Iterator[str]:
        """Tell of a run's tasks whose time grows faster than their items."""
        fanned = [each for each in events if isinstance(each, TaskStarted) and each.with_items]
        for task, which in {each.task: self._which(each) for each in fanned}.items():
            took = self.record.medians(which)
            if len(took) < SLOPED or max(took) < SPREAD * min(took) or max(took.values()) < LONG:
                continue
            steep = slope(list(took), list(took.values()))
            if steep > STEEP:
                (least, short), *_, (most, long) = took.items()
                yield (
                    f"`{task}` took {say_duration(short)} for {least:,} items and "
                    f"{say_duration(long)} for {most:,}: its time grows as the items to the "
                    f"power of {steep:.2f} (1 is in proportion); look for what an item does "
                    "with what all items share"
                )

    def _which(self, began: TaskStarted) -> Which:
        return self.workflow, began.task, self.actions.get(began.task), began.concurrency


def slope(x: Sequence[float], y: Sequence[float]) -> float:
    """Fit the exponent of a power law: the slope of the least squares line through logarithms."""
    return statistics.linear_regression([*map(math.log, x)], [*map(math.log, y)]).slope

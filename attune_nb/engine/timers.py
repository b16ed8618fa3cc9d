"""The alarms and retries of a run that are due later."""

from __future__ import annotations

import heapq
import itertools
from typing import TYPE_CHECKING

from attune_nb.conductor.state import Alarm, RetryItem

if TYPE_CHECKING:
    from attune_nb.events import Key

    Timer = tuple[float, int, RetryItem | Alarm]

__all__ = ["Timers"]


class Timers:
    """Commands of the conductor, ordered by the time at which they are due.

    All times are in seconds since the start of the run.
    """

    def __init__(self) -> None:
        self._heap: list[Timer] = []
        # commands that are due at the same time keep their order
        self._numbers = itertools.count()

    def set(self, due: float, command: RetryItem | Alarm) -> None:
        """Set a timer that is due at a time."""
        heapq.heappush(self._heap, (due, next(self._numbers), command))

    def pop_due(self, now: float) -> RetryItem | Alarm | None:
        """Remove the first command that is due and return it, or None if none is due."""
        if not self._heap or self._heap[0][0] > now:
            return None

        _, _, command = heapq.heappop(self._heap)
        return command

    def pop_retries(self, key: Key) -> list[RetryItem]:
        """Remove all retries of a task and return them."""
        retries = []
        remaining = []
        for timer in self._heap:
            command = timer[2]
            if isinstance(command, RetryItem) and command.key == key:
                retries.append(command)
            else:
                remaining.append(timer)

        heapq.heapify(remaining)
        self._heap = remaining
        return retries

    def seconds_until_next(self, now: float, longest: float) -> float:
        """Return the seconds until the first timer is due, `longest` at most."""
        if not self._heap:
            return longest
        return min(longest, max(0.0, self._heap[0][0] - now))

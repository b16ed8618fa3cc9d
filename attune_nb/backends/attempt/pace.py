"""Start the attempts of a job no faster than its rate allows."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Pace"]

# seconds by which a start may be late without shifting the starts after it
SLACK = 0.15
# seconds that attempts are sent ahead at most
MAX_AHEAD = 0.5
# how much of the time that attempts are sent ahead is kept if a worker was free in time
AHEAD_DECAY = 0.8
# seconds after which starts that are due together are sent to workers together
QUANTUM = 0.02


class Pace:
    """The times at which attempts may start: evenly spaced, one every `interval` seconds.

    A start that was waited for and came late, by up to 0.15 s, does not shift those after it: they
    follow in half the interval until they are on time (at once, at a rate of more than 50 a
    second). Later starts, and those that nothing waited for, are not made up for. One thread at a
    time may use it.

    Attempts may be sent to a worker together, which starts them one after the other at a distance
    of `spacing`: those that are due, and if no worker was free in time, those that are next.

    Args:
        interval: Seconds from one start to the next.
        clock: Returns the seconds since the start of the run.
        last_start: When the last attempt started before the run was resumed, if there was one.
    """

    def __init__(
        self, interval: float, clock: Callable[[], float], last_start: float | None = None
    ) -> None:
        self._interval = interval
        self._clock = clock
        self._due = -inf if last_start is None else last_start + interval
        self._last = -inf
        # the least time between two starts
        self._gap = interval / 2 if interval >= QUANTUM else 0.0
        self._is_awaited = False
        # seconds by which recent attempts were sent too late
        self._ahead = 0.0

    @property
    def spacing(self) -> float:
        """Seconds between the starts of attempts that were sent together; 0 at a high rate."""
        return self._interval if self._gap else 0.0

    def _find_next(self) -> float:
        """Return when the next attempt may start."""
        return max(self._due, self._last + self._gap)

    def seconds_until_due(self, waiting: int = 1) -> float:
        """Return the seconds until the next start; 0 or less if it is due.

        Args:
            waiting: How many attempts can be sent to workers. At a high rate it is worth waiting
                until several are due.
        """
        together = min(waiting, int(QUANTUM / self._interval))
        seconds = self._find_next() + max(0, together - 1) * self._interval - self._clock()
        if seconds > 0:
            self._is_awaited = True
        return seconds

    def _find_slot(self, now: float) -> float:
        """Return the time that a start now stands for: when it was due, or later."""
        is_made_up_for = self._is_awaited and now - self._due <= SLACK
        return self._due if is_made_up_for else max(self._due, now)

    def count_due(self) -> int:
        """Return how many attempts may be sent to a worker together now; 0 if none is due."""
        now = self._clock()
        next_start = self._find_next()
        if now < next_start:
            return 0

        seconds = now - self._find_slot(now)
        if self.spacing and next_start > -inf:
            seconds += self._update_ahead(now - next_start)
        return 1 + int(seconds / self._interval)

    def _update_ahead(self, late: float) -> float:
        """Return the seconds to send attempts ahead, after one that is sent so many seconds late.

        A worker that is free so late needs work for that time.
        """
        self._ahead = max(min(late, MAX_AHEAD), AHEAD_DECAY * self._ahead)
        return self._ahead

    def record_start(self) -> None:
        """Record that an attempt starts now."""
        now = self._clock()
        self._last = now
        self._due = self._find_slot(now) + self._interval
        if self._due > now:
            self._is_awaited = False

    def restart(self, start: float) -> None:
        """Count from when an attempt really started: its worker may not have been ready at once."""
        self._due = max(self._due, start + self._interval)
        self._is_awaited = False

    def give_back(self, count: int) -> None:
        """Take back so many starts: no worker has made them."""
        self._due -= count * self._interval

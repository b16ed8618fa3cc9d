"""Keep the number of a job's attempts that are not on record within a limit."""

from __future__ import annotations

__all__ = ["UnrecordedLimit"]


class UnrecordedLimit:
    """The attempts of a job that have begun in this process and are not on record yet.

    A resume after a kill repeats them. The driver writes what it collected to the record before it
    polls the backend again.

    Args:
        every: How many there may be, for each attempt that may run at once. Once there are so
            many, no more attempts begin.
        concurrency: How many attempts may run at once.

    Attributes:
        every: As the argument.
        most: How many there may be in all.
    """

    def __init__(self, every: int, concurrency: int) -> None:
        self.every = every
        self.most = every * concurrency
        # one thread at a time counts those that begin, and the driver's thread the others
        self._begun = 0
        self._collected = 0
        self._recorded = 0

    @property
    def is_reached(self) -> bool:
        """Whether no more attempts may begin until some are on record."""
        return self._begun - self._recorded >= self.most

    def record_start(self) -> None:
        """Count an attempt that begins."""
        self._begun += 1

    def record_collected(self, count: int) -> None:
        """Count attempts that have ended, and that the driver is about to record."""
        self._collected += count

    def confirm_recorded(self) -> bool:
        """Take all that was collected to be on record; return whether that is news."""
        is_news = self._recorded != self._collected
        self._recorded = self._collected
        return is_news

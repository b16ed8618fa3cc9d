"""The log lines of a run as they are shown: those so far, or all until the run ends."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from attune_nb.conductor.state import ENDED
from attune_nb.results.log_text import shown_line
from attune_nb.results.logs import format_dates
from attune_nb.running.recorded_run import RecordedRun

if TYPE_CHECKING:
    from collections.abc import Iterator

    from attune_nb.results.log_text import ShownLine
    from attune_nb.results.logs import LogSelection
    from attune_nb.running.history import AnyRun

__all__ = ["LogView"]

# seconds between two looks at a run
_POLL = 0.25


class LogView:
    """Some of the log lines of a run.

    Attributes:
        count: How many of the lines that were read are wanted.

    Args:
        run: The run.
        selection: Which lines are wanted.
        max_length: Characters after which the text of a line is cut.
    """

    def __init__(self, run: AnyRun, selection: LogSelection, max_length: int) -> None:
        self.count = 0
        self._run = run
        self._selection = selection
        self._max_length = max_length
        self._with_items = run.tasks_with_items
        # the number of the batch that is read next
        self._next = 0

    def new_lines(self, last: int | None = None) -> list[ShownLine]:
        """Return the wanted lines that have come since the last call, the oldest first.

        Args:
            last: Only so many, the latest ones.

        Raises:
            StoreError: The record cannot be read.
        """
        columns, self._next = self._run.read_lines(self._next)
        columns = self._selection.select(columns).in_order()
        self.count += len(columns)
        if last is not None:
            columns = columns.last(last)
        if not columns:
            return []

        dates = format_dates(columns, self._run.log_clock())
        return [
            shown_line(line, self._with_items, self._max_length, date)
            for line, date in zip(columns.rows(), dates, strict=True)
        ]

    def follow(self, last: int | None = None) -> Iterator[list[ShownLine]]:
        """Yield the lines so far, and then new ones until the run has ended.

        Args:
            last: Of the lines so far only so many, the latest ones.

        Raises:
            StoreError: The record cannot be read.
        """
        while True:
            # looked up before the lines are read: those that came last are read, too
            is_over = _is_over(self._run)
            lines = self.new_lines(last)
            if lines:
                yield lines
            if is_over:
                return

            last = None
            time.sleep(_POLL)

    def explain_none(self) -> str:
        """Return a sentence that says why there are no such lines."""
        total = self._run.log_counts.lines
        if not total:
            return self._run.explain_no_logs()
        count = "its line is not" if total == 1 else f"none of its {total:,} log lines is"
        return f"run {self._run.run_id}: {count} {self._selection}"


def _is_over(run: AnyRun) -> bool:
    """Return whether no process writes lines of a run any more."""
    if isinstance(run, RecordedRun):
        status = run.read_status()
        return status in ENDED or status == "interrupted"
    return run.has_ended

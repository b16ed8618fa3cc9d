"""The log lines of a run as they are shown: those so far, or all until the run ends."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from attune_nb.results.log_text import shown_line
from attune_nb.running.family_logs import FamilyLogs

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
        self._logs = FamilyLogs(run, selection)

    def new_lines(self, last: int | None = None) -> list[ShownLine]:
        """Return the wanted lines that have come since the last call, the oldest first.

        Args:
            last: Only so many, the latest ones.

        Raises:
            StoreError: The record cannot be read.
        """
        lines = self._logs.read()
        self.count += len(lines.columns)
        if last is not None:
            lines = lines.last(last)
        return [
            shown_line(line, self._logs.with_items, self._max_length, date)
            for line, date in zip(lines.columns.rows(), lines.format_dates(), strict=True)
        ]

    def follow(self, last: int | None = None) -> Iterator[list[ShownLine]]:
        """Yield the lines so far, and then new ones until the run has ended.

        Args:
            last: Of the lines so far only so many, the latest ones.

        Raises:
            StoreError: The record cannot be read.
        """
        while True:
            lines = self.new_lines(last)
            if lines:
                yield lines
            if self._logs.is_over:
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

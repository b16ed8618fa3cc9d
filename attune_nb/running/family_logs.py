"""The log lines of a run together with those of its child runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from attune_nb.results.logs import date_lines, join_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from attune_nb.log_batches import LogColumns, LogCounts
    from attune_nb.results.clock import RunClock
    from attune_nb.results.logs import DatedLines, LogSelection
    from attune_nb.running.child_views import ChildRow

__all__ = ["FamilyLogs", "LoggedRun"]


class LoggedRun(Protocol):
    """A run as its lines are read."""

    @property
    def store(self) -> Path | None:
        """The file with its record; None if it is not recorded."""

    @property
    def tasks_with_items(self) -> set[str]:
        """The paths of the tasks with `with_items`."""

    @property
    def log_counts(self) -> LogCounts:
        """How many lines there are so far, with those of child runs."""

    def is_over(self) -> bool:
        """Return whether no process writes lines any more."""

    def read_lines(self, first: int) -> tuple[LogColumns, int]:
        """Return the lines from a batch on, and the number of the batch that will come next."""

    def log_clock(self) -> RunClock:
        """Return the clock that turns the times of lines into dates."""

    def open_children(
        self, is_wanted: Callable[[ChildRow], bool]
    ) -> Iterable[tuple[ChildRow, LoggedRun]]:
        """Yield the child runs that are wanted."""


class FamilyLogs:
    """Reads the lines of a run and of its child runs, in each call those that are new.

    The lines of a child run have the path of their task: `deploy[3]/ping`.

    Attributes:
        with_items: The paths of the tasks with items.
        is_over: Whether no more lines will come: the run had ended before the last call.

    Args:
        run: The run.
        selection: Which lines are wanted; the child runs of wanted attempts are read, too.
        path: The path of the run, as a child run.
    """

    def __init__(self, run: LoggedRun, selection: LogSelection, path: str = "") -> None:
        self.with_items = {path + task for task in run.tasks_with_items}
        self._run = run
        self._selection = selection
        self._path = path
        # the number of the batch that is read next
        self._next = 0
        # how many lines of the run itself were read
        self._own_count = 0
        # the ids of the child runs that were opened
        self._opened: set[str] = set()
        # those of them that may get further lines
        self._children: list[FamilyLogs] = []
        self.is_over = False

    def read(self) -> DatedLines:
        """Return the lines that have come since the last call, by their dates.

        Raises:
            StoreError: The record cannot be read.
        """
        if self._run.store is None:
            return self._read()

        from attune_nb.store.database import one_connection  # noqa: PLC0415 - slow to import

        # many child runs may be opened
        with one_connection(self._run.store):
            return self._read()

    def _read(self) -> DatedLines:
        # before its lines are read: those that came last are read, too
        is_over = self._run.is_over()
        columns, self._next = self._run.read_lines(self._next)
        own_lines = date_lines(self._selection.select(columns), self._run.log_clock, self._path)

        parts = [own_lines]
        self._own_count += len(columns)
        if self._run.log_counts.lines > self._own_count:
            # further lines are of child runs
            self._find_children()
        for child in self._children:
            parts.append(child.read())
            self.with_items |= child.with_items

        self._children = [child for child in self._children if not child.is_over]
        self.is_over = is_over
        return join_lines(parts)

    def _find_children(self) -> None:
        selection = self._selection.in_child()
        for row, child in self._run.open_children(self._is_wanted):
            self._opened.add(row.run_id)
            path = f"{self._path}{row.task}"
            if path in self.with_items:
                path += f"[{row.index}]"
            self._children.append(FamilyLogs(child, selection, f"{path}/"))

    def _is_wanted(self, row: ChildRow) -> bool:
        if row.run_id in self._opened:
            return False
        return self._selection.has_attempt(row.task, row.index, row.attempt)

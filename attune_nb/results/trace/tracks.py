"""The tracks of a trace: threads side by side, so that no two slices on one of them overlap."""

from __future__ import annotations

import dataclasses
import itertools
from collections import defaultdict
from typing import TYPE_CHECKING

from attune_nb.results.trace.trace_events import make_metadata

if TYPE_CHECKING:
    from attune_nb.results.trace.trace_events import TraceEvent

__all__ = ["ROUNDING", "Tracks"]

ROUNDING = 1_000
"""Nanoseconds: a shorter overlap comes from the rounding of the clock."""


@dataclasses.dataclass
class _Thread:
    """A thread, and the end of the last slice on it."""

    number: int
    end: int

    def is_free(self, start: int) -> bool:
        """Return whether a slice may start then, rounding aside."""
        return self.end - ROUNDING <= start


class Tracks:
    """Finds a free thread for each slice, and names the processes and threads.

    Numbers are unique among processes and threads together: Perfetto names a thread by its
    number alone, and treats a thread with the number of its process as the main thread.
    """

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._threads: defaultdict[tuple[int, str], list[_Thread]] = defaultdict(list)
        self._processes: dict[str, int] = {}
        self._metadata: list[TraceEvent] = []

    def process(self, name: str) -> int:
        """Return the number of the process of this name."""
        if name not in self._processes:
            number = next(self._numbers)
            self._processes[name] = number
            order = len(self._processes)
            self._metadata += make_metadata("process", (number, number), name, order)

        return self._processes[name]

    def place(self, pid: int, name: str, start: int, end: int, *, order: int) -> tuple[int, int]:
        """Find a free thread of this name for a slice, or add one.

        Args:
            pid: The process.
            name: The name of the first thread; further threads are numbered.
            start: The start of the slice, in nanoseconds.
            end: The end of the slice.
            order: The place of these threads among those of their process.

        Returns:
            The number of the thread, and the slice's start there. It is later by the rounding of
            the clock if the slice follows another.
        """
        threads = self._threads[pid, name]
        for thread in threads:
            if thread.is_free(start):
                start = max(thread.end, start)
                thread.end = max(thread.end, end)
                return thread.number, start

        number = next(self._numbers)
        threads.append(_Thread(number, end))
        if len(threads) > 1:
            name = f"{name} ({len(threads)})"

        self._metadata += make_metadata("thread", (pid, number), name, order)
        return number, start

    def place_on_few(
        self, most: int, pid: int, name: str, start: int, end: int, *, order: int
    ) -> tuple[int, int] | None:
        """Do as `place`, but return None if that would take more than `most` threads."""
        threads = self._threads[pid, name]
        if len(threads) >= most and not any(thread.is_free(start) for thread in threads):
            return None

        return self.place(pid, name, start, end, order=order)

    def take_metadata(self) -> list[TraceEvent]:
        """Return the names of the processes and threads that were added since the last call."""
        metadata = self._metadata
        self._metadata = []
        return metadata

"""Threads of a trace, side by side, so that no two slices on one of them overlap."""

from __future__ import annotations

import itertools
from collections import defaultdict
from typing import Any

__all__ = ["NEAR", "Tracks"]

NEAR = 1_000  # nanoseconds: what overlaps by less does so by the clock's rounding

_Thread = list[int]  # its number, and until when it is filled


class Tracks:
    """Gives each slice a thread that is free then, and names the processes and threads.

    Numbers are unique among processes and threads together: Perfetto names a thread by its
    number alone, and takes one that has its process's number for the main thread.
    """

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._threads: defaultdict[tuple[int, str], list[_Thread]] = defaultdict(list)
        self._processes: dict[str, int] = {}
        self._news: list[dict[str, Any]] = []

    def process(self, name: str) -> int:
        """Give the number of the process of this name."""
        if name not in self._processes:
            number = self._processes[name] = next(self._numbers)
            self._tell("process", number, number, name, len(self._processes))
        return self._processes[name]

    def place(self, pid: int, name: str, start: int, end: int, *, order: int) -> tuple[int, int]:
        """Find room for a slice on the threads of this name, or begin one more.

        Args:
            pid: Their process.
            name: What the first of them is called; the others are numbered.
            start: The slice's start, in nanoseconds.
            end: Its end.
            order: Where these threads stand among those of their process.

        Returns:
            The thread, and the slice's start there: later by the clock's rounding, where it
            follows upon another.
        """
        threads = self._threads[pid, name]
        for thread in threads:
            number, filled = thread
            if filled - NEAR <= start:
                thread[1] = max(filled, end)
                return number, max(filled, start)
        number = next(self._numbers)
        threads.append([number, end])
        beside = f" ({len(threads)})" if len(threads) > 1 else ""
        self._tell("thread", pid, number, name + beside, order)
        return number, start

    def place_few(
        self, most: int, pid: int, name: str, start: int, end: int, *, order: int
    ) -> tuple[int, int] | None:
        """Do as `place` does; give None where that would take more than `most` threads."""
        threads = self._threads[pid, name]
        if len(threads) >= most and all(filled - NEAR > start for _, filled in threads):
            return None
        return self.place(pid, name, start, end, order=order)

    def news(self) -> list[dict[str, Any]]:
        """Give the metadata events of what is new since the last call."""
        found, self._news = self._news, []
        return found

    def _tell(self, what: str, pid: int, tid: int, name: str, order: int) -> None:
        for key, args in (("name", {"name": name}), ("sort_index", {"sort_index": order})):
            told = {"ph": "M", "name": f"{what}_{key}", "pid": pid, "tid": tid, "args": args}
            self._news.append(told)

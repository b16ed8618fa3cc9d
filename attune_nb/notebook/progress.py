"""A run's progress as text, in a terminal or in a cell, at most ten times a second."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from attune_nb.events import AttemptsEnded, TaskEnded, TaskStarted

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console
    from rich.progress import TaskID

    from attune_nb.events import Event, Key

__all__ = ["CellProgress", "TextProgress"]

LEAST_WAIT = 0.1  # seconds between two updates


class TextProgress:
    """Bars in a terminal, one for each task; nothing where the output is no terminal."""

    def __init__(self, console: Console) -> None:
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._ids: dict[Key, TaskID] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def read(self, events: list[Event]) -> None:
        """Take new events in."""
        for event in events:
            if isinstance(event, TaskStarted):
                key = (event.task, event.visit)
                self._ids[key] = self._bars.add_task(event.task, total=event.total)
            elif isinstance(event, AttemptsEnded):
                self._bars.advance(self._ids[event.task, event.visit], len(event.batch))


class CellProgress:
    """One line of text in a cell's output, given anew to `show` when something has moved."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show
        self._shown = 0.0
        self._rows: dict[Key, dict[str, Any]] = {}

    def read(self, events: list[Event]) -> None:
        """Take new events in."""
        for event in events:
            if isinstance(event, TaskStarted):
                self._rows[event.task, event.visit] = {"done": 0, "failed": 0, "of": event.total}
            elif isinstance(event, AttemptsEnded):
                row = self._rows[event.task, event.visit]
                row["done"] += len(event.batch)
                row["failed"] += len(event.batch.errors)
            elif isinstance(event, TaskEnded):
                self._rows.pop((event.task, event.visit), None)
        if time.monotonic() - self._shown >= LEAST_WAIT:
            self._shown = time.monotonic()
            self._show(self.text())

    def text(self) -> str:
        """Give a line for each task under way."""
        lines = [
            f"{task}: {row['done']:,}/{row['of'] if row['of'] is not None else '?'} attempts, "
            f"{row['failed']:,} failed"
            for (task, _), row in self._rows.items()
        ]
        return "\n".join(lines) or "running"

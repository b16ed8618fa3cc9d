"""The latest run of this process: kept while it is in progress, then only remembered."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from attune_nb.results.run import RunView

__all__ = ["LATEST", "LatestRun"]


class LatestRun:
    """Remembers the latest run, so that an interrupt cannot lose it.

    Attributes:
        reference: A weak reference to the run; None if there is none yet.
        run_id: The run's id.
        store: The file with its record, or None.
    """

    def __init__(self) -> None:
        self.reference: weakref.ref[RunView] | None = None
        self.run_id = ""
        self.store: Path | None = None
        self._kept: RunView | None = None

    def keep(self, run: RunView) -> None:
        """Keep a run, in place of the one before it."""
        self.reference = weakref.ref(run)
        self.run_id = run.run_id
        self.store = run.store
        self._kept = run

    def release(self, run: RunView) -> None:
        """Let go of a run that its caller has got: its results may need much memory."""
        if self._kept is run:
            self._kept = None


LATEST = LatestRun()
"""The latest run of this process."""

"""Wait for a worker: ask an adaptive cluster for one, or warn the user."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from attune_nb.backends.dask.autoscale import _log
from attune_nb.backends.worker import remote_functions

if TYPE_CHECKING:
    from collections.abc import Collection

    from distributed import Client, Future

    from attune_nb.backends.dask.worker_state import Worker

__all__ = ["PATIENCE", "Wanting"]

PATIENCE = 10.0  # seconds that work waits for a worker until a person is told
STANDING = 5.0  # seconds that a worker which a cluster just got waits for work


class Wanting:
    """What work waits for: a cluster that adapts is asked for it, a person is told."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._told = False
        self._asked: Future | None = None

    def look(self, client: Client, workers: Collection[Worker]) -> None:
        """Want a worker where there is none that begins anything."""
        if any(not each.paused for each in workers):
            self.over()
        elif workers:
            self.of("all are paused, as they are short of memory or about to go")
        else:
            self.of_any(client)

    def of_any(self, client: Client) -> None:
        """Want any worker at all."""
        if self._asked is None or self._asked.done():
            with contextlib.suppress(Exception):  # it is going away just now
                self._asked = client.submit(remote_functions.stand_by, STANDING, pure=False)
        self.of("any")

    def of(self, what: str) -> None:
        """Want a worker."""
        now = time.monotonic()
        self._since = self._since or now
        if now - self._since > PATIENCE and not self._told:
            self._told = True
            _log.warning(
                "work waits for a Dask worker (%s); start or restart one, or cancel the run", what
            )

    def over(self) -> None:
        """Want nothing any more; the worker that came still stands by, until it has work."""
        self._since, self._told = None, False
        if self._asked is not None and self._asked.done():
            self._asked = None  # of what the cluster has in memory, it gives back no worker

    def give_up(self) -> None:
        """Want nothing any more, and let go of the worker that came."""
        self._since, self._told, self._asked = None, False, None

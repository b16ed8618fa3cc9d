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

    from attune_nb.backends.dask.worker_state import DaskWorker

__all__ = ["WARN_AFTER", "WorkerWait"]

WARN_AFTER = 10.0  # seconds that work waits for a worker until a person is told
STANDBY_SECONDS = 5.0  # seconds that a worker which a cluster just got waits for work


class WorkerWait:
    """What work waits for: a cluster that adapts is asked for it, a person is told."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._told = False
        self._asked: Future | None = None

    def update(self, client: Client, workers: Collection[DaskWorker]) -> None:
        """Want a worker where there is none that begins anything."""
        if any(not each.is_paused for each in workers):
            self.end()
        elif workers:
            self.wait_for("all are paused, as they are short of memory or about to go")
        else:
            self.request_any(client)

    def request_any(self, client: Client) -> None:
        """Want any worker at all."""
        if self._asked is None or self._asked.done():
            with contextlib.suppress(Exception):  # it is going away just now
                self._asked = client.submit(remote_functions.stand_by, STANDBY_SECONDS, pure=False)
        self.wait_for("any")

    def wait_for(self, what: str) -> None:
        """Want a worker."""
        now = time.monotonic()
        self._since = self._since or now
        if now - self._since > WARN_AFTER and not self._told:
            self._told = True
            _log.warning(
                "work waits for a Dask worker (%s); start or restart one, or cancel the run", what
            )

    def end(self) -> None:
        """Want nothing any more; the worker that came still stands by, until it has work."""
        self._since, self._told = None, False
        if self._asked is not None and self._asked.done():
            self._asked = None  # of what the cluster has in memory, it gives back no worker

    def cancel(self) -> None:
        """Want nothing any more, and let go of the worker that came."""
        self._since, self._told, self._asked = None, False, None

"""Wait for a worker: request one from an adaptive cluster, and warn the user."""

from __future__ import annotations

import contextlib
import logging
import time
from typing import TYPE_CHECKING

from attune_nb.backends.worker import remote_functions

if TYPE_CHECKING:
    from collections.abc import Collection

    from distributed import Client, Future

    from attune_nb.backends.dask.worker_state import DaskWorker

__all__ = ["WARN_AFTER", "WorkerWait"]

# seconds that work waits for a worker before the user is warned
WARN_AFTER = 10.0
# seconds that a worker which an adaptive cluster has just started waits for work
STANDBY_SECONDS = 5.0

_log = logging.getLogger("attune_nb")


class WorkerWait:
    """A wait for a worker: requests one from an adaptive cluster, and warns the user after 10 s."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._has_warned = False
        self._standby: Future | None = None

    def update(self, client: Client, workers: Collection[DaskWorker]) -> None:
        """Wait while no worker starts anything; else end the wait."""
        if any(not worker.is_paused for worker in workers):
            self.end()
        elif workers:
            self.wait_for("all are paused, as they are short of memory or about to close")
        else:
            self.request_any(client)

    def request_any(self, client: Client) -> None:
        """Wait for any worker, and submit a task that makes an adaptive cluster start one."""
        if self._standby is None or self._standby.done():
            # the cluster may be closing
            with contextlib.suppress(Exception):
                self._standby = client.submit(
                    remote_functions.stand_by, STANDBY_SECONDS, pure=False
                )
        self.wait_for("any")

    def wait_for(self, description: str) -> None:
        """Wait for a worker; warn the user once if that takes long."""
        now = time.monotonic()
        if self._since is None:
            self._since = now

        if now - self._since > WARN_AFTER and not self._has_warned:
            self._has_warned = True
            _log.warning(
                "work waits for a Dask worker (%s); start or restart one, or cancel the run",
                description,
            )

    def end(self) -> None:
        """End the wait; a worker that has just started stands by until it has work."""
        self._since = None
        self._has_warned = False

        # an adaptive cluster does not retire a worker whose memory holds a result
        if self._standby is not None and self._standby.done():
            self._standby = None

    def cancel(self) -> None:
        """End the wait, and release the worker that has started."""
        self._since = None
        self._has_warned = False
        self._standby = None

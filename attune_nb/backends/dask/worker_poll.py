"""Ask a Dask scheduler which workers it has."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeAlias

from attune_nb.backends.dask.client_requests import run_in_client_loop

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from distributed import Client

    WorkerDetails: TypeAlias = dict[str, dict[str, Any]]

__all__ = ["WorkerPoll"]

# seconds that a scheduler may take to answer before nothing more is sent
POLL_TIMEOUT = 1.0


class WorkerPoll:
    """A repeated request for the workers of a cluster, one at a time.

    Args:
        wake: Called, in another thread, when the scheduler has answered.
    """

    def __init__(self, wake: Callable[[], object]) -> None:
        self._wake = wake
        self._answer: Future[WorkerDetails] | None = None
        self._since = 0.0

    @property
    def is_pending(self) -> bool:
        """Whether a request has not been answered yet."""
        return self._answer is not None

    def poll(self, client: Client, *, details: bool, wait: bool) -> WorkerDetails | None:
        """Request the workers, or check for the answer to the last request.

        Args:
            client: The client of the cluster.
            details: Whether more than thread counts is needed: resources and the process.
            wait: Whether to wait for the answer for up to `POLL_TIMEOUT` seconds.

        Returns:
            The scheduler's report of each worker, by address; None if there is no answer yet.

        Raises:
            TimeoutError: The answer takes too long.
            Exception: The request failed.
        """
        if self._answer is None:
            request = _request_workers(client, details=details)
            self._answer = run_in_client_loop(client, request, self._wake)
            self._since = time.monotonic()

        answer = self._answer
        timeout = POLL_TIMEOUT if wait else 0.0
        try:
            return answer.result(timeout)
        except TimeoutError:
            if answer.done() or time.monotonic() - self._since > POLL_TIMEOUT:
                raise
            return None
        finally:
            if answer.done():
                self._answer = None

    def cancel(self) -> None:
        """Cancel the pending request."""
        if self._answer is not None:
            self._answer.cancel()
            self._answer = None


async def _request_workers(client: Client, *, details: bool) -> WorkerDetails:
    if details:
        identity = await client.scheduler.identity()
        workers: WorkerDetails = identity["workers"]
        return workers

    threads = await client.scheduler.ncores()
    running = await client.scheduler.ncores_running()
    return {
        address: {"nthreads": count, "status": "running" if address in running else "paused"}
        for address, count in threads.items()
    }

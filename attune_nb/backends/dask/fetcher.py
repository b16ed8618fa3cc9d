"""Fetch the reports of finished chunks from Dask workers."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from attune_nb.backends.dask.client_requests import Request, RequestPerWorker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from distributed import Client, Future

    from attune_nb.backends.dask.worker_state import DaskWorker

__all__ = ["Fetch", "Fetcher"]

# seconds until a worker from which nothing could be fetched is tried again: it may be going away
RETRY_DELAY = 0.5
# seconds between two checks that the futures which are being fetched still exist
CHECK_INTERVAL = 0.2


class Fetch(Request):
    """A pending fetch of the values of some futures of one worker."""


class Fetcher(RequestPerWorker[Fetch]):
    """Fetches values, one worker at a time, so that an unreachable worker delays no other.

    Args:
        note: Called with a fetch, in another thread, when it has ended.
    """

    def __init__(self, note: Callable[[Fetch], object]) -> None:
        super().__init__(note)
        # the times of failed fetches, by worker
        self._failures: dict[DaskWorker | None, float] = {}

    def fetch(self, client: Client, finished: Iterable[tuple[Future, DaskWorker | None]]) -> None:
        """Fetch finished futures from the workers that have no pending fetch.

        A worker whose last fetch has just failed is left for the next look at the cluster.
        """
        since = time.monotonic() - RETRY_DELAY
        self._failures = {
            worker: failure for worker, failure in self._failures.items() if failure > since
        }

        ready: dict[DaskWorker | None, list[Future]] = {}
        for future, worker in finished:
            if worker not in self._pending and worker not in self._failures:
                ready.setdefault(worker, []).append(future)

        for worker, futures in ready.items():
            self._send(client, Fetch(worker, futures), _gather(client, futures))

    def finish(self, request: Fetch) -> dict[Future, Any]:
        """Return the values that a fetch has brought, by future."""
        values = super().finish(request)
        if not values:
            self._failures[request.worker] = time.monotonic()
        return values


async def _gather(client: Client, futures: list[Future]) -> dict[Future, Any]:
    """Gather the values of futures, without those that are lost meanwhile.

    Dask computes a lost value again, and `gather` would wait for that.
    """
    while finished := [future for future in futures if future.status == "finished"]:
        gathering = asyncio.ensure_future(client.gather(finished, asynchronous=True))
        while not gathering.done() and _are_finished(finished):
            await asyncio.wait([gathering], timeout=CHECK_INTERVAL)

        if not gathering.done():
            gathering.cancel()
        elif gathering.exception() is None:
            return dict(zip(finished, gathering.result(), strict=True))
        elif _are_finished(finished):
            return {}

    return {}


def _are_finished(futures: Sequence[Future]) -> bool:
    return all(future.status == "finished" for future in futures)

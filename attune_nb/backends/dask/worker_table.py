"""The workers of a Dask cluster."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from attune_nb.backends.dask.resources import ResourceOffers
from attune_nb.backends.dask.worker_state import DaskWorker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["WorkerTable"]


class WorkerTable:
    """The workers of a cluster, as its scheduler last reported them."""

    def __init__(self) -> None:
        self._workers: dict[str, DaskWorker] = {}
        self.offers = ResourceOffers()
        # when the cluster lost its last worker, in monotonic time
        self.empty_since: float | None = None

    def __len__(self) -> int:
        return len(self._workers)

    def __iter__(self) -> Iterator[DaskWorker]:
        return iter(self._workers.values())

    def __contains__(self, worker: object) -> bool:
        return isinstance(worker, DaskWorker) and self._workers.get(worker.address) is worker

    @property
    def threads(self) -> int:
        """The number of threads of all workers."""
        return sum(worker.threads for worker in self)

    def update(
        self,
        reports: Mapping[str, Mapping[str, Any]],
        on_gone: Callable[[DaskWorker], None],
    ) -> None:
        """Take over the scheduler's reports of its workers.

        Args:
            reports: The reports by address.
            on_gone: Called with each worker that has gone, after it was removed.
        """
        for address in self._workers.keys() - reports.keys():
            on_gone(self._workers.pop(address))
        for address, report in reports.items():
            self._update_worker(address, report, on_gone)

        if reports:
            self.empty_since = None
        elif self.empty_since is None:
            self.empty_since = time.monotonic()

    def _update_worker(
        self, address: str, report: Mapping[str, Any], on_gone: Callable[[DaskWorker], None]
    ) -> None:
        """Take over the report of one worker; another process may have its address by now."""
        worker = self._workers.get(address)
        process = report.get("local_directory", "")
        if worker is not None and process and worker.process not in ("", process):
            del self._workers[address]
            on_gone(worker)
            worker = None
        if worker is None:
            worker = DaskWorker(address)
            self._workers[address] = worker

        worker.threads = report["nthreads"]
        worker.is_paused = report["status"] != "running"
        if "resources" in report:
            worker.has_details = True
            worker.resources = report["resources"]
            worker.process = process
            self.offers.add(worker)

    def remove(self, worker: DaskWorker) -> None:
        """Remove a worker."""
        del self._workers[worker.address]

    def clear(self) -> None:
        """Remove all workers."""
        self._workers.clear()
        self.empty_since = None

"""The state of one Dask worker, as the engine knows it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from attune_nb.backends.chunks.remote_backend import RemoteWorker

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Future

    from distributed import Future as DaskFuture

    from attune_nb.backends.chunks.chunk_queue import ChunkQueue
    from attune_nb.backends.chunks.in_flight import InFlightChunk
    from attune_nb.backends.chunks.task_spec import TaskSpec

__all__ = ["DaskWorker", "Transfer", "are_enough"]


class Transfer:
    """The transfer of a task spec to a worker, and when it began."""

    def __init__(self, request: Future[DaskFuture]) -> None:
        self.request = request
        self.since = time.monotonic()


class DaskWorker(RemoteWorker):
    """A worker: its resources, its task specs and its chunks."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.threads = 1

        self.resources: Mapping[str, float] = {}
        # it starts nothing: it is short of memory, or about to close
        self.is_paused = False
        # whether its resources and its process are known
        self.has_details = False
        # its local directory: another process at the same address has another one
        self.process = ""

        self.task_specs: dict[TaskSpec, DaskFuture] = {}
        self.transfers: dict[TaskSpec, Transfer] = {}
        # when a task spec was copied here from another worker, in monotonic time
        self.copied_at: dict[TaskSpec, float] = {}
        self.in_flight: dict[DaskFuture, tuple[ChunkQueue, InFlightChunk]] = {}

    @property
    def load(self) -> float:
        """The number of its chunks for each of its threads."""
        return len(self.in_flight) / self.threads

    def chunks(self) -> list[tuple[ChunkQueue, InFlightChunk]]:
        """Return its chunks, each with its chunk queue."""
        return [*self.in_flight.values()]

    def has_resources(self, required: Mapping[str, float]) -> bool:
        """Return whether it offers the resources that a task requires."""
        return are_enough(self.resources, required)

    def can_start(self, required: Mapping[str, float]) -> bool:
        """Return whether it has the resources that a task requires, and is not paused."""
        return self.has_resources(required) and not self.is_paused


def are_enough(resources: Mapping[str, float], required: Mapping[str, float]) -> bool:
    """Return whether resources cover the required ones."""
    return all(resources.get(name, 0) >= amount for name, amount in required.items())

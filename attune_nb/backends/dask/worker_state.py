"""What the engine knows of one Dask worker."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from attune_nb.backends.chunks.remote_backend import Place

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Future

    from distributed import Future as DaskFuture

    from attune_nb.backends.chunks.chunk_queue import Feed
    from attune_nb.backends.chunks.in_flight import Sent
    from attune_nb.backends.chunks.task_spec import Definition

__all__ = ["DaskWorker", "Transfer"]


class Transfer:
    """A definition on its way to a worker, since a time."""

    def __init__(self, asked: Future[DaskFuture]) -> None:
        self.request = asked
        self.since = time.monotonic()


class DaskWorker(Place):
    """A worker: what it offers, which definitions it has, and what it is at."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.threads = 1
        self.resources: Mapping[str, float] = {}
        self.is_paused = False  # whether it begins nothing, as it is short of memory or about to go
        self.has_details = False  # whether it is known what it offers, and which process it is
        self.process = ""  # the directory of its own that it has for as long as it runs
        self.task_specs: dict[Definition, DaskFuture] = {}
        self.transfers: dict[Definition, Transfer] = {}
        self.in_flight: dict[DaskFuture, tuple[Feed, Sent]] = {}

    @property
    def load(self) -> float:
        """How many chunks it has for each thread."""
        return len(self.in_flight) / self.threads

    def chunks(self) -> list[tuple[Feed, Sent]]:
        """Give the chunks that it has, each with its job."""
        return [*self.in_flight.values()]

    def has_resources(self, wanted: Mapping[str, float]) -> bool:
        """Tell whether it has what a task asks for."""
        return _meets(self.resources, wanted)


def _meets(offers: Mapping[str, float], wanted: Mapping[str, float]) -> bool:
    """Tell whether some resources are enough."""
    return all(offers.get(key, 0) >= least for key, least in wanted.items())

"""The chunks that are in flight on a Dask cluster, by their futures."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distributed import Future

    from attune_nb.backends.chunks.chunk_queue import ChunkQueue
    from attune_nb.backends.chunks.in_flight import InFlightChunk
    from attune_nb.backends.dask.worker_state import DaskWorker

__all__ = ["FutureTable"]


class FutureTable:
    """The futures of reports, each with its chunk queue, its chunk and its worker.

    The worker is None if the chunk may run on any. Each worker's own table of futures is kept in
    step with this one.
    """

    def __init__(self) -> None:
        self._entries: dict[Future, tuple[ChunkQueue, InFlightChunk, DaskWorker | None]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Future]:
        return iter(self._entries)

    def __contains__(self, future: object) -> bool:
        return future in self._entries

    def add(
        self, future: Future, queue: ChunkQueue, chunk: InFlightChunk, worker: DaskWorker | None
    ) -> None:
        """Add a chunk that was sent."""
        self._entries[future] = queue, chunk, worker
        if worker is not None:
            worker.in_flight[future] = queue, chunk

    def remove(self, future: Future) -> tuple[ChunkQueue, InFlightChunk]:
        """Remove a future; return its chunk queue and its chunk."""
        queue, chunk, worker = self._entries.pop(future)
        if worker is not None:
            worker.in_flight.pop(future, None)
        return queue, chunk

    def clear(self) -> list[tuple[ChunkQueue, InFlightChunk]]:
        """Remove all futures; return their chunk queues and chunks."""
        chunks = [(queue, chunk) for queue, chunk, _ in self._entries.values()]
        self._entries = {}
        return chunks

    def chunk_of(self, future: Future) -> InFlightChunk:
        """Return the chunk of a future."""
        return self._entries[future][1]

    def worker_of(self, future: Future) -> DaskWorker | None:
        """Return the worker of a future."""
        return self._entries[future][2]

    def chunks_of(self, queue: ChunkQueue) -> list[InFlightChunk]:
        """Return the chunks of a chunk queue."""
        return [chunk for owner, chunk, _ in self._entries.values() if owner is queue]

    def in_flight(self) -> list[tuple[Future, InFlightChunk]]:
        """Return all futures, each with its chunk."""
        return [(future, chunk) for future, (_, chunk, _) in self._entries.items()]

    def futures_of(self, queue: ChunkQueue) -> list[Future]:
        """Return the futures of a chunk queue."""
        return [future for future, (owner, _, _) in self._entries.items() if owner is queue]

    def finished(self) -> list[tuple[Future, DaskWorker | None]]:
        """Return the futures that have succeeded, each with its worker."""
        return [
            (future, worker)
            for future, (_, _, worker) in self._entries.items()
            if future.status == "finished"
        ]

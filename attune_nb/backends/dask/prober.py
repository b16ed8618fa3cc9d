"""Probe Dask workers for the status of chunks that take long or wait."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from msgspec.structs import replace

from attune_nb.backends.dask.client_requests import Request, RequestPerWorker
from attune_nb.backends.worker.chunk_status import ChunkProbe, answer_probes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from distributed import Client, Future

    from attune_nb.backends.chunks.chunk_queue import ChunkQueue
    from attune_nb.backends.chunks.in_flight import InFlightChunk
    from attune_nb.backends.dask.worker_state import DaskWorker

__all__ = ["Prober", "WorkerProbe"]

# a chunk is probed after so many times its budget: usually, and if there is something to gain
PATIENT_FACTOR = 2.0
EAGER_FACTOR = 0.5


class WorkerProbe(Request):
    """A status probe to one worker about some of its chunks.

    The reply maps each chunk to its partial report, or to None if the worker had not started it and
    has now dropped it.
    """


class Prober(RequestPerWorker[WorkerProbe]):
    """Probes for chunks that take long, or that wait where nothing starts.

    A worker answers even while all its threads are busy. It starts nothing while it is paused
    (short of memory), and nothing behind an item that takes long.
    """

    def probe(self, client: Client, workers: Iterable[DaskWorker]) -> None:
        """Send the probes that are due."""
        for worker in workers:
            if worker in self._pending:
                continue

            futures = []
            for future, (queue, chunk) in worker.in_flight.items():
                if _is_due(worker, queue, chunk) and not future.done():
                    futures.append(future)

            if futures:
                probes = {
                    future: _make_probe(worker, worker.in_flight[future][1]) for future in futures
                }
                request = _request_status(client, worker.address, probes)
                self._send(client, WorkerProbe(worker, futures), request)


def _is_due(worker: DaskWorker, queue: ChunkQueue, chunk: InFlightChunk) -> bool:
    """Return whether to probe for a chunk now; if so, record the time of the probe."""
    if not queue.is_idempotent:
        return False

    now = time.monotonic()
    if not chunk.message.merges and not _has_waited(now, worker, queue, chunk):
        return False

    chunk.probe_state.probed_at = now
    return True


def _has_waited(now: float, worker: DaskWorker, queue: ChunkQueue, chunk: InFlightChunk) -> bool:
    """Return whether a chunk was sent, or last probed, long enough ago."""
    state = chunk.probe_state
    is_unacknowledged = state.sequence != state.acknowledged
    is_urgent = _can_grow(queue, chunk) or is_unacknowledged or _is_stuck(worker, chunk)

    # a probe for such a chunk can only find out whether it was started: one is enough
    has_no_parts = len(chunk.attempts) == 1 or queue.job.spec.keep_results
    if state.probed_at and has_no_parts and not is_urgent:
        return False

    factor = EAGER_FACTOR if is_urgent else PATIENT_FACTOR
    return now - max(chunk.since, state.probed_at) >= factor * chunk.message.budget


def _can_grow(queue: ChunkQueue, chunk: InFlightChunk) -> bool:
    """Return whether more coroutines may be merged into a chunk that has started."""
    if not (chunk.probe_state.has_started and queue.job.spec.call.is_async):
        return False
    if not chunk.is_remainder:
        return True
    return queue.is_ready and len(chunk.attempts) < chunk.message.concurrency


def _is_stuck(worker: DaskWorker, chunk: InFlightChunk) -> bool:
    """Return whether a chunk waits at a worker that may start nothing for long."""
    if chunk.probe_state.has_started:
        return False

    started = sum(started.probe_state.has_started for _, started in worker.in_flight.values())
    return worker.is_paused or started >= worker.threads


def _make_probe(worker: DaskWorker, chunk: InFlightChunk) -> ChunkProbe:
    """Return the probe for a chunk; from now on its merge and its last report count as sent."""
    message = chunk.message
    chunk.message = replace(message, merges=False)
    chunk.probe_state.acknowledged = chunk.probe_state.sequence

    merging = message if message.merges else None
    return ChunkProbe(chunk.probe_state.sequence, _is_stuck(worker, chunk), merging)


async def _request_status(
    client: Client, address: str, probes: dict[Future, ChunkProbe]
) -> dict[Future, bytes | None]:
    probes_by_key = {future.key: probe for future, probe in probes.items()}
    answers = await client.run(answer_probes, probes_by_key, workers=[address], asynchronous=True)
    reports: dict[str, bytes | None] = answers[address]
    return {future: reports[future.key] for future in probes if future.key in reports}

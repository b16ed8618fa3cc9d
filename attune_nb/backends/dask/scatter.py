"""Transfer task specs to the workers of a Dask cluster, once to each."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from attune_nb.backends.dask.client_requests import run_in_client_loop
from attune_nb.backends.dask.worker_state import Transfer
from attune_nb.backends.worker import remote_functions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from distributed import Client, Future

    from attune_nb.backends.chunks.task_spec import TaskSpec
    from attune_nb.backends.dask.worker_state import DaskWorker

__all__ = ["drop_overdue_copies", "ensure_task_spec"]

# seconds that a transfer to one worker may take before another worker gets one, too
TRANSFER_TIMEOUT = 10.0


def ensure_task_spec(
    client: Client,
    task_spec: TaskSpec,
    worker: DaskWorker,
    receivers: Sequence[DaskWorker],
    workers: Iterable[DaskWorker],
    wake: Callable[[], object],
) -> bool:
    """Make sure that a worker has a task spec, and copy it to others that will need it.

    It goes from worker to worker before they have anything to do: a busy worker passes nothing on.

    Args:
        client: The client of the cluster.
        task_spec: The task spec.
        worker: The worker that needs it now.
        receivers: Other workers that will need it.
        workers: All workers.
        wake: Called, in another thread, when a transfer has ended.

    Returns:
        Whether the worker has it, or will get it without the engine.

    Raises:
        Exception: The transfer to the worker failed.
    """
    workers = list(workers)
    is_first = not any(task_spec in holder.task_specs for holder in workers)
    for receiver in workers:
        _finish_transfer(receiver, task_spec, raises=receiver is worker)
    if is_first:
        _spread(client, task_spec, workers, [worker, *receivers])

    copy = worker.task_specs.get(task_spec)
    if copy is not None and copy.status in ("finished", "pending"):
        return True
    if task_spec in worker.transfers or _has_recent_transfer(task_spec, workers):
        return False

    source = None
    if task_spec not in worker.copied_at:
        source = _find_source(task_spec, workers)
    if source is not None:
        _copy(client, task_spec, source, worker)
        return True

    scattering = _scatter(client, task_spec, worker)
    worker.transfers[task_spec] = Transfer(run_in_client_loop(client, scattering, wake))
    return False


def drop_overdue_copies(worker: DaskWorker) -> list[TaskSpec]:
    """Remove and return the task specs of a worker whose copy takes too long.

    The worker that passes them on is silent: the engine has to send them.
    """
    since = time.monotonic() - TRANSFER_TIMEOUT
    overdue = []
    for task_spec, copy in worker.task_specs.items():
        copied_at = worker.copied_at.get(task_spec)
        if copied_at is not None and copied_at < since and copy.status == "pending":
            overdue.append(task_spec)

    for task_spec in overdue:
        del worker.task_specs[task_spec]
    return overdue


async def _scatter(client: Client, task_spec: TaskSpec, worker: DaskWorker) -> Future:
    future: Future = await client.scatter(
        task_spec, workers=[worker.address], hash=False, asynchronous=True
    )
    return future


def _finish_transfer(worker: DaskWorker, task_spec: TaskSpec, *, raises: bool) -> None:
    """Record the result of a transfer that has ended; a failure is raised or ignored."""
    transfer = worker.transfers.get(task_spec)
    if transfer is None or not transfer.request.done():
        return

    del worker.transfers[task_spec]
    try:
        worker.task_specs[task_spec] = transfer.request.result()
    except Exception:
        if raises:
            raise


def _spread(
    client: Client,
    task_spec: TaskSpec,
    workers: Sequence[DaskWorker],
    receivers: Sequence[DaskWorker],
) -> None:
    """Copy a task spec from the first worker that has it to the receivers, as a binary tree."""
    sources = _available_holders(task_spec, workers)
    if not sources:
        return

    chain = sources[:1]
    for receiver in receivers:
        if task_spec not in receiver.task_specs and task_spec not in receiver.transfers:
            chain.append(receiver)

    for index, receiver in enumerate(chain[1:]):
        _copy(client, task_spec, chain[index // 2], receiver)


def _available_holders(task_spec: TaskSpec, workers: Iterable[DaskWorker]) -> list[DaskWorker]:
    holders = [worker for worker in workers if task_spec in worker.task_specs]
    return [holder for holder in holders if not holder.is_paused]


def _has_recent_transfer(task_spec: TaskSpec, workers: Iterable[DaskWorker]) -> bool:
    now = time.monotonic()
    for worker in workers:
        transfer = worker.transfers.get(task_spec)
        if transfer is not None and now - transfer.since < TRANSFER_TIMEOUT:
            return True
    return False


def _find_source(task_spec: TaskSpec, workers: Iterable[DaskWorker]) -> DaskWorker | None:
    """Return an idle worker that has a task spec, if there is one."""
    for worker in _available_holders(task_spec, workers):
        if not worker.in_flight and worker.task_specs[task_spec].status == "finished":
            return worker
    return None


def _copy(client: Client, task_spec: TaskSpec, source: DaskWorker, target: DaskWorker) -> None:
    """Copy a task spec to a worker, as a value of its own that Dask does not move.

    If two workers hold the same value, Dask's memory manager removes either of them. So the copy is
    a value that nothing else refers to.
    """
    target.copied_at[task_spec] = time.monotonic()
    original = source.task_specs[task_spec]
    passing = client.submit(
        remote_functions.copy_task_spec, original, workers=[source.address], pure=False
    )
    target.task_specs[task_spec] = client.submit(
        remote_functions.copy_task_spec, passing, workers=[target.address], pure=False
    )

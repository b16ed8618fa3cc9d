"""Send a task to the workers of a Dask cluster, once."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from attune_nb.backends.dask.client_requests import TRANSFER_TIMEOUT, run_in_client_loop
from attune_nb.backends.dask.worker_state import Transfer
from attune_nb.backends.worker import remote_functions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from distributed import Client, Future

    from attune_nb.backends.chunks.task_spec import Definition
    from attune_nb.backends.dask.worker_state import DaskWorker

__all__ = ["ensure_task_spec"]


def ensure_task_spec(
    client: Client,
    definition: Definition,
    to: DaskWorker,
    others: Sequence[DaskWorker],
    workers: Iterable[DaskWorker],
    wake: Callable[[], object],
) -> bool:
    """Have a definition at a worker, and on its way to others that will need it.

    It goes from worker to worker before they have anything to do: none that is busy is asked.

    Args:
        client: Of the cluster.
        definition: What they are to have.
        to: The worker that is to have it now.
        others: Those that will need it.
        workers: All.
        wake: Called, in another thread, when it came to a worker.

    Returns:
        Whether it is there, or will be without the engine.

    Raises:
        Exception: It could not be brought there.
    """
    workers = list(workers)
    first = not any(definition in each.task_specs for each in workers)
    for each in workers:
        _take_in(each, definition, to)
    if first:
        came = [each for each in workers if definition in each.task_specs and not each.is_paused]
        needing = [
            each
            for each in (to, *others)
            if definition not in {**each.task_specs, **each.transfers}
        ]
        chain = [*came[:1], *needing] if came else []
        for at, each in enumerate(chain[1:]):
            _cross(client, definition, chain[at // 2], each)
    there = to.task_specs.get(definition)
    if there is not None and there.status in ("finished", "pending"):
        return True
    coming = [each.transfers[definition].since for each in workers if definition in each.transfers]
    if definition in to.transfers or any(
        time.monotonic() - since < TRANSFER_TIMEOUT for since in coming
    ):
        return False
    havers = [each for each in workers if definition in each.task_specs and not each.is_paused]
    idle = (each for each in havers if not each.in_flight)
    giver = next((each for each in idle if each.task_specs[definition].status == "finished"), None)
    if giver is not None:
        _cross(client, definition, giver, to)
        return True
    to.transfers[definition] = Transfer(
        run_in_client_loop(client, _scattered(client, definition, to), wake)
    )
    return False


async def _scattered(client: Client, definition: Definition, to: DaskWorker) -> Future:
    there: Future = await client.scatter(
        definition, workers=[to.address], hash=False, asynchronous=True
    )
    return there


def _take_in(each: DaskWorker, definition: Definition, to: DaskWorker) -> None:
    """Take in whether a definition that was sent to a worker came there."""
    coming = each.transfers.get(definition)
    if coming is None or not coming.request.done():
        return
    del each.transfers[definition]
    with contextlib.nullcontext() if each is to else contextlib.suppress(Exception):
        each.task_specs[definition] = coming.request.result()


def _cross(client: Client, definition: Definition, giver: DaskWorker, to: DaskWorker) -> None:
    """Give a worker a definition as a value of its own, which Dask moves nowhere.

    Of a value that two workers have, Dask's memory manager takes one away, whichever: so what
    crosses to another worker is a value that nothing else refers to.
    """
    there = giver.task_specs[definition]
    crossing = client.submit(
        remote_functions.copy_task_spec, there, workers=[giver.address], pure=False
    )
    to.task_specs[definition] = client.submit(
        remote_functions.copy_task_spec, crossing, workers=[to.address], pure=False
    )

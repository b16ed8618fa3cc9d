"""Send a task to the workers of a Dask cluster, once."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from attune_nb.backends.dask.client_requests import STALLED, _ask
from attune_nb.backends.dask.worker_state import Coming
from attune_nb.backends.worker import remote_functions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from distributed import Client, Future

    from attune_nb.backends.chunks.task_spec import Definition
    from attune_nb.backends.dask.worker_state import Worker

__all__ = ["bring"]


def bring(
    client: Client,
    definition: Definition,
    to: Worker,
    others: Sequence[Worker],
    workers: Iterable[Worker],
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
    first = not any(definition in each.has for each in workers)
    for each in workers:
        _take_in(each, definition, to)
    if first:
        came = [each for each in workers if definition in each.has and not each.paused]
        needing = [each for each in (to, *others) if definition not in {**each.has, **each.coming}]
        chain = [*came[:1], *needing] if came else []
        for at, each in enumerate(chain[1:]):
            _cross(client, definition, chain[at // 2], each)
    there = to.has.get(definition)
    if there is not None and there.status in ("finished", "pending"):
        return True
    coming = [each.coming[definition].since for each in workers if definition in each.coming]
    if definition in to.coming or any(time.monotonic() - since < STALLED for since in coming):
        return False
    havers = [each for each in workers if definition in each.has and not each.paused]
    idle = (each for each in havers if not each.held)
    giver = next((each for each in idle if each.has[definition].status == "finished"), None)
    if giver is not None:
        _cross(client, definition, giver, to)
        return True
    to.coming[definition] = Coming(_ask(client, _scattered(client, definition, to), wake))
    return False


async def _scattered(client: Client, definition: Definition, to: Worker) -> Future:
    there: Future = await client.scatter(
        definition, workers=[to.address], hash=False, asynchronous=True
    )
    return there


def _take_in(each: Worker, definition: Definition, to: Worker) -> None:
    """Take in whether a definition that was sent to a worker came there."""
    coming = each.coming.get(definition)
    if coming is None or not coming.asked.done():
        return
    del each.coming[definition]
    with contextlib.nullcontext() if each is to else contextlib.suppress(Exception):
        each.has[definition] = coming.asked.result()


def _cross(client: Client, definition: Definition, giver: Worker, to: Worker) -> None:
    """Give a worker a definition as a value of its own, which Dask moves nowhere.

    Of a value that two workers have, Dask's memory manager takes one away, whichever: so what
    crosses to another worker is a value that nothing else refers to.
    """
    there = giver.has[definition]
    crossing = client.submit(remote_functions.same, there, workers=[giver.address], pure=False)
    to.has[definition] = client.submit(
        remote_functions.same, crossing, workers=[to.address], pure=False
    )

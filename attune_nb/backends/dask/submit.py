"""A chunk as a task of Dask's."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from attune_nb.backends.dask.remote_result import ClusterResult, input_futures
from attune_nb.backends.worker import remote_functions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from distributed import Client, Future

    from attune_nb.backends.chunks.in_flight import Sent
    from attune_nb.backends.chunks.task_spec import Definition
    from attune_nb.backends.dask.worker_state import DaskWorker

__all__ = ["submit_chunk"]

REPORT = "-report"  # what the key of a report has more than that of its chunk


def submit_chunk(
    client: Client,
    key: str,
    sent: Sent,
    definition: Definition,
    *,
    keeps: bool,
    to: DaskWorker | None,
    wanted: Mapping[str, float],
) -> Future:
    """Hand a chunk out; give the future of its report, which the chunk is asked about by.

    Args:
        client: Of the cluster.
        key: The key of the task.
        sent: The chunk.
        definition: What to do.
        keeps: Whether the results stay where they are made.
        to: The worker that is to do it; None for any.
        wanted: What it takes of its worker.

    Raises:
        Exception: It was not handed out.
    """
    near = input_futures(definition, sent)
    sent.chunk = replace(sent.chunk, name=f"{key}{REPORT}" if keeps else key)
    future = client.submit(
        remote_functions.run_chunk_keeping_results if keeps else remote_functions.run_chunk,
        definition if to is None else to.task_specs.get(definition, definition),
        sent.chunk,
        [*near],
        [*near.values()],
        key=key,
        pure=False,
        retries=0,
        fifo_timeout=0,  # what was handed out first is begun first
        resources=wanted,
        workers=None if to is None else [to.address],
    )
    if not keeps:
        return future
    sent.keep = partial(ClusterResult, future)  # only the report comes
    return client.submit(remote_functions.extract_report, future, key=sent.chunk.name, pure=False)

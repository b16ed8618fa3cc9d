"""Submit a chunk as a Dask task."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from attune_nb.backends.dask.remote_result import ClusterResult, input_futures
from attune_nb.backends.worker import remote_functions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from distributed import Client, Future

    from attune_nb.backends.chunks.in_flight import InFlightChunk
    from attune_nb.backends.chunks.task_spec import TaskSpec
    from attune_nb.backends.dask.worker_state import DaskWorker

__all__ = ["submit_chunk"]

# the key of a report's task is that of the chunk's task with this suffix
REPORT_SUFFIX = "-report"


def submit_chunk(
    client: Client,
    key: str,
    chunk: InFlightChunk,
    task_spec: TaskSpec,
    *,
    keeps: bool,
    worker: DaskWorker | None,
    required: Mapping[str, float],
) -> Future:
    """Submit a chunk; return the future of its report. Status probes use that future's key.

    Args:
        client: The client of the cluster.
        key: The key of the Dask task.
        chunk: The chunk.
        task_spec: The task spec.
        keeps: Whether the results stay on the cluster.
        worker: The worker that is to run the chunk; None for any.
        required: The resources that the task requires.

    Raises:
        Exception: The chunk was not submitted.
    """
    function = remote_functions.run_chunk_keeping_results if keeps else remote_functions.run_chunk
    name = f"{key}{REPORT_SUFFIX}" if keeps else key
    chunk.message = replace(chunk.message, name=name)

    task_spec_or_future: TaskSpec | Future = task_spec
    workers = None
    if worker is not None:
        task_spec_or_future = worker.task_specs.get(task_spec, task_spec)
        workers = [worker.address]

    # tasks that were submitted first start first: `fifo_timeout=0`
    inputs = input_futures(task_spec, chunk)
    future = client.submit(
        function,
        task_spec_or_future,
        chunk.message,
        [*inputs],
        [*inputs.values()],
        key=key,
        pure=False,
        retries=0,
        fifo_timeout=0,
        resources=required,
        workers=workers,
    )
    if not keeps:
        return future

    # only the report is fetched
    chunk.make_reference = partial(ClusterResult, future)
    return client.submit(remote_functions.extract_report, future, key=name, pure=False)

"""Report queued work to an adaptive Dask cluster, so that it scales up.

Dask's adaptive deployments count the tasks that their scheduler has. The engine sends no more than
its workers need, so the scheduler would see nothing of the rest.
"""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from distributed import Client, Future

    from attune_nb.backends.chunks.chunk_queue import ChunkQueue
    from attune_nb.backends.chunks.in_flight import InFlightChunk

__all__ = ["Backlog"]

# placeholder tasks: enough for 500 threads with Dask's default settings
MAX_TASKS = 5000
# a resource that no worker has
UNMET_RESOURCES = {"attune-more-workers": 1.0}

_log = logging.getLogger("attune_nb")


class Backlog:
    """Placeholder tasks at the scheduler for the work that waits with the engine.

    They never run. Dask wants as many threads as finish the tasks that it has within
    `distributed.adaptive.target-duration` (5 s), and assumes
    `distributed.scheduler.unknown-task-duration` (0.5 s) for a task that it has never seen. So the
    number of tasks is such that Dask wants the threads that the work needs.

    A cluster that is known not to be adaptive gets none.
    """

    def __init__(self) -> None:
        self._tasks: list[Future] = []

    def update(
        self, client: Client, jobs: Iterable[tuple[ChunkQueue, list[InFlightChunk]]], threads: int
    ) -> None:
        """Adjust the number of placeholder tasks to the work of some jobs.

        Args:
            client: The client of the cluster.
            jobs: The chunk queues of jobs that may go on, each with its chunks in flight.
            threads: The number of threads of the cluster.
        """
        count = 0
        if _may_adapt(client):
            count = _count_tasks(jobs, threads)

        # a scheduler may give up tasks that it cannot run (`no-workers-timeout`)
        self._tasks = [task for task in self._tasks if not task.done()]
        missing = count - len(self._tasks)
        if missing > 0:
            self._tasks += client.map(
                int, range(missing), key="attune-waiting", pure=False, resources=UNMET_RESOURCES
            )
        else:
            # the scheduler forgets tasks that nothing refers to
            del self._tasks[count:]

    def clear(self) -> None:
        """Remove all placeholder tasks."""
        self._tasks.clear()


def _count_tasks(jobs: Iterable[tuple[ChunkQueue, list[InFlightChunk]]], threads: int) -> int:
    """Return how many placeholder tasks make Dask want the threads that jobs need."""
    target = _setting("adaptive.target-duration")
    unknown = _setting("scheduler.unknown-task-duration")
    needed = sum(queue.estimate_threads(target, unknown, chunks) for queue, chunks in jobs)
    if needed <= threads:
        return 0

    # rounded down: chunks in flight and stand-by tasks account for the rest
    count = math.ceil(needed * target / unknown) - 1
    return max(1, min(MAX_TASKS, count))


def _may_adapt(client: Client) -> bool:
    """Return whether a cluster may be adaptive; unknown if only its address is known."""
    return client.cluster is None or getattr(client.cluster, "_adaptive", True) is not None


def _setting(name: str) -> float:
    """Return a duration from Dask's settings, in seconds."""
    import dask  # noqa: PLC0415 - only this backend needs it
    from dask.utils import parse_timedelta  # noqa: PLC0415 - as above

    return float(parse_timedelta(dask.config.get(f"distributed.{name}")))

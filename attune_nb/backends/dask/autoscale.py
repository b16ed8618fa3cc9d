"""What a cluster is told of the work that waits with the engine, so that it grows with it.

Dask's adaptive deployments count the tasks that their scheduler has. The engine hands out no more
than its workers need, so of the rest the scheduler would see nothing.
"""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from distributed import Client, Future

    from attune_nb.backends.chunks.chunk_queue import Feed
    from attune_nb.backends.chunks.in_flight import Sent

__all__ = ["Backlog"]
MAX_TASKS = 5000  # tasks that stand for work: 500 threads, as Dask is set
UNMET_RESOURCES = {"attune-more-workers": 1.0}  # a resource that no worker has


_log = logging.getLogger("attune_nb")


class Backlog:
    """Tasks that nobody makes: they stand, at the scheduler, for the work that waits here.

    Dask wants as many threads as end what it knows of within `distributed.adaptive.target-duration`
    (5 s), and takes a task of which it knows nothing for `distributed.scheduler.
    unknown-task-duration` (0.5 s): so many tasks are there as make it want what the work needs.
    A cluster that is known not to adapt is told of nothing.
    """

    def __init__(self) -> None:
        self._tasks: list[Future] = []

    def update(self, client: Client, jobs: Iterable[tuple[Feed, list[Sent]]], threads: int) -> None:
        """Have as many tasks at the scheduler as the work of some jobs calls for.

        Args:
            client: Of the cluster.
            jobs: Those that may go on, each with its chunks that are under way.
            threads: How many the cluster has.
        """
        many = 0
        if _may_adapt(client):
            within, unknown = _seconds(
                "adaptive.target-duration", "scheduler.unknown-task-duration"
            )
            wanted = sum(each.wanted(within, unknown, sent) for each, sent in jobs)
            if wanted > threads:
                # rounded down: what is under way, or stands by, calls for the rest
                many = max(1, min(MAX_TASKS, math.ceil(wanted * within / unknown) - 1))
        # a scheduler may give up what it cannot run (`no-workers-timeout`)
        self._tasks = [each for each in self._tasks if not each.done()]
        more = many - len(self._tasks)
        if more > 0:
            self._tasks += client.map(
                int, range(more), key="attune-waiting", pure=False, resources=UNMET_RESOURCES
            )
        else:
            del self._tasks[many:]  # the scheduler forgets what nobody refers to

    def clear(self) -> None:
        """Tell of nothing any more."""
        self._tasks.clear()


def _may_adapt(client: Client) -> bool:
    """Tell whether a cluster may adapt: one that is known by its address alone, perhaps."""
    return client.cluster is None or getattr(client.cluster, "_adaptive", True) is not None


def _seconds(*settings: str) -> list[float]:
    import dask  # noqa: PLC0415 - only this backend needs it
    from dask.utils import parse_timedelta  # noqa: PLC0415 - as above

    return [float(parse_timedelta(dask.config.get(f"distributed.{each}"))) for each in settings]

"""What a cluster is told of the work that waits with the engine, so that it grows with it.

Dask's adaptive deployments count the tasks that their scheduler has. The engine hands out no more
than its workers need, so of the rest the scheduler would see nothing.
"""

from __future__ import annotations

import contextlib
import logging
import math
import time
from typing import TYPE_CHECKING

from attune_nb.backends.worker import remote_functions

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from distributed import Client, Future

    from attune_nb.backends.chunks.chunk_queue import Feed
    from attune_nb.backends.chunks.in_flight import Sent
    from attune_nb.backends.dask.connection import Worker

__all__ = ["PATIENCE", "Backlog", "Wanting"]

PATIENCE = 10.0  # seconds that work waits for a worker until a person is told
STANDING = 5.0  # seconds that a worker which a cluster just got waits for work
MOST = 5000  # tasks that stand for work: 500 threads, as Dask is set
NOBODY = {"attune-more-workers": 1.0}  # a resource that no worker has


_log = logging.getLogger("attune_nb")


class Wanting:
    """What work waits for: a cluster that adapts is asked for it, a person is told."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._told = False
        self._asked: Future | None = None

    def look(self, client: Client, workers: Collection[Worker]) -> None:
        """Want a worker where there is none that begins anything."""
        if any(not each.paused for each in workers):
            self.over()
        elif workers:
            self.of("all are paused, as they are short of memory or about to go")
        else:
            self.of_any(client)

    def of_any(self, client: Client) -> None:
        """Want any worker at all."""
        if self._asked is None or self._asked.done():
            with contextlib.suppress(Exception):  # it is going away just now
                self._asked = client.submit(remote_functions.stand_by, STANDING, pure=False)
        self.of("any")

    def of(self, what: str) -> None:
        """Want a worker."""
        now = time.monotonic()
        self._since = self._since or now
        if now - self._since > PATIENCE and not self._told:
            self._told = True
            _log.warning(
                "work waits for a Dask worker (%s); start or restart one, or cancel the run", what
            )

    def over(self) -> None:
        """Want nothing any more; the worker that came still stands by, until it has work."""
        self._since, self._told = None, False
        if self._asked is not None and self._asked.done():
            self._asked = None  # of what the cluster has in memory, it gives back no worker

    def give_up(self) -> None:
        """Want nothing any more, and let go of the worker that came."""
        self._since, self._told, self._asked = None, False, None


class Backlog:
    """Tasks that nobody makes: they stand, at the scheduler, for the work that waits here.

    Dask wants as many threads as end what it knows of within `distributed.adaptive.target-duration`
    (5 s), and takes a task of which it knows nothing for `distributed.scheduler.
    unknown-task-duration` (0.5 s): so many tasks are there as make it want what the work needs.
    A cluster that is known not to adapt is told of nothing.
    """

    def __init__(self) -> None:
        self._tasks: list[Future] = []

    def tell(self, client: Client, jobs: Iterable[tuple[Feed, list[Sent]]], threads: int) -> None:
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
                many = max(1, min(MOST, math.ceil(wanted * within / unknown) - 1))
        # a scheduler may give up what it cannot run (`no-workers-timeout`)
        self._tasks = [each for each in self._tasks if not each.done()]
        more = many - len(self._tasks)
        if more > 0:
            self._tasks += client.map(
                int, range(more), key="attune-waiting", pure=False, resources=NOBODY
            )
        else:
            del self._tasks[many:]  # the scheduler forgets what nobody refers to

    def over(self) -> None:
        """Tell of nothing any more."""
        self._tasks.clear()


def _may_adapt(client: Client) -> bool:
    """Tell whether a cluster may adapt: one that is known by its address alone, perhaps."""
    return client.cluster is None or getattr(client.cluster, "_adaptive", True) is not None


def _seconds(*settings: str) -> list[float]:
    import dask  # noqa: PLC0415 - only this backend needs it
    from dask.utils import parse_timedelta  # noqa: PLC0415 - as above

    return [float(parse_timedelta(dask.config.get(f"distributed.{each}"))) for each in settings]

"""Attempts on a Dask cluster: work for more than one machine, where there is a cluster for it.

A task's definition (with the part of the context that it reads) is scattered once; chunks of its
items are Dask tasks, each with a key of its own and never taken for a pure function: equal items
are still two items. What has been gathered is never made again; a chunk whose worker was lost
before that is, so on a cluster an item may be made more than once.
"""

from __future__ import annotations

import contextlib
import importlib.util
import time
import uuid
from functools import partial
from itertools import count
from math import inf
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from attune_nb.backends import messages, worker
from attune_nb.backends.attempt import LEFT_BEHIND
from attune_nb.backends.remote import RemoteBackend, cores
from attune_nb.errors import BackendError, BackendUnavailable, NotSendable
from attune_nb.frozen import Elsewhere, elsewhere

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from distributed import Client, Future

    from attune_nb.backends.definition import Definition
    from attune_nb.backends.feed import Feed, Sent

__all__ = ["DaskBackend"]

TARGET = 0.2  # seconds that a chunk is to take: what Dask takes for a task is 2 to 5 ms
DEPTH = 2  # chunks for each thread of the cluster: one that it is at, one that waits
LOOK = 1.0  # seconds: how often the cluster is looked at
PATIENCE = 10.0  # seconds that the scheduler may be away
ARRIVAL = 30.0  # seconds that the first worker may take
SCATTERED = 5  # times that one definition is sent out anew, because all who had it were lost
HOST = "127.0.0.1"  # a scheduler runs whatever it is sent, so ours is for this machine only


class DaskBackend(RemoteBackend):
    """Workers of a Dask cluster.

    Args:
        where: A client, or a scheduler's address. By default the current client, else the address
            that Dask is configured with (`DASK_SCHEDULER_ADDRESS`), else a cluster of its own on
            this machine, which ends with the run.
        workers: How many processes a cluster of its own has; by default as many as this process
            may use cores.

    Raises:
        BackendError: Dask is not installed.
    """

    def __init__(self, where: Client | str | None = None, workers: int | None = None) -> None:
        super().__init__(1, TARGET, LEFT_BEHIND)
        self._where = where
        self._workers = workers
        self._own: list[Any] = []  # what is to be closed, the last one first
        self._name = uuid.uuid4().hex[:8]
        self._numbers = count(1)
        self._scattered: dict[Definition, Future] = {}
        self._times: dict[Definition, int] = {}
        self._under: dict[Future, tuple[Feed, Sent]] = {}
        self._keeping = False  # whether any results were left on the cluster
        self._looked = 0.0
        self._away: float | None = None  # since when there is no scheduler
        self._client: Client | None = None  # until there is work
        if importlib.util.find_spec("distributed") is None:
            raise BackendError("the dask backend needs Dask: pip install 'attune_nb[dask]'")

    def close(self) -> None:
        """Let go of everything, and end the cluster if it is its own."""
        self._quietly(lambda client: client.cancel(list(self._under)))
        self._under.clear()
        self._scattered.clear()
        self._disconnect()
        super().close()

    def _connect(self) -> Client:
        """Give a client that runs.

        Raises:
            BackendUnavailable: There is no cluster.
        """
        from distributed import Client  # noqa: PLC0415 - only this backend needs it

        if isinstance(self._where, Client) and _runs(self._where):
            return self._where
        try:
            current = Client.current()
        except ValueError:
            current = None
        if current is not None and _runs(current) and not isinstance(self._where, str):
            return current
        return self._new_client()

    def _new_client(self) -> Client:
        import dask  # noqa: PLC0415 - as above
        from distributed import Client, LocalCluster  # noqa: PLC0415 - as above

        address = self._where if isinstance(self._where, str) else None
        address = address or dask.config.get("scheduler-address", None)
        try:
            if address is None:
                # an item that ends its worker is tried again here, not there
                with dask.config.set({"distributed.scheduler.allowed-failures": 0}):
                    cluster = LocalCluster(
                        n_workers=self._workers or cores(),
                        threads_per_worker=1,
                        host=HOST,
                        dashboard_address="127.0.0.1:0",
                        silence_logs=50,
                    )
                self._own.append(cluster)
            client = Client(
                cluster if address is None else address,
                set_as_default=False,
                timeout=PATIENCE,
            )
        except (OSError, RuntimeError, TimeoutError) as error:
            self._disconnect()
            raise BackendUnavailable(
                f"there is no Dask cluster at {address or HOST} ({error}); start one, or make a "
                "`distributed.Client` that is connected to one"
            ) from None
        self._own.append(client)
        return client

    def _disconnect(self) -> None:
        for each in reversed(self._own):
            with contextlib.suppress(Exception):  # it is gone, whatever it says
                each.close(timeout=PATIENCE)
        self._own.clear()

    def _quietly(self, ask: Callable[[Client], object]) -> None:
        """Ask something of the cluster that may be gone."""
        if self._client is not None and _runs(self._client):
            with contextlib.suppress(Exception):  # what was asked for is over then, too
                ask(self._client)

    def _look(self) -> float:
        """See whether the cluster is there, and how many threads it has."""
        now = time.monotonic()
        if self._client is None or now - self._looked < LOOK:
            return inf if not self._under else LOOK
        self._looked = now
        if _runs(self._client):
            self._away = None
            self._lanes = max(1, sum(self._client.nthreads().values()))
            for feed in self._feeds.values():
                feed.lanes = self._lanes
        elif self._away is None:
            self._away = now
        elif now - self._away > PATIENCE or self._client.status == "closed":
            self._lose("its scheduler does not answer")
        return LOOK

    def _lose(self, why: str) -> None:
        """Give up the cluster.

        Raises:
            BackendUnavailable: Always.
        """
        under, self._under = self._under, {}
        for feed, sent in under.values():
            feed.interrupted(sent, why)
        self._scattered.clear()
        self._away = self._client = None
        self._disconnect()
        raise BackendUnavailable(
            f"the Dask cluster is gone: {why}; what has ended is kept. Make a new "
            "`distributed.Client` (without one, a cluster on this machine is started), and "
            "`run.resume()`"
        )

    def _hand_out(self) -> None:
        if not any(each.waiting for each in self._feeds.values()):
            return
        if self._client is None:
            self._client = self._connect()
        self._look()
        if self._away is not None:
            return
        sending = True
        while sending:  # one chunk of each job in turn
            sending = False
            for feed in list(self._feeds.values()):
                depth = 1 if feed.slow else DEPTH
                if feed.waiting and feed.under_way < min(feed.job.concurrency, depth * feed.lanes):
                    sending |= self._send(feed)

    def _send(self, feed: Feed) -> bool:
        client, definition = self._client, self._definitions[feed.job.key]
        wanted = _resources(feed.job.selector)
        try:
            definition.check()
            _refuse_unknown(client, wanted)
            # what is done once is sent along with what is to be done
            there = definition if feed.job.plain else self._scatter(definition)
        except NotSendable as error:
            feed.refuse_all(str(error))
            return False
        sent = feed.next()
        if sent is None or client is None:
            return False
        left = self._left(definition, sent)
        keeps = feed.job.keeps and not self._own  # a cluster of its own ends with the run
        future = client.submit(
            worker.make_kept if keeps else worker.make,
            there,
            sent.chunk,
            [*left],
            [*left.values()],
            key=f"attune-{self._name}-{next(self._numbers)}",
            pure=False,
            retries=0,
            resources=wanted,
        )
        if keeps:  # its results stay where they are, and only the report comes
            sent.keep = partial(ClusterResult, future)
            self._keeping = True
            future = client.submit(worker.report_of, future, key=f"{future.key}-report", pure=False)
        self._under[future] = feed, sent
        self._noted(future, future)
        return True

    def _left(self, definition: Definition, sent: Sent) -> dict[str, Future]:
        """Give the chunks that hold what was left on the cluster, and is an argument now."""
        if not self._keeping:
            return {}
        found = [*elsewhere([each.item for each in sent.entries]), *definition.elsewhere()]
        chunks = [each.future() for each in found if isinstance(each, ClusterResult)]
        return {each.key: each for each in chunks}

    def _scatter(self, definition: Definition) -> Future:
        """Give a definition as it is on the cluster.

        Raises:
            NotSendable: All who had it were lost, time and again.
            BackendUnavailable: There are no workers.
        """
        if definition in self._scattered:
            return self._scattered[definition]
        self._times[definition] = times = self._times.get(definition, 0) + 1
        if times > SCATTERED:
            raise NotSendable("all workers that had the task's context were lost, time and again")
        client: Any = self._client
        try:
            client.wait_for_workers(1, timeout=ARRIVAL)
            future = client.scatter(definition, broadcast=True, hash=False)
        except (TimeoutError, OSError, RuntimeError) as error:
            if _runs(client):
                why = f"no worker has come within {ARRIVAL:g} s ({error})"
                self._lose(why)
            self._lose(f"its scheduler does not answer ({error})")
        self._scattered[definition] = future
        return future

    def _take_in(self, what: Future) -> None:  # noqa: ARG002 - with it, all that has ended
        """Take in all that has ended, gathered at once."""
        ended = [each for each in self._under if each.done()]
        good = [each for each in ended if each.status == "finished"]
        try:
            found = self._client.gather(good, errors="raise") if good and self._client else []
        except Exception:  # noqa: BLE001 - lost on the way: each tells of itself
            found = [self._gathered(each) for each in good]
        for future, packed in zip(good, found, strict=True):
            if packed is not None:
                feed, sent = self._under.pop(future)
                feed.received(sent, self._lane, packed)
        for future in ended:
            if future in self._under and future.status != "finished":
                self._failed(future)

    def _gathered(self, future: Future) -> bytes | None:
        try:
            packed: bytes = future.result(timeout=PATIENCE)
        except Exception:  # noqa: BLE001 - its status says what has become of it
            return None
        return packed

    def _failed(self, future: Future) -> None:
        from distributed import KilledWorker  # noqa: PLC0415 - as above

        feed, sent = self._under.pop(future)
        if future.status == "error":
            error = future.exception()
            if isinstance(error, KilledWorker):
                feed.lost(sent, 0, f"worker {error.last_worker.address}")
            else:
                feed.refuse(sent, 0, f"the Dask worker failed: {type(error).__name__}: {error}")
            return
        # cancelled: with the scheduler, or because all who had the definition were lost
        if self._client is None or not _runs(self._client) or _lost_connection(future):
            self._under[future] = feed, sent
            self._lose("its scheduler does not answer")
        definition = self._definitions.get(feed.job.key)
        if definition is not None:
            self._scattered.pop(definition, None)
        feed.interrupted(sent, "its worker was lost")

    def _under_way(self, feed: Feed) -> list[Sent]:
        return [sent for each, sent in self._under.values() if each is feed]

    def _abandon(self, feed: Feed) -> None:
        mine = [future for future, (each, _) in self._under.items() if each is feed]
        for future in mine:
            del self._under[future]
        self._quietly(lambda client: client.cancel(mine))

    def _drop(self, definition: Definition) -> None:
        self._scattered.pop(definition, None)  # the cluster forgets what nobody refers to
        self._times.pop(definition, None)


class ClusterResult(Elsewhere):
    """What an item gave, where it was left: on the cluster. `get` fetches it.

    It is there as long as its cluster, and somebody who refers to it. Where its worker is lost,
    Dask makes its chunk again.
    """

    def __init__(self, chunk: Future, row: int, about: str) -> None:
        self._chunk: Any = chunk
        self._key, self._row, self._about = chunk.key, row, about

    def __repr__(self) -> str:
        return f"<{self._about}, on the cluster>"

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_chunk": None}  # a future is its client's

    def future(self) -> Future:
        """Give the chunk that it is of."""
        return self._chunk

    def get(self, near: Mapping[str, Any] = MappingProxyType({})) -> Any:
        """Fetch the value; from chunks that are near, by their keys, where there are any.

        Raises:
            BackendError: It is not there any more.
        """
        if self._key in near:
            return near[self._key][self._row]
        if self._chunk is None:
            raise BackendError(f"a result that was kept on the cluster ({self!r}) is out of reach")
        pick = messages.Kept.__getitem__
        try:
            return self._chunk.client.submit(pick, self._chunk, self._row, pure=False).result()
        except Exception as error:  # noqa: BLE001 - of whatever kind, it cannot be had
            raise BackendError(
                f"a result that was kept on the cluster is not there any more ({error}); run its "
                "task again, or leave out `keep_results`"
            ) from None


def _runs(client: Client) -> bool:
    return bool(client.status == "running")


def _lost_connection(future: Future) -> bool:
    try:
        return getattr(future.exception(timeout=LOOK), "reason", "") == "scheduler-connection-lost"
    except Exception:  # noqa: BLE001 - nobody there to ask
        return True


def _resources(selector: Mapping[str, Any]) -> dict[str, float]:
    """Give what a task needs of a worker: a number of each of its resources, one if not told."""
    told = {key: value for key, value in selector.items() if isinstance(value, int | float)}
    return {key: float(told.get(key, 1)) or 1.0 for key in selector}


def _refuse_unknown(client: Client, wanted: Mapping[str, float]) -> None:
    """Refuse a need that no worker meets: Dask would wait for ever.

    Raises:
        NotSendable: There is no such worker.
    """
    if not wanted:
        return
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    offers = [each.get("resources", {}) for each in workers]
    if not any(all(each.get(key, 0) >= most for key, most in wanted.items()) for each in offers):
        known = sorted({key for each in offers for key in each}) or ["none"]
        raise NotSendable(
            f"no worker has what `worker_selector` asks for ({', '.join(wanted)}); resources on "
            f"this cluster: {', '.join(known)}. Start workers with `--resources`"
        )

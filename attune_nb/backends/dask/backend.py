"""Attempts on a Dask cluster: work for more than one machine, where there is a cluster for it.

A task's definition (with the part of the context that it reads) is scattered once; chunks of its
items are Dask tasks, each with a key of its own and never taken for a pure function: equal items
are still two items. What has been gathered is never made again; a chunk whose worker was lost
before that is, so on a cluster an item may be made more than once.
"""

from __future__ import annotations

import importlib.util
import time
import uuid
from itertools import count
from math import inf
from typing import TYPE_CHECKING, Any, NoReturn

from attune_nb.backends.attempt.attempt import LEFT_BEHIND
from attune_nb.backends.chunks.messages import OtherProcessError
from attune_nb.backends.chunks.remote_backend import RemoteBackend, free
from attune_nb.backends.dask import local_cluster
from attune_nb.backends.dask.autoscale import Backlog
from attune_nb.backends.dask.client_requests import (
    Fetch,
    Fetcher,
    Prober,
    WorkerPoll,
    WorkerProbe,
    watch,
)
from attune_nb.backends.dask.connection import (
    START_INTERVAL,
    TIMEOUT,
    Connection,
    is_connected,
    was_connection_lost,
)
from attune_nb.backends.dask.remote_result import (
    check_context_results,
    describe_missing_result,
    input_futures,
)
from attune_nb.backends.dask.resources import ResourceOffers, required_resources
from attune_nb.backends.dask.scatter import ensure_task_spec
from attune_nb.backends.dask.submit import submit_chunk
from attune_nb.backends.dask.worker_state import DaskWorker
from attune_nb.backends.dask.worker_wait import WorkerWait
from attune_nb.errors import BackendError, BackendUnavailable, NotSendable
from attune_nb.values.remote import RemoteReference

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from distributed import Client, Future

    from attune_nb.backends.attempt.job import Job
    from attune_nb.backends.chunks.chunk_queue import Feed
    from attune_nb.backends.chunks.in_flight import Sent
    from attune_nb.backends.chunks.task_spec import Definition

__all__ = ["DaskBackend"]

CHUNK_SECONDS = 0.2  # seconds that a chunk is to take: what Dask takes for a task is 2 to 5 ms
POLL_INTERVAL = 1.0  # seconds: how often the cluster is looked at
SCHEDULER_TIMEOUT = (
    60.0  # seconds that a scheduler which is connected may be busy with something else
)


class DaskBackend(RemoteBackend):
    """Workers of a Dask cluster.

    Args:
        where: A client, or a scheduler's address. By default the current client, else the address
            that Dask is configured with (`DASK_SCHEDULER_ADDRESS`), else a cluster of its own on
            this machine, which ends with the run.
        workers: How many processes a cluster of its own has; by default as many as this process
            may use cores.

    Raises:
        BackendError: Dask is not installed, or `where` is something else.
    """

    def __init__(self, where: Client | str | None = None, workers: int | None = None) -> None:
        super().__init__(1, CHUNK_SECONDS, LEFT_BEHIND, describe_missing_result)
        if importlib.util.find_spec("distributed") is None:
            raise BackendError("the dask backend needs Dask: pip install 'attune_nb[dask]'")
        if where is not None and not isinstance(where, str) and not hasattr(where, "scheduler"):
            raise BackendError(
                "the dask backend is given a `distributed.Client`, a scheduler's address such as "
                f"`tcp://host:8786`, or nothing; not {where!r}"
            )
        self._connection = Connection(where, workers)
        self._name = uuid.uuid4().hex[:8]
        self._numbers = count(1)
        self._workers: dict[str, DaskWorker] = {}  # by address
        self._under: dict[Future, tuple[Feed, Sent, DaskWorker | None]] = {}
        self._roll = WorkerPoll(self._near.notify)
        self._fetches = Fetcher(self._note)
        self._questions = Prober(self._note)
        self._looked = 0.0
        self._away: float | None = None  # since when there is no scheduler
        self._deserted: float | None = None  # since when the cluster has no worker
        self._offers = ResourceOffers()
        self._wanting, self._backlog = WorkerWait(), Backlog()

    def start(self, job: Job) -> None:
        """Begin to make the attempts of a job."""
        super().start(job)
        if self._asks(job):
            self._looked = 0.0  # for what nobody has asked of the workers so far

    @staticmethod
    def _asks(job: Job) -> bool:
        """Tell whether a job needs to know more of a worker than that it is there."""
        return (
            bool(job.spec.selector) or job.spec.keep_results or not job.spec.call.action.idempotent
        )

    def close(self) -> None:
        """Let go of everything, and end the cluster if it is its own."""
        self._connection.try_request(lambda client: client.cancel(list(self._under)))
        self._under.clear()
        self._let_go()
        super().close()

    def _let_go(self) -> None:
        self._workers.clear()
        self._deserted = None
        self._wanting.cancel()
        self._backlog.clear()
        for requests in (self._roll, self._fetches, self._questions):
            requests.cancel()
        self._connection.close()

    def _look(self) -> float:
        """See whether the cluster is there, and how many threads it has."""
        now = time.monotonic()
        client = self._connection.client
        if client is None:
            return START_INTERVAL if self._connection.is_starting else inf
        self._questions.probe(client, self._workers.values())
        if not self._roll.is_pending:
            if now - self._looked < POLL_INTERVAL:
                return POLL_INTERVAL if self._under else inf
            self._looked = now
            for future in self._under:
                if future.done():
                    self._note(future)
        why = self._call_roll(client)
        if not why:
            self._away = None
        elif self._away is None:
            self._away = now
        elif now - self._away > self._patience(client) or client.status == "closed":
            self._lose(f"its scheduler does not answer ({why})")
        return POLL_INTERVAL

    def _patience(self, client: Client) -> float:
        return SCHEDULER_TIMEOUT if self._roll.is_pending and is_connected(client) else TIMEOUT

    def _call_roll(self, client: Client) -> str:
        """Find out which workers there are; give why that is not known, if so."""
        if not is_connected(client):
            return f"its client is {client.status}"
        whole = any(self._asks(each.job) for each in self._feeds.values())
        try:
            told = self._roll.poll(client, whole=whole, wait=not self._workers)
            if told is not None:
                self._meet(client, told)
        except Exception as error:  # noqa: BLE001 - of whatever kind, it does not answer
            return str(error) or "it is silent"
        return ""

    def _meet(self, client: Client, told: Mapping[str, Mapping[str, Any]]) -> None:
        """Take in which workers there are, and what they offer."""
        for address in self._workers.keys() - told.keys():
            self._gone(client, self._workers[address])
        for address, about in told.items():
            self._hear(client, address, about)
        self._deserted = None if told else self._deserted or time.monotonic()
        self._lanes = max(1, sum(each.threads for each in self._workers.values()))
        for feed in self._feeds.values():
            feed.lanes = self._lanes
        grows = not (self._held or self._connection.owns_cluster)
        feeds = self._feeds.values() if grows else ()
        jobs = [(each, self._under_way(each)) for each in feeds]
        self._backlog.update(client, jobs, self._lanes if self._workers else 0)

    def _hear(self, client: Client, address: str, about: Mapping[str, Any]) -> None:
        """Take in what a worker says of itself; perhaps it is another one by now."""
        found, process = self._workers.get(address), about.get("local_directory", "")
        if found is not None and process and found.process not in ("", process):
            self._gone(client, found)
            found = None
        if found is None:
            found = self._workers[address] = DaskWorker(address)
        found.threads, found.is_paused = about["nthreads"], about["status"] != "running"
        if "resources" in about:
            found.has_details = True
            found.resources, found.process = about.get("resources", {}), process
            self._offers.add(found)

    def _gone(self, client: Client, lost: DaskWorker) -> None:
        """Let go of a worker that is not there any more; what it held goes to others."""
        del self._workers[lost.address]  # with the definitions that it had
        for future in list(lost.in_flight):
            if future.status == "finished":  # one that leaves in peace hands over what it has
                self._note(future)
            else:
                self._lost(client, future, lost)

    def _lost(self, client: Client, future: Future, lost: DaskWorker) -> None:
        feed, sent = self._ends(future)
        feed.lost(sent, 0, f"Dask worker {lost.address}")
        client.cancel([future])

    def _lose(self, why: str) -> NoReturn:
        """Give up the cluster.

        Raises:
            BackendUnavailable: Always.
        """
        under, self._under = self._under, {}
        for feed, sent, _ in under.values():
            feed.interrupted(sent, why)
        self._away = None
        self._let_go()
        raise BackendUnavailable(
            f"the Dask cluster is gone: {why}; what has ended is kept. Make a new "
            "`distributed.Client` (without one, a cluster on this machine is started), and "
            "`run.resume()`"
        )

    def _places(self) -> Collection[DaskWorker]:
        return self._workers.values()

    def _may_send(self) -> bool:
        client = self._connection.open()
        if client is None:
            return False
        if not self._workers:
            self._looked = 0.0
        self._look()
        if self._away is None:
            self._wanting.update(client, self._workers.values())
            self._refuse_deserted()
        return self._away is None

    def _refuse_deserted(self) -> None:
        """Give up a cluster of its own that has no worker any more: nobody else begins one."""
        patience, since = local_cluster.START_TIMEOUT, self._deserted
        if self._connection.owns_cluster and since and time.monotonic() - since > patience:
            self._lose(f"its workers have ended, and none came for {patience:.0f} s")

    def _send_next(self, feed: Feed, *, behind: bool) -> bool:
        client = self._connection.client
        if client is None:
            return False
        if self._asks(feed.job) and not all(each.has_details for each in self._workers.values()):
            return False  # what they offer is on its way
        wanted = required_resources(feed.job.spec.selector)
        try:
            self._definitions[feed.job.spec.key].check()
            check_context_results(self._definitions[feed.job.spec.key])
            self._offers.refuse_unmet(wanted, self._workers.values())
        except NotSendable as error:
            feed.refuse_next(str(error))
            return False
        if feed.anywhere:
            return self._send(client, feed, None, 1, wanted)
        able = [
            each
            for each in self._workers.values()
            if each.has_resources(wanted) and not each.is_paused
        ]
        ready = free(feed, able, behind=behind)
        if not ready:
            return False
        definition = self._definitions[feed.job.spec.key]
        to, share = min(ready, key=lambda each: (definition in each[0].transfers, each[0].load))
        if not feed.job.source.is_single:  # else its definition goes along: nobody else needs it
            others = [each for each, _ in ready if each is not to][: feed.most - 1]
            try:
                places, wake = self._workers.values(), self._near.notify
                there = ensure_task_spec(client, definition, to, others, places, wake)
            except Exception:  # noqa: BLE001 - it is gone, or on its way
                self._gone(client, to)
                return False
            if not there:
                return False
        return self._send(client, feed, to, share, wanted)

    def _send(
        self,
        client: Client,
        feed: Feed,
        to: DaskWorker | None,
        share: int,
        wanted: Mapping[str, float],
    ) -> bool:
        definition = self._definitions[feed.job.spec.key]
        sent = feed.next(share, to.process if to is not None else "")
        if sent is None:
            return False
        key = f"attune-{self._name}-{next(self._numbers)}"
        # a cluster of its own ends with the run
        keeps = feed.job.spec.keep_results and not self._connection.owns_cluster
        try:
            future = submit_chunk(client, key, sent, definition, keeps=keeps, to=to, wanted=wanted)
        except Exception as error:  # noqa: BLE001 - of whatever kind, it was not handed out
            feed.back(sent)
            self._lose(f"it takes no work ({error})")
        self._holds(future, feed, sent, to)
        watch(client, future, self._note)
        return True

    def _holds(self, future: Future, feed: Feed, sent: Sent, to: DaskWorker | None) -> None:
        self._under[future] = feed, sent, to
        if to is not None:
            to.in_flight[future] = feed, sent

    def _take_in(self, what: Future | Fetch | WorkerProbe) -> None:
        """Take in what has ended: it is fetched, and then received."""
        client = self._connection.client
        if client is None:
            return
        if isinstance(what, WorkerProbe):
            self._answered(client, what)
            return
        if isinstance(what, Fetch):
            self._received(what)
        for future in [each for each in self._under if each.done()]:
            if future.status != "finished":
                self._failed(future)
        for future in what.futures if isinstance(what, Fetch) else [what]:
            if future in self._under and future.status != "finished":
                self._again(client, future)
        ended = [each for each in self._under.items() if each[0].status == "finished"]
        self._fetches.fetch(client, [(future, to) for future, (_, _, to) in ended])

    def _received(self, fetch: Fetch) -> None:
        """Take in what was fetched; what of it did not come is looked at again."""
        for future, packed in self._fetches.finish(fetch).items():
            if future in self._under:
                feed, sent = self._ends(future)
                feed.received(sent, self._lane, packed)

    def _answered(self, client: Client, question: WorkerProbe) -> None:
        """Take in what has become so far of chunks that take long."""
        for future, told in self._questions.finish(question).items():
            if future not in self._under or future.done():
                continue
            _, sent, to = self._under[future]
            sent.known.begun = told is not None
            if told is None:
                feed, sent = self._ends(future)
                client.cancel([future])
                feed.back(sent)
            elif sent.keep is None:
                feed, sent = self._ends(future)
                # what was left elsewhere comes with a task only
                more = self._alone(feed) and not RemoteReference.in_use
                left = feed.received(sent, self._lane, told, more=more)
                if left is not None:
                    self._holds(future, feed, left, to)

    def _again(self, client: Client, future: Future) -> None:
        """Wait once more for what its worker lost before it was fetched."""
        to = self._under[future][2]
        if to is not None and self._workers.get(to.address) is not to:
            self._lost(client, future, to)  # it is bound to a worker that is gone
        else:
            watch(client, future, self._note)

    def _ends(self, future: Future) -> tuple[Feed, Sent]:
        feed, sent, to = self._under.pop(future)
        if to is not None:
            to.in_flight.pop(future, None)
        return feed, sent

    def _failed(self, future: Future) -> None:
        from distributed import KilledWorker  # noqa: PLC0415 - as above

        cancelled = future.status != "error"
        client = self._connection.client
        if cancelled and (
            client is None or not is_connected(client) or was_connection_lost(future)
        ):
            self._lose("its scheduler does not answer")
        error = None if cancelled else future.exception()
        feed, sent = self._ends(future)
        left = input_futures(self._definitions[feed.job.spec.key], sent)
        if any(each.status != "finished" for each in left.values()) and not feed.once:
            feed.back(sent)  # what needs none of these goes out again
        elif cancelled or isinstance(error, KilledWorker | OtherProcessError):
            self._looked = 0.0  # there may be others by now
            deaths = error.allowed_failures + 1 if isinstance(error, KilledWorker) else 1
            feed.lost(sent, 0, "its Dask worker was lost", deaths)
        else:
            feed.refuse(sent, 0, f"the Dask worker failed: {type(error).__name__}: {error}")

    def _under_way(self, feed: Feed) -> list[Sent]:
        return [sent for each, sent, _ in self._under.values() if each is feed]

    def _abandon(self, feed: Feed) -> None:
        mine = [future for future, (each, _, _) in self._under.items() if each is feed]
        for future in mine:
            self._ends(future)
        self._connection.try_request(lambda client: client.cancel(mine))

    def _drop(self, definition: Definition) -> None:
        for each in self._workers.values():
            each.transfers.pop(definition, None)
            each.task_specs.pop(definition, None)  # the cluster forgets what nobody refers to

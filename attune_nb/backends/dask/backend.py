"""Attempts on a Dask cluster: work for more than one machine.

The task spec of a job (with the part of the context that the task reads) is scattered once. Each
chunk of its items is a Dask task with a key of its own: Dask must not take two equal items for the
same task. Reports that were fetched are final. If a worker is lost before that, its chunks are run
again, so an item may run twice on a cluster.
"""

from __future__ import annotations

import importlib.util
import time
import uuid
from collections import deque
from functools import partial
from itertools import count
from math import inf
from typing import TYPE_CHECKING, Any, NoReturn

from attune_nb.backends.attempt.attempt import THREAD_TIMEOUT_EFFECT
from attune_nb.backends.chunks.messages import WrongProcessError, line_topic
from attune_nb.backends.chunks.remote_backend import RemoteBackend, find_free_workers
from attune_nb.backends.dask import local_cluster
from attune_nb.backends.dask.autoscale import Backlog
from attune_nb.backends.dask.client_requests import watch_future
from attune_nb.backends.dask.connection import (
    START_INTERVAL,
    Connection,
    is_connected,
    was_connection_lost,
)
from attune_nb.backends.dask.fetcher import Fetch, Fetcher
from attune_nb.backends.dask.future_table import FutureTable
from attune_nb.backends.dask.prober import Prober, WorkerProbe
from attune_nb.backends.dask.remote_result import (
    ClusterResult,
    check_context_results,
    describe_missing_result,
    input_futures,
)
from attune_nb.backends.dask.resources import required_resources
from attune_nb.backends.dask.scatter import drop_overdue_copies, ensure_task_spec
from attune_nb.backends.dask.scheduler_watch import POLL_INTERVAL, SchedulerWatch
from attune_nb.backends.dask.stream_watch import StreamWatch
from attune_nb.backends.dask.submit import submit_chunk
from attune_nb.backends.dask.worker_table import WorkerTable
from attune_nb.backends.dask.worker_wait import WorkerWait
from attune_nb.errors import BackendError, BackendUnavailable, NotSendable

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from distributed import Client, Future

    from attune_nb.backends.attempt.job import Job
    from attune_nb.backends.chunks.chunk_queue import ChunkQueue
    from attune_nb.backends.chunks.in_flight import InFlightChunk
    from attune_nb.backends.chunks.task_spec import TaskSpec
    from attune_nb.backends.dask.worker_state import DaskWorker

__all__ = ["DaskBackend"]

# seconds that a chunk is to take: Dask spends 2 to 5 ms on a task
CHUNK_SECONDS = 0.2


class DaskBackend(RemoteBackend):
    """Workers of a Dask cluster.

    Args:
        where: A client, or a scheduler's address. By default the current client, else the address
            in Dask's configuration (`DASK_SCHEDULER_ADDRESS`), else a cluster on this machine
            that is started for the run and ends with it.
        workers: The number of processes of such a cluster; by default as many as this process may
            use cores.

    Raises:
        BackendError: Dask is not installed, or `where` is something else.
    """

    def __init__(self, where: Client | str | None = None, workers: int | None = None) -> None:
        super().__init__(1, CHUNK_SECONDS, THREAD_TIMEOUT_EFFECT, describe_missing_result)
        if importlib.util.find_spec("distributed") is None:
            raise BackendError("the dask backend needs Dask: pip install 'attune_nb[dask]'")
        if where is not None and not isinstance(where, str) and not hasattr(where, "scheduler"):
            raise BackendError(
                "the dask backend takes a `distributed.Client`, a scheduler's address such as "
                f"`tcp://host:8786`, or nothing; not {where!r}"
            )

        self._connection = Connection(where, workers)
        self._name = uuid.uuid4().hex[:8]
        self._task_numbers = count(1)
        # events with the lines of attempts that are running: time, message
        self._line_events: deque[tuple[float, bytes]] = deque()
        self._line_client: Client | None = None
        self._workers = WorkerTable()
        self._futures = FutureTable()
        self._scheduler_watch = SchedulerWatch(self._threads.wake)
        self._stream_watch = StreamWatch(self._threads.wake)
        self._fetcher = Fetcher(self._notify)
        self._prober = Prober(self._notify)
        self._worker_wait = WorkerWait()
        self._backlog = Backlog()

    def start(self, job: Job) -> None:
        """Start the attempts of a job."""
        super().start(job)
        if self._needs_details(job):
            self._scheduler_watch.request_poll()

    @staticmethod
    def _needs_details(job: Job) -> bool:
        """Return whether a job needs to know the resources or the process of a worker."""
        return (
            bool(job.spec.selector) or job.spec.keep_results or not job.spec.call.action.idempotent
        )

    def close(self) -> None:
        """Release everything, and end the cluster if it was started for the run."""
        self._connection.try_request(lambda client: client.cancel(list(self._futures)))
        self._futures.clear()
        self._disconnect()
        super().close()

    def _key(self, number: int) -> str:
        """Return the key of a Dask task."""
        return f"attune-{self._name}-{number}"

    def _disconnect(self) -> None:
        if self._line_client is not None:
            topic = line_topic(self._key(0))
            self._connection.try_request(lambda client: client.unsubscribe_topic(topic))
            self._line_client = None
        self._workers.clear()
        self._worker_wait.cancel()
        self._scheduler_watch.cancel()
        self._stream_watch.cancel()
        self._fetcher.cancel()
        self._prober.cancel()
        self._backlog.clear()
        self._connection.close()

    # The workers and the scheduler.

    def _list_workers(self) -> Collection[DaskWorker]:
        return self._workers

    def _check_workers(self) -> float:
        """Probe workers and poll the scheduler; return the seconds until the next look."""
        client = self._connection.client
        if client is None:
            return START_INTERVAL if self._connection.is_starting else inf

        while self._line_events:
            _, message = self._line_events.popleft()
            self._lines.receive(message, self._number_worker)
        self._prober.probe(client, self._workers)
        if not self._scheduler_watch.is_pending:
            if not self._scheduler_watch.start_if_due():
                return POLL_INTERVAL if self._futures else inf

            for future in self._futures:
                if future.done():
                    self._notify(future)

        reason = self._scheduler_watch.poll(
            client,
            partial(self._update_workers, client),
            details=any(self._needs_details(queue.job) for queue in self._queues.values()),
            wait=not self._workers,
        )
        if reason:
            self._give_up_cluster(reason)

        self._take_back_waiting(client)
        problem = self._stream_watch.find_problem(client, self._futures.in_flight())
        if problem:
            # it looks alive: another client is needed, also for the same scheduler
            self._connection.reject_client()
            self._give_up_cluster(problem)
        return POLL_INTERVAL

    def _take_back_waiting(self, client: Client) -> None:
        """Take back the chunks that wait at a worker for a task spec that does not arrive."""
        for worker in self._workers:
            overdue = drop_overdue_copies(worker)
            for future, (queue, chunk) in list(worker.in_flight.items()):
                is_waiting = self._task_specs.get(queue.job.spec.key) in overdue
                if is_waiting and queue.is_idempotent and not future.done():
                    self._futures.remove(future)
                    client.cancel([future])
                    queue.put_back(chunk)

    def _update_workers(self, client: Client, reports: Mapping[str, Mapping[str, Any]]) -> None:
        self._workers.update(reports, partial(self._release_chunks, client))

        self._worker_count = max(1, self._workers.threads)
        for queue in self._queues.values():
            queue.worker_count = self._worker_count

        jobs = []
        if not self._paused and not self._connection.owns_cluster:
            jobs = [(queue, self._chunks_in_flight(queue)) for queue in self._queues.values()]
        threads = self._worker_count if self._workers else 0
        self._backlog.update(client, jobs, threads)

    def _release_chunks(self, client: Client, worker: DaskWorker) -> None:
        """Give the chunks of a worker that has gone to others."""
        for future in list(worker.in_flight):
            # a worker that was retired has handed over its results
            if future.status == "finished":
                self._notify(future)
            else:
                self._lose_chunk(client, future, worker)

    def _lose_chunk(self, client: Client, future: Future, worker: DaskWorker) -> None:
        queue, chunk = self._futures.remove(future)
        queue.requeue_lost(chunk, 0, f"Dask worker {worker.address}")
        client.cancel([future])

    def _give_up_cluster(self, reason: str) -> NoReturn:
        """Take back all chunks, and disconnect.

        Raises:
            BackendUnavailable: Always.
        """
        for queue, chunk in self._futures.clear():
            queue.requeue_interrupted(chunk, reason)
        self._disconnect()

        raise BackendUnavailable(
            f"the Dask cluster is gone: {reason}; the results of finished items are kept. Create "
            "a new `distributed.Client` (without one, a cluster on this machine is started), and "
            "call `run.resume()`"
        )

    # Sending chunks.

    def _can_send(self) -> bool:
        client = self._connection.open()
        if client is None:
            return False
        if self._lines.is_used and client is not self._line_client:
            self._line_client = client
            client.subscribe_topic(line_topic(self._key(0)), self._line_events.append)

        if not self._workers:
            self._scheduler_watch.request_poll()
        self._check_workers()
        if self._scheduler_watch.is_silent:
            return False

        self._worker_wait.update(client, self._workers)
        self._check_own_cluster()
        return True

    def _check_own_cluster(self) -> None:
        """Give up a cluster of the run's own that has lost all workers: no other will start."""
        since = self._workers.empty_since
        if not self._connection.owns_cluster or since is None:
            return

        patience = local_cluster.START_TIMEOUT
        if time.monotonic() - since > patience:
            self._give_up_cluster(f"its workers have ended, and none came for {patience:.0f} s")

    def _send_next(self, queue: ChunkQueue, *, behind: bool) -> bool:
        client = self._connection.client
        if client is None:
            return False
        has_details = all(worker.has_details for worker in self._workers)
        if self._needs_details(queue.job) and not has_details:
            return False

        required = required_resources(queue.job.spec.selector)
        task_spec = self._task_specs[queue.job.spec.key]
        try:
            task_spec.check_sendable()
            check_context_results(task_spec)
            self._workers.offers.refuse_unmet(required, self._workers)
        except NotSendable as error:
            queue.fail_next(str(error))
            return False
        if queue.can_run_anywhere:
            return self._send(client, queue, None, 1, required)

        able = [worker for worker in self._workers if worker.can_start(required)]
        ready = find_free_workers(queue, able, behind=behind)
        if not ready:
            return False

        worker, share = min(ready, key=lambda pair: (task_spec in pair[0].transfers, pair[0].load))
        # the task spec of a plain task travels with its only chunk
        if not queue.job.source.is_single:
            receivers = [receiver for receiver, _ in ready if receiver is not worker]
            del receivers[queue.max_workers - 1 :]
            if not self._has_task_spec(client, queue, worker, receivers):
                return False
        return self._send(client, queue, worker, share, required)

    def _has_task_spec(
        self,
        client: Client,
        queue: ChunkQueue,
        worker: DaskWorker,
        receivers: Sequence[DaskWorker],
    ) -> bool:
        """Return whether a worker has, or will have, a job's task spec; if not, transfer it.

        The receivers will need the task spec, too.
        """
        task_spec = self._task_specs[queue.job.spec.key]
        wake = self._threads.wake
        try:
            return ensure_task_spec(client, task_spec, worker, receivers, self._workers, wake)
        except Exception:  # noqa: BLE001 - the worker is gone, or going
            self._workers.remove(worker)
            self._release_chunks(client, worker)
            return False

    def _send(
        self,
        client: Client,
        queue: ChunkQueue,
        worker: DaskWorker | None,
        share: int,
        required: Mapping[str, float],
    ) -> bool:
        """Send the next chunk of a job; return whether there was one."""
        process = "" if worker is None else worker.process
        chunk = queue.take_chunk(share, process)
        if chunk is None:
            return False

        key = self._key(next(self._task_numbers))
        task_spec = self._task_specs[queue.job.spec.key]
        # a cluster of the run's own ends with the run: its results are fetched
        keeps = queue.job.spec.keep_results and not self._connection.owns_cluster
        try:
            future = submit_chunk(
                client, key, chunk, task_spec, keeps=keeps, worker=worker, required=required
            )
        except Exception as error:  # noqa: BLE001 - whatever went wrong, it was not submitted
            queue.put_back(chunk)
            self._give_up_cluster(f"it takes no work ({error})")

        self._futures.add(future, queue, chunk, worker)
        watch_future(client, future, self._notify)
        return True

    # Receiving reports.

    def _handle_notice(self, ended: Future | Fetch | WorkerProbe) -> None:
        """Process a future that has ended, or an answer: fetch finished reports, record others."""
        client = self._connection.client
        if client is None:
            return
        if isinstance(ended, WorkerProbe):
            self._receive_partial_reports(client, ended)
            return

        if isinstance(ended, Fetch):
            self._receive_reports(ended)
            futures = ended.futures
        else:
            futures = [ended]

        for future in [future for future in self._futures if future.done()]:
            if future.status != "finished":
                self._handle_failure(future)
        for future in futures:
            if future in self._futures and future.status != "finished":
                self._wait_again(client, future)

        self._fetcher.fetch(client, self._futures.finished())

    def _receive_reports(self, fetch: Fetch) -> None:
        """Record fetched reports; futures without a report stay in the table."""
        for future, report in self._fetcher.finish(fetch).items():
            if future in self._futures:
                queue, chunk = self._futures.remove(future)
                queue.handle_report(chunk, self._number_worker, report)

    def _receive_partial_reports(self, client: Client, probe: WorkerProbe) -> None:
        """Record the answers to a probe."""
        for future, report in self._prober.finish(probe).items():
            if future not in self._futures or future.done():
                continue

            self._futures.chunk_of(future).probe_state.has_started = report is not None
            if report is None:
                queue, chunk = self._futures.remove(future)
                client.cancel([future])
                queue.put_back(chunk)
            elif self._futures.chunk_of(future).make_reference is None:
                self._receive_partial_report(future, report)

    def _receive_partial_report(self, future: Future, report: bytes) -> None:
        """Record a partial report; the rest of the chunk, perhaps with more items, stays."""
        worker = self._futures.worker_of(future)
        queue, chunk = self._futures.remove(future)

        # kept results that items refer to can only be sent with a new task
        more = self._can_extend(queue) and not ClusterResult.in_use
        remaining = queue.handle_report(chunk, self._number_worker, report, can_extend=more)
        if remaining is not None:
            self._futures.add(future, queue, remaining, worker)

    def _wait_again(self, client: Client, future: Future) -> None:
        """Wait once more for a report that was lost before it was fetched: Dask runs it again."""
        worker = self._futures.worker_of(future)
        if worker is not None and worker not in self._workers:
            # its task is bound to that worker
            self._lose_chunk(client, future, worker)
        else:
            watch_future(client, future, self._notify)

    def _handle_failure(self, future: Future) -> None:
        """Record the failure of a Dask task: a lost worker, a lost input, or an error."""
        from distributed import KilledWorker  # noqa: PLC0415 - only this backend needs it

        was_cancelled = future.status != "error"
        if was_cancelled and self._is_scheduler_lost(future):
            self._give_up_cluster("its scheduler does not answer")

        error = None if was_cancelled else future.exception()
        queue, chunk = self._futures.remove(future)
        inputs = input_futures(self._task_specs[queue.job.spec.key], chunk)
        has_lost_input = any(result.status != "finished" for result in inputs.values())
        if has_lost_input and queue.is_idempotent:
            # the items that need no lost input are sent again
            queue.put_back(chunk)
        elif was_cancelled or isinstance(error, KilledWorker | WrongProcessError):
            # the cluster may have other workers now
            self._scheduler_watch.request_poll()
            deaths = error.allowed_failures + 1 if isinstance(error, KilledWorker) else 1
            queue.requeue_lost(chunk, 0, "its Dask worker was lost", deaths)
        else:
            queue.fail_chunk(chunk, 0, f"the Dask worker failed: {type(error).__name__}: {error}")

    def _is_scheduler_lost(self, future: Future) -> bool:
        """Return whether a future was cancelled because the scheduler was lost."""
        client = self._connection.client
        return client is None or not is_connected(client) or was_connection_lost(future)

    # Releasing jobs.

    def _chunks_in_flight(self, queue: ChunkQueue) -> list[InFlightChunk]:
        return self._futures.chunks_of(queue)

    def _cancel_chunks(self, queue: ChunkQueue) -> None:
        futures = self._futures.futures_of(queue)
        for future in futures:
            self._futures.remove(future)
        self._connection.try_request(lambda client: client.cancel(futures))

    def _drop_task_spec(self, task_spec: TaskSpec) -> None:
        # the cluster forgets a value that nothing refers to
        for worker in self._workers:
            worker.transfers.pop(task_spec, None)
            worker.task_specs.pop(task_spec, None)
            worker.copied_at.pop(task_spec, None)

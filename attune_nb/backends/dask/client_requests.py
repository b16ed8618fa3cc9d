"""What is asked of a Dask cluster: nobody waits long for what may never answer.

A scheduler or a worker that is cut off, or stopped, keeps its connections. So what takes an answer
is done in the client's own loop, and the engine looks whether it is there.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from msgspec.structs import replace

from attune_nb.backends.worker.chunk_status import ChunkProbe, answer_probes

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable
    from concurrent.futures import Future as Asked

    from distributed import Client, Future

    from attune_nb.backends.chunks.chunk_queue import Feed
    from attune_nb.backends.chunks.in_flight import Sent
    from attune_nb.backends.dask.worker_state import DaskWorker

__all__ = ["Fetch", "Fetcher", "Prober", "WorkerPoll", "WorkerProbe", "watch"]

POLL_TIMEOUT = 1.0  # seconds that a scheduler may take to answer before nothing more is sent
TRANSFER_TIMEOUT = (
    10.0  # seconds that a definition is on its way to one, before another is sent it too
)
RETRY_DELAY = 0.5  # seconds until a worker is asked again that gave nothing: it may be going
LONG, SOON = 2.0, 0.5  # times the budget of a chunk, until it is asked about
FETCHING = 0.2  # seconds: how often it is looked whether what is fetched is still there

_T = TypeVar("_T")


def run_in_client_loop(
    client: Client, what: Coroutine[Any, Any, _T], wake: Callable[[], object]
) -> Asked[_T]:
    """Begin something in a client's loop; `wake` is called, there, at its end.

    Raises:
        RuntimeError: The client is closed.
    """
    try:
        asked = asyncio.run_coroutine_threadsafe(what, client.loop.asyncio_loop)
    except BaseException:
        what.close()
        raise
    asked.add_done_callback(lambda _: wake())
    return asked


class WorkerPoll:
    """Which workers a cluster has.

    Args:
        wake: Called, in another thread, when the scheduler has answered.
    """

    def __init__(self, wake: Callable[[], object]) -> None:
        self._wake = wake
        self._asked: Asked[dict[str, dict[str, Any]]] | None = None
        self._since = 0.0

    @property
    def is_pending(self) -> bool:
        """Whether there is a question without an answer."""
        return self._asked is not None

    def poll(self, client: Client, *, whole: bool, wait: bool) -> dict[str, dict[str, Any]] | None:
        """Ask for the workers, or look again for the answer to the last question.

        Args:
            client: Of the cluster.
            whole: Whether more is asked of a worker than how many threads it has.
            wait: Whether there is nothing better to do than to wait a moment.

        Returns:
            What the scheduler says of each worker, by address; None where that is on its way.

        Raises:
            TimeoutError: It takes long.
            Exception: There is no answer.
        """
        if self._asked is None:
            self._asked = run_in_client_loop(
                client, _request_workers(client, whole=whole), self._wake
            )
            self._since = time.monotonic()
        asked = self._asked
        try:
            return asked.result(POLL_TIMEOUT if wait else 0.0)
        except TimeoutError:
            if asked.done() or time.monotonic() - self._since > POLL_TIMEOUT:
                raise
            return None
        finally:
            if asked.done():
                self._asked = None

    def cancel(self) -> None:
        """Ask for nothing any more."""
        if self._asked is not None:
            self._asked.cancel()
            self._asked = None


async def _request_workers(client: Client, *, whole: bool) -> dict[str, dict[str, Any]]:
    if whole:
        told: dict[str, dict[str, Any]] = (await client.scheduler.identity())["workers"]
        return told
    threads = await client.scheduler.ncores()
    running = await client.scheduler.ncores_running()
    return {
        address: {"nthreads": many, "status": "running" if address in running else "paused"}
        for address, many in threads.items()
    }


class _Request:
    """What is asked of a worker about some futures, on its way."""

    def __init__(self, to: DaskWorker | None, futures: list[Future]) -> None:
        self.to = to
        self.futures = futures
        self.asked: Asked[dict[Future, Any]] | None = None

    def told(self) -> dict[Future, Any]:
        """Give what came, by future, once; it is not kept."""
        asked, self.asked = self.asked, None  # which refers to this, as it is to tell of it
        try:
            return asked.result(0) if asked is not None else {}
        except BaseException:  # noqa: BLE001 - of whatever kind, it cannot be had now
            return {}


_Way = TypeVar("_Way", bound=_Request)


class _RequestPerWorker(Generic[_Way]):
    """What is asked of workers: of each one thing at once.

    Args:
        note: Called with it, in another thread, at its end.
    """

    def __init__(self, note: Callable[[_Way], object]) -> None:
        self._note = note
        self._under: dict[DaskWorker | None, _Way] = {}

    def _begin(
        self, client: Client, way: _Way, what: Coroutine[Any, Any, dict[Future, Any]]
    ) -> None:
        self._under[way.to] = way
        try:
            way.asked = run_in_client_loop(client, what, partial(self._note, way))
        except RuntimeError:  # the client is closed, which is found out elsewhere
            del self._under[way.to]

    def finish(self, way: _Way) -> dict[Future, Any]:
        """Give what came of something."""
        if self._under.get(way.to) is way:
            del self._under[way.to]
        return way.told()

    def cancel(self) -> None:
        """Ask nothing any more."""
        for each in self._under.values():
            asked, each.asked = each.asked, None
            if asked is not None:
                asked.cancel()
        self._under.clear()


class WorkerProbe(_Request):
    """What has become so far of some chunks of one worker.

    What comes are reports; None of what was not begun, and is not to be.
    """


class Prober(_RequestPerWorker[WorkerProbe]):
    """What is asked about chunks that take long, or wait where nothing begins.

    A worker answers whatever its threads are at. It begins nothing while it is paused, as it is
    short of memory; and nothing behind an item that takes long.
    """

    def probe(self, client: Client, workers: Iterable[DaskWorker]) -> None:
        """Ask the workers of which that is due."""
        for each in workers:
            held = {} if each in self._under else each.in_flight
            about = [future for future, at in held.items() if _due(each, *at) and not future.done()]
            if about:
                asked = {future: _about(each, each.in_flight[future][1]) for future in about}
                self._begin(
                    client, WorkerProbe(each, about), _answered(client, each.address, asked)
                )


def _due(at: DaskWorker, feed: Feed, sent: Sent) -> bool:
    """Tell whether a chunk is to be asked about, and take it that it is."""
    now, known = time.monotonic(), sent.known
    if feed.once:
        return False
    room = not sent.goes_on or (feed.ready and len(sent.entries) < sent.chunk.share)
    grows = known.begun and feed.job.spec.call.awaits and room
    soon = grows or known.part != known.heard or _stuck(at, sent)
    # it can only be found out whether it began
    alone = len(sent.entries) == 1 or feed.job.spec.keep_results
    wait = (SOON if soon else LONG) * sent.chunk.budget
    again = now - max(sent.since, known.asked) >= wait and (soon or not (known.asked and alone))
    if not (sent.chunk.joins or again):
        return False
    known.asked = now
    return True


def _stuck(at: DaskWorker, sent: Sent) -> bool:
    """Tell whether a chunk waits where nothing may begin for long."""
    slow = sum(each.known.begun for _, each in at.in_flight.values())
    return not sent.known.begun and (at.is_paused or slow >= at.threads)


def _about(at: DaskWorker, sent: Sent) -> ChunkProbe:
    joining, sent.chunk = sent.chunk, replace(sent.chunk, joins=False)
    sent.known.heard = sent.known.part
    return ChunkProbe(sent.known.part, _stuck(at, sent), joining if joining.joins else None)


async def _answered(
    client: Client, address: str, asked: dict[Future, ChunkProbe]
) -> dict[Future, bytes | None]:
    names = {future.key: about for future, about in asked.items()}
    told = await client.run(answer_probes, names, workers=[address], asynchronous=True)
    came: dict[str, bytes | None] = told[address]
    return {future: came[future.key] for future in asked if future.key in came}


class Fetch(_Request):
    """What some futures of one worker have to give."""


class Fetcher(_RequestPerWorker[Fetch]):
    """What is fetched: of one worker at once, so that one which is cut off holds up no other."""

    def __init__(self, note: Callable[[Fetch], object]) -> None:
        super().__init__(note)
        self._failed: dict[DaskWorker | None, float] = {}  # when

    def fetch(self, client: Client, ended: Iterable[tuple[Future, DaskWorker | None]]) -> None:
        """Fetch what has ended, of the workers of which nothing is fetched just now.

        One that has just failed to give anything is left for the next look at the cluster.
        """
        since = time.monotonic() - RETRY_DELAY
        self._failed = {to: when for to, when in self._failed.items() if when > since}
        ready: dict[DaskWorker | None, list[Future]] = {}
        for future, to in ended:
            if to not in self._under and to not in self._failed:
                ready.setdefault(to, []).append(future)
        for to, futures in ready.items():
            self._begin(client, Fetch(to, futures), _gather(client, futures))

    def finish(self, way: Fetch) -> dict[Future, Any]:
        """Give what a fetch gave."""
        told = super().finish(way)
        if not told:
            self._failed[way.to] = time.monotonic()
        return told


async def _gather(client: Client, futures: list[Future]) -> dict[Future, Any]:
    """Fetch what futures have to give, at once, without those that are lost on the way.

    Dask makes again what was lost, and would wait for it.
    """
    while good := [each for each in futures if each.status == "finished"]:
        asked = asyncio.ensure_future(client.gather(good, asynchronous=True))
        while not asked.done() and all(each.status == "finished" for each in good):
            await asyncio.wait([asked], timeout=FETCHING)
        if not asked.done():
            asked.cancel()
        elif asked.exception() is None:
            return dict(zip(good, asked.result(), strict=True))
        elif all(each.status == "finished" for each in good):
            return {}
    return {}


def watch(client: Client, future: Future, note: Callable[[Future], object]) -> None:
    """Have it noted that a future has ended, in another thread.

    Dask's `Future.add_done_callback` tells of it through a pool of threads, which refuses, with a
    traceback on the terminal, once the interpreter is about to end.
    """
    with contextlib.suppress(RuntimeError):  # the client is closed, which is found out elsewhere
        run_in_client_loop(client, _ended(client, future), partial(note, future))


async def _ended(client: Client, future: Future) -> None:
    from distributed import as_completed  # noqa: PLC0415 - only this backend needs it

    async for _ in as_completed([future], loop=client.loop):
        pass

"""What is asked of a Dask cluster: nobody waits long for what may never answer.

A scheduler or a worker that is cut off, or stopped, keeps its connections. So what takes an answer
is done in the client's own loop, and the engine looks whether it is there.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from attune_nb.backends import worker
from attune_nb.backends.cluster import Coming

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Sequence
    from concurrent.futures import Future as Asked

    from distributed import Client, Future

    from attune_nb.backends.cluster import Worker
    from attune_nb.backends.definition import Definition

__all__ = ["REPORT", "Fetch", "Fetches", "Roll", "Unbegun", "bring"]

ANSWER = 1.0  # seconds that a scheduler may take to answer before nothing more is sent
STALLED = 10.0  # seconds that a definition is on its way to one, before another is sent it too
REPORT = "-report"  # what the key of a report has more than that of its chunk
AGAIN = 0.5  # seconds until a worker is asked again that gave nothing: it may be going
FETCHING = 0.2  # seconds: how often it is looked whether what is fetched is still there

_T = TypeVar("_T")


def _ask(client: Client, what: Coroutine[Any, Any, _T], wake: Callable[[], object]) -> Asked[_T]:
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


class Roll:
    """Which workers a cluster has.

    Args:
        wake: Called, in another thread, when the scheduler has answered.
    """

    def __init__(self, wake: Callable[[], object]) -> None:
        self._wake = wake
        self._asked: Asked[dict[str, dict[str, Any]]] | None = None
        self._since = 0.0

    @property
    def asked(self) -> bool:
        """Whether there is a question without an answer."""
        return self._asked is not None

    def call(self, client: Client, *, whole: bool, wait: bool) -> dict[str, dict[str, Any]] | None:
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
            self._asked = _ask(client, _workers(client, whole=whole), self._wake)
            self._since = time.monotonic()
        asked = self._asked
        try:
            return asked.result(ANSWER if wait else 0.0)
        except TimeoutError:
            if asked.done() or time.monotonic() - self._since > ANSWER:
                raise
            return None
        finally:
            if asked.done():
                self._asked = None

    def over(self) -> None:
        """Ask for nothing any more."""
        if self._asked is not None:
            self._asked.cancel()
            self._asked = None


async def _workers(client: Client, *, whole: bool) -> dict[str, dict[str, Any]]:
    if whole:
        told: dict[str, dict[str, Any]] = (await client.scheduler.identity())["workers"]
        return told
    threads = await client.scheduler.ncores()
    running = await client.scheduler.ncores_running()
    return {
        address: {"nthreads": many, "status": "running" if address in running else "paused"}
        for address, many in threads.items()
    }


class Unbegun:
    """What workers were given that Dask has paused, and have not begun.

    A worker that is short of memory begins nothing, perhaps for good, and what is bound to it
    would wait there.

    Args:
        wake: Called, in another thread, when it is known what they are at.
    """

    def __init__(self, wake: Callable[[], object]) -> None:
        self._wake = wake
        self._asked: Asked[set[str]] | None = None
        self._about: list[Future] = []

    def found(self, client: Client, workers: Iterable[Worker]) -> list[Future]:
        """Give what others may begin instead, as far as that is known by now."""
        paused = [each for each in workers if each.paused]
        held = [pair for each in paused for pair in each.held.items()]
        waiting = [future for future, (feed, _) in held if not (feed.once or future.done())]
        asked = self._asked
        if asked is None:
            if waiting:
                self._about = waiting
                with contextlib.suppress(RuntimeError):  # the client is closed
                    self._asked = _ask(client, _under_way(client, waiting), self._wake)
            return []
        if not asked.done():
            return []
        self._asked = None
        if asked.exception() is not None:
            return []
        at = asked.result()
        return [each for each in self._about if each in waiting and _chunk(each) not in at]

    def over(self) -> None:
        """Ask for nothing any more."""
        if self._asked is not None:
            self._asked.cancel()
            self._asked = None


def _chunk(future: Future) -> str:
    """Give the key of the chunk that a future tells of."""
    return str(future.key).removesuffix(REPORT)


async def _under_way(client: Client, futures: list[Future]) -> set[str]:
    """Ask the workers which chunks they are at."""
    stacks = await client.scheduler.call_stack(keys=[each.key for each in futures])
    return {key for each in stacks.values() for key in each}


class Fetch:
    """What some futures of one worker have to give, on its way."""

    def __init__(self, to: Worker | None, futures: list[Future]) -> None:
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


class Fetches:
    """What is fetched: of one worker at once, so that one which is cut off holds up no other.

    Args:
        note: Called with a fetch, in another thread, at its end.
    """

    def __init__(self, note: Callable[[Fetch], object]) -> None:
        self._note = note
        self._under: dict[Worker | None, Fetch] = {}
        self._failed: dict[Worker | None, float] = {}  # when

    def begin(self, client: Client, ended: Iterable[tuple[Future, Worker | None]]) -> None:
        """Fetch what has ended, of the workers of which nothing is fetched just now.

        One that has just failed to give anything is left for the next look at the cluster.
        """
        since = time.monotonic() - AGAIN
        self._failed = {to: when for to, when in self._failed.items() if when > since}
        ready: dict[Worker | None, list[Future]] = {}
        for future, to in ended:
            if to not in self._under and to not in self._failed:
                ready.setdefault(to, []).append(future)
        for to, futures in ready.items():
            fetch = self._under[to] = Fetch(to, futures)
            try:
                fetch.asked = _ask(client, _fetched(client, futures), partial(self._note, fetch))
            except RuntimeError:  # the client is closed, which is found out elsewhere
                del self._under[to]

    def end(self, fetch: Fetch) -> dict[Future, Any]:
        """Give what a fetch gave."""
        if self._under.get(fetch.to) is fetch:
            del self._under[fetch.to]
        told = fetch.told()
        if not told:
            self._failed[fetch.to] = time.monotonic()
        return told

    def over(self) -> None:
        """Fetch nothing any more."""
        for each in self._under.values():
            asked, each.asked = each.asked, None
            if asked is not None:
                asked.cancel()
        self._under.clear()


async def _fetched(client: Client, futures: list[Future]) -> dict[Future, Any]:
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
    crossing = client.submit(worker.same, there, workers=[giver.address], pure=False)
    to.has[definition] = client.submit(worker.same, crossing, workers=[to.address], pure=False)

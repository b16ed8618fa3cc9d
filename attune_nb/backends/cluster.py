"""A Dask cluster as the backend meets it: a client of it, its workers, what they offer."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from attune_nb.backends import worker
from attune_nb.backends.own_cluster import OwnCluster
from attune_nb.backends.remote import Place, cores
from attune_nb.errors import BackendError, BackendUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from distributed import Client, Future

    from attune_nb.backends.definition import Definition
    from attune_nb.backends.feed import Feed
    from attune_nb.backends.sent import Sent

__all__ = [
    "BEGINNING",
    "PATIENCE",
    "Connection",
    "Worker",
    "bring",
    "gathered",
    "lost_connection",
    "meets",
    "resources",
    "runs",
]

BEGINNING = 0.02  # seconds: how often it is looked whether a cluster of our own is there
FETCHING = 0.2  # seconds: how often it is looked whether what is fetched is still there
PATIENCE = 10.0  # seconds that a scheduler may take to answer


class Connection:
    """A client that the user has, or one of our own, perhaps with a cluster of our own.

    Args:
        where: A client, an address, or None; see `DaskBackend`.
        workers: How many processes a cluster of our own has.
    """

    def __init__(self, where: Client | str | None, workers: int | None) -> None:
        self.where = where
        self.client: Client | None = None
        self._workers = workers
        self._own: list[Any] = []  # what is to be closed, the last one first

    @property
    def own_cluster(self) -> bool:
        """Whether the cluster ends with the connection."""
        return len(self._own) > 1

    @property
    def begins(self) -> bool:
        """Whether a cluster of our own is on its way."""
        return self.client is None and len(self._own) == 1

    def open(self) -> Client | None:
        """Give a client that runs; None as long as a cluster of our own is on its way.

        Raises:
            BackendUnavailable: There is no cluster.
            BackendError: The client cannot be used from a thread.
        """
        if self.client is None:
            found = self._current() or self._new()
            if found is not None and found.asynchronous:
                raise BackendError(
                    "the Dask client is an asynchronous one; the engine has a thread of its own, "
                    "and needs a plain `distributed.Client(...)`"
                )
            self.client = found
        return self.client

    def _current(self) -> Client | None:
        from distributed import Client  # noqa: PLC0415 - only this backend needs it

        if isinstance(self.where, str):
            return None
        if self.where is not None and _lives(self.where):
            return self.where
        try:
            current: Client = Client.current()
        except ValueError:
            return None
        return current if _lives(current) else None

    def _new(self) -> Client | None:
        import dask  # noqa: PLC0415 - as above
        from distributed import Client  # noqa: PLC0415 - as above

        configured = dask.config.get("scheduler-address", None)
        address = self.where if isinstance(self.where, str) else configured
        try:
            if address is None:
                if not self._own:
                    self._own.append(OwnCluster(self._workers or cores()))
                address = self._own[0].address()
                if address is None:
                    return None
            client = Client(address, set_as_default=False, timeout=PATIENCE)
        except (OSError, RuntimeError, TimeoutError) as error:
            self.close()
            where = f"is no Dask cluster at {address}" if address else "can be none of its own"
            raise BackendUnavailable(
                f"there {where} ({error}); start one, or make a `distributed.Client` that is "
                "connected to one"
            ) from None
        self._own.append(client)
        return client

    def quietly(self, ask: Callable[[Client], object]) -> None:
        """Ask something of the cluster that may be gone."""
        if self.client is not None and runs(self.client):
            with contextlib.suppress(Exception):  # what was asked for is over then, too
                ask(self.client)

    def close(self) -> None:
        """Close what is our own."""
        self.client = None
        for each in reversed(self._own):
            with contextlib.suppress(Exception):  # it is gone, whatever it says
                each.close(timeout=PATIENCE)
        self._own.clear()


class Worker(Place):
    """A worker: what it offers, which definitions it has, and what it is at."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.threads = 1
        self.offers: Mapping[str, float] = {}
        self.process = ""  # the directory of its own that it has for as long as it runs
        self.has: dict[Definition, Future] = {}
        self.held: dict[Future, tuple[Feed, Sent]] = {}

    def chunks(self) -> list[tuple[Feed, Sent]]:
        """Give the chunks that it has, each with its job."""
        return [*self.held.values()]

    def meets(self, wanted: Mapping[str, float]) -> bool:
        """Tell whether it has what a task asks for."""
        return meets(self.offers, wanted)


def meets(offers: Mapping[str, float], wanted: Mapping[str, float]) -> bool:
    """Tell whether some resources are enough."""
    return all(offers.get(key, 0) >= least for key, least in wanted.items())


def bring(
    client: Client,
    definition: Definition,
    to: Worker,
    others: Sequence[Worker],
    workers: Iterable[Worker],
) -> None:
    """Have a definition at a worker, and on its way to others that will need it.

    It goes from worker to worker before they have anything to do: none that is busy is asked.

    Args:
        client: Of the cluster.
        definition: What they are to have.
        to: The worker that is to have it now.
        others: Those that will need it.
        workers: All.
    """
    there = to.has.get(definition)
    if there is not None and there.status in ("finished", "pending"):
        return
    havers = [each for each in workers if definition in each.has]
    idle = (each for each in havers if not each.held)
    giver = next((each for each in idle if each.has[definition].status == "finished"), None)
    if giver is not None:
        _cross(client, definition, giver, to)
        return
    to.has[definition] = client.scatter(definition, workers=[to.address], hash=False)
    if not havers:
        chain = [to, *others]
        for at, each in enumerate(others):
            _cross(client, definition, chain[at // 2], each)


def _cross(client: Client, definition: Definition, giver: Worker, to: Worker) -> None:
    """Give a worker a definition as a value of its own, which Dask moves nowhere.

    Of a value that two workers have, Dask's memory manager takes one away, whichever: so what
    crosses to another worker is a value that nothing else refers to.
    """
    there = giver.has[definition]
    crossing = client.submit(worker.same, there, workers=[giver.address], pure=False)
    to.has[definition] = client.submit(worker.same, crossing, workers=[to.address], pure=False)


def gathered(client: Client, futures: Iterable[Future]) -> dict[Future, Any]:
    """Fetch what futures have to give, at once, without those that are lost on the way.

    Dask makes again what was lost, and would wait for it.
    """
    while good := [each for each in futures if each.status == "finished"]:
        loop = client.loop.asyncio_loop
        asked = asyncio.run_coroutine_threadsafe(_gather(client, good), loop)
        while all(each.status == "finished" for each in good):
            try:
                return dict(zip(good, asked.result(FETCHING), strict=True))
            except Exception:  # noqa: BLE001 - of whatever kind, they cannot be had now
                if asked.done() and all(each.status == "finished" for each in good):
                    return {}
        asked.cancel()
    return {}


async def _gather(client: Client, futures: list[Future]) -> list[Any]:
    found: list[Any] = await client.gather(futures, asynchronous=True)
    return found


def runs(client: Client) -> bool:
    """Tell whether a client is connected to its scheduler."""
    return bool(client.status == "running")


def _lives(client: Client) -> bool:
    """Tell whether a client is connected, or may be again in a moment."""
    return client.status in ("running", "connecting")


def lost_connection(future: Future) -> bool:
    """Tell whether a future was cancelled because its scheduler was lost, even for a moment."""
    try:
        reason = getattr(future.exception(timeout=1), "reason", "")
    except Exception:  # noqa: BLE001 - nobody there to ask
        return True
    return bool(reason == "scheduler-connection-lost")


def resources(selector: Mapping[str, Any]) -> dict[str, float]:
    """Give what a task needs of a worker: a number of each of its resources, one if not told."""
    told = {key: value for key, value in selector.items() if isinstance(value, int | float)}
    return {key: float(told.get(key, 1)) or 1.0 for key in selector}

"""A Dask cluster as the backend meets it: a client of it, its workers, what they offer."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING

from attune_nb.backends.chunks.remote_backend import cores
from attune_nb.backends.dask.local_cluster import OwnCluster
from attune_nb.errors import BackendError, BackendUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from distributed import Client
    from distributed import Future as DaskFuture


__all__ = ["START_INTERVAL", "TIMEOUT", "Connection", "is_connected", "was_connection_lost"]

START_INTERVAL = 0.02  # seconds: how often it is looked whether a cluster of our own is there
TIMEOUT = 10.0  # seconds that a scheduler may take to answer


class _Joining:
    """A client on its way: what takes as long as nobody answers is not for the engine's thread."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._came: Future[Client] = Future()
        threading.Thread(target=self._join, name="attune joins Dask", daemon=True).start()

    def _join(self) -> None:
        from distributed import Client  # noqa: PLC0415 - only this backend needs it

        try:
            client = Client(self._address, set_as_default=False, timeout=TIMEOUT)
        except Exception as error:  # noqa: BLE001 - of whatever kind, there is none
            self._came.set_exception(error)
        else:
            self._came.set_result(client)

    def client(self) -> Client | None:
        """Give the client; None as long as it is on its way.

        Raises:
            Exception: There is nothing to be connected to.
        """
        return self._came.result() if self._came.done() else None

    def close(self, timeout: float) -> None:
        """Close the client, also one that comes later."""

        def close(came: Future[Client]) -> None:
            with contextlib.suppress(Exception):
                came.result().close(timeout=timeout)

        self._came.add_done_callback(close)


class Connection:
    """A client that the user has, or one of our own, perhaps with a cluster of our own.

    Args:
        target: A client, an address, or None; see `DaskBackend`.
        workers: How many processes a cluster of our own has.
    """

    def __init__(self, where: Client | str | None, workers: int | None) -> None:
        self.target = where
        self.client: Client | None = None
        self._workers = workers
        self._own: OwnCluster | None = None
        self._joining: _Joining | None = None

    @property
    def owns_cluster(self) -> bool:
        """Whether the cluster ends with the connection."""
        return self._own is not None

    @property
    def is_starting(self) -> bool:
        """Whether a cluster of our own, or a client, is on its way."""
        return self.client is None and (self._own is not None or self._joining is not None)

    def open(self) -> Client | None:
        """Give a client that runs; None as long as one of our own is on its way.

        Raises:
            BackendUnavailable: There is no cluster.
            BackendError: The client cannot be used from a thread.
        """
        if self.client is None:
            found = self._current()
            if found is None:
                found = self._new()
            elif owned := self._give_up():  # the user has begun one meanwhile
                threading.Thread(target=_close, args=owned, daemon=True).start()
            if found is not None and found.asynchronous:
                raise BackendError(
                    "the Dask client is an asynchronous one; the engine has a thread of its own, "
                    "and needs a plain `distributed.Client(...)`"
                )
            self.client = found
        return self.client

    def _current(self) -> Client | None:
        from distributed import Client  # noqa: PLC0415 - only this backend needs it

        if isinstance(self.target, str):
            return None
        if self.target is not None and _lives(self.target):
            return self.target
        try:
            current: Client = Client.current()
        except ValueError:
            return None
        return current if _lives(current) else None

    def _new(self) -> Client | None:
        import dask  # noqa: PLC0415 - as above

        configured = dask.config.get("scheduler-address", None)
        address = self.target if isinstance(self.target, str) else configured
        try:
            if address is None:
                if self._own is None:
                    self._own = OwnCluster(self._workers or cores())
                address = self._own.address()
                if address is None:
                    return None
            if self._joining is None:
                self._joining = _Joining(address)
            return self._joining.client()
        except Exception as error:  # noqa: BLE001 - an address may be anything
            self.close()
            where = f"is no Dask cluster at {address}" if address else "can be none of its own"
            raise BackendUnavailable(
                f"there {where} ({error}); start one, and name it in DASK_SCHEDULER_ADDRESS or "
                "make a `distributed.Client` of it"
            ) from None

    def try_request(self, ask: Callable[[Client], object]) -> None:
        """Ask something of the cluster that may be gone."""
        if self.client is not None and is_connected(self.client):
            with contextlib.suppress(Exception):  # what was asked for is over then, too
                ask(self.client)

    def close(self) -> None:
        """Close what is our own."""
        self.client = None
        _close(*self._give_up())

    def _give_up(self) -> list[_Joining | OwnCluster]:
        owned = [each for each in (self._joining, self._own) if each is not None]
        self._joining = self._own = None
        return owned


def _close(*owned: _Joining | OwnCluster) -> None:
    for each in owned:
        with contextlib.suppress(Exception):  # it is gone, whatever it says
            each.close(timeout=TIMEOUT)


def is_connected(client: Client) -> bool:
    """Tell whether a client is connected to its scheduler."""
    return bool(client.status == "running")


def _lives(client: Client) -> bool:
    """Tell whether a client is connected, or may be again in a moment."""
    return client.status in ("running", "connecting")


def was_connection_lost(future: DaskFuture) -> bool:
    """Tell whether a future was cancelled because its scheduler was lost, even for a moment."""
    try:
        reason = getattr(future.exception(timeout=1), "reason", "")
    except Exception:  # noqa: BLE001 - nobody there to ask
        return True
    return bool(reason == "scheduler-connection-lost")

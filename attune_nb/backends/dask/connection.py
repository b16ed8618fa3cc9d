"""The connection to a Dask cluster: the user's client, or a client and a cluster of our own."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING

from attune_nb.backends.chunks.remote_backend import count_cores
from attune_nb.backends.dask.local_cluster import OwnCluster
from attune_nb.errors import BackendError, BackendUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from distributed import Client
    from distributed import Future as DaskFuture

__all__ = ["START_INTERVAL", "TIMEOUT", "Connection", "is_connected", "was_connection_lost"]

# seconds between two checks whether a cluster of our own has started
START_INTERVAL = 0.02
# seconds that a scheduler may take to answer
TIMEOUT = 10.0


class _ClientStart:
    """A client that connects in a thread, since a scheduler may not answer for long.

    Args:
        address: The scheduler's address.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._future: Future[Client] = Future()
        threading.Thread(target=self._connect, name="attune joins Dask", daemon=True).start()

    def _connect(self) -> None:
        from distributed import Client  # noqa: PLC0415 - only this backend needs it

        try:
            _check_address(self._address)
            client = Client(self._address, set_as_default=False, timeout=TIMEOUT)
        except Exception as error:  # noqa: BLE001 - an address may be anything
            self._future.set_exception(error)
        else:
            self._future.set_result(client)

    def client(self) -> Client | None:
        """Return the client; None while it connects.

        Raises:
            Exception: It could not connect.
        """
        return self._future.result() if self._future.done() else None

    def close(self, timeout: float) -> None:
        """Close the client, also if it connects later."""

        def close(future: Future[Client]) -> None:
            with contextlib.suppress(Exception):
                client = future.result()
                try:
                    client.close(timeout=timeout)
                finally:
                    # The finalizer of a client that could not be closed would try again. In the
                    # garbage collector it may wait forever for a lock of its own thread.
                    client.status = "closed"

        self._future.add_done_callback(close)


def _check_address(address: str) -> None:
    """Check that an address can be that of a scheduler.

    `Client` checks it too late: what it leaves behind closes itself in the garbage collector,
    where it may wait forever for a lock of its own thread.

    Raises:
        ValueError: The address has an unknown scheme, or no port.
    """
    from distributed.comm import addressing  # noqa: PLC0415 - only this backend needs it

    whole_address = addressing.normalize_address(address)
    scheme, _ = addressing.parse_address(whole_address)
    # a scheduler within this process has no port
    if scheme != "inproc":
        addressing.get_address_host_port(whole_address)


class Connection:
    """A user's client, or one of our own, perhaps with a cluster of our own.

    Args:
        target: A client, an address, or None; see `DaskBackend`.
        workers: The number of processes of a cluster of our own.
    """

    def __init__(self, target: Client | str | None, workers: int | None) -> None:
        if not workers:
            workers = count_cores()

        self.target = target
        self.client: Client | None = None
        self._workers = workers
        self._own_cluster: OwnCluster | None = None
        self._client_start: _ClientStart | None = None
        # a client that is connected, and whose messages do not arrive
        self._rejected: Client | None = None

    @property
    def owns_cluster(self) -> bool:
        """Whether the cluster ends with the connection."""
        return self._own_cluster is not None

    @property
    def is_starting(self) -> bool:
        """Whether a cluster of our own is starting, or a client is connecting."""
        if self.client is not None:
            return False
        return self._own_cluster is not None or self._client_start is not None

    def open(self) -> Client | None:
        """Return a client that runs; None while one of our own is starting.

        Raises:
            BackendUnavailable: There is no cluster.
            BackendError: The client is an asynchronous one.
        """
        if self.client is not None:
            return self.client

        client = self._find_current_client()
        if client is None:
            client = self._start_client()
        else:
            # the user may have created a client while one of our own was starting
            owned = self._release_owned()
            if owned:
                threading.Thread(target=_close, args=owned, daemon=True).start()

        if client is not None and client.asynchronous:
            raise BackendError(
                "the Dask client is asynchronous, and the engine runs in a thread of its own; "
                "create a synchronous `distributed.Client(...)`"
            )
        self.client = client
        return client

    def _find_current_client(self) -> Client | None:
        """Return the user's client: the one that was passed, or Dask's current one."""
        from distributed import Client  # noqa: PLC0415 - only this backend needs it

        if isinstance(self.target, str):
            return None
        if self.target is not None and self._is_usable(self.target):
            return self.target

        try:
            client: Client = Client.current()
        except ValueError:
            return None
        return client if self._is_usable(client) else None

    def _is_usable(self, client: Client) -> bool:
        """Return whether a client is connected, or connects again, and was not rejected."""
        return client.status in ("running", "connecting") and client is not self._rejected

    def reject_client(self) -> None:
        """Use another client than the present one from now on."""
        self._rejected = self.client

    def _start_client(self) -> Client | None:
        """Return a client of our own; None while it, or a cluster of our own, is starting.

        Raises:
            BackendUnavailable: There is no cluster.
        """
        import dask  # noqa: PLC0415 - only this backend needs it

        address = self.target
        if not isinstance(address, str):
            address = dask.config.get("scheduler-address", None)

        try:
            if address is None:
                if self._own_cluster is None:
                    self._own_cluster = OwnCluster(self._workers)
                address = self._own_cluster.address()
                if address is None:
                    return None

            if self._client_start is None:
                self._client_start = _ClientStart(address)
            return self._client_start.client()
        except Exception as error:  # noqa: BLE001 - an address may be anything
            self.close()
            problem = f"there is no Dask cluster at {address}"
            if not address:
                problem = "no Dask cluster could be started on this machine"
            raise BackendUnavailable(
                f"{problem} ({error}); start a cluster, then set DASK_SCHEDULER_ADDRESS to its "
                "address or create a `distributed.Client` for it"
            ) from None

    def try_request(self, request: Callable[[Client], object]) -> None:
        """Send a request to the cluster if it is connected; ignore a failure."""
        if self.client is not None and is_connected(self.client):
            with contextlib.suppress(Exception):
                request(self.client)

    def close(self) -> None:
        """Close the client and the cluster of our own; a user's client stays open."""
        self.client = None
        _close(*self._release_owned())

    def _release_owned(self) -> list[_ClientStart | OwnCluster]:
        owned = [owned for owned in (self._client_start, self._own_cluster) if owned is not None]
        self._client_start = None
        self._own_cluster = None
        return owned


def _close(*owned: _ClientStart | OwnCluster) -> None:
    for closable in owned:
        with contextlib.suppress(Exception):
            closable.close(timeout=TIMEOUT)


def is_connected(client: Client) -> bool:
    """Return whether a client is connected to its scheduler."""
    return bool(client.status == "running")


def was_connection_lost(future: DaskFuture) -> bool:
    """Return whether a future was cancelled because its scheduler was lost, even for a moment."""
    try:
        reason = getattr(future.exception(timeout=1), "reason", "")
    except Exception:  # noqa: BLE001 - the scheduler does not answer
        return True
    return bool(reason == "scheduler-connection-lost")

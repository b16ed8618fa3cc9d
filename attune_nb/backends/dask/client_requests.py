"""Requests to a Dask cluster that cannot block the engine.

A scheduler or a worker that is stopped or cut off keeps its connections, so a request to it may
never be answered. All requests run in the client's event loop. The engine's thread only checks
whether an answer has arrived.
"""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from concurrent.futures import Future

    from distributed import Client
    from distributed import Future as DaskFuture

    from attune_nb.backends.dask.worker_state import DaskWorker

__all__ = ["Request", "RequestPerWorker", "run_in_client_loop", "watch_future"]

_T = TypeVar("_T")


def run_in_client_loop(
    client: Client, coroutine: Coroutine[Any, Any, _T], wake: Callable[[], object]
) -> Future[_T]:
    """Start a coroutine in a client's event loop; `wake` is called there at its end.

    Raises:
        RuntimeError: The client is closed.
    """
    try:
        future = asyncio.run_coroutine_threadsafe(coroutine, client.loop.asyncio_loop)
    except BaseException:
        coroutine.close()
        raise

    future.add_done_callback(lambda _: wake())
    return future


class Request:
    """A pending request to one worker about some futures.

    Args:
        worker: The worker; None if the futures are bound to no worker.
        futures: The futures.
    """

    def __init__(self, worker: DaskWorker | None, futures: list[DaskFuture]) -> None:
        self.worker = worker
        self.futures = futures
        self.answer: Future[dict[DaskFuture, Any]] | None = None

    def take_answer(self) -> dict[DaskFuture, Any]:
        """Return the answer by future, and drop it; an empty dict if the request failed."""
        # the callback of the answer refers to this request: break the cycle
        answer = self.answer
        self.answer = None
        if answer is None:
            return {}

        try:
            return answer.result(0)
        except BaseException:  # noqa: BLE001 - whatever went wrong, there is no answer
            return {}


_Request = TypeVar("_Request", bound=Request)


class RequestPerWorker(Generic[_Request]):
    """Requests to workers, at most one at a time for each worker.

    Args:
        note: Called with a request, in another thread, when it has ended.
    """

    def __init__(self, note: Callable[[_Request], object]) -> None:
        self._note = note
        self._pending: dict[DaskWorker | None, _Request] = {}

    def _send(
        self,
        client: Client,
        request: _Request,
        coroutine: Coroutine[Any, Any, dict[DaskFuture, Any]],
    ) -> None:
        self._pending[request.worker] = request
        try:
            request.answer = run_in_client_loop(client, coroutine, partial(self._note, request))
        except RuntimeError:
            # the client is closed: the next poll of the workers notices it
            del self._pending[request.worker]

    def finish(self, request: _Request) -> dict[DaskFuture, Any]:
        """Return the answer to a request that has ended, by future."""
        if self._pending.get(request.worker) is request:
            del self._pending[request.worker]
        return request.take_answer()

    def cancel(self) -> None:
        """Cancel all pending requests."""
        for request in self._pending.values():
            answer = request.answer
            request.answer = None
            if answer is not None:
                answer.cancel()

        self._pending.clear()


def watch_future(client: Client, future: DaskFuture, note: Callable[[DaskFuture], object]) -> None:
    """Call `note` with a future, in another thread, when the future has ended.

    Dask's own `Future.add_done_callback` uses a thread pool. While the interpreter exits that pool
    refuses work, and prints a traceback.
    """
    # the client may be closed: the next poll of the workers notices it
    with contextlib.suppress(RuntimeError):
        run_in_client_loop(client, _wait_for_future(client, future), partial(note, future))


async def _wait_for_future(client: Client, future: DaskFuture) -> None:
    from distributed import as_completed  # noqa: PLC0415 - only this backend needs it

    async for _ in as_completed([future], loop=client.loop):
        pass

"""The server of the loopback API: one for each run, in a thread of its own.

It listens on a random port of 127.0.0.1. A request must hold the token of an attempt of this run,
and must name the server's own address as its host: a page in a browser has neither.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self

import msgspec
from aiohttp import web

from attune_nb.packs.api.replies import ApiError, describe_error
from attune_nb.packs.api.routes import ROUTES, Call
from attune_nb.packs.attempt_token import read_token
from attune_nb.packs.machine import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from attune_nb.packs.api.run_services import RunServices
    from attune_nb.packs.attempt_token import AttemptIdentity

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

__all__ = ["PackApi"]

_log = logging.getLogger("attune_nb")

# bytes of the body of a request
_MAX_BODY = 64 * 2**20

# seconds that requests in progress have when the run ends
_GRACE = 1.0


class PackApi:
    """Serves the API to the attempts of one run, from `start` (or `with`) to `close`.

    Args:
        api_key: The run's own secret, with which its attempts sign their tokens.
        services: The keys, the artifacts, the inquiries and the executions of the run.
        listener: The socket of a loopback port; by default one of a free port.
    """

    def __init__(
        self, api_key: str, services: RunServices, listener: socket.socket | None = None
    ) -> None:
        self._api_key = api_key
        self._services = services
        self._listener = listener
        self._server: _Server | None = None

    @property
    def url(self) -> str:
        """The address; empty before the start."""
        return "" if self._server is None else self._server.url

    def start(self) -> None:
        """Serve the port in a thread.

        Raises:
            OSError: There is no free port.
            RuntimeError: The system provides no thread.
        """
        listener = self._listener
        if listener is None:
            listener = socket.create_server((LOOPBACK, 0))
        self._server = _Server(self._api_key, self._services, listener)
        self._server.start()

    def close(self) -> None:
        """Stop the server. A second call, or one before `start`, does nothing."""
        if self._server is not None:
            self._services.close()
            self._server.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Server(threading.Thread):
    """The thread of the server, with its own event loop."""

    def __init__(self, api_key: str, services: RunServices, listener: socket.socket) -> None:
        super().__init__(name="attune api", daemon=True)
        self._api_key = api_key
        self._services = services
        self._stop_requested = asyncio.Event()

        self._socket = listener
        port = listener.getsockname()[1]
        self._hosts = frozenset({f"{LOOPBACK}:{port}", f"localhost:{port}"})
        self._loop = asyncio.new_event_loop()
        self.url = f"http://{LOOPBACK}:{port}"

    def start(self) -> None:
        """Start the thread.

        Raises:
            RuntimeError: The system provides none.
        """
        try:
            super().start()
        except RuntimeError:
            self._loop.close()
            self._socket.close()
            raise

    def close(self) -> None:
        """Stop the server, and wait for its end."""
        if not self.is_alive():
            return
        with suppress(RuntimeError):
            # the loop may end just before the call
            self._loop.call_soon_threadsafe(self._stop_requested.set)
        self.join()

    def run(self) -> None:
        """Serve until the end is requested."""
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        except Exception:  # noqa: BLE001 - logged here; the run goes on without the API
            _log.exception("the API for the actions of packs failed")
        finally:
            self._loop.close()
            self._socket.close()

    async def _serve(self) -> None:
        application = web.Application(
            middlewares=[self._answer_errors, self._check_caller], client_max_size=_MAX_BODY
        )
        for route in ROUTES:
            application.router.add_route(route.method, route.path, self._handler_of(route.answer))

        runner = web.AppRunner(
            application, access_log=None, handle_signals=False, shutdown_timeout=_GRACE
        )
        await runner.setup()
        try:
            await web.SockSite(runner, self._socket).start()
            await self._stop_requested.wait()
        finally:
            await runner.cleanup()

    def _handler_of(self, answer: Callable[[RunServices, Call], tuple[int, Any]]) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            call = Call(
                attempt=self._attempt_of(request),
                names=dict(request.match_info),
                query=dict(request.query),
                body=await request.read(),
            )
            try:
                # the disk and the engine may take a while
                pending = self._loop.run_in_executor(None, answer, self._services, call)
            except RuntimeError:
                # the interpreter is exiting and starts no more threads
                raise ApiError(503, "UNAVAILABLE", "the program of the run ends") from None

            status, reply = await pending
            return _json_response(status, reply)

        return handle

    @web.middleware
    async def _answer_errors(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer errors in the platform's shape."""
        try:
            return await handler(request)

        except ApiError as error:
            return _json_response(error.status, describe_error(error))

        except web.HTTPException as error:
            refusal = _refusal_of(request, error)
            attempt = self._find_attempt(request)
            if attempt is not None:
                self._services.note(f"action `{attempt.action}` called the API: {refusal}")
            return _json_response(refusal.status, describe_error(refusal))

        except asyncio.CancelledError:
            raise

        except Exception as error:  # noqa: BLE001 - a fault of one request ends no other
            _log.exception("the API for the actions of packs failed")
            message = f"the API failed: {type(error).__name__}"
            return _json_response(500, describe_error(ApiError(500, "INTERNAL_ERROR", message)))

    @web.middleware
    async def _check_caller(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse a request that no attempt of this run sent, also one without a route.

        Raises:
            ApiError: The request is refused.
        """
        # a page in a browser could reach this port by a name of its own
        if request.headers.get("Host", "").lower() not in self._hosts:
            raise ApiError(421, "MISDIRECTED", "this API answers only to its own address")
        if "Origin" in request.headers:
            raise ApiError(403, "FORBIDDEN", "this API is not for browsers")

        self._attempt_of(request)
        return await handler(request)

    def _attempt_of(self, request: web.Request) -> AttemptIdentity:
        """Return the attempt that sent a request.

        Raises:
            ApiError: The request has no token of this run.
        """
        attempt = self._find_attempt(request)
        if attempt is None:
            raise ApiError(
                401, "UNAUTHORIZED", "the request needs the token in ATTUNE_API_TOKEN as its bearer"
            )
        return attempt

    def _find_attempt(self, request: web.Request) -> AttemptIdentity | None:
        """Return the attempt that sent a request; None if it has no token of this run."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        return read_token(self._api_key, token.strip())


def _json_response(status: int, reply: Any) -> web.Response:
    body = msgspec.json.encode(reply)
    return web.Response(status=status, body=body, content_type="application/json")


def _refusal_of(request: web.Request, error: web.HTTPException) -> ApiError:
    """Return the error for a request that the server itself refused."""
    if error.status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
        message = (
            f"{request.method} {request.path[:200]!r} is not served here: attune_nb has the parts "
            "of the platform's API for keys, artifacts, inquiries and executions"
        )
        return ApiError(501, "NOT_IMPLEMENTED", message)
    if error.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return ApiError(413, "TOO_LARGE", f"a request may have at most {_MAX_BODY:,} bytes")
    return ApiError(error.status, "BAD_REQUEST", error.reason)

"""The connections of `core.http_request`: one session a loop, TLS, and the way through a proxy."""

from __future__ import annotations

import asyncio
import atexit
import functools
import ipaddress
import os
import ssl
import weakref
from contextlib import suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING
from urllib import request as urllib_request

import aiohttp
from aiohttp import hdrs

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from aiohttp.abc import AbstractStreamWriter
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace
    from yarl import URL

__all__ = [
    "LoopSession",
    "RequestBody",
    "RequestPhase",
    "find_session",
    "make_tls_context",
    "open_session",
]

# Seconds that a connection is kept for the next request.
_KEEP_ALIVE = 15.0

# Seconds after which the environment is searched for proxies again: that takes a third of a small
# request's time.
_PROXIES_AGE = 0.5


class RequestPhase:
    """How far a request has come, for the name of its timeout.

    Attributes:
        is_connected: Whether it has a connection. Its headers are sent at once then.
        is_sent: Whether its body has been sent, too.
    """

    __slots__ = ("is_connected", "is_sent")

    def __init__(self) -> None:
        self.is_connected = False
        self.is_sent = False

    def begin(self, *, has_body: bool) -> None:
        """Note that the current task sends a request from now on."""
        self.is_connected = False
        self.is_sent = not has_body
        _current_phase.set(self)


# aiohttp could report the phases itself (`TraceConfig`), for an eighth of a small request's time
_current_phase: ContextVar[RequestPhase] = ContextVar("current_phase")


class _Connector(aiohttp.TCPConnector):
    """The connections of one loop."""

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - as the method that it extends
    ) -> Connection:
        """Return a connection for a request, and note that in the phase of the current task."""
        connection = await super().connect(req, traces, timeout)
        phase = _current_phase.get(None)
        if phase is not None:
            phase.is_connected = True
        return connection


class _Request(aiohttp.ClientRequest):
    """A request that takes the encodings that `http_body` decodes, up to the limit of a body."""

    DEFAULT_HEADERS = {  # noqa: RUF012 - the library declares no `ClassVar`
        hdrs.ACCEPT: "*/*",
        hdrs.ACCEPT_ENCODING: "gzip, deflate",
    }


class RequestBody(aiohttp.BytesPayload):
    """The body of a request, which notes in a phase that it has been sent."""

    def __init__(self, content: bytes, phase: RequestPhase) -> None:
        super().__init__(content)
        self._phase = phase

    async def write_with_length(
        self, writer: AbstractStreamWriter, content_length: int | None
    ) -> None:
        """Send the body."""
        await super().write_with_length(writer, content_length)
        self._phase.is_sent = True


class LoopSession:
    """The session of one event loop, which is closed as the loop ends.

    Attributes:
        client: The session of the HTTP library.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.client = _make_client()
        self._clock = loop.time
        self._closer = self._close_with_loop()
        self._proxies: dict[str, str] = {}
        self._proxies_read_at = -_PROXIES_AGE

    async def open(self) -> None:
        """Let the loop close the session: it does so with the generators that began in it."""
        await anext(self._closer)

    async def _close_with_loop(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            await self.client.close()

    def find_proxy(self, url: URL) -> str | None:
        """Return the proxy that the environment names for an address, see `_find_proxy`."""
        now = self._clock()
        if now - self._proxies_read_at > _PROXIES_AGE:
            self._proxies = urllib_request.getproxies_environment()
            self._proxies_read_at = now

        if not self._proxies:
            return None
        return _find_proxy(url, self._proxies)


_sessions: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, LoopSession] = (
    weakref.WeakKeyDictionary()
)


def find_session() -> LoopSession | None:
    """Return the session of the running loop, or None if it has none yet."""
    session = _sessions.get(asyncio.get_running_loop())
    if session is None or session.client.closed:
        return None
    return session


async def open_session() -> LoopSession:
    """Make and return the session of the running loop."""
    loop = asyncio.get_running_loop()
    session = LoopSession(loop)
    _sessions[loop] = session
    await session.open()
    return session


@atexit.register
def _close_at_exit() -> None:
    """Close the sessions of loops that run until the interpreter ends, as those of workers do."""
    for loop, session in list(_sessions.items()):
        if loop.is_running() and not session.client.closed:
            with suppress(Exception):
                asyncio.run_coroutine_threadsafe(session.client.close(), loop).result(timeout=1)


def _make_client() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        # the concurrency of the task limits how many there are
        connector=_Connector(limit=0, keepalive_timeout=_KEEP_ALIVE),
        # a jar would carry the session of one item into the request of another
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        request_class=_Request,
        auto_decompress=False,
    )


def make_tls_context(
    *, verify: bool, ca_file: str | None, cert: tuple[str, str | None] | None
) -> ssl.SSLContext:
    """Return the TLS settings of a request; equal settings share one context.

    `SSL_CERT_FILE` and `SSL_CERT_DIR` of the environment replace the usual authorities.

    Args:
        verify: Whether the server's certificate must be valid.
        ca_file: A file of the only authorities to trust.
        cert: The files of the client's certificate and of its key.

    Raises:
        OSError: A file cannot be read, or holds no certificate (`ssl.SSLError`).
    """
    environment = (os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
    return _tls_context(verify, ca_file, cert, environment)


@functools.lru_cache(maxsize=32)
def _tls_context(
    verify: bool,
    ca_file: str | None,
    cert: tuple[str, str | None] | None,
    environment: tuple[str | None, str | None],
) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    elif any(environment):
        file, folder = environment
        context.load_verify_locations(cafile=file or None, capath=folder or None)
    else:
        context.load_default_certs()
        # not every interpreter finds the authorities of its system
        import certifi  # noqa: PLC0415 - only for a request with TLS

        context.load_verify_locations(cafile=certifi.where())

    if cert is not None:
        context.load_cert_chain(*cert)
    return context


def _find_proxy(url: URL, proxies: dict[str, str]) -> str | None:
    """Return the proxy that the environment names for an address, as curl reads it.

    `http_proxy`, `https_proxy` and `all_proxy` name proxies, in lower or upper case; `no_proxy`
    lists hosts, domains and networks (`10.0.0.0/8`) that are reached without one.

    Args:
        url: The address.
        proxies: The variables without their `_proxy`, as `getproxies_environment` returns them.
    """
    proxy = proxies.get(url.scheme) or proxies.get("all")
    host = url.host
    if not proxy or host is None:
        return None

    # the standard library's own test of `no_proxy`; its type stubs leave it out
    is_excepted = urllib_request.proxy_bypass_environment  # type: ignore[attr-defined]
    if is_excepted(host, proxies) or is_excepted(f"{host}:{url.port}", proxies):
        return None
    if _is_in_network(host, proxies.get("no", "")):
        return None

    if "://" not in proxy:
        proxy = f"http://{proxy}"
    return proxy


def _is_in_network(host: str, no_proxy: str) -> bool:
    """Return whether a host is an address in one of the networks of `no_proxy`."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False

    for part in no_proxy.split(","):
        try:
            network = ipaddress.ip_network(part.strip(), strict=False)
        except ValueError:
            continue
        if address in network:
            return True
    return False

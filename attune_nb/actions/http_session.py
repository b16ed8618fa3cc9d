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
from typing import TYPE_CHECKING
from urllib import request as urllib_request

import aiohttp

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from yarl import URL

__all__ = ["RequestPhase", "find_proxy", "make_tls_context", "open_session"]

# Seconds that a connection is kept for the next request.
_KEEP_ALIVE = 15.0

_PROXY_NAMES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")

_Holder = tuple[aiohttp.ClientSession, "AsyncGenerator[None, None]"]
_sessions: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Holder] = (
    weakref.WeakKeyDictionary()
)


class RequestPhase:
    """How far a request has come, for the name of its timeout.

    Attributes:
        is_connected: Whether the request's headers have been sent.
        is_sent: Whether its body has been sent, too.
    """

    __slots__ = ("is_connected", "is_sent")

    def __init__(self) -> None:
        self.is_connected = False
        self.is_sent = False


async def open_session() -> aiohttp.ClientSession:
    """Return the session of the running loop, which is closed as the loop ends."""
    loop = asyncio.get_running_loop()
    holder = _sessions.get(loop)
    if holder is not None and not holder[0].closed:
        return holder[0]

    session = _make_session()
    closer = _close_with_loop(session)
    _sessions[loop] = (session, closer)
    # a loop closes the asynchronous generators that were begun in it
    await anext(closer)
    return session


async def _close_with_loop(session: aiohttp.ClientSession) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        await session.close()


@atexit.register
def _close_at_exit() -> None:
    """Close the sessions of loops that run until the interpreter ends, as those of workers do."""
    for loop, (session, _) in list(_sessions.items()):
        if loop.is_running() and not session.closed:
            with suppress(Exception):
                asyncio.run_coroutine_threadsafe(session.close(), loop).result(timeout=1)


def _make_session() -> aiohttp.ClientSession:
    trace = aiohttp.TraceConfig()
    trace.on_request_headers_sent.append(_note_headers)
    trace.on_request_chunk_sent.append(_note_body)
    return aiohttp.ClientSession(
        # the concurrency of the task limits how many there are
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE),
        # a jar would carry the session of one item into the request of another
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        auto_decompress=False,
        trace_configs=[trace],
    )


async def _note_headers(_session: object, context: object, _parameters: object) -> None:
    phase = getattr(context, "trace_request_ctx", None)
    if isinstance(phase, RequestPhase):
        phase.is_connected = True


async def _note_body(_session: object, context: object, _parameters: object) -> None:
    phase = getattr(context, "trace_request_ctx", None)
    if isinstance(phase, RequestPhase):
        phase.is_sent = True


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


def find_proxy(url: URL) -> str | None:
    """Return the proxy that the environment names for an address, as curl reads it.

    `http_proxy`, `https_proxy` and `all_proxy` name proxies, in lower or upper case; `no_proxy`
    lists hosts, domains and networks (`10.0.0.0/8`) that are reached without one.
    """
    if not any(name in os.environ for name in _PROXY_NAMES):
        # to walk through all variables would take a third of a small request's time
        return None

    proxies = urllib_request.getproxies_environment()
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

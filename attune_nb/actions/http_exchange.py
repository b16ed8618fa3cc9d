"""Send a request, follow its redirects, read the response; and the error if none came."""

from __future__ import annotations

import asyncio
import functools
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import aiohttp

from attune_nb.actions import http_errors
from attune_nb.actions.http_body import (
    LARGE,
    decode_body,
    read_body,
    resolve_target,
    save_body,
)
from attune_nb.actions.http_errors import HTTPError
from attune_nb.actions.http_message import (
    Login,
    find_cert_files,
    make_request,
    redirect,
    without_password,
)
from attune_nb.actions.http_session import (
    LoopSession,
    RequestBody,
    RequestPhase,
    find_session,
    make_tls_context,
    open_session,
)
from attune_nb.actions.http_status import is_expected_status

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

    from attune_nb.actions.http_message import Request

__all__ = [
    "Login",
    "Reading",
    "RequestPhase",
    "exchange",
    "find_cert_files",
    "make_request",
    "make_request_error",
    "resolve_target",
    "without_password",
]

# A body is sent with the type that its headers name, or without one.
_TYPE_OF_BODY = ("Content-Type",)

_REDIRECTS = (301, 302, 303, 307, 308)
_FIRST_ERROR_STATUS = 400

# The bytes of an answer at the end of a message of the HTTP library.
_LIBRARY_BYTES = re.compile(r"(?: when reading)?: (?:bytearray\()?b['\"].*")


# The responses of one server have the same names, which then share their memory.
_to_lower = functools.lru_cache(maxsize=256)(str.lower)


class Reading(NamedTuple):
    """How the response to a request is read.

    Attributes:
        expected: The statuses that are expected.
        max_bytes: The largest body.
        target: The file for the body of an expected response, or None.
    """

    expected: int | str | list[int | str]
    max_bytes: int
    target: Path | None


async def exchange(
    request: Request,
    phase: RequestPhase,
    redirects_left: int | None,
    reading: Reading,
) -> tuple[dict[str, Any], str]:
    """Send a request and follow its redirects; return the result, and the words of its status.

    Args:
        request: The request.
        phase: Is kept up to date.
        redirects_left: How many redirects to follow at most; None: follow none, and fail at none.
        reading: How to read the response.
    """
    session = find_session()
    if session is None:
        session = await open_session()

    while True:
        data = None
        skipped_headers = None
        if request.body is not None or request.method in aiohttp.ClientRequest.POST_METHODS:
            skipped_headers = _TYPE_OF_BODY
        if request.body is not None:
            data = RequestBody(request.body, phase)

        phase.begin(has_body=data is not None)
        response = await session.client.request(
            request.method,
            request.url,
            headers=request.headers or None,
            data=data,
            allow_redirects=False,
            proxy=_proxy_of(request, session),
            ssl=_tls_of(request),
            skip_auto_headers=skipped_headers,
        )
        try:
            location = None
            if redirects_left is not None and response.status in _REDIRECTS:
                location = response.headers.get("Location")
            if redirects_left is None or location is None:
                result = await _read(response, request, reading)
                return result, response.reason or ""

            if redirects_left == 0:
                raise http_errors.TooManyRedirects(
                    "more redirects than `max_redirects`; the last one leads to "
                    f"{without_password(location[:500])}"
                )
            redirects_left -= 1
            request = redirect(request, response.status, location)
        finally:
            # a complete response has given its connection back already
            response.close()


async def _read(
    response: aiohttp.ClientResponse, request: Request, reading: Reading
) -> dict[str, Any]:
    """Read the body of a response; return the result without `elapsed_ms`."""
    headers = {_to_lower(name): value for name, value in response.headers.items()}
    if len(headers) < len(response.headers):
        headers = _join_repeated(response)

    method = request.method
    status = response.status
    result: dict[str, Any] = {
        "status_code": status,
        "headers": headers,
        "body": None,
        "content": None,
        "json": None,
        "json_error": None,
        "saved_to": None,
        "elapsed_ms": None,
        "url": str(request.url),
        "success": status < _FIRST_ERROR_STATUS,
    }
    target = reading.target
    if target is not None and is_expected_status(status, reading.expected):
        await save_body(response, target, reading.max_bytes, method)
        result["saved_to"] = str(target)
        return result

    content = await read_body(response, reading.max_bytes, method)
    content_type = headers.get("content-type", "")
    if len(content) <= LARGE:
        result |= decode_body(content, content_type)
    else:
        result |= await asyncio.to_thread(decode_body, content, content_type)
    return result


def _join_repeated(response: aiohttp.ClientResponse) -> dict[str, str]:
    """Return the headers of a response; the values of a repeated one have commas between them."""
    headers: dict[str, str] = {}
    for name, value in response.headers.items():
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return headers


def _proxy_of(request: Request, session: LoopSession) -> str | None:
    """Return the proxy of a request.

    Raises:
        ProxyError: Its kind is not supported.
    """
    proxy = request.proxy
    if proxy is None:
        proxy = session.find_proxy(request.url)
    if not proxy:
        return None
    if not proxy.lower().startswith(("http://", "https://")):
        raise http_errors.ProxyError(
            f"the proxy `{without_password(proxy)}` is not supported; it must begin with "
            "http:// or https://"
        )
    return proxy


def _tls_of(request: Request) -> ssl.SSLContext | bool:
    """Return the TLS settings of a request.

    Raises:
        TLSError: A file of certificates cannot be read.
    """
    if request.url.scheme != "https" and not (request.proxy or "").startswith("https"):
        return True

    verify, ca_file, cert = request.tls
    try:
        return make_tls_context(verify=verify, ca_file=ca_file, cert=cert)
    except OSError as error:
        files = [name for name in (ca_file, *(cert or ())) if name]
        source = ", ".join(f"`{name}`" for name in files) or "SSL_CERT_FILE or SSL_CERT_DIR"
        raise http_errors.TLSError(f"cannot read the certificates of {source} ({error})") from error


def make_request_error(
    error: Exception, request: str, timeout: float | None, phase: RequestPhase
) -> HTTPError:
    """Return the error for a request without a complete response.

    Args:
        error: The error of this module, or of the HTTP library.
        request: The method and the address.
        timeout: The timeout of the request, in seconds.
        phase: How far the request has come.
    """
    if isinstance(error, HTTPError):
        return type(error)(f"{request}: {without_password(str(error))}", error.data)

    if isinstance(error, TimeoutError):
        kind: type[HTTPError] = http_errors.ReadTimeout
        if not phase.is_connected:
            kind = http_errors.ConnectTimeout
        elif not phase.is_sent:
            kind = http_errors.WriteTimeout
        limit = "the limit of the system" if timeout is None else f"{timeout:g} s"
        return kind(f"{request}: no complete response within {limit}")

    kind = _error_type(error, phase)
    if kind is http_errors.ProtocolError:
        reason = _describe_violation(error)
    else:
        reason = without_password(str(error)).strip()
    if not reason:
        reason = type(error).__name__
    return kind(f"{request}: {reason[:2000]}")


def _describe_violation(error: Exception) -> str:
    """Return how an answer breaks the rules of HTTP.

    The text of the library's error begins with a status 400, which no server has sent, and has
    the bytes of the answer.
    """
    cause = error.__cause__ if isinstance(error, aiohttp.ClientPayloadError) else error
    message = getattr(cause, "message", None) or str(error)
    summary = _LIBRARY_BYTES.sub("", message.partition("\n")[0]).rstrip(" .:")
    return f"the answer is no valid HTTP ({without_password(summary)})"


def _error_type(error: Exception, phase: RequestPhase) -> type[HTTPError]:
    """Return the type for an error of the HTTP library."""
    if isinstance(error, aiohttp.ClientSSLError | aiohttp.ClientConnectorCertificateError):
        return http_errors.TLSError
    if isinstance(error, aiohttp.ClientProxyConnectionError | aiohttp.ClientHttpProxyError):
        return http_errors.ProxyError
    if isinstance(error, aiohttp.ClientConnectorError):
        return http_errors.ConnectError
    if isinstance(error, aiohttp.InvalidURL):
        return http_errors.InvalidURL
    if isinstance(error, aiohttp.ClientPayloadError | aiohttp.ClientResponseError):
        return http_errors.ProtocolError
    if isinstance(error, aiohttp.ClientConnectionError | ConnectionError):
        return http_errors.ReadError if phase.is_sent else http_errors.WriteError
    return HTTPError

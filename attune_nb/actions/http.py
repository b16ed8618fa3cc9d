"""Send an HTTP request."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import time
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlencode

from attune_nb.actions import http_errors
from attune_nb.actions.arguments import check_arguments
from attune_nb.actions.http_errors import HTTPError, HTTPStatusError
from attune_nb.actions.http_status import DEFAULT_STATUSES, is_expected_status
from attune_nb.actions.to_text import to_text
from attune_nb.values.plain_text import simplify_all

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    import aiohttp
    from yarl import URL

    from attune_nb.actions.arguments import AuthType, Count, StatusPatterns, TimeoutSeconds
    from attune_nb.actions.http_session import RequestPhase

__all__ = ["MAX_BYTES", "http_request"]

MAX_BYTES = 50_000_000
"""The largest body that a request takes by default, in bytes."""

# The user and password of an address, after its scheme.
_CREDENTIALS = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]{0,30}://)[^/?#\s]*@")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

_REDIRECTS = (301, 302, 303, 307, 308)
_SEE_OTHER = 303
# Redirects after which a POST is repeated as a GET, as browsers and curl do.
_CHANGES_POST = (301, 302)
_FIRST_ERROR_STATUS = 400

# Headers that say nothing about the sender: another server may see them.
_PUBLIC_HEADERS = frozenset({"accept", "accept-language", "content-type", "user-agent"})
_BODY_HEADERS = frozenset({"content-type", "content-length", "content-encoding"})


def _check_together(arguments: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the argument that contradicts another one, and the message."""
    if arguments.get("body") is not None and arguments.get("json_body") is not None:
        return "json_body", "give at most one of `body` and `json_body`"

    auth_type = arguments.get("auth_type")
    if auth_type == "basic" and not arguments.get("auth_username"):
        return "auth_type", "`auth_type: basic` needs `auth_username`"
    if auth_type == "bearer" and not arguments.get("auth_token"):
        return "auth_type", "`auth_type: bearer` needs `auth_token`"

    cert = arguments.get("cert")
    if isinstance(cert, list | tuple):
        is_pair = len(cert) == 2  # noqa: PLR2004 - a certificate and its key
        if not is_pair or not all(isinstance(path, str) for path in cert):
            return "cert", "`cert` must be a file, or an array of the certificate's and key's files"
    return None


@check_arguments(_check_together)
async def http_request(
    url: str,
    method: str = "GET",
    headers: Mapping[str, Any] | None = None,
    body: str | bytes | None = None,
    json_body: Any = None,
    query_params: Mapping[str, Any] | None = None,
    timeout: TimeoutSeconds | None = 30,  # noqa: ASYNC109 - a key of the input
    verify_ssl: bool = True,
    auth_type: AuthType = "none",
    auth_username: str | None = None,
    auth_password: str | None = None,
    auth_token: str | None = None,
    follow_redirects: bool = True,
    max_redirects: Count = 10,
    expect_status: StatusPatterns = DEFAULT_STATUSES,
    max_bytes: Count = MAX_BYTES,
    save_to: str | None = None,
    proxy: str | None = None,
    ca_file: str | None = None,
    cert: str | Sequence[str] | None = None,
) -> dict[str, Any]:
    """Send one request. All requests of a loop share connections, but no cookies.

    Args:
        url: The address: `http://` or `https://`.
        method: The HTTP method.
        headers: Additional headers. A redirect to another server does not get them.
        body: The request's body as it is. Give this or `json_body`.
        json_body: A value that is sent as JSON.
        query_params: Additional parameters of the url's query.
        timeout: The longest time for the whole request, with redirects and body, in seconds.
        verify_ssl: Whether the server's certificate must be valid.
        auth_type: How to log in: `basic` needs `auth_username`, `bearer` needs `auth_token`.
        auth_username: For `basic`.
        auth_password: For `basic`; empty by default.
        auth_token: For `bearer`.
        follow_redirects: Whether to follow the redirects of 3xx responses.
        max_redirects: The maximum number of redirects.
        expect_status: The statuses that are no failure.
        max_bytes: The largest body, in bytes after decompression.
        save_to: A file in the working folder that the body is written to; `body`, `content` and
            `json` are None then. `ATTUNE_NB_SAVE_ANYWHERE=1` in the environment allows any
            folder.
        proxy: The proxy, `http://host:port`; an empty string is none. By default the variables
            `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy` of the environment hold.
        ca_file: A file of the certificate authorities to trust. By default those of the system,
            or of `SSL_CERT_FILE` and `SSL_CERT_DIR`.
        cert: The file of the client's certificate with its key, or an array of both files.

    Returns:
        `status_code`, `headers` (names in lower case), `body` (None if it is no text), `content`
        (the bytes if it is no text, else None), `json` (None if the body is not JSON),
        `json_error` (why valid JSON is not in `json`, or None), `saved_to`, `elapsed_ms`, `url`
        (after redirects), and `success`: False for 4xx and 5xx.

    Raises:
        ActionError: The input is invalid.
        HTTPStatusError: The status is not expected. The error's data is the response.
        HTTPError: No complete response came; see `attune_nb.actions.http_errors`.
    """
    # slow to import, and many workflows never need them
    from attune_nb.actions import http_body, http_session  # noqa: PLC0415

    method = method.upper()
    label = f"{method} {_without_password(url)}"
    phase = http_session.RequestPhase()
    started = time.perf_counter()
    try:
        target = http_body.resolve_target(save_to) if save_to is not None else None
        request = _Request(
            method=method,
            url=_make_url(url, query_params),
            headers=_headers(headers),
            body=_encode_body(body, json_body),
            proxy=proxy,
            tls=(verify_ssl, ca_file, _cert_files(cert)),
        )
        request = _log_in(request, auth_type, auth_username, auth_password, auth_token)
        _check_headers(request, is_json=json_body is not None)

        redirects_left = max_redirects if follow_redirects else None
        async with asyncio.timeout(timeout):
            result, reason = await _exchange(
                request, phase, redirects_left, (expect_status, max_bytes, target)
            )
    except asyncio.CancelledError:
        raise
    except Exception as error:
        raise _request_error(error, label, timeout, phase) from error

    result["elapsed_ms"] = round((time.perf_counter() - started) * 1000, 3)
    if not is_expected_status(result["status_code"], expect_status):
        status = f"{result['status_code']} {reason}".rstrip()
        raise HTTPStatusError(f"{status} from {method} {result['url']}", result)
    return result


class _Request(NamedTuple):
    """One request, as it is sent to one server.

    Attributes:
        tls: Whether to verify the certificate, the file of authorities, the client's certificate.
    """

    method: str
    url: URL
    headers: dict[str, str]
    body: bytes | None
    proxy: str | None
    tls: tuple[bool, str | None, tuple[str, str | None] | None]


async def _exchange(
    request: _Request,
    phase: RequestPhase,
    redirects_left: int | None,
    reading: tuple[int | str | list[int | str], int, Path | None],
) -> tuple[dict[str, Any], str]:
    """Send a request and follow its redirects; return the result, and the words of its status.

    Args:
        request: The request.
        phase: Is kept up to date.
        redirects_left: How many redirects to follow at most; None: follow none, and fail at none.
        reading: The statuses that are expected, the largest body, and the file for it.
    """
    from attune_nb.actions.http_session import open_session  # noqa: PLC0415 - slow to import

    session = await open_session()
    while True:
        phase.is_connected = False
        phase.is_sent = request.body is None
        response = await session.request(
            request.method,
            request.url,
            headers=request.headers,
            data=request.body,
            allow_redirects=False,
            proxy=_proxy_of(request),
            ssl=_tls_of(request),
            skip_auto_headers=["Content-Type"],
            trace_request_ctx=phase,
        )
        try:
            location = response.headers.get("Location")
            is_redirect = response.status in _REDIRECTS and location is not None
            if redirects_left is None or not is_redirect:
                result = await _read(response, request, *reading)
                return result, response.reason or ""

            if redirects_left == 0:
                raise http_errors.TooManyRedirects(
                    "more redirects than `max_redirects`; the last one leads to "
                    f"{_without_password(str(location)[:500])}"
                )
            redirects_left -= 1
            request = _redirect(request, response.status, str(location))
        finally:
            # a complete response has given its connection back already
            response.close()


async def _read(
    response: aiohttp.ClientResponse,
    request: _Request,
    expected: int | str | list[int | str],
    max_bytes: int,
    target: Path | None,
) -> dict[str, Any]:
    """Read the body of a response; return the result without `elapsed_ms`."""
    from attune_nb.actions import http_body  # noqa: PLC0415 - slow to import

    headers: dict[str, str] = {}
    for name, value in response.headers.items():
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value

    method = request.method
    result: dict[str, Any] = {
        "status_code": response.status,
        "headers": headers,
        "body": None,
        "content": None,
        "json": None,
        "json_error": None,
        "saved_to": None,
        "elapsed_ms": None,
        "url": str(request.url),
        "success": response.status < _FIRST_ERROR_STATUS,
    }
    if target is not None and is_expected_status(response.status, expected):
        await http_body.save_body(response, target, max_bytes, method)
        result["saved_to"] = str(target)
        return result

    content = await http_body.read_body(response, max_bytes, method)
    result |= await http_body.decode_body(content, headers.get("content-type", ""))
    return result


def _make_url(text: str, query_params: Mapping[str, Any] | None) -> URL:
    """Return an address with its query.

    Raises:
        InvalidURL: It cannot be requested.
    """
    from yarl import URL  # noqa: PLC0415 - slow to import

    text = text.strip()
    try:
        url = URL(text)
        port = url.port
        if url.scheme not in ("http", "https") or not url.host or port is None:
            raise http_errors.InvalidURL("the address must begin with http:// or https://")
        if query_params:
            query = urlencode(_query(query_params), doseq=True, quote_via=quote)
            without_fragment = str(url.with_fragment(None))
            separator = "&" if url.raw_query_string else "?"
            url = URL(without_fragment.rstrip("?") + separator + query, encoded=True)
    except (ValueError, TypeError, IndexError) as error:
        raise http_errors.InvalidURL(
            _without_password(f"the address is invalid ({error})")
        ) from None
    return url.with_fragment(None)


def _encode_body(body: str | bytes | None, json_body: Any) -> bytes | None:
    if json_body is not None:
        text = json.dumps(
            simplify_all(json_body), ensure_ascii=False, separators=(",", ":"), allow_nan=False
        )
        return text.encode()
    if isinstance(body, str):
        return body.encode()
    return body


def _cert_files(cert: str | Sequence[str] | None) -> tuple[str, str | None] | None:
    if cert is None:
        return None
    if isinstance(cert, str):
        return cert, None
    return cert[0], cert[1]


def _log_in(
    request: _Request,
    auth_type: str,
    username: str | None,
    password: str | None,
    token: str | None,
) -> _Request:
    """Return a request with its `Authorization`, and without a password in its address."""
    url = request.url
    header = None
    if auth_type == "basic":
        header = _basic(str(username), password or "")
    elif auth_type == "bearer":
        header = f"Bearer {token}"
    elif url.user is not None or url.password is not None:
        header = _basic(url.user or "", url.password or "")

    names = {name.lower() for name in request.headers}
    headers = dict(request.headers)
    if header is not None and (auth_type != "none" or "authorization" not in names):
        headers = _without(headers, {"authorization"})
        headers["Authorization"] = header
    return request._replace(url=url.with_user(None), headers=headers)


def _without(headers: Mapping[str, str], names: AbstractSet[str]) -> dict[str, str]:
    """Return headers without those of some names, which are in lower case."""
    return {name: value for name, value in headers.items() if name.lower() not in names}


def _basic(username: str, password: str) -> str:
    credentials = base64.b64encode(f"{username}:{password}".encode()).decode()
    return f"Basic {credentials}"


def _check_headers(request: _Request, *, is_json: bool) -> None:
    """Check the method and the headers, and add those that every request has.

    Raises:
        HTTPError: One of them cannot be sent.
    """
    if not _TOKEN.fullmatch(request.method):
        raise HTTPError(f"`{request.method[:40]}` is no method")

    size = len(request.body or b"")
    for name, value in request.headers.items():
        _check_header(name, value, size)

    names = {name.lower() for name in request.headers}
    if "accept-encoding" not in names:
        request.headers["Accept-Encoding"] = "gzip, deflate"
    if is_json and "content-type" not in names:
        request.headers["Content-Type"] = "application/json"


def _check_header(name: str, value: str, size: int) -> None:
    """Check one header of a request with a body of `size` bytes.

    Raises:
        HTTPError: It cannot be sent.
    """
    key = name.lower()
    if not _TOKEN.fullmatch(name):
        raise HTTPError(f"`{name[:40]}` is no name of a header")
    if any(character in value for character in "\r\n\0"):
        raise HTTPError(f"header `{name}` has a line break or a NUL in its value")
    if key == "transfer-encoding":
        raise HTTPError("leave the header `Transfer-Encoding` out; it follows from the body")
    if key == "content-length" and value != str(size):
        raise HTTPError(
            f"header `Content-Length` is `{value[:40]}`, but the body has {size} bytes; "
            "leave the header out"
        )


def _proxy_of(request: _Request) -> str | None:
    """Return the proxy of a request.

    Raises:
        ProxyError: Its kind is not supported.
    """
    from attune_nb.actions.http_session import find_proxy  # noqa: PLC0415 - slow to import

    proxy = request.proxy
    if proxy is None:
        proxy = find_proxy(request.url)
    if not proxy:
        return None
    if not proxy.lower().startswith(("http://", "https://")):
        raise http_errors.ProxyError(
            f"the proxy `{_without_password(proxy)}` is not supported; it must begin with "
            "http:// or https://"
        )
    return proxy


def _tls_of(request: _Request) -> ssl.SSLContext | bool:
    """Return the TLS settings of a request.

    Raises:
        TLSError: A file of certificates cannot be read.
    """
    from attune_nb.actions.http_session import make_tls_context  # noqa: PLC0415 - slow to import

    if request.url.scheme != "https" and not (request.proxy or "").startswith("https"):
        return True

    verify, ca_file, cert = request.tls
    try:
        return make_tls_context(verify=verify, ca_file=ca_file, cert=cert)
    except OSError as error:
        files = [name for name in (ca_file, *(cert or ())) if name]
        source = ", ".join(f"`{name}`" for name in files) or "SSL_CERT_FILE or SSL_CERT_DIR"
        raise http_errors.TLSError(f"cannot read the certificates of {source} ({error})") from error


def _redirect(request: _Request, status: int, location: str) -> _Request:
    """Return the request that a redirect leads to.

    Raises:
        InvalidURL: The address cannot be requested.
    """
    from yarl import URL  # noqa: PLC0415 - slow to import

    try:
        url = request.url.join(URL(location))
    except (ValueError, TypeError, IndexError) as error:
        raise http_errors.InvalidURL(
            _without_password(f"the server redirects to an invalid address ({error})")
        ) from None
    if url.scheme not in ("http", "https") or not url.host:
        raise http_errors.InvalidURL(
            f"the server redirects to `{_without_password(location[:500])}`, which is neither "
            "http:// nor https://"
        )

    headers = request.headers
    if url.origin() != request.url.origin():
        allowed = _PUBLIC_HEADERS | {"accept-encoding", "content-length", "content-encoding"}
        hidden = {name.lower() for name in headers} - allowed
        headers = _without(headers, hidden)

    method = request.method
    body = request.body
    becomes_get = status == _SEE_OTHER and method != "HEAD"
    if becomes_get or (status in _CHANGES_POST and method == "POST"):
        method = "GET"
        body = None
        headers = _without(headers, _BODY_HEADERS)
    return request._replace(
        method=method, url=url.with_user(None).with_fragment(None), headers=headers, body=body
    )


def _request_error(
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
        return type(error)(f"{request}: {_without_password(str(error))}", error.data)

    if isinstance(error, TimeoutError):
        kind: type[HTTPError] = http_errors.ReadTimeout
        if not phase.is_connected:
            kind = http_errors.ConnectTimeout
        elif not phase.is_sent:
            kind = http_errors.WriteTimeout
        limit = "the limit of the system" if timeout is None else f"{timeout:g} s"
        return kind(f"{request}: no complete response within {limit}")

    reason = _without_password(str(error)).strip()
    if not reason:
        reason = type(error).__name__
    return _error_type(error, phase)(f"{request}: {reason[:2000]}")


def _error_type(error: Exception, phase: RequestPhase) -> type[HTTPError]:
    """Return the type for an error of the HTTP library."""
    import aiohttp  # noqa: PLC0415 - slow to import

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


def _without_password(text: str) -> str:
    """Return a text without the user and password of the addresses in it."""
    return _CREDENTIALS.sub(r"\1", text)


def _headers(headers: Mapping[str, Any] | None) -> dict[str, str]:
    """Return headers with their values as text."""
    if headers is None:
        return {}
    return {str(name): to_text(value, f"header `{name}`") for name, value in headers.items()}


def _query(parameters: Mapping[str, Any]) -> dict[str, str | list[str]]:
    """Return the parameters of a query as text; an array repeats its name."""
    query: dict[str, str | list[str]] = {}
    for name, value in parameters.items():
        label = f"query `{name}`"
        if isinstance(value, list | tuple):
            query[str(name)] = [to_text(element, label) for element in value]
        else:
            query[str(name)] = to_text(value, label)
    return query

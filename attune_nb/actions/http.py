"""Send an HTTP request."""

from __future__ import annotations

import atexit
import os
import re
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from attune_nb.actions import http_errors
from attune_nb.actions.arguments import check_arguments
from attune_nb.actions.http_errors import HTTPError, HTTPStatusError
from attune_nb.actions.http_status import DEFAULT_STATUSES, is_expected_status
from attune_nb.actions.to_text import to_text
from attune_nb.templates.library.to_text import STRICT_JSON
from attune_nb.values.plain_text import simplify_all

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from attune_nb.actions.arguments import AuthType, Count, StatusPatterns, TimeoutSeconds

__all__ = ["http_request"]

# Our errors by the names of those of the HTTP library.
_ERROR_TYPES: dict[str, type[HTTPError]] = {
    "ConnectTimeout": http_errors.ConnectTimeout,
    "PoolTimeout": http_errors.ConnectTimeout,
    "ReadTimeout": http_errors.ReadTimeout,
    "WriteTimeout": http_errors.WriteTimeout,
    "ConnectError": http_errors.ConnectError,
    "ReadError": http_errors.ReadError,
    "WriteError": http_errors.WriteError,
    "ProxyError": http_errors.ProxyError,
    "ProtocolError": http_errors.ProtocolError,
    "DecodingError": http_errors.ProtocolError,
    "TooManyRedirects": http_errors.TooManyRedirects,
    "UnsupportedProtocol": http_errors.InvalidURL,
    "InvalidURL": http_errors.InvalidURL,
}
# The user and password of an address, after its scheme.
_CREDENTIALS = re.compile(r"^([a-zA-Z][a-zA-Z0-9+.-]*://)[^/?#]*@")

_clients: dict[tuple[bool, bool, int], httpx.Client] = {}
_lock = threading.Lock()


def _check_together(arguments: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the argument that contradicts another one, and the message."""
    if arguments.get("body") is not None and arguments.get("json_body") is not None:
        return "json_body", "give at most one of `body` and `json_body`"

    auth_type = arguments.get("auth_type")
    if auth_type == "basic" and not arguments.get("auth_username"):
        return "auth_type", "`auth_type: basic` needs `auth_username`"
    if auth_type == "bearer" and not arguments.get("auth_token"):
        return "auth_type", "`auth_type: bearer` needs `auth_token`"
    return None


@check_arguments(_check_together)
def http_request(
    url: str,
    method: str = "GET",
    headers: Mapping[str, Any] | None = None,
    body: str | bytes | None = None,
    json_body: Any = None,
    query_params: Mapping[str, Any] | None = None,
    timeout: TimeoutSeconds | None = 30,
    verify_ssl: bool = True,
    auth_type: AuthType = "none",
    auth_username: str | None = None,
    auth_password: str | None = None,
    auth_token: str | None = None,
    follow_redirects: bool = True,
    max_redirects: Count = 10,
    expect_status: StatusPatterns = DEFAULT_STATUSES,
) -> dict[str, Any]:
    """Send one request. All threads share connections, but no cookies.

    Args:
        url: The address: `http://` or `https://`.
        method: The HTTP method.
        headers: Additional headers.
        body: The request's body as it is. Give this or `json_body`.
        json_body: A value that is sent as JSON.
        query_params: Additional parameters of the url's query.
        timeout: The longest wait for a connection, and for every read.
        verify_ssl: Whether the server's certificate must be valid.
        auth_type: How to log in: `basic` needs `auth_username`, `bearer` needs `auth_token`.
        auth_username: For `basic`.
        auth_password: For `basic`; empty by default.
        auth_token: For `bearer`.
        follow_redirects: Whether to follow the redirects of 3xx responses.
        max_redirects: The maximum number of redirects.
        expect_status: The statuses that are no failure.

    Returns:
        `status_code`, `headers` (names in lower case), `body`, `json` (None if the body is
        not JSON), `elapsed_ms`, `url` (after redirects), and `success`: False for 4xx and 5xx.

    Raises:
        ActionError: The input is invalid.
        HTTPStatusError: The status is not expected. The error's data is the response.
        HTTPError: No complete response came; see `attune_nb.actions.http_errors`.
    """
    import httpx  # noqa: PLC0415 - slow to import, and many workflows never need it

    method = method.upper()
    request_headers = _headers(headers)
    auth = None
    if auth_type == "basic":
        # httpx takes an empty password
        auth = (str(auth_username), _or_empty(auth_password))
    elif auth_type == "bearer":
        request_headers["Authorization"] = f"Bearer {auth_token}"

    client = _client(verify_ssl, follow_redirects, max_redirects)
    started = time.perf_counter()
    try:
        target = httpx.URL(url)
        if query_params:
            target = target.copy_merge_params(_query(query_params))
        response = client.request(
            method,
            target,
            headers=request_headers,
            content=body,
            json=simplify_all(json_body),
            timeout=timeout,
            auth=auth,
        )
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, TypeError) as error:
        raise _request_error(error, f"{method} {_without_password(url)}", timeout) from error

    result = _result(response, (time.perf_counter() - started) * 1000)
    if not is_expected_status(response.status_code, expect_status):
        status = f"{response.status_code} {response.reason_phrase}".rstrip()
        raise HTTPStatusError(f"{status} from {method} {result['url']}", result)
    return result


def _request_error(error: Exception, request: str, timeout: float | None) -> HTTPError:
    """Return the error for a request without a complete response.

    Args:
        error: The error of the HTTP library.
        request: The method and the address.
        timeout: The timeout of the request, in seconds.
    """
    import httpx  # noqa: PLC0415 - slow to import

    if isinstance(error, httpx.TimeoutException):
        kind = _ERROR_TYPES[type(error).__name__]
        return kind(f"{request}: no response within {timeout} s")

    kind = HTTPError
    for library_type in type(error).__mro__:
        if library_type.__name__ in _ERROR_TYPES:
            kind = _ERROR_TYPES[library_type.__name__]
            break
    if kind is http_errors.ConnectError and _is_tls_error(error):
        kind = http_errors.TLSError

    reason = str(error)
    if not reason:
        reason = type(error).__name__
    return kind(f"{request}: {reason}")


def _is_tls_error(error: BaseException | None) -> bool:
    """Return whether an error was caused by TLS."""
    import ssl  # noqa: PLC0415 - slow to import

    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        cause = error.__cause__
        error = error.__context__ if cause is None else cause
    return False


def _without_password(url: str) -> str:
    """Return an address without the user and password in it."""
    return _CREDENTIALS.sub(r"\1", url, count=1)


def _result(response: httpx.Response, elapsed_ms: float) -> dict[str, Any]:
    parsed = None
    if response.content:
        with suppress(ValueError, RecursionError):
            parsed = response.json(**STRICT_JSON)
    return {
        "status_code": response.status_code,
        "headers": dict(response.headers),
        "body": response.text,
        "json": parsed,
        "elapsed_ms": round(elapsed_ms, 3),
        "url": _without_password(str(response.url)),
        "success": not response.is_error,
    }


def _or_empty(string: str | None) -> str:
    if string is None:
        return ""
    return string


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


def _client(verify_ssl: bool, follow_redirects: bool, max_redirects: int) -> httpx.Client:
    """Return the shared client for these settings."""
    key = (verify_ssl, follow_redirects, max_redirects)
    client = _clients.get(key)
    if client is not None:
        return client

    import http.cookiejar  # noqa: PLC0415 - slow to import, as httpx

    import httpx  # noqa: PLC0415 - slow to import

    with _lock:
        if key not in _clients:
            # a shared jar would carry the session of one item into the request of another
            no_cookies = http.cookiejar.DefaultCookiePolicy(allowed_domains=[])
            _clients[key] = httpx.Client(
                verify=verify_ssl,
                follow_redirects=follow_redirects,
                max_redirects=max_redirects,
                limits=httpx.Limits(max_connections=None),
                trust_env=False,
                cookies=http.cookiejar.CookieJar(policy=no_cookies),
            )
        return _clients[key]


@atexit.register
def _close() -> None:
    """Close all clients when the interpreter ends."""
    for client in _clients.values():
        client.close()


def _after_fork() -> None:
    """Start with new clients: parent and child cannot share a socket."""
    global _clients, _lock  # noqa: PLW0603 - the module holds one set of clients a process
    # kept alive: closing them here would shut the parent's connections down
    _abandoned.append(_clients)
    _clients = {}
    _lock = threading.Lock()


_abandoned: list[dict[tuple[bool, bool, int], httpx.Client]] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

"""Send an HTTP request."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from attune_nb.actions.arguments import check_arguments
from attune_nb.actions.http_errors import HTTPStatusError
from attune_nb.actions.http_status import DEFAULT_STATUSES, is_expected_status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attune_nb.actions.arguments import AuthType, Count, StatusPatterns, TimeoutSeconds

__all__ = ["MAX_BYTES", "http_request"]

MAX_BYTES = 50_000_000
"""The largest body that a request takes by default, in bytes."""


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
    import asyncio  # noqa: PLC0415

    # one import, as it is made for each request
    from attune_nb.actions.http_exchange import (  # noqa: PLC0415
        Login,
        Reading,
        RequestPhase,
        exchange,
        find_cert_files,
        make_request,
        make_request_error,
        resolve_target,
        without_password,
    )

    method = method.upper()
    phase = RequestPhase()
    started = time.perf_counter()
    try:
        target = None
        if save_to is not None:
            target = resolve_target(save_to)

        login = Login(auth_type, auth_username, auth_password, auth_token)
        tls = (verify_ssl, ca_file, find_cert_files(cert))
        request = make_request(
            method, url, query_params, headers, body, json_body, login, proxy, tls
        )

        redirects_left = max_redirects if follow_redirects else None
        reading = Reading(expect_status, max_bytes, target)
        async with asyncio.timeout(timeout):
            result, reason = await exchange(request, phase, redirects_left, reading)
    except Exception as error:
        label = f"{method} {without_password(url)}"
        raise make_request_error(error, label, timeout, phase) from error

    result["elapsed_ms"] = round((time.perf_counter() - started) * 1000, 3)
    if not is_expected_status(result["status_code"], expect_status):
        status = f"{result['status_code']} {reason}".rstrip()
        raise HTTPStatusError(f"{status} from {method} {result['url']}", result)
    return result

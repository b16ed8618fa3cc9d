"""Ask an HTTP server for something."""

from __future__ import annotations

import atexit
import os
import threading
import time
from typing import TYPE_CHECKING, Any

from attune_nb.actions.arguments import judged
from attune_nb.actions.to_text import text
from attune_nb.errors import ActionError
from attune_nb.templates.library.to_text import STRICT_JSON

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from attune_nb.actions.arguments import AuthType, Count, Patience

__all__ = ["http_request"]

_clients: dict[tuple[bool, bool, int], httpx.Client] = {}
_lock = threading.Lock()


def _together(given: Mapping[str, Any]) -> tuple[str, str] | None:
    """Say which arguments do not go together."""
    if given.get("body") is not None and given.get("json_body") is not None:
        return "json_body", "give at most one of `body` and `json_body`"
    kind = given.get("auth_type")
    needed = {"basic": "auth_username", "bearer": "auth_token"}.get(kind or "")
    if needed and not given.get(needed):
        return "auth_type", f"`auth_type: {kind}` needs `{needed}`"
    return None


@judged(_together)
def http_request(
    url: str,
    method: str = "GET",
    headers: Mapping[str, Any] | None = None,
    body: str | bytes | None = None,
    json_body: Any = None,
    query_params: Mapping[str, Any] | None = None,
    timeout: Patience | None = 30,
    verify_ssl: bool = True,
    auth_type: AuthType = "none",
    auth_username: str | None = None,
    auth_password: str | None = None,
    auth_token: str | None = None,
    follow_redirects: bool = True,
    max_redirects: Count = 10,
) -> dict[str, Any]:
    """Send one request; connections are kept and shared by every thread, cookies are not.

    Args:
        url: Where to; `http://` or `https://`.
        method: The HTTP method.
        headers: Headers to add.
        body: The request's body as it is. Give this or `json_body`.
        json_body: A value to send as JSON.
        query_params: Added to the query that the url has.
        timeout: Seconds to wait for a connection and for each read; None waits for ever.
        verify_ssl: Whether the server's certificate must be valid.
        auth_type: `none`, `basic` (with `auth_username`) or `bearer` (with `auth_token`).
        auth_username: For `basic`.
        auth_password: For `basic`; empty by default.
        auth_token: For `bearer`.
        follow_redirects: Whether to go where a 3xx answer points.
        max_redirects: How many times.

    Returns:
        `status_code`, `headers` (names in lower case), `body`, `json` (None if the body is
        not JSON), `elapsed_ms`, `url` (the last one), and `success`: False for 4xx and 5xx.

    Raises:
        ActionError: The input is wrong, or no answer came.
    """
    import httpx  # noqa: PLC0415 - slow to import, and many workflows never need it

    auth, extra = _auth(auth_type, auth_username, auth_password, auth_token)
    sent = {str(key): text(each, f"header `{key}`") for key, each in (headers or {}).items()}
    method = method.upper()
    started = time.perf_counter()
    try:
        target = httpx.URL(url)
        response = _client(verify_ssl, follow_redirects, max_redirects).request(
            method,
            target.copy_merge_params(_query(query_params)) if query_params else target,
            headers=sent | extra,
            content=body,
            json=json_body,
            timeout=timeout,
            auth=auth,
        )
    except httpx.TimeoutException as error:
        raise ActionError(f"{method} {url}: no answer within {timeout} s") from error
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, TypeError) as error:
        raise ActionError(f"{method} {url}: {error or type(error).__name__}") from error
    return _result(response, (time.perf_counter() - started) * 1000)


def _result(response: httpx.Response, elapsed_ms: float) -> dict[str, Any]:
    try:
        parsed = response.json(**STRICT_JSON) if response.content else None
    except (ValueError, RecursionError):
        parsed = None
    return {
        "status_code": response.status_code,
        "headers": dict(response.headers),
        "body": response.text,
        "json": parsed,
        "elapsed_ms": round(elapsed_ms, 3),
        "url": str(response.url),
        "success": not response.is_error,
    }


def _auth(
    kind: str, username: str | None, password: str | None, token: str | None
) -> tuple[tuple[str, str] | None, dict[str, str]]:
    """Give httpx's `auth` and the headers to add."""
    if kind == "basic":
        return (username or "", password or ""), {}
    return None, {"Authorization": f"Bearer {token}"} if kind == "bearer" else {}


def _query(given: Mapping[str, Any]) -> dict[str, str | list[str]]:
    """Write what a query holds; a list stands for its name given several times."""
    return {
        str(key): [text(one, f"query `{key}`") for one in each]
        if isinstance(each, list | tuple)
        else text(each, f"query `{key}`")
        for key, each in given.items()
    }


def _client(verify: bool, follow: bool, redirects: int) -> httpx.Client:
    key = (verify, follow, redirects)
    client = _clients.get(key)
    if client is not None:
        return client
    import http.cookiejar  # noqa: PLC0415

    import httpx  # noqa: PLC0415

    with _lock:
        if key not in _clients:
            # A shared jar would carry one item's session into another's request.
            nobody = http.cookiejar.DefaultCookiePolicy(allowed_domains=[])
            _clients[key] = httpx.Client(
                verify=verify,
                follow_redirects=follow,
                max_redirects=redirects,
                limits=httpx.Limits(max_connections=None),
                trust_env=False,
                cookies=http.cookiejar.CookieJar(policy=nobody),
            )
        return _clients[key]


@atexit.register
def _close() -> None:
    """Close what is still connected when the interpreter ends."""
    for client in _clients.values():
        client.close()


def _after_fork() -> None:
    """Leave the parent its connections: two processes cannot talk on one socket."""
    global _clients, _lock  # noqa: PLW0603
    _abandoned.append(_clients)
    _clients = {}
    _lock = threading.Lock()


_abandoned: list[dict[tuple[bool, bool, int], httpx.Client]] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

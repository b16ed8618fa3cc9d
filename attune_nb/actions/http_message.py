"""One HTTP request as it is sent to one server: made of the input, or of a redirect."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlencode

from yarl import URL

from attune_nb.actions import http_errors
from attune_nb.actions.http_errors import HTTPError
from attune_nb.actions.to_text import to_text
from attune_nb.values.plain_text import simplify_all

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

__all__ = ["Login", "Request", "find_cert_files", "make_request", "redirect", "without_password"]

# The user and password of an address, after its scheme.
_CREDENTIALS = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]{0,30}://)[^/?#\s]*@")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

_SEE_OTHER = 303
# Redirects after which a POST is repeated as a GET, as browsers and curl do.
_CHANGES_POST = (301, 302)

# Headers that say nothing about the sender: another server may see them.
_PUBLIC_HEADERS = frozenset({"accept", "accept-language", "content-type", "user-agent"})
_BODY_HEADERS = frozenset({"content-type", "content-length", "content-encoding"})


class Login(NamedTuple):
    """How a request logs in: the arguments of the action."""

    auth_type: str
    username: str | None
    password: str | None
    token: str | None


class Request(NamedTuple):
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


def make_request(
    method: str,
    url: str,
    query_params: Mapping[str, Any] | None,
    headers: Mapping[str, Any] | None,
    body: str | bytes | None,
    json_body: Any,
    login: Login,
    proxy: str | None,
    tls: tuple[bool, str | None, tuple[str, str | None] | None],
) -> Request:
    """Return the request for the arguments of the action.

    Raises:
        HTTPError: It cannot be sent.
    """
    full_url = _make_url(url, query_params)
    content = _encode_body(body, json_body)
    all_headers = _headers(headers)

    authorization = _authorization(full_url, login)
    if authorization is not None:
        replaces = login.auth_type != "none"
        all_headers = _log_in(all_headers, authorization, replaces=replaces)
        full_url = full_url.with_user(None)
    if json_body is not None and not _has(all_headers, "content-type"):
        all_headers["Content-Type"] = "application/json"

    _check_message(method, all_headers, content)
    return Request(method, full_url, all_headers, content, proxy, tls)


def _make_url(text: str, query_params: Mapping[str, Any] | None) -> URL:
    """Return an address with its query.

    Raises:
        InvalidURL: It cannot be requested.
    """
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
            without_password(f"the address is invalid ({error})")
        ) from None
    if url.raw_fragment:
        url = url.with_fragment(None)
    return url


def _encode_body(body: str | bytes | None, json_body: Any) -> bytes | None:
    if json_body is not None:
        text = json.dumps(
            simplify_all(json_body), ensure_ascii=False, separators=(",", ":"), allow_nan=False
        )
        return text.encode()
    if isinstance(body, str):
        return body.encode()
    return body


def find_cert_files(cert: str | Sequence[str] | None) -> tuple[str, str | None] | None:
    """Return the files of the client's certificate and of its key."""
    if cert is None:
        return None
    if isinstance(cert, str):
        return cert, None
    return cert[0], cert[1]


def _authorization(url: URL, login: Login) -> str | None:
    """Return the `Authorization` of a request, or None if it needs none."""
    if login.auth_type == "basic":
        return _basic(str(login.username), login.password or "")
    if login.auth_type == "bearer":
        return f"Bearer {login.token}"
    if url.user is not None or url.password is not None:
        return _basic(url.user or "", url.password or "")
    return None


def _log_in(headers: dict[str, str], authorization: str, *, replaces: bool) -> dict[str, str]:
    """Return headers with an `Authorization`.

    Args:
        headers: The headers.
        authorization: The value.
        replaces: Whether it replaces one among the headers, else that stays.
    """
    if not replaces and _has(headers, "authorization"):
        return headers
    return {**_without(headers, {"authorization"}), "Authorization": authorization}


def _has(headers: Mapping[str, str], name: str) -> bool:
    """Return whether there is a header of a name, which is in lower case."""
    return any(key.lower() == name for key in headers)


def _without(headers: Mapping[str, str], names: AbstractSet[str]) -> dict[str, str]:
    """Return headers without those of some names, which are in lower case."""
    return {name: value for name, value in headers.items() if name.lower() not in names}


def _basic(username: str, password: str) -> str:
    credentials = base64.b64encode(f"{username}:{password}".encode()).decode()
    return f"Basic {credentials}"


def _check_message(method: str, headers: Mapping[str, str], content: bytes | None) -> None:
    """Check the method and the headers of a request.

    Raises:
        HTTPError: One of them cannot be sent.
    """
    if not _TOKEN.fullmatch(method):
        raise HTTPError(f"`{method[:40]}` is no method")

    size = len(content or b"")
    for name, value in headers.items():
        _check_header(name, value, size)


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


def redirect(request: Request, status: int, location: str) -> Request:
    """Return the request that a redirect leads to.

    Raises:
        InvalidURL: The address cannot be requested.
    """
    try:
        url = request.url.join(URL(location))
    except (ValueError, TypeError, IndexError) as error:
        raise http_errors.InvalidURL(
            without_password(f"the server redirects to an invalid address ({error})")
        ) from None
    if url.scheme not in ("http", "https") or not url.host:
        raise http_errors.InvalidURL(
            f"the server redirects to `{without_password(location[:500])}`, which is neither "
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


def without_password(text: str) -> str:
    """Return a text without the user and password of the addresses in it."""
    return _CREDENTIALS.sub(r"\1", text)

"""The errors of `core.http_request`, by the names that `retry: {on_error: ...}` uses.

HTTPError                 a request failed
├── HTTPStatusError       a response came, with a status that was not expected
├── InvalidURL            the address cannot be requested
├── TooManyRedirects      more redirects than `max_redirects`
├── ResponseTooLarge      a body of more than `max_bytes`
└── TransportError        no complete response came
    ├── ConnectError      no connection to the server
    │   ├── TLSError      the certificate or the handshake failed
    │   └── ConnectTimeout
    ├── ReadError         the connection ended during the response
    │   └── ReadTimeout
    ├── WriteError        the connection ended during the request
    │   └── WriteTimeout
    ├── ProtocolError     the server's answer is no valid HTTP
    └── ProxyError        the proxy refused the request
"""

from __future__ import annotations

from attune_nb.errors import ActionError

__all__ = [
    "ConnectError",
    "ConnectTimeout",
    "HTTPError",
    "HTTPStatusError",
    "InvalidURL",
    "ProtocolError",
    "ProxyError",
    "ReadError",
    "ReadTimeout",
    "ResponseTooLarge",
    "TLSError",
    "TooManyRedirects",
    "TransportError",
    "WriteError",
    "WriteTimeout",
]


class HTTPError(ActionError):
    """A request failed."""


class HTTPStatusError(HTTPError):
    """A response came whose status was not expected. Its data is the response."""


class InvalidURL(HTTPError):  # noqa: N818 - users write this name in `on_error`
    """The address cannot be requested."""


class TooManyRedirects(HTTPError):  # noqa: N818 - users write this name in `on_error`
    """There were more redirects than `max_redirects`."""


class ResponseTooLarge(HTTPError):  # noqa: N818 - users write this name in `on_error`
    """The body of the response has more than `max_bytes`."""


class TransportError(HTTPError):
    """No complete response came."""


class ConnectError(TransportError):
    """There is no connection to the server."""


class TLSError(ConnectError):
    """The server's certificate was refused, or the handshake failed."""


class ConnectTimeout(ConnectError):  # noqa: N818 - users write this name in `on_error`
    """There was no connection within the timeout."""


class ReadError(TransportError):
    """The connection ended before the response was complete."""


class ReadTimeout(ReadError):  # noqa: N818 - users write this name in `on_error`
    """No more of the response came within the timeout."""


class WriteError(TransportError):
    """The connection ended before the request was complete."""


class WriteTimeout(WriteError):  # noqa: N818 - users write this name in `on_error`
    """The request could not be sent within the timeout."""


class ProtocolError(TransportError):
    """The server's answer is no valid HTTP response."""


class ProxyError(TransportError):
    """The proxy refused the request, or gave no valid answer."""

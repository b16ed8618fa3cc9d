"""The base classes of all handlers: access, requests, and answers.

A handler derives from `AttuneHandler` (JSON), `AttunePage` (HTML) or `AttuneSocket`, and marks each
of its methods by `requires`. A class with an unmarked method cannot be defined.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence  # noqa: TC003 - msgspec reads the annotations
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

import msgspec
from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler, JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from jupyter_server.extension.handler import ExtensionHandlerJinjaMixin, ExtensionHandlerMixin
from tornado.ioloop import IOLoop
from tornado.web import HTTPError, authenticated
from tornado.websocket import WebSocketHandler

from attune_nb.errors import StoreError, nearest
from attune_nb.html import printable
from attune_nb.server.web.problems import ProblemReply
from attune_nb.store.event_rows import column_text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from tornado.httputil import HTTPServerRequest

    from attune_nb.server.live.tails import Tails
    from attune_nb.server.stores import Stores

__all__ = [
    "RESOURCE",
    "Access",
    "Action",
    "ApiError",
    "AttuneHandler",
    "AttunePage",
    "AttuneSocket",
    "ErrorReply",
    "ProblemReply",
    "requires",
]

RESOURCE = "attune"
"""The name of these handlers for an authorizer of Jupyter."""

Action = Literal["read", "write", "execute"]
"""Look at runs; send commands to them; start them."""

_Method = TypeVar("_Method", bound="Callable[..., Any]")
_Query = TypeVar("_Query", bound=msgspec.Struct)
_Result = TypeVar("_Result")

_METHODS = ("get", "head", "post", "put", "patch", "delete", "options")

# characters of a name in a message
_MAX_NAME = 80

# bytes of the body of a request
_MAX_BODY = 10_000_000

# parameters of any address, which Jupyter reads itself
_JUPYTER_PARAMETERS = ("token", "no_track_activity", "_xsrf")

_CONTENT_SECURITY_POLICY = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'self'",
)


class Access(NamedTuple):
    """The actions that a caller of a method must be allowed.

    Attributes:
        action: The action on the resource `attune`.
        kernels: Whether `execute` on `kernels` is needed, too: the method runs code.
    """

    action: Action
    kernels: bool = False


class ErrorReply(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of every answer that is an error.

    Attributes:
        message: The fault, and the remedy.
        reason: The kind of fault, for programs: why a command was refused.
        problems: Single faults in the request, or in a workflow's file.
    """

    message: str
    reason: str = ""
    problems: Sequence[ProblemReply] = ()


class ApiError(HTTPError):
    """An answer that is an error: its status, its message, and single faults."""

    def __init__(
        self,
        status_code: int,
        message: str,
        problems: Sequence[ProblemReply] = (),
        *,
        reason: str = "",
    ) -> None:
        log_message = message
        if status_code == HTTPStatus.UNPROCESSABLE_ENTITY:
            # the message may quote an answer or a parameter, which are for the caller alone
            log_message = "what was sent cannot be used"
        # tornado logs the message as a format
        super().__init__(status_code, "%s", log_message)
        # a path in it may be one that UTF-8 cannot encode
        message = column_text(message)
        self.reply = ErrorReply(message, reason, tuple(problems))


def requires(action: Action, *, kernels: bool = False) -> Callable[[_Method], _Method]:
    """Return a decorator for a method of a handler: it checks who calls.

    Without credentials a page redirects to Jupyter's login, and all others answer 403. A caller
    whom the server's authorizer does not allow the action gets 403, too. A `StoreError` of the
    method is answered as 503, with its message.

    Args:
        action: The action on the resource `attune`.
        kernels: Whether `execute` on `kernels` is needed, too: the method runs code.
    """

    def decorate(method: _Method) -> _Method:
        guarded: Any = authorized(action, RESOURCE)(_with_errors(method))
        if kernels:
            guarded = authorized("execute", "kernels")(guarded)
        guarded = authenticated(guarded)
        guarded.access = Access(action, kernels)
        return guarded  # type: ignore[no-any-return]

    return decorate


def _with_errors(method: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(method)
    async def call(self: Any, *arguments: Any, **options: Any) -> Any:
        try:
            result = method(self, *arguments, **options)
            if hasattr(result, "__await__"):
                result = await result
        except StoreError as error:
            raise ApiError(503, str(error)) from error
        return result

    return call


class _Guarded(ExtensionHandlerMixin):
    """The base of all handlers."""

    auth_resource = RESOURCE

    settings: dict[str, Any]
    current_user: Any
    request: HTTPServerRequest
    get_query_argument: Callable[..., Any]

    def __init_subclass__(cls, **options: Any) -> None:
        """Refuse a method that does not say who may call it."""
        super().__init_subclass__(**options)
        for name in _METHODS:
            method = vars(cls).get(name)
            if method is not None and not hasattr(method, "access"):
                raise TypeError(f"{cls.__name__}.{name} must be marked by `requires`")

    @property
    def stores(self) -> Stores:
        """The stores of this server."""
        stores: Stores = self.settings["attune_stores"]
        return stores

    @property
    def tails(self) -> Tails:
        """The threads that look at the stores."""
        tails: Tails = self.settings["attune_tails"]
        return tails

    async def in_thread(self, function: Callable[..., _Result], *arguments: Any) -> _Result:
        """Call a function that may block in a thread, and return its result.

        Args:
            function: The function.
            arguments: Its arguments.
        """
        threads = self.settings["attune_threads"]
        return await IOLoop.current().run_in_executor(threads, function, *arguments)

    @property
    def actor(self) -> str:
        """The name of the caller. With a plain token it is a random one: it names no person."""
        user = self.current_user
        name = user.display_name
        if not name:
            name = user.username
        return str(name)

    async def find_store(self, run_id: str) -> Path:
        """Return the store that has a run.

        Raises:
            ApiError: 404: no store of this server has it.
        """
        # to list folders and to open files may take long
        path = await self.in_thread(self.stores.find, run_id)
        if path is None:
            raise ApiError(404, f"there is no run {run_id}")
        return path

    def read_query(self, query_type: type[_Query]) -> _Query:
        """Return the parameters of the request's address.

        Args:
            query_type: A struct with the parameters; texts are converted to its types.

        Raises:
            ApiError: 422: there is no such parameter, or one does not fit the type.
        """
        names = [field.encode_name for field in msgspec.structs.fields(query_type)]
        fields = {}
        for name in self.request.query_arguments:
            if name in names:
                fields[name] = self.get_query_argument(name)
            elif name not in _JUPYTER_PARAMETERS:
                raise ApiError(422, f"the address of the request: {_explain_unknown(name, names)}")

        try:
            return msgspec.convert(fields, query_type, strict=False)
        except msgspec.ValidationError as error:
            raise ApiError(422, f"the address of the request: {error}") from None


class AttuneHandler(_Guarded, APIHandler):
    """A handler of the API: JSON in, JSON out."""

    auth_resource = RESOURCE

    def update_api_activity(self) -> None:
        """Note that the server is not idle; a page that only looks keeps no server alive."""
        if self.request.method == "POST":
            super().update_api_activity()

    def read_body(self, body_type: Any) -> Any:
        """Return the body of the request.

        Args:
            body_type: A struct with the fields that may be sent, or a union of such structs.

        Raises:
            ApiError: 400: the body is no JSON. 413: it is too large. 422: it does not fit the type,
                or is nested too deep.
        """
        body = self.request.body
        if len(body) > _MAX_BODY:
            raise ApiError(413, f"the body of the request is larger than {_MAX_BODY:,} bytes")
        if not body:
            body = b"{}"

        try:
            return msgspec.json.decode(body, type=body_type)
        except msgspec.ValidationError as error:
            raise ApiError(422, f"the body of the request: {error}") from None
        except RecursionError:
            raise ApiError(422, "the body of the request is nested too deep") from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ApiError(400, f"the body of the request is no JSON: {error}") from None

    def reply(self, value: Any, status: int = 200) -> None:
        """Send a value as JSON, and end the request.

        Args:
            value: A struct, or anything else that msgspec can encode.
            status: The status of HTTP.
        """
        self.set_status(status)
        self.set_header("Cache-Control", "no-store")
        self.finish(msgspec.json.encode(value))

    def write_error(self, status_code: int, **options: Any) -> None:
        """Send an error as JSON: `{"message": ..., "problems": [...]}`."""
        error = options.get("exc_info", (None, None, None))[1]
        if isinstance(error, ApiError):
            reply = error.reply
        elif isinstance(error, HTTPError):
            reply = ErrorReply(_message_of(error))
        else:
            reply = ErrorReply("the server failed; its log has the reason")

        self.set_status(status_code)
        self.finish(msgspec.json.encode(reply))


class AttunePage(ExtensionHandlerJinjaMixin, _Guarded, JupyterHandler):
    """A handler of pages of HTML, which load nothing from other servers."""

    auth_resource = RESOURCE

    @property
    def content_security_policy(self) -> str:
        """The policy of the page; one that the administrator has set holds instead."""
        headers = self.settings.get("headers", {})
        if "Content-Security-Policy" in headers:
            return str(headers["Content-Security-Policy"])
        return "; ".join(_CONTENT_SECURITY_POLICY)

    def set_default_headers(self) -> None:
        """Set the policy, and keep the token of an address from other sites."""
        super().set_default_headers()
        self.set_header("Referrer-Policy", "same-origin")
        self.set_header("Cache-Control", "no-store")


class AttuneSocket(_Guarded, WebSocketMixin, WebSocketHandler, JupyterHandler):
    """A handler of WebSockets."""

    auth_resource = RESOURCE

    @requires("read")
    async def get(self, *arguments: Any, **options: Any) -> None:
        """Open the socket."""
        await super().get(*arguments, **options)

    def get_login_url(self) -> str:
        """Answer 403: a socket cannot be redirected to a login.

        Raises:
            HTTPError: Always.
        """
        raise HTTPError(403)


def _explain_unknown(name: str, names: Sequence[str]) -> str:
    """Return why a parameter of an address is not one of those that there are."""
    hint = nearest(name, names)
    if not hint:
        hint = "; there is none"
        if names:
            quoted = ", ".join(f"`{parameter}`" for parameter in names)
            hint = f"; there are {quoted}"
    return f"there is no parameter `{printable(name[:_MAX_NAME])}`{hint}"


def _message_of(error: HTTPError) -> str:
    """Return the message of an error that Jupyter or tornado has raised."""
    if not error.log_message:
        reason = error.reason
        if not reason:
            reason = HTTPStatus(error.status_code).phrase
        return str(reason)

    if error.args:
        return str(error.log_message % error.args)
    # tornado doubles the signs of a message without arguments
    return str(error.log_message.replace("%%", "%"))

"""The live stream: WebSockets of a run and of the list of runs, and server-sent events.

A client of the socket of a run gets a `Snapshot`, and then a `Delta` for each change, at most ten a
second. The socket is closed with the code 1000 once the run has ended, or after a `Gone`: there is
nothing to connect to again. It is closed with 1001 when the server stops.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClosedError

from attune_nb.server.web.access import ApiError, AttuneHandler, AttuneSocket, requires

if TYPE_CHECKING:
    from pathlib import Path

    from attune_nb.server.live.feeds import Subscription

__all__ = ["ListSocket", "RunSocket", "RunStream", "StreamQuery"]

# seconds between two signs of life: a proxy closes a connection that is quiet for a minute
_PING_EVERY = 25.0

# the codes of closed sockets: there is nothing more to send; the server stops; it has failed
_NORMAL_CLOSURE = 1000
_GOING_AWAY = 1001
_FAILED = 1011

# bytes of a message of a client, which is ignored
_MAX_MESSAGE = 1_000


class StreamQuery(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters of the stream of a run.

    Attributes:
        at: The `at` of the last message that the client has. It then gets only the changes since,
            if the server still has the state of that time.
    """

    at: Annotated[int, msgspec.Meta(ge=0)] | None = None


class _StateSocket(AttuneSocket):
    """A socket that sends states as fast as the client reads them."""

    _subscription: Subscription[Any] | None = None
    _sender: asyncio.Task[None] | None = None

    # a page that is open keeps no server alive
    _track_activity = False

    @property
    def max_message_size(self) -> int:
        """The most bytes of a message of the client; a larger one ends the connection."""
        return _MAX_MESSAGE

    @property
    def ping_interval(self) -> float:
        """The seconds between two pings, which tornado sends; Jupyter's own are not begun."""
        interval: float | None = self.settings.get("websocket_ping_interval")
        return _PING_EVERY if interval is None else interval

    @property
    def ping_timeout(self) -> float:
        """The seconds within which a client must answer a ping."""
        return self.ping_interval

    @property
    def _drop_after(self) -> float:
        """The seconds that a message may take to leave."""
        seconds: float = self.settings["attune_drop_after"]
        return seconds

    def subscribe(self) -> Subscription[Any]:
        """Return a subscription to the states that this socket sends."""
        raise NotImplementedError

    def open(self, *_: Any, **__: Any) -> None:
        """Begin to send."""
        self._subscription = self.subscribe()
        self._sender = asyncio.create_task(self._send(self._subscription))

    async def _send(self, subscription: Subscription[Any]) -> None:
        """Send messages until the end; one at a time, as tornado would keep all unsent ones."""
        try:
            async for message in subscription.messages():
                await asyncio.wait_for(self.write_message(message), self._drop_after)
        except TimeoutError:
            self._drop()
        except WebSocketClosedError:
            # the client has left
            pass
        except Exception:
            self.log.exception("the stream of %s has failed", self.request.path)
            self.close(_FAILED, "the server has failed")
        else:
            if subscription.has_stopped:
                self.close(_GOING_AWAY, "the server stops")
            else:
                self.close(_NORMAL_CLOSURE, "the end")
        finally:
            subscription.close()

    def _drop(self) -> None:
        """Close the connection without a word: a client that reads nothing reads no word."""
        self.log.warning(
            "a client of %s has read nothing for %g s", self.request.path, self._drop_after
        )
        connection: Any = self.ws_connection
        if connection is not None:
            connection.stream.close()

    def on_message(self, message: str | bytes) -> None:
        """Ignore a message: commands are sent by POST, where access is checked for each."""

    def on_close(self) -> None:
        """End the subscription."""
        if self._subscription is not None:
            self._subscription.close()
        if self._sender is not None:
            self._sender.cancel()
        super().on_close()


class ListSocket(_StateSocket):
    """The socket of the list of runs."""

    def subscribe(self) -> Subscription[Any]:
        """Return a subscription to the list of runs."""
        return self.tails.watch_list()


class RunSocket(_StateSocket):
    """The socket of one run."""

    _store: Path

    @requires("read")
    async def get(self, run_id: str) -> None:
        """Open the socket, if there is such a run."""
        if not self.check_origin():
            raise ApiError(403, "another site must not open this socket")
        self._query = self.read_query(StreamQuery)
        self._run_id = run_id
        self._store = await self.find_store(run_id)
        await super(AttuneSocket, self).get(run_id)

    def subscribe(self) -> Subscription[Any]:
        """Return a subscription to the states of the run."""
        return self.tails.tail_of(self._store).watch_run(self._run_id, self._query.at)


class RunStream(AttuneHandler):
    """The messages of the socket of a run as server-sent events.

    It is meant for programs. A browser opens at most six such streams of one server, and then
    loads nothing more from it, so the page does not use it.
    """

    _subscription: Subscription[Any] | None = None

    @requires("read")
    async def get(self, run_id: str) -> None:
        """Send the states of a run until it has ended."""
        query = self.read_query(StreamQuery)
        store = await self.find_store(run_id)
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("Cache-Control", "no-store")
        # a proxy would wait for the end of the answer
        self.set_header("X-Accel-Buffering", "no")

        self._subscription = self.tails.tail_of(store).watch_run(run_id, query.at)
        pings = asyncio.create_task(self._ping())
        try:
            async for message in self._subscription.messages():
                await self._send(b"data: " + message + b"\n\n")
        except StreamClosedError:
            return
        except TimeoutError:
            connection: Any = self.request.connection
            connection.close()
            return
        finally:
            pings.cancel()
            self._subscription.close()
        self.finish(set_content_type="text/event-stream")

    async def _send(self, text: bytes) -> None:
        self.write(text)
        await asyncio.wait_for(self.flush(), self.settings["attune_drop_after"])

    async def _ping(self) -> None:
        """Send comments, so that a proxy does not close a quiet connection."""
        while True:
            await asyncio.sleep(_PING_EVERY)
            try:
                await self._send(b": alive\n\n")
            except (StreamClosedError, TimeoutError):
                return

    def on_connection_close(self) -> None:
        """End the stream when the client has left."""
        if self._subscription is not None:
            self._subscription.close()

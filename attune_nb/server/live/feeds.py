"""The way of a state to its watchers: a client gets changes at the speed at which it reads.

A `Feed` has the latest state. A `Subscription` has the state that its client was sent last, so
the next message is the change from one to the other, however many states were between. It makes
a message only when the one before has left, so a client that does not read costs one message.
Everything here runs on the loop of the server.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

import msgspec

from attune_nb.server.live.messages import Gone, encode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

__all__ = ["Feed", "Subscription", "Watcher"]

State = TypeVar("State", bound=msgspec.Struct)

# earlier states, for clients that connect again
_MAX_EARLIER = 64


class Watcher(Protocol):
    """An object that is woken when a feed has a new state, or has ended."""

    def wake(self) -> None:
        """Look at the feed."""


class _Encoded(NamedTuple):
    """A message for all clients that were sent the same state before.

    Attributes:
        before: That state, so that its identity stays its own; None for no state.
        message: The change to the latest state; None if there is none.
    """

    before: msgspec.Struct | None
    message: bytes | None


class Feed(Generic[State]):
    """The latest state of a run, or of a list of runs, and its watchers.

    Args:
        difference: Returns the change from a state to a later one, or None.
        catch_up: Returns the change for a client that connects again. It may have any of the
            states with the same number.
        on_empty: Called when the last watcher has left.

    Attributes:
        state: The latest state; None before the first one.
        has_ended: Whether no more states will come.
        has_stopped: Whether the server stops: the state may be any.
        farewell: The last message, if there is nothing to watch any more.
        watchers: The objects to wake when the state changes.
    """

    def __init__(
        self,
        difference: Callable[[State, State], msgspec.Struct | None],
        catch_up: Callable[[State, State], msgspec.Struct] | None = None,
        on_empty: Callable[[Feed[State]], None] = lambda _: None,
    ) -> None:
        self.state: State | None = None
        self.has_ended = False
        self.has_stopped = False
        self.farewell: bytes | None = None
        self.watchers: set[Watcher] = set()

        self._difference = difference
        self._catch_up = catch_up
        self._on_empty = on_empty

        self._earlier: deque[State] = deque(maxlen=_MAX_EARLIER)
        # by the identity of the state before
        self._encoded: dict[int, _Encoded] = {}

    def publish(self, state: State, *, is_last: bool = False) -> None:
        """Let all clients have a new state.

        Args:
            state: The state.
            is_last: Whether no more states will come.
        """
        self.state = state
        self.has_ended = is_last
        self._earlier.append(state)
        self._encoded.clear()
        self._wake()

    def end(self, reason: str) -> None:
        """Send all clients the last message: there is nothing to watch any more.

        Args:
            reason: Why, for people.
        """
        if self.farewell is None:
            self.farewell = encode(Gone(reason=reason))
            self.has_ended = True
            self._wake()

    def stop(self) -> None:
        """End all subscriptions, as the server stops."""
        self.has_ended = True
        self.has_stopped = True
        self._wake()

    def _wake(self) -> None:
        for watcher in list(self.watchers):
            watcher.wake()

    def subscribe(self, next_event: int | None = None) -> Subscription[State]:
        """Return a new subscription, which begins with the whole state.

        Args:
            next_event: The number of the event after those that the client has. It gets the changes
                since then, if the feed still has the state of that time.
        """
        subscription = Subscription(self, self._earlier_state(next_event))
        self.watchers.add(subscription)
        return subscription

    def leave(self, watcher: Watcher) -> None:
        """Let a watcher watch the feed no longer."""
        if watcher in self.watchers:
            self.watchers.remove(watcher)
            if not self.watchers:
                self._on_empty(self)

    def _earlier_state(self, next_event: int | None) -> State | None:
        """Return the first state with a number, if it is one of the latest 64."""
        if next_event is None or self._catch_up is None:
            return None
        for state in self._earlier:
            if getattr(state, "at", None) == next_event:
                return state
        return None

    def message_to_catch_up(self, before: State) -> bytes:
        """Return the first message for a client that connects again.

        Args:
            before: The first state with the number that the client has.
        """
        state = self.state
        if state is None or self._catch_up is None:
            raise ValueError("a feed without such messages")
        return encode(self._catch_up(before, state))

    def message_after(self, before: State | None) -> bytes | None:
        """Return the message that leads from a state to the latest one; None if none is needed.

        Clients that were sent the same state get the same bytes.

        Args:
            before: The state that the client has; None for no state.
        """
        encoded = self._encoded.get(id(before))
        if encoded is None:
            encoded = _Encoded(before, self._encode_after(before))
            self._encoded[id(before)] = encoded
        return encoded.message

    def _encode_after(self, before: State | None) -> bytes | None:
        if self.state is None:
            return None
        if before is None:
            return encode(self.state)
        change = self._difference(before, self.state)
        return None if change is None else encode(change)


class Subscription(Generic[State]):
    """One client of a feed: iterates over the messages for it.

    Args:
        feed: The feed.
        before: The state that the client has; None for no state.
    """

    def __init__(self, feed: Feed[State], before: State | None = None) -> None:
        self._feed = feed
        self._before = before
        self._sent: State | None = None
        self._is_closed = False
        self._news = asyncio.Event()
        self._news.set()

    @property
    def has_stopped(self) -> bool:
        """Whether it ended because the server stops."""
        return self._feed.has_stopped

    def wake(self) -> None:
        """Let the client look for a message."""
        self._news.set()

    async def messages(self) -> AsyncIterator[bytes]:
        """Yield the messages for the client, each when it is asked for; end with the feed."""
        feed = self._feed
        while True:
            await self._news.wait()
            self._news.clear()
            if self._is_closed:
                return

            if feed.state is not self._sent:
                message = self._make_message()
                if message is not None:
                    yield message
                    # there may be another state by now
                    self._news.set()
                    continue

            if feed.farewell is not None:
                yield feed.farewell
            if feed.has_ended:
                return

    def _make_message(self) -> bytes | None:
        feed = self._feed
        before = self._before
        if before is None:
            message = feed.message_after(self._sent)
        else:
            message = feed.message_to_catch_up(before)
            self._before = None

        self._sent = feed.state
        return message

    def close(self) -> None:
        """End the subscription, and the iteration over its messages."""
        self._is_closed = True
        self._news.set()
        self._feed.leave(self)

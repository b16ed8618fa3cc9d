"""The log of a run's events, and the readers that receive them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from attune_nb.events import Event

    Reader = Callable[[list[Event]], None]

__all__ = ["EventLog"]


class EventLog:
    """The events of a run, passed on to readers in groups.

    Attributes:
        events: All events so far. The list only grows, so any thread may read it.

    Args:
        readers: Called with new events, in the thread that calls `flush`.
    """

    def __init__(self, readers: Iterable[Reader]) -> None:
        self.events: list[Event] = []
        self._readers = list(readers)
        self._unread: list[Event] = []

    def restore(self, events: Iterable[Event], *, read: int) -> None:
        """Begin with earlier events. The readers have received the first `read` of them."""
        self.events = list(events)
        self._unread = self.events[read:]

    def append(self, event: Event) -> None:
        """Add an event."""
        self.events.append(event)
        self._unread.append(event)

    def flush(self) -> Sequence[Exception]:
        """Call the readers with the events added since the last call.

        A reader that fails is removed: it must not break the run.

        Returns:
            The errors of the readers that were removed.
        """
        if not self._unread:
            return ()

        errors = []
        unread = self._unread
        self._unread = []
        for reader in list(self._readers):
            try:
                reader(unread)
            except Exception as error:  # noqa: BLE001 - a reader may raise anything
                self._readers.remove(reader)
                errors.append(error)
        return errors

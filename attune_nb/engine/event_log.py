"""The log of a run's events, and the readers that receive them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune_nb.values.guard import call_readers

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
        result_readers: The same, but of events that the log holds without results they get those
            with results.
    """

    def __init__(self, readers: Iterable[Reader], result_readers: Iterable[Reader] = ()) -> None:
        self.events: list[Event] = []
        self._readers = list(readers)
        self._result_readers = list(result_readers)
        self._unread: list[Event] = []
        self._unread_with_results: list[Event] = []

    def add_reader(self, reader: Reader) -> None:
        """Call one more reader with new events."""
        self._readers.append(reader)

    @property
    def has_result_readers(self) -> bool:
        """Whether a reader gets the results that the log does not keep."""
        return bool(self._result_readers)

    def restore(self, events: Iterable[Event], *, read: int) -> None:
        """Begin with earlier events. The readers have received the first `read` of them."""
        self.events = list(events)
        self._unread = self.events[read:]
        self._unread_with_results = list(self._unread)

    def append(self, event: Event, with_results: Event | None = None) -> None:
        """Add an event.

        Args:
            event: The event.
            with_results: The same event with results that the log does not keep; None for the
                event itself.
        """
        self.events.append(event)
        self._unread.append(event)
        if self._result_readers:
            if with_results is None:
                with_results = event
            self._unread_with_results.append(with_results)

    def flush(self) -> Sequence[Exception]:
        """Call the readers with the events added since the last call.

        A reader that fails is removed: it must not break the run.

        Returns:
            The errors of the readers that were removed.
        """
        if not self._unread:
            return ()

        unread = self._unread
        unread_with_results = self._unread_with_results
        self._unread = []
        self._unread_with_results = []
        return [
            *call_readers(self._readers, unread),
            *call_readers(self._result_readers, unread_with_results),
        ]

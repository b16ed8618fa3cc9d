"""The log of a run's events, and the readers that receive them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from attune_nb.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from attune_nb.events import Event

    Reader = Callable[[list[Event]], None]

__all__ = ["EventLog"]

_log = logging.getLogger("attune_nb")


class EventLog:
    """The events of a run, passed on to readers in groups.

    Attributes:
        events: All events so far. The list only grows, so any thread may read it.

        on_failure: Called when a reader was removed, with the error of the record, or with the
            masked message of another reader.

    Args:
        readers: Called with new events, in the thread that calls `flush`.
        hide: Masks the secrets in a text.
    """

    def __init__(self, readers: Iterable[Reader], hide: Callable[[str], str]) -> None:
        self.events: list[Event] = []
        self.on_failure: Callable[[StoreError | str], None] | None = None
        self._hide = hide
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

    def flush(self) -> None:
        """Call the readers with the events added since the last call.

        A reader that fails is removed: it must not break the run.
        """
        if not self._unread:
            return

        unread = self._unread
        self._unread = []
        for reader in list(self._readers):
            try:
                reader(unread)
            except Exception as error:  # noqa: BLE001 - a reader may raise anything
                self._readers.remove(reader)
                failure: StoreError | str
                if isinstance(error, StoreError):
                    # the recorder has logged it
                    failure = error
                else:
                    failure = self._hide(str(error))
                    _log.warning("a reader of the run failed and was removed: %s", failure)
                if self.on_failure is not None:
                    self.on_failure(failure)

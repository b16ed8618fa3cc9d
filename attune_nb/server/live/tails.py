"""The threads that look at the stores of a server, and the list of the runs of all of them."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from attune_nb.server.live.feeds import Feed
from attune_nb.server.live.run_rows import list_difference, merge_lists
from attune_nb.server.live.tail import StoreTail

if TYPE_CHECKING:
    from pathlib import Path

    from attune_nb.server.live.feeds import Subscription
    from attune_nb.server.live.messages import RunList
    from attune_nb.server.stores import Stores

__all__ = ["Tails"]

# seconds between two looks for new stores, while the list of runs is watched
_STORES_EVERY = 5.0

_log = logging.getLogger("attune_nb")


class Tails:
    """A tail for each store that is watched, made when it is needed first.

    All methods are called on the server's loop.

    Args:
        stores: The stores of the server.
        every: The seconds between two looks at a store.
    """

    def __init__(self, stores: Stores, every: float = 0.1) -> None:
        self._stores = stores
        self._every = every
        self._tails: dict[Path, StoreTail] = {}
        self._list = Feed(list_difference, on_empty=self._leave_list)
        self._listed: list[StoreTail] = []
        self._refreshing: asyncio.Task[None] | None = None

    def tail_of(self, path: Path) -> StoreTail:
        """Return the tail of a store."""
        tail = self._tails.get(path)
        if tail is None:
            tail = StoreTail(path, every=self._every, name=self._stores.name_of(path))
            self._tails[path] = tail
        return tail

    def watch_list(self) -> Subscription[RunList]:
        """Return a subscription to the list of the runs of all stores."""
        subscription = self._list.subscribe()
        if self._refreshing is None:
            self._refreshing = asyncio.create_task(self._refresh())
        return subscription

    @property
    def run_list(self) -> RunList | None:
        """The list while it is watched; None before it was read."""
        return self._list.state

    async def _refresh(self) -> None:
        """Watch the lists of all stores, also of those that are created later."""
        while True:
            try:
                paths = await asyncio.to_thread(self._stores.paths)
            except OSError as error:
                _log.warning("the stores of the server cannot be listed: %s", error)
                paths = [self._stores.main]

            for path in paths:
                tail = self.tail_of(path)
                if tail not in self._listed:
                    self._listed.append(tail)
                    tail.watch_list(self)

            await asyncio.sleep(_STORES_EVERY)

    def wake(self) -> None:
        """Merge the lists of the stores. A store that is slow to be read delays no other."""
        lists = [tail.run_list for tail in self._listed if tail.run_list is not None]
        merged = merge_lists(lists)
        if merged != self._list.state:
            self._list.publish(merged)

    def _leave_list(self, _: Feed[RunList]) -> None:
        """Stop looking at the lists, which have no watchers."""
        if self._refreshing is not None:
            self._refreshing.cancel()
            self._refreshing = None

        for tail in self._listed:
            tail.leave_list(self)
        self._listed = []
        self._list.state = None

    async def close(self) -> None:
        """End all subscriptions and threads."""
        self._list.stop()
        if self._refreshing is not None:
            self._refreshing.cancel()

        # all threads are asked to end before the first one is waited for
        tails = list(self._tails.values())
        for tail in tails:
            tail.stop()
        for tail in tails:
            await asyncio.to_thread(tail.join)

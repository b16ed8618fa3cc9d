"""A thread that looks at a store ten times a second while it has watchers.

Without watchers the thread sleeps, and the store is closed. States cross to the loop of the
server by `call_soon_threadsafe`: one call for a look, however many clients there are.
"""

from __future__ import annotations

import asyncio
import threading
import time
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, cast

from attune_nb.errors import StoreError
from attune_nb.server.live.feeds import Feed
from attune_nb.server.live.folding import catch_up, difference
from attune_nb.server.live.run_rows import list_difference
from attune_nb.server.live.store_reader import StoreReader

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from attune_nb.server.live.feeds import Subscription, Watcher
    from attune_nb.server.live.messages import RunList, Snapshot
    from attune_nb.server.live.store_reader import News

__all__ = ["StoreTail"]

# feeds of runs without watchers, which stay for clients that come back
_MAX_RECENT = 8

# seconds to wait for the thread at the end
_PATIENCE = 5.0


class StoreTail:
    """The states of one store, for the clients of a server.

    All methods are called on the server's loop.

    Args:
        path: The store, which need not exist.
        every: The seconds between two looks.
        name: The name of the store in the list of runs, if the server has several.
    """

    def __init__(self, path: Path, *, every: float = 0.1, name: str = "") -> None:
        self.path = path
        self._every = every
        self._loop = asyncio.get_running_loop()
        self._reader = StoreReader(path, name)

        self._runs: dict[str, Feed[Snapshot]] = {}
        self._list = Feed(list_difference, on_empty=self._leave_list)
        self._readings: dict[str, list[asyncio.Future[Snapshot]]] = {}

        # calls for the thread, which owns the reader
        self._calls: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._has_calls = threading.Event()
        self._is_closed = False
        self._thread: threading.Thread | None = None

    def watch_run(self, run_id: str, next_event: int | None = None) -> Subscription[Snapshot]:
        """Return a subscription to the states of a run.

        Args:
            run_id: The whole id of the run.
            next_event: The number of the event after those that the client has.
        """
        feed = self._runs.get(run_id)
        if feed is None or feed.farewell is not None:
            feed = Feed(difference, catch_up, partial(self._leave_run, run_id))
            self._runs[run_id] = feed

        is_first = not feed.watchers
        subscription = feed.subscribe(next_event)
        if is_first and not feed.has_ended:
            self._call(partial(self._reader.watch_run, run_id))
        return subscription

    def _leave_run(self, run_id: str, feed: Feed[Snapshot]) -> None:
        """Stop looking at a run without watchers."""
        if self._runs.get(run_id) is feed and run_id not in self._readings:
            self._call(partial(self._reader.unwatch_run, run_id))
        self._drop_feeds()

    def _drop_feeds(self) -> None:
        """Keep the feeds that have watchers, and the last eight of those without."""
        unwatched = [run_id for run_id, feed in self._runs.items() if not feed.watchers]
        for run_id in unwatched[:-_MAX_RECENT]:
            if run_id not in self._readings:
                del self._runs[run_id]

    @property
    def run_list(self) -> RunList | None:
        """The list of runs while it is watched; None before it was read."""
        return self._list.state

    def watch_list(self, watcher: Watcher) -> None:
        """Wake a watcher when the list of runs has changed."""
        is_first = not self._list.watchers
        self._list.watchers.add(watcher)
        if is_first:
            self._call(self._reader.watch_list)

    def leave_list(self, watcher: Watcher) -> None:
        """Wake a watcher no longer."""
        self._list.leave(watcher)

    def _leave_list(self, _: Feed[RunList]) -> None:
        self._list.state = None
        self._call(self._reader.unwatch_list)

    async def read_run(self, run_id: str) -> Snapshot:
        """Return the state of a run as it stands now.

        Raises:
            StoreError: It is not in the store, or cannot be read.
        """
        future: asyncio.Future[Snapshot] = self._loop.create_future()
        waiting = self._readings.setdefault(run_id, [])
        waiting.append(future)
        self._call(partial(self._reader.watch_run, run_id))
        return await future

    @property
    def is_alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def stop(self) -> None:
        """End all subscriptions, and ask the thread to end."""
        self._is_closed = True
        self._has_calls.set()
        for feed in self._runs.values():
            feed.stop()
        for waiting in self._readings.values():
            for future in waiting:
                future.cancel()

    def join(self) -> None:
        """Wait until the thread has ended; this may be called in any thread."""
        if self._thread is not None:
            self._thread.join(_PATIENCE)

    def _call(self, call: Callable[[], None]) -> None:
        """Let the thread call a method of the reader, and look at the store."""
        self._calls.put(call)
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._run, name=f"attune tail of {self.path.name}", daemon=True
            )
            self._thread.start()
        self._has_calls.set()

    def _run(self) -> None:
        """Look at the store until the end of the server."""
        while not self._is_closed:
            start = time.monotonic()
            self._make_calls()

            news: list[News] = []
            if self._reader.is_watched:
                news = self._reader.look()
            if news:
                try:
                    self._loop.call_soon_threadsafe(self._publish, news)
                except RuntimeError:
                    # the loop has ended without a call of `stop`
                    break

            seconds = None
            if self._reader.is_watched:
                seconds = max(self._every - (time.monotonic() - start), 0.0)
            else:
                self._reader.close()
            self._has_calls.wait(seconds)
        self._reader.close()

    def _make_calls(self) -> None:
        self._has_calls.clear()
        while True:
            try:
                call = self._calls.get_nowait()
            except Empty:
                return
            call()

    def _publish(self, news: list[News]) -> None:
        """Send the clients the news that the thread has read; this runs on the loop."""
        for item in news:
            if item.run_id:
                self._publish_run(item)
            elif self._list.watchers:
                self._list.publish(cast("RunList", item.state))

    def _publish_run(self, news: News) -> None:
        state = cast("Snapshot | None", news.state)
        for future in self._readings.pop(news.run_id, []):
            if future.done():
                continue
            if state is None:
                future.set_exception(StoreError(news.reason))
            else:
                future.set_result(state)

        feed = self._runs.get(news.run_id)
        if feed is None or not feed.watchers:
            # it was only read once
            self._call(partial(self._reader.unwatch_run, news.run_id))
        if feed is None:
            return
        if state is None:
            feed.end(news.reason)
            del self._runs[news.run_id]
        else:
            feed.publish(state, is_last=news.is_last)

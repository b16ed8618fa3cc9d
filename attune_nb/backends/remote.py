"""What backends have in common whose attempts run in other processes."""

from __future__ import annotations

import abc
import os
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from attune_nb.backends.definition import Definition
from attune_nb.backends.excerpt import excerpt
from attune_nb.backends.feed import Feed
from attune_nb.backends.threads import ThreadBackend

if TYPE_CHECKING:
    from collections.abc import Collection
    from concurrent.futures import Future

    from attune_nb.backends.protocol import Job
    from attune_nb.backends.sent import Sent
    from attune_nb.events import Batch, Key

__all__ = ["RemoteBackend", "cores", "takes"]

DEPTH = 2  # chunks for each thread of a worker: one that it is at, one that waits


def cores() -> int:
    """Give how many cores this process may use."""
    found = getattr(os, "sched_getaffinity", None)
    return len(found(0)) if found is not None else os.cpu_count() or 1


def takes(feed: Feed, held: Collection[tuple[Feed, Sent]], threads: int = 1) -> bool:
    """Tell whether one more chunk of a job may go to a worker.

    Args:
        feed: The job.
        held: What the worker has.
        threads: How many chunks it works on at once.
    """
    if any(sent.alone for _, sent in held):
        return False
    slow = feed.slow or any(each.slow for each, _ in held)
    return len(held) < threads * (1 if slow else DEPTH)


class RemoteBackend(abc.ABC):
    """Hands out the chunks of jobs, and takes in what becomes of them.

    All of it happens in the driver's thread, which pumps; what ends elsewhere is only noted by
    other threads. Actions that belong to this process (made-up results) run in threads here.

    Args:
        lanes: How many workers there are.
        target: Seconds that a chunk is to take.
        leaves: What becomes of a plain function that is past its time.
    """

    def __init__(self, lanes: int, target: float, leaves: str) -> None:
        self._lanes = lanes
        self._target = target
        self._leaves = leaves
        self._near = ThreadBackend()
        self._feeds: dict[Key, Feed] = {}
        self._definitions: dict[Key, Definition] = {}
        self._ended: deque[Any] = deque()  # noted by other threads
        self._held = False
        self._places: dict[tuple[str, int], int] = {}

    def start(self, job: Job) -> None:
        """Begin to make the attempts of a job."""
        call = job.call
        if call.action.local:
            self._near.start(job)
            return
        context = excerpt(call.context, call.template)
        self._definitions[job.key] = Definition(
            job.key, call.action, call.template, context, job.timeout, self._leaves
        )
        self._feeds[job.key] = Feed(job, self._lanes, self._target)

    def retry(self, key: Key, index: int, attempt: int) -> None:
        """Make one more attempt, with the same rendered input."""
        feed = self._feeds.get(key)
        if feed is None:
            self._near.retry(key, index, attempt)
        elif feed.job.stopped:
            feed.job.give_up(index, attempt, 0, feed.job.clock(), None)
        else:
            feed.job.again.append((index, attempt))

    def stop(self, key: Key, *, force: bool) -> None:
        """Start no more attempts of a job; `force` gives up on those under way."""
        self._near.stop(key, force=force)
        if key in self._feeds:
            feed = self._feeds[key]
            feed.stop(force=force, sent=self._under_way(feed))
            if force:
                self._abandon(feed)

    def hold(self, *, over: bool) -> None:
        """Begin no attempts of any job until it is over."""
        self._held = not over
        self._near.hold(over=over)

    def forget(self, key: Key) -> None:
        """Let go of a job whose task has ended."""
        self._near.forget(key)
        if self._feeds.pop(key, None) is not None:
            self._drop(self._definitions.pop(key))

    def pump(self, timeout: float) -> None:
        """Hand out work and take in what has ended, for about `timeout` seconds.

        What somebody waits for (the end of a task, a failure that may be tried again) is taken in
        at once; what is one of many may wait for the others.

        Raises:
            BackendError: There is nobody to do the work.
        """
        until = time.monotonic() + timeout
        while True:
            if not self._held:
                self._hand_out()
            left = min(until - time.monotonic(), self._look())
            if not self._ended:
                self._near.pump(max(0.0, left))
            urgent = self._near.has_ended()
            while self._ended:
                self._take_in(self._ended.popleft())
                urgent = True
            finished = urgent and any(not each.under_way for each in self._feeds.values())
            if finished or time.monotonic() >= until:
                break
        if not self._held:
            self._hand_out()

    def drain(self) -> list[tuple[Key, Batch]]:
        """Give what has ended since the last call."""
        found = [(key, feed.job.drain()) for key, feed in list(self._feeds.items())]
        return [*self._near.drain(), *((key, each) for key, each in found if each is not None)]

    def close(self) -> None:
        """Let go of everything."""
        self._near.close()
        self._feeds.clear()
        self._definitions.clear()

    def _note(self, what: Any) -> None:
        """Note that something has ended, from any thread."""
        self._ended.append(what)
        self._near.notify()

    def _noted(self, future: Future[Any], what: Any) -> None:
        future.add_done_callback(lambda _: self._note(what))

    def _lane(self, place: str, number: int) -> int:
        """Give the number of a worker that was met somewhere."""
        return self._places.setdefault((place, number), len(self._places))

    @abc.abstractmethod
    def _hand_out(self) -> None:
        """Send chunks to the workers that may have one."""

    @abc.abstractmethod
    def _take_in(self, what: Any) -> None:
        """Take in what was noted."""

    @abc.abstractmethod
    def _look(self) -> float:
        """End what takes too long; give the seconds until the next look."""

    @abc.abstractmethod
    def _under_way(self, feed: Feed) -> list[Sent]:
        """Give the chunks of a feed that are with the workers."""

    @abc.abstractmethod
    def _abandon(self, feed: Feed) -> None:
        """Give up on the chunks of a feed that are with the workers."""

    @abc.abstractmethod
    def _drop(self, definition: Definition) -> None:
        """Have the workers let go of a definition."""

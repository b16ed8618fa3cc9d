"""The attempts of one job that wait to be sent."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING

from attune_nb.backends.chunks.in_flight import PendingAttempt
from attune_nb.backends.chunks.prefetch import Prefetcher

if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable, Iterator
    from typing import Any

    from attune_nb.backends.attempt.job import Job
    from attune_nb.context import Moment

__all__ = ["AttemptQueue", "MomentCache"]

# template functions that return another value each time
_VARYING = ("now", "uuid")


class AttemptQueue:
    """The attempts of one job that wait: returned ones, retries, then items not read yet.

    Lazy items are read ahead in a thread.

    Args:
        job: The job.
        wake: Called in another thread when items are ready again.
    """

    def __init__(self, job: Job, wake: Callable[[], None]) -> None:
        self._job = job
        self._returned: deque[PendingAttempt] = deque()  # sent, but not started by a worker
        self._prefetcher: Prefetcher | None = None
        if job.source.lazy:
            job.source.replace_iterator(partial(self._prefetch, wake))

    def _prefetch(
        self, wake: Callable[[], None], iterator: Iterator[tuple[int, Any]]
    ) -> Iterator[tuple[int, Any]]:
        self._prefetcher = Prefetcher(iterator, self._job.spec.key[0], wake)
        return self._prefetcher

    @property
    def is_ready(self) -> bool:
        """Whether there is an attempt to take, or the end of the items to notice."""
        return bool(self._returned or self._job.retry_queue) or self._can_read

    @property
    def _can_read(self) -> bool:
        """Whether an item or the end can be read without waiting."""
        if self._job.source.exhausted:
            return False

        return self._prefetcher is None or self._prefetcher.is_ready

    def count(self) -> int:
        """Return how many attempts wait; of lazy items, an estimate: as many as were started."""
        source = self._job.source
        unread = 0
        if not source.exhausted:
            unread = source.started if source.lazy else len(source.items) - source.started

        return unread + len(self._job.retry_queue) + len(self._returned)

    def take(self, size: int) -> list[PendingAttempt]:
        """Remove and return up to that many attempts.

        Of a limited job they count as started, and items that must not begin are dropped.
        """
        job = self._job
        source = job.source
        attempts: list[PendingAttempt] = []

        try:
            while len(attempts) < size and not job.stopped:
                if self._returned:
                    attempts.append(self._returned.popleft())
                elif job.retry_queue:
                    index, attempt = job.retry_queue.popleft()
                    if index in source.unavailable:
                        self._fail_unavailable(index, attempt)
                    else:
                        attempts.append(PendingAttempt(index, attempt, source.item(index)))
                else:
                    pair = source.read_next() if self._can_read else None
                    if pair is None:
                        break
                    attempts.append(PendingAttempt(pair[0], 1, pair[1]))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - the items' own code raised
            job.record_source_failure(0, error)

        if self._prefetcher is not None:
            # for another chunk of this size, and one of another worker
            self._prefetcher.set_limit(2 * size)

        if job.is_limited:
            return [attempt for attempt in attempts if job.try_begin(attempt.index)]
        return attempts

    def _fail_unavailable(self, index: int, attempt: int) -> None:
        """Record that an item cannot be attempted, since its source did not give it again."""
        spec = self._job.spec
        try:
            self._job.render_input(index, attempt, None)
        except Exception as error:  # noqa: BLE001 - it always raises for such an item
            code, cause = spec.call.describe_error(error)
            self._job.results.record_failure(0, index, attempt, spec.clock(), None, code, cause)

    def put_back(self, attempts: list[PendingAttempt]) -> None:
        """Put attempts back that no worker has started, before all others."""
        if self._job.is_limited:
            self._job.give_back([(attempt.index, attempt.attempt) for attempt in attempts])
        self._returned.extendleft(reversed(attempts))

    def keep(self, may_begin: Callable[[int], bool]) -> None:
        """Drop the waiting attempts of items that must not begin, by index; read no more items."""
        self._job.source.exhausted = True
        returned = [attempt for attempt in self._returned if may_begin(attempt.index)]
        self._returned = deque(returned)

        queue = self._job.retry_queue
        retries = [pair for pair in queue if may_begin(pair[0])]
        queue.clear()
        queue.extend(retries)

    def clear_returned(self) -> list[PendingAttempt]:
        """Remove and return the attempts that were put back."""
        attempts = list(self._returned)
        self._returned.clear()
        return attempts

    def close(self) -> None:
        """Read no more items."""
        if self._prefetcher is not None:
            self._prefetcher.close()


class MomentCache:
    """The time and seed of each item whose input varies, the same for all its attempts."""

    def __init__(self, job: Job) -> None:
        self._retries = job.spec.retries
        self._moments: dict[int, Moment] = {}
        self._make_moment: Callable[[], Moment] | None = None

        call = job.spec.call
        if any(name in _VARYING for name, _ in call.template.calls):
            self._make_moment = call.context.moments

    def take(self, indexes: array[int]) -> list[Moment]:
        """Return the time and seed of each item; an empty list if the input does not vary."""
        if self._make_moment is None:
            return []

        moments = []
        for index in indexes:
            moment = self._moments.get(index)
            if moment is None:
                moment = self._make_moment()
                if self._retries:
                    self._moments[index] = moment
            moments.append(moment)

        return moments

    def drop(self, index: int) -> None:
        """Drop the time and seed of an item that is not attempted again."""
        self._moments.pop(index, None)

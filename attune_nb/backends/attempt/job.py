"""A task execution at a backend: its settings, its items, its results."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import replace

from attune_nb.actions.cancel import CancelToken
from attune_nb.backends.attempt.failure_limit import FailureLimit
from attune_nb.backends.attempt.item_source import ItemSource, missing_item_error
from attune_nb.backends.attempt.pace import Pace
from attune_nb.backends.attempt.result_columns import (
    WorkerColumns,
    build_batch,
    make_columns,
)
from attune_nb.backends.attempt.unrecorded import UnrecordedLimit
from attune_nb.capture.attempt_output import Outlet
from attune_nb.events import FINAL

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from attune_nb.backends.attempt.attempt import Call
    from attune_nb.backends.attempt.job_spec import JobSpec
    from attune_nb.events import Batch

__all__ = ["EarlierAttempts", "Job"]

# in a run over very many items, attempts that have ended wait until they are collected: for this
# share of the run's time, at most for these seconds, and at most so many of them
_GATHERED_SHARE = 0.001
_LONGEST_GATHERING = 5.0
_MOST_GATHERED = 5_000


class EarlierAttempts(NamedTuple):
    """The attempts of a job that ended before the run was resumed.

    Attributes:
        last_attempts: For each item the number of its last attempt that ended: 0 for none,
            `FINAL` if no more will be made.
        in_doubt: Items that are not attempted until `retry` is called for them.
        failed: How many items have failed for good.
        last_start: When the last attempt started, in seconds since the start of the run.
    """

    last_attempts: bytes
    in_doubt: Collection[int] = ()
    failed: int = 0
    last_start: float | None = None


class Job:
    """One task execution at a backend.

    The driver's thread makes it, and calls its methods unless they say otherwise.

    Attributes:
        spec: The fixed settings.
        own_key: The task and its visit in its own run. The key in `spec` is another one if several
            runs share the backend.
        source: The items.
        results: The attempts that have ended and were not collected yet.
        cancel_token: Raised when attempts that run are to end.
        retry_queue: Index and attempt of items to attempt next, before any other item. Threads
            that take from it share a lock.
        stopped: Whether no more attempts begin. Any thread may read it.
        abandoned: How many functions were past their timeout, and may still run.
        limit: Decides whether items may still begin; None if any number of items may fail.
        pace: Decides when attempts may start; None for as soon as possible.
        unrecorded: Counts the attempts in this process that are not on record; None if any number
            is allowed.
    """

    def __init__(self, spec: JobSpec, items: Any, earlier: EarlierAttempts | None = None) -> None:
        self.spec = spec
        self.own_key = spec.key
        self.source = ItemSource(items)
        self.limit: FailureLimit | None = None
        self.pace: Pace | None = None
        self.unrecorded: UnrecordedLimit | None = None
        if spec.drops_results:
            spec.call.drop_results()
        if spec.max_failures is not None:
            self.limit = FailureLimit(spec.max_failures, spec.will_retry)
        self.results = make_columns(spec, self.limit, lazy=self.source.lazy)
        self.cancel_token = CancelToken()
        self.retry_queue: deque[tuple[int, int]] = deque()
        self.stopped = False
        self.abandoned = 0
        self._rendered: dict[int, Any] = {}  # by index, of items that may be attempted again
        self._total_reported = False
        self._begun_reported = False
        # attempts that were collected, also by an earlier process, and the last time of that
        self._collected = 0
        self._collection_time = spec.clock()

        if spec.interval:
            last_start = None if earlier is None else earlier.last_start
            self.pace = Pace(spec.interval, spec.clock, last_start)
        if spec.report_every is not None:
            self.unrecorded = UnrecordedLimit(spec.report_every, spec.concurrency)
        if earlier is not None:
            self._resume(earlier)

    def _resume(self, earlier: EarlierAttempts) -> None:
        """Queue the items between those that have ended; go on after the last of them."""
        self._collected = earlier.last_attempts.count(FINAL)
        last_attempts = earlier.last_attempts.rstrip(b"\0")
        if earlier.in_doubt:
            last_attempts = last_attempts.ljust(max(earlier.in_doubt) + 1, b"\0")

        waiting = set()
        index = last_attempts.find(0)
        while index >= 0:
            if index not in earlier.in_doubt:
                waiting.add(index)
                self.retry_queue.append((index, 1))
            index = last_attempts.find(0, index + 1)
        if self.limit is not None:
            begun = (index for index in range(len(last_attempts)) if index not in waiting)
            self.limit.restore(earlier.failed, begun)

        try:
            self.source.resume(last_attempts)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - the items' own code raised
            self.record_source_failure(0, error)

    @property
    def is_limited(self) -> bool:
        """Whether an attempt must ask whether it may begin, and when."""
        return self.limit is not None or self.pace is not None

    @property
    def must_ask(self) -> bool:
        """Whether an attempt in this process must ask: as `is_limited`, and for the record."""
        return self.is_limited or self.unrecorded is not None

    @property
    def is_closed(self) -> bool:
        """Whether no more items begin, because too many have failed."""
        return self.limit is not None and self.limit.is_exceeded

    def try_begin(self, index: int) -> bool:
        """Record that an attempt of an item starts now, or return False if the item must not begin.

        The caller has waited until the attempt is due. One thread at a time may call it.
        """
        if self.limit is not None and not self.limit.try_begin(index):
            return False

        if self.pace is not None:
            self.pace.record_start()
        if self.unrecorded is not None:
            self.unrecorded.record_start()
        return True

    def give_back(self, attempts: Iterable[tuple[int, int]]) -> None:
        """Take back that attempts, by item and number, have started: no worker has made them."""
        for index, attempt in attempts:
            if self.limit is not None and attempt == 1:
                self.limit.give_back(index)
            if self.pace is not None:
                self.pace.give_back(1)

    def open_outlet(self, worker: int, *, in_engine: bool = False) -> Outlet:
        """Return the outlet of a worker, which takes the output of its attempts.

        Args:
            worker: The worker's number.
            in_engine: Whether its attempts run in the engine's thread.
        """
        if self.spec.lines is None:
            return Outlet(None, self.own_key, worker)
        return self.spec.lines.open_outlet(self.own_key, worker, in_engine=in_engine)

    def close_outlet(self, outlet: Outlet) -> None:
        """Close the outlet of a worker that ends."""
        if self.spec.lines is not None:
            self.spec.lines.close_outlet(outlet)

    def replace_call(self, call: Call) -> None:
        """Make attempts by another call, before the job starts."""
        self.spec = replace(self.spec, call=call)

    def render_input(self, index: int, attempt: int, item: Any) -> Any:
        """Return the input of an attempt, from the thread that makes it.

        All attempts of an item have the same input.

        Raises:
            ActionError: A lazy source did not give the item again after the run was resumed.
            TemplateError: An expression fails.
        """
        if attempt > 1 and index in self._rendered:
            return self._rendered[index]

        if index in self.source.unavailable:
            raise missing_item_error(index)

        return self.spec.call.render(item, index)

    def keep_input(self, index: int, rendered: Any) -> None:
        """Keep the input of an item for its next attempt, from the thread that made this one.

        If it could not be rendered (None), the next attempt has an empty input.
        """
        self._rendered[index] = rendered if rendered is not None else {}

    def drop_input(self, index: int) -> None:
        """Drop the input of an item after its last attempt."""
        self._rendered.pop(index, None)

    def forget_ended(self, batch: Batch, repeated: Collection[int]) -> None:
        """Drop the inputs of items that have ended for good, after some of their attempts failed.

        Args:
            batch: Attempts that have ended.
            repeated: The indexes of the items that are attempted again.
        """
        if not batch.errors and batch.attempt.count(1) == len(batch):
            return

        for index, attempt, code in zip(batch.index, batch.attempt, batch.status, strict=True):
            if (code or attempt > 1) and index not in repeated:
                self.drop_input(index)
                self.source.forget(index)

    def stop(self) -> None:
        """Begin no more attempts."""
        self.stopped = True
        self.source.close()

    def cancel_waiting(self) -> None:
        """Record as cancelled the attempts that wait, and a task that never began.

        The job must be stopped.
        """
        waiting = list(self.retry_queue)
        self.retry_queue.clear()
        if self.limit is not None:
            # items that must not begin are skipped
            waiting = [pair for pair in waiting if self.limit.may_begin(pair[0])]
        if self.source.is_single and not self.source.started:
            self.source.close(started=1)
            waiting.append((0, 1))

        for index, attempt in waiting:
            self.results.record_unbegun(index, attempt, None)

    def count_abandoned(self) -> None:
        """Count a function that was past its timeout, and may still run."""
        self.abandoned += 1

    def record_source_failure(self, worker: int, error: BaseException) -> None:
        """Record that the items' own code raised, from any thread.

        The next item has failed, and is the last.
        """
        code, cause = self.spec.call.describe_error(error)
        index = self.source.failed_index()
        if self.limit is not None and not self.limit.try_begin(index):
            return
        self.results.record_failure(worker, index, 1, self.spec.clock(), None, code, cause)

    def collect(self) -> Batch | None:
        """Take the attempts that have ended since the last call, or none if they may wait."""
        if self.spec.gathers and not self._is_due():
            return None

        batch = self._collect()
        if batch is not None:
            self._collected += len(batch)
            self._collection_time = self.spec.clock()
        if self.unrecorded is not None and batch is not None:
            self.unrecorded.record_collected(len(batch))
        return batch

    def _is_due(self) -> bool:
        """Return whether the attempts that have ended are to be collected now.

        They wait for a thousandth of the run's time, unless something waits for them.
        """
        now = self.spec.clock()
        if now - self._collection_time >= min(now * _GATHERED_SHARE, _LONGEST_GATHERING):
            return True

        count = self.results.count_uncollected()
        total = self.spec.total
        is_last = total is not None and self._collected + count >= total
        if is_last or self.source.exhausted or self.stopped or self.is_closed:
            return True
        return count >= _MOST_GATHERED or self.results.has_failures()

    def _collect(self) -> Batch | None:
        if self.limit is None:
            # read first: the rows of all items that it counts are recorded in time
            return self.results.collect(self._take_total())

        begun = self._take_begun(self.limit)
        total = self._take_total(is_closed=begun is not None)
        batch = self.results.collect(total)
        if begun is None:
            return batch

        if batch is None:
            no_rows = WorkerColumns(lazy=self.source.lazy)
            batch = build_batch((), ([], no_rows), lazy=self.source.lazy, total=total)
        return replace(batch, begun=begun)

    def _take_begun(self, limit: FailureLimit) -> int | None:
        """Return how many items have begun, once, if no more will."""
        if self._begun_reported or not limit.is_exceeded or not limit.is_settled():
            return None

        self._begun_reported = True
        return limit.begun

    def _take_total(self, *, is_closed: bool = False) -> int | None:
        """Return the number of items once, if it was not known before or has changed.

        Args:
            is_closed: Whether no more items begin. Then no more are read from a lazy source.
        """
        source = self.source
        if self.is_closed and not source.lazy:
            # the items that never began count, too
            return None

        is_over = source.exhausted or self.stopped or is_closed
        if self._total_reported or not is_over or source.is_single:
            return None

        if source.started == self.spec.total:
            return None

        self._total_reported = True
        return source.started

"""Attempts in threads of this process: each thread pulls from the job's one iterator."""

from __future__ import annotations

import itertools
import threading
from math import inf
from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.actions.cancel import CancelToken
from attune_nb.backends.attempt import SUCCEEDED, TIMED_OUT, timed_out
from attune_nb.errors import BackendError

if TYPE_CHECKING:
    from attune_nb.backends.protocol import Job
    from attune_nb.events import Batch, Key

__all__ = ["ThreadBackend"]

MOST_THREADS = 512  # for one task
GRACE = 2.0  # seconds that a stopped action has to say what it got done


class ThreadBackend:
    """Daemon threads, as many for a job as its concurrency (and at most `workers`).

    The threads are our own and not a pool of the standard library's, whose threads are
    joined when the interpreter exits: an action that never returns would never let it.
    """

    def __init__(self, workers: int | None = None) -> None:
        self._most = min(workers or MOST_THREADS, MOST_THREADS)
        self._jobs: dict[Key, _Pullers] = {}
        self._wake = threading.Event()
        self._held = False

    def start(self, job: Job) -> None:
        """Begin to make the attempts of a job."""
        pullers = _Pullers(job, self._wake, self._most)
        self._jobs[job.key] = pullers
        pullers.hold(over=not self._held)

    def retry(self, key: Key, index: int, attempt: int) -> None:
        """Make one more attempt, with the same rendered input."""
        pullers, job = self._jobs[key], self._jobs[key].job
        if job.stopped:
            job.give_up(index, attempt, 0, job.clock(), None)
        else:
            job.again.append((index, attempt))
            pullers.spawn(1)

    def stop(self, key: Key, *, force: bool) -> None:
        """Start no more attempts of a job; `force` gives up on those under way."""
        if key in self._jobs:
            self._jobs[key].stop(force=force)
            self._wake.set()

    def hold(self, *, over: bool) -> None:
        """Begin no attempts of any job until it is over."""
        self._held = not over
        for pullers in self._jobs.values():
            pullers.hold(over=over)

    def forget(self, key: Key) -> None:
        """Let go of a job whose task has ended; a thread left behind in it ends by itself."""
        self._jobs.pop(key, None)

    def pump(self, timeout: float) -> None:
        """Wait until something has ended, at most `timeout` seconds; end what takes too long."""
        timed = [each for each in self._jobs.values() if each.job.timeout is not None]
        for pullers in timed:
            timeout = min(timeout, pullers.end_overdue())
        self._wake.wait(max(timeout, 0.0))
        self._wake.clear()

    def drain(self) -> list[tuple[Key, Batch]]:
        """Give what has ended since the last call."""
        found = [(key, pullers.job.drain()) for key, pullers in list(self._jobs.items())]
        return [(key, batch) for key, batch in found if batch is not None]

    def close(self) -> None:
        """Stop every job; threads whose attempt is under way end with it."""
        for pullers in self._jobs.values():
            pullers.abandon()
        self._jobs.clear()


class _UnderWay(msgspec.Struct, gc=False):
    """An attempt that a thread is at. Whoever takes it out of `busy` records its end."""

    index: int
    attempt: int
    start: float
    item: Any
    token: CancelToken | None = None  # its own, where it has a timeout and can be stopped
    due: float = inf  # when it must have ended; known once its input is rendered
    stopping: bool = False  # the token was raised, because it was due


class _Pullers:
    """The threads that work on one job."""

    def __init__(self, job: Job, wake: threading.Event, most: int) -> None:
        self.job = job
        self.wake = wake
        self.lock = threading.Lock()
        self.reading = threading.Lock()  # the source: its own code may take its time
        self.most = min(job.concurrency, most)
        self.free = set(range(self.most))  # numbers of the workers that do not run
        self.busy: dict[int, _UnderWay] = {}  # worker -> what it is at
        self.forced = False
        self.held = True  # until it is first let go
        # A counter's `next` is atomic under the GIL, so items with a length need no lock: a
        # lock that is taken for each item makes the threads queue for it.
        self.counter = itertools.count(job.taken)
        self.end = len(job.items) if not job.lazy else 0

    def hold(self, *, over: bool) -> None:
        """Let the threads end after what they are at; or let them go on."""
        with self.lock:  # a thread that stops for it frees its number under this lock
            self.held = not over
        if over:
            self.spawn(self.job.total if self.job.total is not None else self.job.concurrency)

    def spawn(self, wanted: int) -> None:
        """Start threads for as many more attempts, within the bound."""
        if self.held:
            return  # all are started when it is over
        with self.lock:
            numbers = [self.free.pop() for _ in range(min(wanted, len(self.free)))]
        for begun, number in enumerate(sorted(numbers)):
            name = f"attune {self.job.key[0]} {number}"
            thread = threading.Thread(target=self._pull, args=(number,), name=name, daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                self._go_on_without(sorted(numbers)[begun:], error, alone=not begun)
                return

    def _go_on_without(self, numbers: list[int], error: RuntimeError, *, alone: bool) -> None:
        """Do without threads that the system does not give, if there is any other."""
        with self.lock:
            self.free.update(numbers)
            alone = alone and len(self.free) == self.most
        if alone:
            raise BackendError(
                f"the system gives no thread for task `{self.job.key[0]}` ({error}); "
                "end other work, or use the inline backend"
            ) from None

    def stop(self, *, force: bool) -> None:
        """Begin no more attempts; `force` also gives up on those under way."""
        job = self.job
        with self.lock:
            if not job.stopped:
                job.stopped = True
                if not job.lazy:
                    self.end = job.taken = min(next(self.counter), self.end)
            job.give_up_waiting()
            if force:
                self.forced = True
                given_up, self.busy = self.busy, {}
                for worker, at in given_up.items():
                    job.give_up(at.index, at.attempt, worker, at.start, at.item)
        if force:
            job.cancel.cancel()
            for at in given_up.values():
                if at.token is not None:
                    at.token.cancel()

    def abandon(self) -> None:
        """Let the threads end with what they are at; nobody reads what they record."""
        self.job.stopped = True
        self.job.cancel.cancel()
        for at in list(self.busy.values()):
            if at.token is not None:
                at.token.cancel()

    def end_overdue(self) -> float:
        """End the attempts that take too long; give the seconds until the next may do so."""
        now, nearest = self.job.clock(), inf
        for worker, at in list(self.busy.items()):
            if at.due <= now and at.token is not None and not at.stopping:
                at.stopping, at.due = True, now + GRACE
                at.token.cancel()
            if at.due <= now:
                self._record_overdue(worker, at)
            else:
                nearest = min(nearest, at.due - now)
        return nearest

    def _record_overdue(self, worker: int, at: _UnderWay) -> None:
        job = self.job
        with self.lock:
            if self.busy.get(worker) is not at:
                return  # it has ended just now
            del self.busy[worker]
            self.free.add(worker)
        cause = timed_out(job.timeout or 0.0, stoppable=False)
        job.record_for(worker, at.index, at.attempt, at.start, at.item, TIMED_OUT, cause)
        self.wake.set()
        self.spawn(1)

    def _take(self) -> tuple[int, int, Any] | None:
        """Give the next attempt to make: its index, its number and its item."""
        job = self.job
        if job.again:
            with self.lock:
                if job.again:
                    index, attempt = job.again.popleft()
                    return index, attempt, job.item_of(index)
        if job.lazy:
            with self.reading:
                pair = None if job.stopped or job.exhausted else next(job.source, None)
                with self.lock:
                    if pair is None or job.stopped:  # perhaps while the source was read
                        job.exhausted = True
                        return None
                    job.taken += 1
                    return pair[0], 1, pair[1]
        index = next(self.counter)
        if job.stopped:
            with self.lock:  # the end may be moving just now
                return (index, 1, job.items[index]) if index < self.end else None
        return (index, 1, job.items[index]) if index < self.end else None

    def _pull(self, worker: int) -> None:
        """Make attempts until there are none left: what each thread does."""
        attempt = self._make if self.job.timeout is None else self._make_within
        try:
            while True:
                held = self.held
                taken = None if held else self._take()
                if taken is None:
                    with self.lock:
                        # held no more by now: the number was not free when all were spawned
                        if self.held or not (held or self.job.again):
                            self.free.add(worker)
                            break
                elif not attempt(worker, *taken):
                    return  # the attempt was given up on, and with it this thread
        except BaseException as error:  # noqa: BLE001 - the items' own code raised
            with self.lock:
                self.job.source_failed(worker, error)
                self.free.add(worker)
        self.wake.set()

    def _make(self, worker: int, index: int, attempt: int, item: Any) -> bool:
        """Make one attempt and record it; tell whether anybody still wanted its result."""
        job, call = self.job, self.job.call
        start = job.clock()
        self.busy[worker] = _UnderWay(index, attempt, start, item)
        code, result, cause, rendered = SUCCEEDED, None, None, None
        try:
            if attempt == 1 and not job.gone:
                rendered = call.render(item, index)
            else:
                rendered = job.input_of(index, attempt, item)
            if job.announce is not None:
                job.announce(job.key, index, attempt)
            result = call.invoke(rendered, job.cancel)
        except BaseException as error:  # noqa: BLE001 - whatever an action raises is its failure
            code, cause = call.describe(error)
        if self.forced:
            return False
        if job.retries and (code or attempt > 1):
            self._keep(index, rendered, wanted=bool(code))
        job.record(index, attempt, worker, start, item, code, result, cause)
        self.busy.pop(worker, None)
        return True

    def _make_within(self, worker: int, index: int, attempt: int, item: Any) -> bool:
        """Make one attempt as `_make` does, where `end_overdue` may take it away."""
        job, call = self.job, self.job.call
        at = _UnderWay(index, attempt, job.clock(), item)
        at.token = CancelToken() if call.stoppable else None
        self.busy[worker] = at
        limit = job.timeout or 0.0
        code, result, cause, error = SUCCEEDED, None, None, None
        try:
            if attempt == 1 and not job.gone:
                rendered = call.render(item, index)
            else:
                rendered = job.input_of(index, attempt, item)
            if job.announce is not None:
                job.announce(job.key, index, attempt)
            if job.retries:
                job.kept[index] = rendered
            at.due = job.clock() + limit
            result = call.invoke(rendered, at.token or job.cancel)
        except BaseException as raised:  # noqa: BLE001 - whatever an action raises is its failure
            error = raised
            code, cause = call.describe(raised)
        with self.lock:
            if self.busy.get(worker) is not at:
                return False
            del self.busy[worker]
        if at.stopping:
            code, result = TIMED_OUT, None
            cause = timed_out(limit, stoppable=True, error=error)
        job.record(index, attempt, worker, at.start, item, code, result, cause)
        if code:
            self.wake.set()
        return True

    def _keep(self, index: int, rendered: Any, *, wanted: bool) -> None:
        """Keep an input for the attempts to come, or let go of it after the last."""
        if wanted:
            self.job.kept[index] = rendered if rendered is not None else {}
            self.wake.set()
        else:
            self.job.kept.pop(index, None)

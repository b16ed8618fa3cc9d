"""Attempts of `async` actions: coroutines of one loop, each pulling from the job's one iterator."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from functools import partial
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from attune_nb.backends.threads.thread_pool import RunningAttempt, WorkerPool
from attune_nb.events import SUCCEEDED
from attune_nb.values.frozen import freeze

if TYPE_CHECKING:
    from collections.abc import Callable

    from attune_nb.backends.attempt.job import Job

__all__ = ["CoroutinePool", "EventLoop"]

MOST_COROUTINES = 10_000  # for one task
TURN = 0.002  # seconds that one coroutine may go on without letting the others
SLOW = 0.001  # seconds: a source that takes longer is read in a thread


class EventLoop:
    """A loop in a thread of its own: the one that a cell runs in does not move while it waits."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._end = asyncio.Event()
        threading.Thread(target=self._run, name="attune coroutines", daemon=True).start()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            while not self._end.is_set():
                # a task that an action has made ends the loop with `sys.exit`, not what others do
                with contextlib.suppress(SystemExit, KeyboardInterrupt):
                    runner.run(self._end.wait())

    def call(self, function: Callable[..., object], *given: Any) -> None:
        """Call a function in the loop's thread, soon; nothing once the loop is closed."""
        try:
            self._loop.call_soon_threadsafe(function, *given)
        except RuntimeError:
            if not self._loop.is_closed():
                raise

    def close(self) -> None:
        """Cancel all that runs in the loop, and end its thread."""
        self.call(self._end.set)


class CoroutinePool(WorkerPool):
    """The coroutines that work on one job."""

    def __init__(self, job: Job, wake: threading.Event, loop: EventLoop) -> None:
        super().__init__(job, wake, MOST_COROUTINES)
        self._loop = loop
        self._tasks: dict[int, asyncio.Task[None]] = {}  # by worker
        self._moved = 0.0  # when the loop was last let go on, on the run's clock
        self._slow = False  # whether reading the source takes its time

    def _start_workers(self, numbers: list[int]) -> None:
        self._loop.call(self._create, numbers)

    def _create(self, numbers: list[int]) -> None:
        for number in numbers:
            task = asyncio.get_running_loop().create_task(self._pull(number))
            self._tasks[number] = task
            task.add_done_callback(partial(self._done, number))

    def _done(self, number: int, task: asyncio.Task[None]) -> None:
        if self._tasks.get(number) is task:  # another has its number, where it was given up on
            del self._tasks[number]

    def stop(self, *, force: bool) -> None:
        """Begin no more attempts; `force` also gives up on those under way."""
        super().stop(force=force)
        if force:
            self._loop.call(self._cancel_all)

    def _cancel_all(self) -> None:
        for task in list(self._tasks.values()):
            task.cancel()

    def _cancel(self, worker: int, at: RunningAttempt) -> None:
        """Cancel an attempt, if it is still under way."""
        if worker in self._tasks and self.running.get(worker) is at:
            self._tasks[worker].cancel()

    async def _next(self) -> tuple[int, int, Any] | None:
        if not self.job.source.lazy:
            return self._take_attempt()
        if self._slow:
            return await asyncio.to_thread(self._take_attempt)
        began = self.job.spec.clock()
        taken = self._take_attempt()
        self._slow = self.job.spec.clock() - began > SLOW
        return taken

    async def _pull(self, worker: int) -> None:
        """Make attempts until there are none left: what each coroutine does."""
        try:
            while True:
                held = self.paused
                taken = None if held else await self._next()
                if taken is None:
                    with self.lock:
                        # held no more by now: the number was not free when all were spawned
                        if self.paused or not (held or self.job.retry_queue):
                            self.free_workers.add(worker)
                            break
                elif not await self._make(worker, *taken):
                    return  # the attempt was given up on, and with it this coroutine
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - the items' own code raised
            self.job.record_source_failure(worker, error)
            with self.lock:
                self.free_workers.add(worker)
        finally:
            self.wake.set()

    async def _make(self, worker: int, index: int, attempt: int, item: Any) -> bool:
        """Make one attempt and record it; tell whether anybody still wanted its result."""
        job, spec = self.job, self.job.spec
        call, clock = spec.call, spec.clock
        at = RunningAttempt(index, attempt, clock(), item)
        at.token = _Cancel(self, worker, at) if spec.timeout is not None else None
        self.running[worker] = at
        code, result, cause, error, rendered = SUCCEEDED, None, None, None, None
        try:
            if at.start - self._moved > TURN:
                await asyncio.sleep(0)
                self._moved = clock()
            rendered = job.render_input(index, attempt, item)
            if spec.announce is not None:
                spec.announce(spec.key, index, attempt)
            if spec.timeout is not None:
                at.due = clock() + spec.timeout
            result = call.start(rendered, job.cancel_token)
            if type(result) is CoroutineType:
                result = await result
            result = freeze(result)
        except BaseException as raised:  # noqa: BLE001 - whatever an action raises is its failure
            error, result = raised, None  # it was the coroutine, if that has raised
            code, cause = call.describe_error(raised)
        if spec.retries and self.running.get(worker) is at:
            self._update_input(index, rendered, wanted=bool(code) or at.stopping)
        if at.stopping:
            _uncancel()
        return self._record_end(worker, at, (code, result, cause), error)


class _Cancel:
    """Cancels one attempt, from any thread."""

    __slots__ = ("_at", "_pullers", "_worker")

    def __init__(self, pullers: CoroutinePool, worker: int, at: RunningAttempt) -> None:
        self._pullers, self._worker, self._at = pullers, worker, at

    def cancel(self) -> None:
        """Cancel it, if it is still under way."""
        pullers = self._pullers
        pullers._loop.call(pullers._cancel, self._worker, self._at)  # noqa: SLF001 - of this module


def _uncancel() -> None:
    """Take back that this coroutine was cancelled: it goes on to the next item."""
    task = asyncio.current_task()
    while task is not None and task.cancelling():
        task.uncancel()

"""Attempts of `async` actions: coroutines of one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
import weakref
from functools import partial
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from attune_nb.backends.threads.thread_pool import RunningAttempt, WorkerPool
from attune_nb.capture.attempt_output import copy_context, current_outlet
from attune_nb.events import SUCCEEDED

if TYPE_CHECKING:
    from collections.abc import Callable

    from attune_nb.backends.attempt.job import Job
    from attune_nb.capture.attempt_output import Outlet

__all__ = ["CoroutinePool", "EventLoop"]

# coroutines for one job
MAX_COROUTINES = 10_000
# seconds that coroutines may run without a turn of the loop
MAX_TURN = 0.002
# seconds to read an item: a source that takes longer is read in a thread
MAX_READ = 0.001
# seconds that a coroutine may keep the loop before the timeouts of others stop waiting for it
MAX_HOLD = 0.5


class EventLoop:
    """An event loop in a thread of its own.

    The loop of a notebook's cell does not run while the cell waits. A loop is replaced once a
    coroutine holds it up that has been given up.
    """

    def __init__(self) -> None:
        self._pools: weakref.WeakSet[CoroutinePool] = weakref.WeakSet()
        # tasks whose attempts are past their timeout
        self._given_up: weakref.WeakSet[asyncio.Task[Any]] = weakref.WeakSet()
        # the loops so far, each with what ends it; the last one is in use
        self._loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
        self._start()

    def _start(self) -> None:
        """Start a loop, in a thread of its own."""
        self._loop = asyncio.new_event_loop()
        self._loop.set_task_factory(_create_task)
        end = asyncio.Event()
        self._loops.append((self._loop, end))

        # the heartbeat: whether the loop has had a turn since it was last asked for one, the
        # task that was running then, and the time of that, as `time.monotonic` has it
        self._had_turn = True
        self._watched_task: asyncio.Task[Any] | None = None
        self._watched_since = 0.0
        threading.Thread(
            target=_run_loop, args=(self._loop, end), name="attune coroutines", daemon=True
        ).start()

    def replace(self) -> None:
        """Go on in another loop, where the pools start workers in place of those that wait here.

        Attempts that have begun stay: they go on if the loop has turns again.
        """
        self._start()
        for pool in list(self._pools):
            pool.restart_waiting()

    def is_current(self) -> bool:
        """Return whether the loop of this thread is the one in use."""
        return asyncio.get_running_loop() is self._loop

    def call(self, function: Callable[..., object], *arguments: Any) -> None:
        """Schedule a function in the loop's thread, from any thread; do nothing if closed."""
        _call(self._loop, function, *arguments)

    def give_up(self, task: asyncio.Task[Any]) -> None:
        """Note that the attempt of a task has been given up."""
        self._given_up.add(task)

    def is_lost(self) -> bool:
        """Return whether the coroutine that `describe_holder` described has been given up."""
        return self._watched_task in self._given_up

    def add_pool(self, pool: CoroutinePool) -> None:
        """Add a pool whose coroutines run in this loop."""
        self._pools.add(pool)

    def describe_holder(self) -> str | None:
        """Describe the coroutine that keeps the loop from a turn, from any thread.

        The coroutines of a loop take turns at each `await`. One that does not await holds up all
        others, and none of them can be cancelled meanwhile.

        Returns:
            A clause of a message, or None if the loop has turns. The calls are its heartbeat: it
            takes two of them, `MAX_HOLD` apart, to notice.
        """
        now = time.monotonic()
        task = asyncio.current_task(self._loop)
        if self._had_turn or task is None or task is not self._watched_task:
            self._watched_task = task
            self._watched_since = now
            if self._had_turn:
                self._had_turn = False
                self.call(self._note_turn)
            return None

        if now - self._watched_since < MAX_HOLD:
            return None
        return (
            f"{self._find_action(task)} holds up all `async` actions, as it has reached no "
            "`await`, so this attempt could not be stopped; declare that action with `def`, not "
            "`async def`: it then gets a thread"
        )

    def _note_turn(self) -> None:
        self._had_turn = True

    def _find_action(self, task: asyncio.Task[Any]) -> str:
        """Return the action that a task of the loop runs; its coroutine if no pool has made it."""
        for pool in list(self._pools):
            description = pool.describe_action(task)
            if description is not None:
                return description

        coroutine = task.get_coro()
        return f"the coroutine `{getattr(coroutine, '__qualname__', coroutine)}`"

    def close(self) -> None:
        """Cancel all that runs in the loops, and end their threads."""
        for loop, end in self._loops:
            _call(loop, end.set)


def _create_task(
    loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any
) -> asyncio.Task[Any]:
    """Return a task; a task of an action prints for the attempt that has made it, at any time."""
    if current_outlet.get() is not None and options.get("context") is None:
        options["context"] = copy_context()
    return asyncio.Task(coroutine, loop=loop, **options)


def _run_loop(loop: asyncio.AbstractEventLoop, end: asyncio.Event) -> None:
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        while not end.is_set():
            # `sys.exit` in a task that an action has made ends `run`, not the other tasks
            with contextlib.suppress(SystemExit, KeyboardInterrupt):
                runner.run(end.wait())


def _call(
    loop: asyncio.AbstractEventLoop, function: Callable[..., object], *arguments: Any
) -> None:
    """Schedule a function in a loop, from any thread; do nothing if the loop is closed."""
    try:
        loop.call_soon_threadsafe(function, *arguments)
    except RuntimeError:
        if not loop.is_closed():
            raise


class CoroutinePool(WorkerPool):
    """The coroutines of one job."""

    def __init__(self, job: Job, wake: threading.Event, loop: EventLoop) -> None:
        super().__init__(job, wake, MAX_COROUTINES)
        self._loop = loop
        loop.add_pool(self)
        self._tasks: dict[int, asyncio.Task[None]] = {}  # by worker
        # how many loops came before the one in use
        self._generation = 0
        # the attempt that waits until it is due
        self._awaited: tuple[int, int, Any] | None = None
        self._last_turn = 0.0  # when the loop last had a turn, in seconds since the run's start
        self._latest_worker: int | None = None  # which began the latest attempt
        self._is_source_slow = False
        # the same as `_turn` and `_wait_ended`, for coroutines
        self._async_turn = asyncio.Lock()
        self._async_wait_ended = asyncio.Event()

    def _start_workers(self, workers: list[int]) -> None:
        self._loop.call(self._create_tasks, workers)

    def _create_tasks(self, workers: list[int]) -> None:
        if not self._loop.is_current():
            # their numbers were given to others
            return

        loop = asyncio.get_running_loop()
        for worker in workers:
            task = loop.create_task(self._work(worker))
            self._tasks[worker] = task
            task.add_done_callback(partial(self._drop_task, worker))

    def _drop_task(self, worker: int, task: asyncio.Task[None]) -> None:
        # if the task was given up, another task has its number
        if self._tasks.get(worker) is task:
            del self._tasks[worker]

    def restart_waiting(self) -> None:
        """Start workers in the loop in use, in place of those that have no attempt."""
        with self.lock:
            self._generation += 1
            self._async_turn = asyncio.Lock()
            self._async_wait_ended = asyncio.Event()
            waiting = set(range(self.size)) - self.free_workers - self.running.keys()
            for worker in waiting:
                self._tasks.pop(worker, None)
            self.free_workers |= waiting

            awaited = self._awaited
            self._awaited = None
            if awaited is not None:
                self._put_back(*awaited)

        self.start_workers(len(waiting))

    def _put_back(self, index: int, attempt: int, item: Any) -> None:
        """Put an attempt back that has not begun; the caller holds the lock."""
        self.job.retry_queue.appendleft((index, attempt))
        if self.job.source.lazy:
            self.job.source.remember(index, item)

    def _leave(self, worker: int, taken: tuple[int, int, Any] | None) -> None:
        """Let a worker end in a loop that was replaced; another one takes its place.

        Args:
            worker: The worker.
            taken: The attempt that it was about to begin, if it has one.
        """
        with self.lock:
            if taken is not None:
                self._put_back(*taken)
            is_own = self._tasks.get(worker) is asyncio.current_task()
            if is_own:
                del self._tasks[worker]
                self.free_workers.add(worker)

        self.start_workers(1)

    def set_paused(self, *, paused: bool) -> None:
        """Let the workers end after their current attempts, or start them again."""
        super().set_paused(paused=paused)
        self._end_wait()

    def _end_wait(self) -> None:
        """Let the coroutine that waits until its attempt may start look again."""
        if self.job.pace is not None or self.job.unrecorded is not None:
            self._loop.call(self._async_wait_ended.set)

    def abandon(self) -> None:
        """Cancel the attempts that run and let the workers end; their results are not read."""
        super().abandon()
        self._end_wait()

    def stop(self, *, force: bool) -> None:
        """Begin no more attempts; with `force`, also cancel those that run."""
        super().stop(force=force)
        self._end_wait()
        if force:
            self._loop.call(self._cancel_tasks)

    def _cancel_tasks(self) -> None:
        for task in list(self._tasks.values()):
            _call(task.get_loop(), task.cancel)

    def end_overdue(self) -> float:
        """End the attempts that are overdue; return the seconds until the next may be.

        They have no time to end by themselves while a coroutine holds up the loop.
        """
        effect = self._loop.describe_holder()
        if effect is not None:
            now = self.job.spec.clock()
            for worker, attempt in list(self.running.items()):
                if attempt.stopping or attempt.due <= now:
                    attempt.stopping = True
                    self.cancel_attempt(worker, attempt)
                    self._record_overdue(worker, attempt, effect)

        nearest = super().end_overdue()
        if effect is not None and self._loop.is_lost():
            self._loop.replace()
        return nearest

    def _record_overdue(self, worker: int, attempt: RunningAttempt, effect: str) -> None:
        """Record a timeout, and start another worker in place of the one that is still busy."""
        task = self._tasks.get(worker)
        super()._record_overdue(worker, attempt, effect)
        if task is not None:
            self._loop.give_up(task)

    def describe_action(self, task: asyncio.Task[Any]) -> str | None:
        """Return the action that a task runs, with its item; None if the task is of no worker."""
        for worker, own_task in list(self._tasks.items()):
            if own_task is not task:
                continue

            spec = self.job.spec
            description = f"the action `{spec.call.action.name}` (task `{spec.key[0]}`"
            attempt = self.running.get(worker)
            if attempt is not None and not self.job.source.is_single:
                description += f", item {attempt.index}"
            return f"{description})"
        return None

    def cancel_attempt(self, worker: int, attempt: RunningAttempt) -> None:
        """Cancel an attempt if it is still running, from any thread."""
        task = self._tasks.get(worker)
        if task is not None:
            _call(task.get_loop(), self._cancel_task, worker, attempt)

    def _cancel_task(self, worker: int, attempt: RunningAttempt) -> None:
        if worker in self._tasks and self.running.get(worker) is attempt:
            self._tasks[worker].cancel()

    async def _take_when_due(self) -> tuple[int, int, Any] | None:
        """Return the next attempt of a job whose attempts must ask, when it may start."""
        async with self._async_turn:
            while self.job.retry_queue or not self.job.is_closed:
                taken = await self._read_next()
                if taken is None:
                    return None

                if not await self._wait_until_due(taken):
                    return None
                if self._give_back_if_held(*taken):
                    return None
                if self.job.try_begin(taken[0]):
                    return taken

        return None

    async def _wait_until_due(self, taken: tuple[int, int, Any]) -> bool:
        """Wait until an attempt is due, or cannot start for another reason.

        Returns:
            Whether it is still this loop's: False if the loop was replaced meanwhile.
        """
        try:
            while (wait := self._wait_of(taken)) > 0:
                self._awaited = taken
                self._async_wait_ended.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._async_wait_ended.wait(), wait)
                if self._awaited is not taken:
                    return False
                self._awaited = None
        except asyncio.CancelledError:
            # the job was stopped by force
            self._awaited = None
            self._give_back_if_held(*taken)
            raise
        return True

    async def _read_next(self) -> tuple[int, int, Any] | None:
        """Return the next attempt; read a slow source in a thread."""
        if not self.job.source.lazy:
            return self._take_attempt()

        if self._is_source_slow:
            return await asyncio.to_thread(self._take_in_thread, self._generation)

        clock = self.job.spec.clock
        start = clock()
        attempt = self._take_attempt()
        self._is_source_slow = clock() - start > MAX_READ
        return attempt

    def _take_in_thread(self, generation: int) -> tuple[int, int, Any] | None:
        """Take an attempt for a worker of a loop; put it back if that was replaced meanwhile."""
        taken = self._take_attempt()
        with self.lock:
            is_late = generation != self._generation
            if is_late and taken is not None:
                self._put_back(*taken)

        if not is_late:
            return taken
        self.start_workers(1)
        return None

    async def _work(self, worker: int) -> None:
        """Make attempts until none is left."""
        take_next = self._take_when_due if self.job.must_ask else self._read_next
        clock = self.job.spec.clock
        generation = self._generation
        outlet = self.job.open_outlet(worker)
        try:
            with outlet.used():
                while True:
                    # if another worker has run since its last attempt, this one has waited
                    if self._latest_worker == worker and clock() - self._last_turn > MAX_TURN:
                        # before it takes an attempt, which would wait with it
                        await asyncio.sleep(0)
                        self._last_turn = clock()

                    paused = self.paused
                    attempt = None if paused else await take_next()
                    if generation != self._generation:
                        self._leave(worker, attempt)
                        return
                    if attempt is None:
                        if self._may_end(worker, was_paused=paused):
                            break
                    elif not await self._run(worker, outlet, *attempt):
                        # the attempt was given up, and another worker has this one's number
                        return
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - the items' own code raised
            self.job.record_source_failure(worker, error)
            with self.lock:
                self.free_workers.add(worker)
        finally:
            self.job.close_outlet(outlet)
            self.wake.set()

    async def _run(self, worker: int, outlet: Outlet, index: int, attempt: int, item: Any) -> bool:
        """Make one attempt and record it; return False if it was given up."""
        job = self.job
        spec = job.spec
        call = spec.call
        clock = spec.clock
        running = RunningAttempt(index, attempt, clock(), item)
        if spec.timeout is not None:
            running.token = _AttemptCanceller(self, worker, running)
        self.running[worker] = running

        code = SUCCEEDED
        result = None
        cause = None
        error = None
        rendered = None
        try:
            self._latest_worker = worker
            outlet.index = index
            outlet.attempt = attempt
            rendered = job.render_input(index, attempt, item)
            if spec.announce is not None:
                spec.announce(spec.key, index, attempt)
            if spec.timeout is not None:
                running.due = clock() + spec.timeout

            result = call.start(rendered, job.cancel_token)
            if type(result) is CoroutineType:
                result = await result
            result = call.freeze(result)
        except BaseException as raised:  # noqa: BLE001 - an action may raise anything
            error = raised
            result = None  # it was the coroutine, if that has raised
            code, cause = call.describe_error(raised)

        # before the end is recorded: its lines come first
        outlet.attempt = 0
        if outlet.must_end:
            outlet.end()
        if spec.retries and self.running.get(worker) is running:
            self._update_input(index, rendered, failed=bool(code) or running.stopping)
        if running.stopping:
            _uncancel()

        return self._record_end(worker, running, (code, result, cause), error)


class _AttemptCanceller:
    """Cancels one attempt, from any thread."""

    __slots__ = ("_attempt", "_pool", "_worker")

    def __init__(self, pool: CoroutinePool, worker: int, attempt: RunningAttempt) -> None:
        self._pool = pool
        self._worker = worker
        self._attempt = attempt

    def cancel(self) -> None:
        """Cancel the attempt if it is still running."""
        self._pool.cancel_attempt(self._worker, self._attempt)


def _uncancel() -> None:
    """Take back the cancellation of the current task, which goes on with the next item."""
    task = asyncio.current_task()
    while task is not None and task.cancelling():
        task.uncancel()

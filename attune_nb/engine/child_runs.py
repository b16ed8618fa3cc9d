"""Runs within runs: workflows that tasks run, driven in the loop of the outermost run.

A task that runs a workflow is no job of the backend. Each of its attempts is a run of its own, with
a driver of its own, whose jobs share the backend of the outermost run.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import replace

from attune_nb.backends.attempt.attempt import timeout_error
from attune_nb.backends.attempt.next_item import item_taker
from attune_nb.backends.attempt.remote_inputs import fetch_inputs
from attune_nb.events import CANCELLED, TIMED_OUT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from attune_nb.backends.attempt.job import Job
    from attune_nb.backends.protocol import Backend
    from attune_nb.engine.driver import Driver
    from attune_nb.events import Batch, ErrorInfo, Key

    # makes the run of an attempt: the attempt, its action's function, its input, its backend
    OpenChild = Callable[["ParentAttempt", Any, Any, "Channel"], "Child"]

__all__ = ["Channel", "Child", "ChildRuns", "ParentAttempt"]

# the effect of a task's timeout on the run that is its attempt
_TIMEOUT_EFFECT = "its run was cancelled"


@dataclass(frozen=True)
class ParentAttempt:
    """The attempt that a run is.

    Attributes:
        driver: The driver of the run that the attempt belongs to.
        task: The path of its task.
        visit: The number of the execution of the task.
        index: The index of the item.
        attempt: The number of the attempt.
    """

    driver: Driver
    task: str
    visit: int
    index: int
    attempt: int

    @property
    def path(self) -> str:
        """The attempt, for the paths of tasks within it: `deploy[3]/`; `deploy/` without items."""
        task = self.driver.state.workflow.task(self.task)
        if task.with_items is None:
            return f"{self.task}/"
        return f"{self.task}[{self.index}]/"


class Child(NamedTuple):
    """A run within another one, before its start.

    Attributes:
        driver: Its driver.
        begin: Starts it, or continues it.
        finish: Returns how its attempt has ended: the status, the result, the error.
    """

    driver: Driver
    begin: Callable[[], None]
    finish: Callable[[], tuple[int, Any, ErrorInfo | None]]


class _RunningChild:
    """A run within another one that has not ended.

    Args:
        child: The run.
        channel: Its backend.
        job: The job whose attempt it is.
        place: The attempt: index, number, worker, item.
        start: When it began, in seconds since the start of its parent.
        rendered: Its parameters.
    """

    def __init__(
        self,
        child: Child,
        channel: Channel,
        job: _WorkflowJob,
        place: tuple[int, int, int, Any],
        start: float,
        rendered: Any,
    ) -> None:
        self.child = child
        self.driver = child.driver
        self.channel = channel
        self.job = job
        self.index, self.attempt, self.worker, self.item = place
        self.start = start
        self.rendered = rendered
        self.has_timed_out = False

    @property
    def seconds_left(self) -> float | None:
        """The seconds until the timeout of its attempt; None if there is no timeout left."""
        spec = self.job.job.spec
        if spec.timeout is None or self.has_timed_out:
            return None
        return self.start + spec.timeout - spec.clock()

    def has_work(self) -> bool:
        """Return whether something has happened that its driver has not processed."""
        return self.channel.has_batches() or self.driver.has_work()


class _WorkflowJob:
    """A task that runs a workflow."""

    def __init__(self, job: Job) -> None:
        self.job = job
        # the runs of its attempts that have not ended, by the number of their worker
        self.running: dict[int, _RunningChild] = {}

    def is_full(self) -> bool:
        """Return whether as many runs are running as may run at once."""
        return len(self.running) >= self.job.spec.concurrency

    def free_worker(self) -> int:
        """Return the lowest number of a worker that runs nothing."""
        return next(number for number in itertools.count() if number not in self.running)


class Channel:
    """The backend of one of the runs that share the backend of the outermost run.

    Attributes:
        path: The attempts that the run is part of, as below.
        workflow_jobs: The tasks of the run that run workflows.

    Args:
        runs: All these runs.
        path: The attempts that the run is part of, such as `deploy[3]/`; empty for the outermost
            run.
    """

    def __init__(self, runs: ChildRuns, path: str) -> None:
        self.path = path
        self.workflow_jobs: dict[Key, _WorkflowJob] = {}
        self._runs = runs
        # the jobs at the shared backend: the key here, and there
        self._shared_keys: dict[Key, Key] = {}
        self._batches: list[tuple[Key, Batch]] = []
        self._driver: Driver | None = None

    @property
    def driver(self) -> Driver:
        """The driver of the run.

        Raises:
            RuntimeError: The run has none yet.
        """
        if self._driver is None:
            raise RuntimeError("the run has no driver")
        return self._driver

    def serve(self, driver: Driver) -> None:
        """Become the backend of a driver."""
        self._driver = driver
        driver.runs_within = self

    def start(self, job: Job) -> None:
        """Begin the attempts of a job."""
        key = job.spec.key
        if job.spec.call.action.runs_workflow:
            fetch_inputs(job)
            self.workflow_jobs[key] = _WorkflowJob(job)
            return

        if self.path:
            self._share(job)
        self._shared_keys[key] = job.spec.key
        self._runs.start(self, key, job)

    def _share(self, job: Job) -> None:
        """Give a job a key that no job of another run has: no task has a negative visit."""
        key = job.own_key
        announce = job.spec.announce
        shared_announce = None
        if announce is not None:

            def shared_announce(_: Key, index: int, attempt: int) -> None:
                announce(key, index, attempt)

        shared_key = (self.path + key[0], self._runs.next_visit())
        job.spec = replace(job.spec, key=shared_key, announce=shared_announce)

    def retry(self, key: Key, index: int, attempt: int) -> None:
        """Make one more attempt, with the same rendered input."""
        workflow_job = self.workflow_jobs.get(key)
        if workflow_job is None:
            self._runs.backend.retry(self._shared_keys[key], index, attempt)
        elif workflow_job.job.stopped:
            workflow_job.job.results.record_unbegun(index, attempt, None)
        else:
            workflow_job.job.retry_queue.append((index, attempt))

    def stop(self, key: Key, *, force: bool) -> None:
        """Begin no more attempts of a job; also stop the runs that are its attempts."""
        workflow_job = self.workflow_jobs.get(key)
        if workflow_job is None:
            if key in self._shared_keys:
                self._runs.backend.stop(self._shared_keys[key], force=force)
            return

        job = workflow_job.job
        if not job.stopped:
            job.stop()
            job.cancel_waiting()
        for running in workflow_job.running.values():
            running.driver.cancel("the task was stopped", force=force)

    def set_paused(self, *, paused: bool) -> None:
        """Begin no attempts of any run, or begin them again.

        Only the outermost run can be paused; it pauses the runs within it.
        """
        if not self.path:
            self._runs.set_paused(paused=paused)

    def release(self, key: Key) -> None:
        """Release a job whose task has ended."""
        self.workflow_jobs.pop(key, None)
        shared_key = self._shared_keys.pop(key, None)
        if shared_key is not None:
            self._runs.release(shared_key)

    def poll(self, timeout: float) -> None:
        """Wait until something has happened in any run, for about `timeout` seconds."""
        self._runs.poll(timeout)

    def collect(self) -> list[tuple[Key, Batch]]:
        """Return the attempts of this run that have ended since the last call."""
        batches = self._batches
        self._batches = []
        for key, workflow_job in self.workflow_jobs.items():
            batch = workflow_job.job.collect()
            if batch is not None:
                batches.append((key, batch))
        return batches

    def close(self) -> None:
        """Release all jobs of this run; with the outermost run, all runs within it."""
        if self.path:
            for key in [*self._shared_keys]:
                self._runs.backend.stop(self._shared_keys[key], force=True)
                self.release(key)
        else:
            self._runs.close()
        self.workflow_jobs.clear()
        # the driver holds this backend: a run that has ended has no reference cycle
        self._driver = None

    def receive(self, key: Key, batch: Batch) -> None:
        """Keep attempts that have ended, until they are collected."""
        self._batches.append((key, batch))

    def has_batches(self) -> bool:
        """Return whether attempts have ended that were not collected."""
        if self._batches:
            return True
        return any(item.job.results.count_uncollected() for item in self.workflow_jobs.values())

    def all_within(self) -> Sequence[Driver]:
        """Return the drivers of all runs within the outermost run, if this is its backend."""
        return [] if self.path else self._runs.drivers

    def has_only_questions(self, key: Key) -> bool:
        """Return whether a task runs workflows, and all of them wait for answers alone."""
        workflow_job = self.workflow_jobs.get(key)
        if workflow_job is None or not workflow_job.running:
            return False
        job = workflow_job.job
        if not workflow_job.is_full() and (job.retry_queue or not job.source.exhausted):
            return False
        return all(item.driver.has_only_questions for item in workflow_job.running.values())


class ChildRuns:
    """The runs within a run, and the backend that all of them share.

    The thread of the outermost run calls every method that has no other note.

    Attributes:
        backend: The shared backend.

    Args:
        backend: The backend.
        open_child: Makes the run of an attempt.
    """

    def __init__(self, backend: Backend, open_child: OpenChild) -> None:
        self.backend = backend
        # these two are None after the end: both lead back to this object
        self._root: Channel | None = None
        self._open_child: OpenChild | None = open_child
        self._visits = itertools.count(-1, -1)
        self._running: list[_RunningChild] = []
        # the run and its key of each job at the backend
        self._owners: dict[Key, tuple[Channel, Key]] = {}
        self._is_paused = False

    @property
    def drivers(self) -> list[Driver]:
        """The drivers of the runs that have not ended. Any thread may read it."""
        return [running.driver for running in [*self._running]]

    def open_root(self) -> Channel:
        """Return the backend of the outermost run."""
        self._root = Channel(self, "")
        return self._root

    def next_visit(self) -> int:
        """Return a negative number that was not returned before."""
        return next(self._visits)

    def start(self, channel: Channel, key: Key, job: Job) -> None:
        """Start a job of a run at the backend."""
        self._owners[job.spec.key] = (channel, key)
        self.backend.start(job)

    def release(self, shared_key: Key) -> None:
        """Release a job at the backend."""
        self._owners.pop(shared_key, None)
        self.backend.release(shared_key)

    def set_paused(self, *, paused: bool) -> None:
        """Begin no attempts of any run, or begin them again."""
        self._is_paused = paused
        self.backend.set_paused(paused=paused)
        for running in self._running:
            if paused:
                running.driver.pause()
            else:
                running.driver.resume()

    def poll(self, timeout: float) -> None:
        """Wait until something has happened in any run, and advance the runs within others."""
        self._begin_children()
        wait = timeout
        if self._has_work():
            wait = 0.0
        self.backend.poll(min([wait, *self._waits()]))

        for shared_key, batch in self.backend.collect():
            owner = self._owners.get(shared_key)
            if owner is not None:
                channel, key = owner
                channel.receive(key, batch)

        # the innermost runs first, whose ends are attempts of the others
        for running in reversed([*self._running]):
            self._advance(running)
        self._begin_children()

    def close(self) -> None:
        """End the runs that have not ended, and close the backend."""
        for running in reversed([*self._running]):
            self._remove(running)
        self._root = None
        self._open_child = None
        self.backend.close()

    def _has_work(self) -> bool:
        if self._root is not None and self._root.has_batches():
            return True
        return any(running.has_work() for running in self._running)

    def _waits(self) -> Iterator[float]:
        """Yield the seconds until each timer and timeout, and until each start by a rate."""
        for running in self._running:
            yield running.driver.seconds_until_timer(1.0)
            seconds_left = running.seconds_left
            if seconds_left is not None:
                yield max(0.0, seconds_left)

        if self._is_paused:
            return
        for _, workflow_job in self._workflow_jobs():
            pace = workflow_job.job.pace
            if pace is None:
                continue
            wait = pace.seconds_until_due()
            if wait > 0:
                yield wait

    def _workflow_jobs(self) -> Iterator[tuple[Channel, _WorkflowJob]]:
        """Yield the tasks that run workflows, and their runs' backends; both may change."""
        channels = [running.channel for running in self._running]
        if self._root is not None:
            channels.insert(0, self._root)
        for channel in channels:
            for workflow_job in [*channel.workflow_jobs.values()]:
                yield channel, workflow_job

    def _begin_children(self) -> None:
        """Begin the runs of the next items, as many as may run at once."""
        for channel, workflow_job in self._workflow_jobs():
            if workflow_job.job.unrecorded is not None:
                workflow_job.job.unrecorded.confirm_recorded()
            self._begin_next(channel, workflow_job)

    def _begin_next(self, channel: Channel, workflow_job: _WorkflowJob) -> None:
        def begin(job: Job, index: int, attempt: int, item: Any) -> None:
            worker = workflow_job.free_worker()
            self._begin_child(channel, workflow_job, job, (index, attempt, worker, item))

        take_item = item_taker(workflow_job.job, begin)
        while not self._is_paused and not workflow_job.is_full():
            if not take_item():
                return

    def _begin_child(
        self,
        parent: Channel,
        workflow_job: _WorkflowJob,
        job: Job,
        place: tuple[int, int, int, Any],
    ) -> None:
        """Begin the run of an attempt, or record that the attempt failed."""
        open_child = self._open_child
        if open_child is None:
            raise RuntimeError("the outermost run has ended")

        index, attempt, worker, item = place
        spec = job.spec
        start = spec.clock()
        rendered = None
        task, visit = spec.key
        parent_attempt = ParentAttempt(parent.driver, task, visit, index, attempt)
        channel = Channel(self, parent.path + parent_attempt.path)
        try:
            rendered = job.render_input(index, attempt, item)
            child = open_child(parent_attempt, spec.call.function, rendered, channel)
        except KeyboardInterrupt:
            # a user interrupts this very thread
            raise
        except BaseException as error:  # noqa: BLE001 - an input may raise anything
            code, cause = spec.call.describe_error(error)
            if spec.retries:
                job.keep_input(index, rendered)
            job.results.record(index, attempt, worker, start, item, code, None, cause)
            return

        channel.serve(child.driver)
        running = _RunningChild(child, channel, workflow_job, place, start, rendered)
        workflow_job.running[worker] = running
        self._running.append(running)
        child.begin()
        if child.driver.state.ended:
            self._end(running)

    def _advance(self, running: _RunningChild) -> None:
        """Advance a run if anything has happened; stop it at the timeout of its attempt."""
        seconds_left = running.seconds_left
        if seconds_left is not None and seconds_left <= 0:
            running.has_timed_out = True
            running.driver.cancel("the task's timeout was reached", force=True)

        if running.has_work():
            running.driver.advance()
        if running.driver.state.ended:
            self._end(running)

    def _end(self, running: _RunningChild) -> None:
        """Record how the attempt of a run has ended."""
        self._remove(running)
        job = running.job.job
        spec = job.spec
        code, result, cause = running.child.finish()
        if running.has_timed_out and code and spec.timeout is not None:
            code = TIMED_OUT
            cause = timeout_error(spec.timeout, _TIMEOUT_EFFECT)
        elif job.stopped and running.driver.state.status == "cancelled":
            code = CANCELLED

        origin = (running.index, running.attempt, running.worker, running.start, running.item)
        if code == CANCELLED:
            job.results.record_cancelled(*origin)
            return
        if code and spec.retries:
            job.keep_input(running.index, running.rendered)
        job.results.record(*origin, code, result, cause)

    def _remove(self, running: _RunningChild) -> None:
        self._running.remove(running)
        running.job.running.pop(running.worker, None)
        running.driver.close()

"""The inline backend: attempts in the driver's thread, one after the other, to debug and test."""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING

from attune_nb.actions.cancel import CancelToken
from attune_nb.backends.attempt.attempt import timeout_error
from attune_nb.backends.attempt.next_item import item_taker
from attune_nb.backends.attempt.remote_inputs import fetch_inputs
from attune_nb.events import SUCCEEDED, TIMED_OUT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from attune_nb.backends.attempt.job import Job
    from attune_nb.backends.attempt.run_coroutine import CoroutineRunner
    from attune_nb.capture.attempt_output import Outlet
    from attune_nb.events import Batch, ErrorInfo, Key

__all__ = ["InlineBackend"]


class InlineBackend:
    """Makes attempts while it is polled."""

    def __init__(self) -> None:
        self._jobs: dict[Key, Job] = {}
        self._outlets: dict[Key, Outlet] = {}
        self._paused = False
        self._runner: CoroutineRunner | None = None

    def start(self, job: Job) -> None:
        """Add a job, whose attempts `poll` makes."""
        fetch_inputs(job)
        if job.spec.call.is_async:
            job.spec.call.runner = self._shared_runner()
        self._jobs[job.spec.key] = job
        self._outlets[job.spec.key] = job.open_outlet(0, in_engine=True)

    def _shared_runner(self) -> CoroutineRunner:
        """Return the runner of all coroutines."""
        if self._runner is None:
            # asyncio is a tenth of the time to import this package
            from attune_nb.backends.attempt.run_coroutine import (  # noqa: PLC0415
                CoroutineRunner,
            )

            self._runner = CoroutineRunner()
        return self._runner

    def retry(self, key: Key, index: int, attempt: int) -> None:
        """Make one more attempt, with the same rendered input."""
        job = self._jobs[key]
        if job.stopped:
            job.results.record_unbegun(index, attempt, None)
        else:
            job.retry_queue.append((index, attempt))

    def stop(self, key: Key, *, force: bool) -> None:  # noqa: ARG002 - no attempt runs meanwhile
        """Make no more attempts of a job."""
        job = self._jobs.get(key)
        if job is not None and not job.stopped:
            job.stop()
            job.cancel_waiting()

    def set_paused(self, *, paused: bool) -> None:
        """Make no attempts, or make them again."""
        self._paused = paused

    def release(self, key: Key) -> None:
        """Release a job whose task has ended."""
        job = self._jobs.pop(key, None)
        if job is not None:
            job.close_outlet(self._outlets.pop(key))

    def poll(self, timeout: float) -> None:
        """Make attempts for about `timeout` seconds, or wait if there are none to make."""
        until = time.monotonic() + timeout
        has_worked = False
        for job in self._jobs.values():
            if job.unrecorded is not None:
                job.unrecorded.confirm_recorded()

        for key, job in self._jobs.items():
            outlet = self._outlets[key]
            take_item = item_taker(job, partial(_run_attempt, outlet))
            with outlet.used():
                while not self._paused and take_item():
                    has_worked = True
                    if time.monotonic() > until:
                        return

        if not has_worked:
            time.sleep(min([timeout, *self._waits()]))

    def _waits(self) -> Iterator[float]:
        """Yield the seconds until each job that waits for its pace may start an attempt."""
        for job in self._jobs.values():
            if job.pace is not None and not self._paused:
                wait = job.pace.seconds_until_due()
                if wait > 0:
                    yield wait

    def collect(self) -> list[tuple[Key, Batch]]:
        """Return the attempts that have ended since the last call."""
        batches = []
        for key, job in self._jobs.items():
            batch = job.collect()
            if batch is not None:
                batches.append((key, batch))

        return batches

    def close(self) -> None:
        """Release every job, and close the event loop of the coroutines."""
        self._jobs.clear()
        self._outlets.clear()
        if self._runner is not None:
            self._runner.close()


def _run_attempt(outlet: Outlet, job: Job, index: int, attempt: int, item: Any) -> None:
    spec = job.spec
    start = spec.clock()
    outlet.index = index
    outlet.attempt = attempt
    rendered = None
    code = SUCCEEDED
    result = None
    cause = None
    try:
        rendered = job.render_input(index, attempt, item)
        if spec.announce is not None:
            spec.announce(spec.key, index, attempt)
        result, cause = _invoke(job, rendered)
        if cause is not None:
            code = TIMED_OUT
    except KeyboardInterrupt:
        raise  # a user interrupts this very thread
    except BaseException as error:  # noqa: BLE001 - an action may raise anything
        code, cause = spec.call.describe_error(error)

    # before the end is recorded: its lines come first
    outlet.attempt = 0
    if outlet.must_end:
        outlet.end()
    if code and spec.retries:
        job.keep_input(index, rendered)
    job.results.record(index, attempt, 0, start, item, code, result, cause)


def _invoke(job: Job, rendered: Any) -> tuple[Any, ErrorInfo | None]:
    """Call the action; return its result, or None and the error of its timeout.

    A plain function in this very thread cannot be stopped. Its timeout is noticed when it has
    returned.
    """
    spec = job.spec
    timeout = spec.timeout
    if timeout is None:
        return spec.call.invoke(rendered, job.cancel_token), None

    token = CancelToken()
    started_at = time.monotonic()
    timer = threading.Timer(timeout, token.cancel)
    timer.daemon = True
    timer.start()
    try:
        result = spec.call.invoke(rendered, token)
    except Exception as error:
        if not token.cancelled:
            raise
        return None, spec.call.describe_timeout(timeout, error)
    finally:
        timer.cancel()

    if token.cancelled or time.monotonic() - started_at > timeout:
        return None, timeout_error(timeout)

    return result, None

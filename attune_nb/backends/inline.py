"""Attempts in the driver's own thread, one after the other: for debugging and for tests."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from attune_nb.actions.cancel import CancelToken
from attune_nb.backends.attempt.attempt import timeout_error
from attune_nb.backends.attempt.remote_inputs import fetch_inputs
from attune_nb.events import SUCCEEDED, TIMED_OUT

if TYPE_CHECKING:
    from typing import Any

    from attune_nb.backends.attempt.job import Job
    from attune_nb.events import Batch, ErrorInfo, Key

__all__ = ["InlineBackend"]


class InlineBackend:
    """Makes attempts while it is pumped."""

    def __init__(self) -> None:
        self._jobs: dict[Key, Job] = {}
        self._paused = False

    def start(self, job: Job) -> None:
        """Take a job in; its attempts are made by `pump`."""
        fetch_inputs(job)
        self._jobs[job.spec.key] = job

    def retry(self, key: Key, index: int, attempt: int) -> None:
        """Make one more attempt, with the same rendered input."""
        job = self._jobs[key]
        if job.stopped:
            job.results.record_cancelled(index, attempt, 0, job.spec.clock(), None)
        else:
            job.retry_queue.append((index, attempt))

    def stop(self, key: Key, *, force: bool) -> None:  # noqa: ARG002 - nothing is under way here
        """Make no more attempts of a job."""
        job = self._jobs.get(key)
        if job is not None and not job.stopped:
            job.stop()
            job.cancel_waiting()

    def set_paused(self, *, paused: bool) -> None:
        """Make no attempts, or make them again."""
        self._paused = paused

    def release(self, key: Key) -> None:
        """Let go of a job whose task has ended."""
        self._jobs.pop(key, None)

    def poll(self, timeout: float) -> None:
        """Make attempts for about `timeout` seconds, or wait where there is nothing to do."""
        until = time.monotonic() + timeout
        worked = False
        for job in self._jobs.values():
            while not self._paused and _advance(job):
                worked = True
                if time.monotonic() > until:
                    return
        if not worked:
            time.sleep(timeout)

    def collect(self) -> list[tuple[Key, Batch]]:
        """Give what has ended since the last call."""
        found = [(key, job.collect()) for key, job in self._jobs.items()]
        return [(key, batch) for key, batch in found if batch is not None]

    def close(self) -> None:
        """Let go of every job."""
        self._jobs.clear()


def _advance(job: Job) -> bool:
    """Make one attempt, or find that there are no more items; tell whether it did either."""
    source = job.source
    if job.stopped or (source.exhausted and not job.retry_queue):
        return False
    if job.retry_queue:
        index, attempt = job.retry_queue.popleft()
        _attempt(job, index, attempt, source.item(index))
        return True
    try:
        pair = source.read_next()
    except KeyboardInterrupt:
        raise  # this is the thread that a person interrupts
    except BaseException as error:  # noqa: BLE001 - the items' own code raised
        job.record_source_failure(0, error)
        return True
    if pair is not None:
        _attempt(job, pair[0], 1, pair[1])
    return True


def _attempt(job: Job, index: int, attempt: int, item: Any) -> None:
    spec = job.spec
    start, rendered = spec.clock(), None
    code, result, cause = SUCCEEDED, None, None
    try:
        rendered = job.render_input(index, attempt, item)
        if spec.announce is not None:
            spec.announce(spec.key, index, attempt)
        result, cause = _invoke(job, rendered)
        code = TIMED_OUT if cause else SUCCEEDED
    except KeyboardInterrupt:
        raise  # this is the thread that a person interrupts
    except BaseException as error:  # noqa: BLE001 - whatever an action raises is its failure
        code, cause = spec.call.describe_error(error)
    if code and spec.retries:
        job.keep_input(index, rendered)
    job.results.record(index, attempt, 0, start, item, code, result, cause)


def _invoke(job: Job, rendered: Any) -> tuple[Any, ErrorInfo | None]:
    """Call the action; give its result, or the reason why it came too late.

    Nobody can interrupt a plain function in this very thread: it is found to be late once it
    is back.
    """
    spec = job.spec
    if spec.timeout is None:
        return spec.call.invoke(rendered, job.cancel_token), None
    token, began = CancelToken(), time.monotonic()
    timer = threading.Timer(spec.timeout, token.cancel)
    timer.daemon = True
    timer.start()
    try:
        result = spec.call.invoke(rendered, token)
    except Exception as error:
        if not token.cancelled:
            raise
        return None, timeout_error(spec.timeout, error=error)
    finally:
        timer.cancel()
    if not token.cancelled and time.monotonic() - began <= spec.timeout:
        return result, None
    return None, timeout_error(spec.timeout)

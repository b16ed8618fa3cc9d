"""Attempts in the driver's own thread, one after the other: for debugging and for tests."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from attune_nb.backends.attempt import describe
from attune_nb.events import ErrorInfo

if TYPE_CHECKING:
    from attune_nb.backends.protocol import Job
    from attune_nb.events import Batch, Key

__all__ = ["InlineBackend"]

_CANCELLED = ErrorInfo(type="Cancelled", message="the run was cancelled", retryable=False)


class InlineBackend:
    """Makes attempts while it is pumped."""

    def __init__(self) -> None:
        self._jobs: dict[Key, Job] = {}

    def start(self, job: Job) -> None:
        """Take a job in; its attempts are made by `pump`."""
        self._jobs[job.key] = job

    def retry(self, key: Key, index: int, attempt: int) -> None:
        """Make one more attempt, with the same rendered input."""
        self._jobs[key].again.append((index, attempt))

    def stop(self, key: Key, *, force: bool) -> None:  # noqa: ARG002 - nothing is under way here
        """Make no more attempts of a job."""
        job = self._jobs.get(key)
        if job is None or job.stopped:
            return
        job.stopped = True
        waiting = list(job.again)
        job.again.clear()
        if job.plain and not job.taken:
            waiting.append((0, 1))
        for index, attempt in waiting:
            job.rows.append((index, attempt, 0, job.clock(), 0.0, 3, None, _CANCELLED, None))

    def pump(self, timeout: float) -> None:
        """Make attempts for about `timeout` seconds, or wait where there is nothing to do."""
        until = time.monotonic() + timeout
        worked = False
        for job in self._jobs.values():
            while self._one(job):
                worked = True
                if time.monotonic() > until:
                    return
        if not worked:
            time.sleep(timeout)

    def drain(self) -> list[tuple[Key, Batch]]:
        """Give what has ended since the last call."""
        found = [(key, job.drain()) for key, job in self._jobs.items()]
        return [(key, batch) for key, batch in found if batch is not None]

    def close(self) -> None:
        """Let go of every job."""
        self._jobs.clear()

    def _one(self, job: Job) -> bool:
        if job.stopped or (job.exhausted and not job.again):
            return False
        item = None
        if job.again:
            index, attempt = job.again.popleft()
        else:
            pair = next(job.source, None)
            if pair is None:
                job.exhausted = True
                return True
            (index, item), attempt = pair, 1
            job.taken += 1
        start = job.clock()
        code, result, cause, rendered = 0, None, None, None
        try:
            rendered = job.kept[index] if attempt > 1 else job.call.render(item, index)
            result = job.call.invoke(rendered)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - an action's failure
            code, cause = 1, describe(error)
        if code and job.retries:
            job.kept[index] = rendered if rendered is not None else {}
        kept_item = item if job.lazy else None
        job.rows.append(
            (index, attempt, 0, start, job.clock() - start, code, result, cause, kept_item)
        )
        return True

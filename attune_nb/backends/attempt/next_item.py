"""Take the next item of a job whose attempts begin in the driver's thread."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from attune_nb.backends.attempt.job import Job

    RunAttempt = Callable[[Job, int, int, Any], None]
    TakeItem = Callable[[], bool]

__all__ = ["TakeItem", "item_taker"]


def item_taker(job: Job, run_attempt: RunAttempt) -> TakeItem:
    """Return a function that begins one attempt of a job or notices the end of the items.

    It returns False if neither can be done.

    Args:
        job: The job.
        run_attempt: Begins an attempt: job, index, number of the attempt, item.
    """
    if not job.must_ask:
        return partial(_take, job, run_attempt)
    return partial(_take_due, job, run_attempt)


def _take_due(job: Job, run_attempt: RunAttempt) -> bool:
    """Begin an attempt if one is due and its item may begin."""
    if job.pace is not None and job.pace.seconds_until_due() > 0:
        return False
    if job.unrecorded is not None and job.unrecorded.is_reached:
        return False
    if job.is_closed and not job.retry_queue:
        return False

    def try_run(job: Job, index: int, attempt: int, item: Any) -> None:
        """Begin an attempt of an item, unless the item must not begin."""
        if job.try_begin(index):
            run_attempt(job, index, attempt, item)

    return _take(job, try_run)


def _take(job: Job, run_attempt: RunAttempt) -> bool:
    source = job.source
    if job.stopped or (source.exhausted and not job.retry_queue):
        return False

    if job.retry_queue:
        index, attempt = job.retry_queue.popleft()
        run_attempt(job, index, attempt, source.item(index))
        return True

    try:
        pair = source.read_next()
    except KeyboardInterrupt:
        # a user interrupts this very thread
        raise
    except BaseException as error:  # noqa: BLE001 - the items' own code raised
        job.record_source_failure(0, error)
        return True

    if pair is not None:
        run_attempt(job, pair[0], 1, pair[1])

    return True

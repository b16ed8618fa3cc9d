"""How the tasks of a run ended, and a wait without a guess."""

import time

from attune_nb.events import TaskEnded


def ended(run):
    return [(e.task, e.visit, e.status) for e in run.events if isinstance(e, TaskEnded)]


def names(run):
    return [name for name, _, _ in ended(run)]


def until(holds, seconds=60):
    """Wait until something holds, and fail when it does not come to hold."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.002)

"""How the tasks of a run ended; waiting for a condition; and the threads of a test."""

import threading
import time

from attune_nb.events import TaskEnded


def ended_tasks(run):
    """Return the name, visit and status of each task, in the order in which they ended."""
    ends = [event for event in run.events if isinstance(event, TaskEnded)]
    return [(end.task, end.visit, end.status) for end in ends]


def ended_names(run):
    """Return the names of the tasks, in the order in which they ended."""
    return [name for name, _, _ in ended_tasks(run)]


def seconds_until_first_attempt(run):
    """Return the seconds from the start of a run to the start of its first attempt."""
    first_start = run.attempts()["start"].min()
    return (first_start - run.started).total_seconds()


def wait_until(condition, seconds=60):
    """Wait until a condition holds; fail if it does not hold in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


class NewThreads:
    """The threads that this process has started since now.

    A thread of an earlier test may still be at work, under the same name.
    """

    def __init__(self):
        self._older = set(threading.enumerate())

    def named(self, beginning):
        """Return the new threads that run and whose names begin so."""
        threads = set(threading.enumerate()) - self._older
        return [thread for thread in threads if thread.name.startswith(beginning)]

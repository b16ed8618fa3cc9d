"""How the tasks of a run ended; and waiting for a condition."""

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

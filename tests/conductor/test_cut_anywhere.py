"""A random workflow whose record is cut after any event ends as before when it is resumed."""

import sqlite3
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_replay import make_actions, workflows

import attune_nb
from attune_nb.events import AttemptsEnded, TaskEnded

pytestmark = pytest.mark.slow


def cut_record(path, count):
    """Leave the first events of a run on record, as if its process had been killed then."""
    connection = sqlite3.connect(path)
    connection.execute("DELETE FROM events WHERE number >= ?", (count,))
    connection.execute("UPDATE runs SET status = 'running'")
    connection.commit()
    connection.close()


def task_ends(run):
    """Return how each execution of a task ended."""
    ends = []
    for event in run.events:
        if isinstance(event, TaskEnded):
            key = (event.task, event.visit)
            result = repr(run.result(event.task))
            ends.append((key, event.status, event.attempts, event.fired, event.handled, result))
    return sorted(ends)


def count_attempts(events):
    """Count the attempts of each item, by the task's number and the item's index."""
    attempts = Counter()
    for event in events:
        if isinstance(event, AttemptsEnded):
            number = int(event.task.removeprefix("t"))
            attempts.update((number, index) for index in event.batch.index)
    return attempts


def sorted_errors(run):
    """Return the parts of a run's error in a fixed order."""
    if run.error is None:
        return []
    return sorted(run.error.split("; "))


@settings(
    max_examples=120,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(workflows(), st.integers(0, 99), st.sampled_from(["inline", "threads"]), st.floats(0, 1))
def test_a_record_cut_anywhere_can_be_resumed(tmp_path_factory, text, seed, backend, fraction):
    path = tmp_path_factory.mktemp("cut") / "runs.db"
    workflow = attune_nb.loads(text)
    run = workflow.run(actions=make_actions(seed), backend=backend, store=path)

    # hypothesis cannot draw the number itself, since it does not know the number of events
    count = 1 + int(fraction * (len(run.events) - 2))
    cut_record(path, count)
    actions = make_actions(seed, attempts=count_attempts(run.events[:count]))
    resumed = attune_nb.resume(run.run_id, path, actions=actions, progress=False)

    assert (resumed.status, resumed.output) == (run.status, run.output)
    assert sorted_errors(resumed) == sorted_errors(run)
    assert task_ends(resumed) == task_ends(run)
    assert resumed.context.variables == run.context.variables
    assert count_attempts(resumed.events) == count_attempts(run.events)
    assert resumed.events[:count] == run.events[:count]
    assert attune_nb.open_run(run.run_id, path).events == resumed.events

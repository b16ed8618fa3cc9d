"""Random workflows whose record is cut off after any event: resumed, they end as they did."""

import sqlite3
from collections import Counter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_replay import actions, workflows

import attune_nb
from attune_nb.events import AttemptsEnded, TaskEnded


def cut(path, run, events):
    """Leave the first events of a run on record, as though it had been killed then."""
    connection = sqlite3.connect(path)
    connection.execute("DELETE FROM events WHERE number >= ?", (events,))
    connection.execute("UPDATE runs SET status = 'running'")
    connection.commit()
    connection.close()


def story(run):
    ended = [each for each in run.events if isinstance(each, TaskEnded)]
    return sorted(
        ((e.task, e.visit), e.status, e.attempts, e.fired, e.handled, repr(run.result(e.task)))
        for e in ended
    )


def made_in(events):
    """Count the attempts of each item, by the task's number."""
    return Counter(
        (int(event.task.removeprefix("t")), index)
        for event in events
        if isinstance(event, AttemptsEnded)
        for index in event.batch.index
    )


@settings(
    max_examples=120,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(workflows(), st.integers(0, 99), st.sampled_from(["inline", "threads"]), st.floats(0, 1))
def test_a_record_that_is_cut_off_anywhere_is_enough(tmp_path_factory, text, luck, backend, where):
    path = tmp_path_factory.mktemp("cut") / "runs.db"
    workflow = attune_nb.loads(text)
    run = workflow.run(actions=actions(luck, sleep=False), backend=backend, store=path)
    at = 1 + int(where * (len(run.events) - 2))  # how many there are is not hypothesis's to know
    cut(path, run, at)
    again = actions(luck, sleep=False, tries=made_in(run.events[:at]))
    resumed = attune_nb.resume(run.run_id, path, actions=again, progress=False)
    assert (resumed.status, resumed.output) == (run.status, run.output)
    assert sorted((resumed.error or "").split("; ")) == sorted((run.error or "").split("; "))
    assert story(resumed) == story(run)
    assert resumed.context.variables == run.context.variables
    assert made_in(resumed.events) == made_in(run.events)
    assert resumed.events[:at] == run.events[:at]
    assert attune_nb.open_run(run.run_id, path).events == resumed.events

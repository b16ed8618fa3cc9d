"""Followers of runs: readers that also get the events of the runs within a run."""

import attune_nb
from attune_nb.events import RunStarted
from attune_nb.running.followers import RunFollower, RunReader

OUTER = "name: outer\ntasks: [{name: nested, action: child, with_items: [1, 2]}]"
CHILD = "name: inner\ntasks: [{name: work, action: work}]"


class Seen(RunReader):
    """Keeps the events of a run."""

    def __init__(self):
        self.events = []

    def read(self, events):
        self.events += events


class Following(RunFollower):
    """Keeps the runs that it follows, and their readers."""

    def __init__(self):
        self.readers = {}
        self.runs = []

    def follow(self, run):
        self.runs.append(run)
        self.readers[run.run_id] = Seen()
        return self.readers[run.run_id]


class Broken(RunFollower):
    """Cannot follow any run."""

    def follow(self, run):
        raise LookupError("nobody listens")


class Deaf(RunFollower):
    """Follows, but its readers cannot adapt actions."""

    adapts_actions = True

    def follow(self, run):
        return DeafReader()


class DeafReader(RunReader):
    """Adapts no action."""

    def read(self, events):
        """Skip events."""

    def adapt_action(self, key, action):
        raise LookupError("no such action")


def run_family(follower, **options):
    actions = {"child": attune_nb.loads(CHILD), "work": lambda: 1}
    return attune_nb.loads(OUTER).run(actions=actions, readers=[follower], **options)


def test_each_run_within_a_run_has_a_reader():
    follower = Following()
    run = run_family(follower)

    outer, *children = follower.runs
    assert (outer.run_id, outer.root_id, outer.parent_attempt) == (run.run_id, run.run_id, None)
    assert sorted(child.parent_attempt for child in children) == [
        ("nested", 1, 0, 1),
        ("nested", 1, 1, 1),
    ]
    for child in children:
        assert (child.root_id, child.parent_id) == (run.run_id, run.run_id)
        first = follower.readers[child.run_id].events[0]
        assert isinstance(first, RunStarted)
        assert first.run_id == child.run_id
    assert follower.readers[run.run_id].events == run.events


def test_functions_and_followers_can_be_mixed():
    events = []
    follower = Following()
    run = attune_nb.loads(CHILD).run(actions={"work": lambda: 1}, readers=[events.extend, follower])

    assert events == follower.readers[run.run_id].events == run.events


def test_a_follower_that_fails_does_not_break_the_run():
    run = run_family(Broken())

    assert run.status == "succeeded"
    assert any("nobody listens" in alert for alert in run.alerts)


def test_an_action_that_cannot_be_adapted_is_called(caplog):
    run = run_family(Deaf())

    assert run.status == "succeeded"
    assert "task work calls its own action" in caplog.text

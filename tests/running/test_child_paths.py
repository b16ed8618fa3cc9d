"""The path to a run within another run: `deploy[3]/check`."""

import pytest

import attune_nb
from attune_nb.errors import LookupFailed
from attune_nb.running.child_paths import find_child

INNER = attune_nb.loads("tasks: [{name: ping, action: innermost}]")
INNERMOST = attune_nb.loads("tasks: [{name: check, action: core.noop}]")
OUTER = attune_nb.loads("""
tasks:
  - {name: deploy, action: inner, with_items: [a, b], next: [{do: both}]}
  - name: both
    type: parallel
    tasks:
      - {name: deploy, action: innermost}
      - {name: wait, action: core.noop}
""")


@pytest.fixture(scope="module")
def run():
    actions = {"inner": INNER, "innermost": INNERMOST}
    return OUTER.run(actions=actions, name="outer", progress=False)


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("", []),
        ("deploy", [("deploy", 0)]),
        ("deploy[1]", [("deploy", 1)]),
        ("deploy[1]/", [("deploy", 1)]),
        ("deploy[1]/ping", [("deploy", 1), ("ping", 0)]),
        ("both/deploy", [("both/deploy", 0)]),
    ],
)
def test_each_step_is_a_task_and_an_item(run, path, steps):
    child = run
    for task, index in steps:
        child = child.child(task, index=index)
    assert find_child(run, path).run_id == child.run_id


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("deplo[1]", "`deplo\\[1\\]` names no task of workflow `outer`; did you mean `deploy`"),
        ("deploy[x]", "names no task of workflow `outer`; did you mean `deploy`"),
        ("deploy[1]/pong", "`pong` names no task of workflow `inner`; did you mean `ping`"),
        ("zzz", "; write RUN/TASK\\[INDEX\\], such as `RUN/deploy\\[3\\]`"),
        ("deploy[5]", "task `deploy` has no child run for index 5"),
        ("both/wait", "task `both/wait` has no child runs"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused(run, path, message):
    with pytest.raises(LookupFailed, match=message):
        find_child(run, path)

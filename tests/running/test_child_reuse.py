"""A fork and a retry reach into child runs: attempts that succeeded in them are not repeated."""

import pytest

import attune_nb

CHILD = """
ref: ops.deploy
parameters: {host: {type: string}}
tasks:
  - {name: copy, action: work, input: {name: "copy {{ parameters.host }}"}, next: [{do: ping}]}
  - name: ping
    action: work
    input: {name: "ping {{ parameters.host }}"}
    next: [{when: "{{ succeeded() }}", do: note}]
  - {name: note, action: work, input: {name: "note {{ parameters.host }}"}}
output_map: {done: "{{ task.note.result }}"}
"""
PARENT = """
tasks:
  - name: deploy
    action: ops.deploy
    with_items: [a, b]
    input: {host: "{{ item }}"}
"""
MIDDLE = "ref: ops.middle\ntasks: [{name: inner, action: ops.deploy, input: {host: x}}]\n"
OUTER = "tasks: [{name: out, action: ops.middle}]\n"


class Work:
    """An action that notes its calls, and fails for some names."""

    def __init__(self, failing=()):
        self.failing = set(failing)
        self.calls = []

    def __call__(self, name):
        self.calls.append(name)
        if name in self.failing:
            raise ValueError(f"no {name}")
        return name


def actions(work):
    return {
        "deploy": attune_nb.loads(CHILD),
        "middle": attune_nb.loads(MIDDLE),
        "work": work,
    }


@pytest.fixture(params=["memory", "record"])
def reopen(request, tmp_path):
    """Return a function that runs a workflow, and one that opens the run to reuse again."""
    store = "none" if request.param == "memory" else tmp_path / "runs.db"

    def run(text, work):
        return attune_nb.loads(text).run(actions=actions(work), store=store, progress=False)

    def reopened(run):
        return run if store == "none" else attune_nb.open_run(run.run_id, store)

    return run, reopened


def test_a_retry_makes_only_what_failed_in_a_child(reopen):
    run, reopened = reopen
    work = Work(["ping b"])
    failed = reopened(run(PARENT, work))
    work = Work()
    again = failed.retry(actions=actions(work))
    assert again.status == "succeeded", again.error
    assert work.calls == ["ping b", "note b"]
    assert again.result("deploy") == [{"done": "note a"}, {"done": "note b"}]
    child = again.child("deploy", index=1)
    assert child.kind.startswith("retry of ")
    assert child.result("copy") == "copy b"


def test_a_reused_child_run_is_in_the_earlier_run(reopen):
    run, reopened = reopen
    failed = reopened(run(PARENT, Work(["ping b"])))
    again = failed.retry(actions=actions(Work()))
    message = f"no child run for index 0; .* reused are in run {failed.run_id}"
    with pytest.raises(attune_nb.LookupFailed, match=message):
        again.child("deploy", index=0)


def test_a_retry_reaches_into_children_of_children(reopen):
    run, reopened = reopen
    failed = reopened(run(OUTER, Work(["ping x"])))
    work = Work()
    assert failed.retry(actions=actions(work)).status == "succeeded"
    assert work.calls == ["ping x", "note x"]


def test_a_fork_begins_at_a_task_of_the_children(reopen):
    run, reopened = reopen
    earlier = reopened(run(PARENT, Work()))
    work = Work()
    fork = earlier.fork("deploy/ping", actions=actions(work))
    assert fork.status == "succeeded", fork.error
    assert sorted(work.calls) == ["note a", "note b", "ping a", "ping b"]


def test_a_fork_reaches_into_children_of_children(reopen):
    run, reopened = reopen
    earlier = reopened(run(OUTER, Work()))
    work = Work()
    fork = earlier.fork("out/inner/note", actions=actions(work))
    assert fork.status == "succeeded", fork.error
    assert work.calls == ["note x"]


def test_a_fork_at_the_task_itself_runs_all_of_its_children(reopen):
    run, reopened = reopen
    earlier = reopened(run(PARENT, Work()))
    work = Work()
    earlier.fork("deploy", actions=actions(work))
    assert len(work.calls) == 6


def test_a_child_whose_parameters_changed_runs_anew(reopen):
    run, reopened = reopen
    text = """
parameters: {host: {type: string, default: a}}
tasks: [{name: deploy, action: ops.deploy, input: {host: "{{ parameters.host }}"}}]
"""
    failed = reopened(run(text, Work(["ping a"])))
    work = Work()
    again = failed.retry(parameters={"host": "b"}, actions=actions(work))
    assert again.status == "succeeded"
    assert work.calls == ["copy b", "ping b", "note b"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("deploy/pong", "workflow `ops.deploy` has no task `pong`; did you mean `ping`"),
        ("deploy[1]/ping", r"for all items: `deploy/...`, not `deploy\[1\]/ping`"),
        ("delpoy/ping", "there is no task `delpoy/ping`"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused(path, message):
    earlier = attune_nb.loads(PARENT).run(actions=actions(Work()), progress=False)
    with pytest.raises(attune_nb.LookupFailed, match=message):
        earlier.fork(path)


def test_one_child_alone_can_be_retried(reopen):
    run, reopened = reopen
    failed = reopened(run(PARENT, Work(["ping b"])))
    work = Work()
    alone = failed.child("deploy", index=1).retry(actions=actions(work))
    assert alone.status == "succeeded", alone.error
    assert work.calls == ["ping b", "note b"]

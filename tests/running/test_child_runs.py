"""Workflows that tasks run: each attempt is a run of its own, which can be looked at."""

import threading

import pytest
from support.item_runs import until

import attune_nb

CHILD = """
ref: ops.deploy
parameters:
  host: {type: string}
tasks:
  - {name: copy, action: work, input: {name: "copy {{ parameters.host }}"}, next: [{do: ping}]}
  - {name: ping, action: work, input: {name: "ping {{ parameters.host }}"}}
output_map: {done: "{{ task.ping.result }}"}
"""
PARENT = """
tasks:
  - name: deploy
    action: ops.deploy
    with_items: [a, b, c]
    concurrency: 2
    input: {host: "{{ item }}"}
"""


def work(name):
    if name == "ping b":
        raise ValueError("no route")
    print(f"at {name}")  # noqa: T201 - a line of its log
    return name


def run(text=PARENT, child=CHILD, work=work, **options):
    actions = {"deploy": attune_nb.loads(child), "work": work}
    return attune_nb.loads(text).run(actions=actions, progress=False, **options)


@pytest.fixture(params=["memory", "store"])
def store(request, tmp_path):
    return "none" if request.param == "memory" else tmp_path / "runs.db"


@pytest.mark.parametrize("backend", ["inline", "threads"])
def test_children_lists_one_row_for_each_attempt(backend, store):
    children = run(backend=backend, store=store).children()
    assert children["task"].tolist() == ["deploy"] * 3
    assert children["index"].tolist() == [0, 1, 2]
    assert children["workflow"].tolist() == ["ops.deploy"] * 3
    assert children["status"].tolist() == ["succeeded", "failed", "succeeded"]
    assert children["tasks"].tolist() == [2, 2, 2]
    assert (children["duration_ms"] > 0).all()


def test_a_child_is_a_run_like_any_other(store):
    child = run(store=store).child("deploy", index=2)
    assert child.status == "succeeded"
    assert child.workflow_name == "ops.deploy"
    assert child.tasks["task"].tolist() == ["copy", "ping"]
    assert child.result("copy") == "copy c"
    assert child.output == {"done": "ping c"}
    assert child.logs(level="stdout")["text"].tolist() == ["at copy c", "at ping c"]
    assert child.timeline().axes


def test_the_error_names_the_path_and_the_innermost_line():
    outer = run()
    message = "workflow `ops.deploy`, task `ping`: ValueError: no route"
    (failure,) = outer.failures("deploy").itertuples()
    assert (failure.index, failure.error) == (1, message) or message in failure.error
    line = work.__code__.co_firstlineno + 2
    assert f"{message} (test_child_runs.py, line {line})" in repr(outer)


def test_a_child_of_a_child_is_found_by_its_parents(store):
    middle = "ref: ops.middle\ntasks: [{name: inner, action: deploy, input: {host: x}}]\n"
    actions = {
        "middle": attune_nb.loads(middle),
        "deploy": attune_nb.loads(CHILD),
        "work": work,
    }
    outer = attune_nb.loads("tasks: [{name: out, action: middle}]").run(
        actions=actions, store=store, progress=False
    )
    innermost = outer.child("out").child("inner")
    assert innermost.result("ping") == "ping x"


def test_a_missing_child_is_explained():
    outer = run()
    with pytest.raises(attune_nb.LookupFailed, match="did you mean `deploy`"):
        outer.child("deplyo")
    with pytest.raises(attune_nb.LookupFailed, match="no task `deplyo`; did you mean `deploy`"):
        outer.children("deplyo")
    with pytest.raises(attune_nb.LookupFailed, match="no child run for index 7; there are 3"):
        outer.child("deploy", index=7)


def test_a_run_without_children_says_so():
    outer = attune_nb.loads("tasks: [{name: a, action: core.noop}]").run(progress=False)
    assert outer.children().empty
    with pytest.raises(attune_nb.LookupFailed, match="has no child runs: none of its tasks"):
        outer.child("a")


def test_children_are_forgotten_with_their_parent(tmp_path):
    store = tmp_path / "runs.db"
    outer = run(store=store)
    child_id = outer.child("deploy").run_id
    assert attune_nb.open_run(child_id, store).status == "succeeded"
    attune_nb.forget(outer.run_id, store=store)
    with pytest.raises(attune_nb.StoreError, match="no run"):
        attune_nb.open_run(child_id, store)


def test_the_list_of_runs_leaves_children_out(tmp_path):
    outer = run(store=tmp_path / "runs.db")
    assert attune_nb.runs(tmp_path / "runs.db")["run_id"].tolist() == [outer.run_id]


def test_a_retried_item_has_a_child_for_each_attempt(store):
    calls = []

    def flaky(name):
        calls.append(name)
        if calls.count(name) == 1 and name == "ping a":
            raise ValueError("not yet")
        return name

    text = PARENT + "    retry: {count: 2}\n"
    outer = run(text, work=flaky, store=store)
    assert outer.status == "succeeded", outer.error
    of_first = outer.children().query("index == 0")
    assert of_first["attempt"].tolist() == [1, 2]
    assert of_first["status"].tolist() == ["failed", "succeeded"]
    assert outer.child("deploy", index=0).status == "succeeded"


def test_a_timeout_of_the_task_cancels_its_child(store):
    text = PARENT.replace("[a, b, c]", "[b]") + "    timeout: 0.2\n"
    gate = threading.Event()

    def slow(name):
        gate.wait(60)
        return name

    outer = run(text, work=slow, store=store)
    gate.set()
    assert outer.items("deploy")["status"].tolist() == ["timed_out"]
    assert outer.child("deploy").status == "cancelled"


@pytest.mark.parametrize("force", [False, True])
def test_a_cancel_reaches_the_children(store, force):
    begun = threading.Event()
    gate = threading.Event()

    def slow(name):
        begun.set()
        gate.wait(60)
        return name

    outer = run(work=slow, store=store, background=True)
    assert begun.wait(60)
    until(lambda: len(outer.children()) >= 2)
    outer.cancel(force=force)
    until(lambda: outer.status in ("cancelling", "cancelled"))
    gate.set()
    assert outer.wait(60)
    assert outer.status == "cancelled"
    assert set(outer.children()["status"]) == {"cancelled"}


def test_a_pause_reaches_the_children():
    begun = threading.Event()
    gate = threading.Event()
    calls = []

    def slow(name):
        calls.append(name)
        begun.set()
        gate.wait(60)
        return name

    outer = run(work=slow, background=True)
    assert begun.wait(60)
    outer.pause()
    until(lambda: set(outer.children()["status"]) == {"paused"})
    gate.set()
    until(lambda: outer.status == "paused")
    assert "ping a" not in calls
    outer.resume()
    assert outer.wait(60)
    assert outer.status == "succeeded"


def test_secrets_of_the_parent_are_hidden_in_the_children(tmp_path):
    store = tmp_path / "runs.db"
    text = """
parameters: {token: {type: string, secret: true}}
tasks: [{name: deploy, action: ops.deploy, input: {host: "at {{ parameters.token }}"}}]
"""
    outer = attune_nb.loads(text).run(
        {"token": "open-sesame"},
        actions={"deploy": attune_nb.loads(CHILD), "work": work},
        store=store,
        progress=False,
    )
    child = outer.child("deploy")
    assert child.result("copy") == "copy at ***"
    assert child.logs(level="stdout")["text"].tolist()[0] == "at copy at ***"
    assert b"sesame" not in b"".join(file.read_bytes() for file in tmp_path.iterdir())

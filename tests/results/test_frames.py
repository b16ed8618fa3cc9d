"""A run as DataFrames: the documented columns and their values."""

import pytest

import attune_nb

TEXT = """
tasks:
  - name: check
    action: check
    with_items: [1, 2, 3]
    retry: {count: 1}
    input: {n: "{{ item }}"}
    next: [{when: "{{ failed() }}", do: [report, skipped]}]
  - {name: report, action: core.echo, input: {message: hi}}
  - name: skipped
    action: core.noop
    when: "{{ false }}"
    next: [{when: "{{ failed() }}", do: never}]
  - {name: never, action: core.noop}
"""


def check(n):
    if n == 2:
        raise ValueError("two")
    return {"n": n}


@pytest.fixture(scope="module")
def run():
    return attune_nb.loads(TEXT).run(actions={"check": check})


def test_tasks_has_one_row_for_each_execution(run):
    """Tasks that never started come last."""
    tasks = run.tasks
    assert list(tasks.columns) == [
        "task", "visit", "status", "attempts", "items", "failed_items", "start", "end",
        "duration_ms", "error", "reused",
    ]  # fmt: skip
    assert list(tasks["task"]) == ["check", "report", "skipped", "never"]
    assert list(tasks["status"]) == ["failed", "succeeded", "skipped", "pending"]
    assert list(tasks["attempts"]) == [4, 1, 0, 0]
    assert list(tasks["items"].fillna(-1)) == [3, -1, -1, -1]
    assert list(tasks["failed_items"].fillna(-1)) == [1, -1, -1, -1]
    assert tasks["error"][0] == "1 of 3 items failed; the first, index 1: two"
    assert list(tasks["error"][1:]) == [None, None, None]


def test_items_has_one_row_for_each_item_in_order(run):
    items = run.items("check")
    assert list(items.columns) == [
        "index", "item", "status", "attempts", "start", "end", "duration_ms", "attempt_ms",
        "result", "error", "error_type", "reused",
    ]  # fmt: skip
    assert list(items["index"]) == [0, 1, 2]
    assert list(items["item"]) == [1, 2, 3]
    assert list(items["status"]) == ["succeeded", "failed", "succeeded"]
    assert list(items["attempts"]) == [1, 2, 1]
    assert list(items["result"]) == [{"n": 1}, None, {"n": 3}]
    assert list(items["error"]) == [None, "two", None]
    assert list(items["error_type"]) == [None, "ValueError", None]


def test_times_are_in_utc_and_in_order(run):
    for frame in (run.tasks, run.items("check"), run.attempts()):
        assert str(frame["start"].dtype) == "datetime64[ns, UTC]"
        assert str(frame["end"].dtype) == "datetime64[ns, UTC]"
    started = run.tasks.dropna(subset=["end"])

    assert (started["end"] >= started["start"]).all()
    assert (run.tasks["duration_ms"] >= 0).all()


def test_an_unknown_task_has_a_suggestion(run):
    with pytest.raises(attune_nb.LookupFailed, match="did you mean `check`"):
        run.items("chekc")
    with pytest.raises(attune_nb.LookupFailed, match="task `never` has not run"):
        run.result("never")


def test_a_run_without_executions_has_frames():
    run = attune_nb.loads("vars: {x: '{{ 1 // length([]) }}'}\n" + TEXT.lstrip()).run(
        actions={"check": check}
    )
    assert run.status == "failed"
    assert set(run.tasks["status"]) == {"pending"}
    assert len(run.attempts()) == 0


LIVE = """
tasks:
  - {name: asks, action: core.ask, input: {prompt: hm}}
  - {name: waits, action: core.noop, delay: 60}
  - {name: fails, action: core.fail, input: {message: no}, retry: {count: 1, delay: 60}}
  - {name: works, action: core.sleep, input: {seconds: 60}}
  - {name: later, action: core.noop, join: all}
  - {name: first, action: core.noop, delay: 60, next: [{do: later}]}
"""


def test_tasks_has_the_present_status_of_a_running_run():
    run = attune_nb.loads("cancellation_policy: cancel_running" + LIVE).run(background=True)
    expected = {
        "asks": "waiting", "waits": "pending", "fails": "retrying", "works": "running",
        "first": "pending", "later": "pending",
    }  # fmt: skip
    for _ in range(200):
        statuses = dict(zip(run.tasks["task"], run.tasks["status"], strict=True))
        if statuses == expected:
            break
        run.wait(0.05)
    run.cancel()

    assert run.wait(60)
    assert statuses == expected


def test_the_workflow_of_a_run_can_be_run_again(run):
    again = run.workflow.run(actions={"check": check})
    assert again.status == run.status

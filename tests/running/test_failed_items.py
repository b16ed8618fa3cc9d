"""`task.NAME.failures` and `task.NAME.successes`: the failed items of a task as data."""

import json
import threading

import pandas as pd
import pytest
from support.outcomes import wait_until

import attune_nb
from attune_nb import ActionError
from attune_nb.errors import TemplateError, WorkflowError
from attune_nb.store import reading

CHECK = """
parameters: {servers: {}}
tasks:
  - name: check
    action: check
    with_items: "{{ parameters.servers }}"
    concurrency: 2
    retry: {count: 1}
    input: {server: "{{ item }}"}
    next: [{when: "{{ completed() }}", do: report}]
  - name: report
    action: report
    input:
      down: "{{ task.check.failures }}"
      up: "{{ task.check.successes }}"
      count: "{{ task.check.failed_items }}"
output_map: {down: "{{ task.check.failures }}", up: "{{ task.check.successes }}"}
"""
SERVERS = ["web", "db", "mail"]
DOWN = {
    "index": 1,
    "item": "db",
    "error": "db answers 503",
    "error_type": "ActionError",
    "attempts": 2,
    "result": {"status_code": 503},
}


def check(server):
    """Answer, but for a server that has `db` in its name; a good answer has a key `error`."""
    if "db" in json.dumps(server):
        raise ActionError(f"{server} answers 503", {"status_code": 503})
    return {"status_code": 200, "error": "none"}


def report(down, up, count):
    return {"down": down, "up": up, "count": count}


def run_checks(servers=SERVERS, text=CHECK, **options):
    actions = {"check": check, "report": report}
    return attune_nb.loads(text).run({"servers": servers}, actions=actions, **options)


@pytest.fixture(params=["inline", "threads", "processes", "dask"])
def backend(request):
    if request.param == "dask":
        request.getfixturevalue("cluster")
    return request.param


def test_a_task_reads_the_failures_and_successes(backend):
    """The input of `report` is rendered by a worker, from a slice of the context."""
    run = run_checks(backend=backend)
    assert run.result("report") == {
        "down": [DOWN],
        "up": [
            {"index": 0, "item": "web", "result": {"status_code": 200, "error": "none"}},
            {"index": 2, "item": "mail", "result": {"status_code": 200, "error": "none"}},
        ],
        "count": 1,
    }
    assert run.output == {"down": [DOWN], "up": run.result("report")["up"]}


@pytest.mark.parametrize(
    ("servers", "items"),
    [
        (["web", "db"], ["db"]),
        ({"first": "web", "second": "db"}, [{"key": "second", "value": "db"}]),
        (pd.DataFrame({"name": ["web", "db"], "port": [1, 2]}), [{"name": "db", "port": 2}]),
        ((name for name in ["web", "db"]), ["db"]),
    ],
    ids=["array", "object", "DataFrame", "generator"],
)
@pytest.mark.parametrize("backend", ["threads", "processes"])
def test_a_failure_has_its_item_of_any_source(servers, items, backend):
    servers = iter(["web", "db"]) if not hasattr(servers, "__len__") else servers
    run = run_checks(servers, backend=backend)
    assert [failure["item"] for failure in run.output["down"]] == items
    assert run.failures("check")["item"].tolist() == items
    assert [success["index"] for success in run.output["up"]] == [0]


def test_an_item_of_a_batch_is_its_array():
    text = CHECK.replace("concurrency: 2", "batch_size: 2")
    run = run_checks(["web", "mail", "db", "x"], text)
    assert [(row["index"], row["item"]) for row in run.output["down"]] == [(1, ["db", "x"])]
    assert run.output["up"][0]["item"] == ["web", "mail"]


def test_a_mocked_failure_is_a_failure():
    def answer(rendered):
        if rendered["server"] == "mail":
            raise attune_nb.Timeout("too slow")
        return "fine"

    run = run_checks(mock={"check": answer})
    assert [(row["item"], row["error_type"]) for row in run.output["down"]] == [("mail", "Timeout")]
    assert [row["result"] for row in run.output["up"]] == ["fine", "fine"]


def test_no_items_have_no_failures():
    assert run_checks([]).output == {"down": [], "up": []}


def test_a_task_without_items_has_none():
    run = attune_nb.loads("""
tasks: [{name: a, action: core.noop}]
output_map: {x: "{{ [task.a.failures, task.a.successes] }}"}
""").run()
    assert run.output["x"] == [None, None]


def test_cancelled_items_are_neither():
    text = CHECK.replace("action: check", "action: core.sleep").replace("{server:", "{seconds:")
    run = run_checks([0, 60, 60], text, background=True)
    while len(run.attempts()) == 0:
        run.wait(0.01)
    run.cancel(force=True)
    assert run.wait(60)

    outcome = run.context.tasks["check"]
    assert outcome.failures == []
    assert [success["index"] for success in outcome.successes] == [0]


def test_a_resumed_run_has_the_failures_of_before(tmp_path):
    path = tmp_path / "runs.db"
    is_blocked = threading.Event()
    end = threading.Event()

    def block(**_):
        is_blocked.set()
        end.wait(60)

    workflow = attune_nb.loads(CHECK)
    run = workflow.run(
        {"servers": SERVERS}, actions={"check": check, "report": block}, store=path, background=True
    )
    assert is_blocked.wait(60)
    wait_until(lambda: path.exists() and attune_nb.runs(path)["items"].sum() >= len(SERVERS))
    # its record is released, as if the process had been killed
    reading.LIVE.clear()

    resumed = attune_nb.resume(run.run_id, path, actions={"check": check, "report": report})
    end.set()
    assert resumed.result("report")["down"] == [DOWN]

    reopened = attune_nb.open_run(run.run_id, path)
    assert reopened.context.tasks["check"].failures == [DOWN]
    assert reopened.failures("check").to_dict("records") == [DOWN]
    assert reopened.successes("check")["item"].tolist() == ["web", "mail"]


def test_a_fork_has_the_failures_that_it_reuses():
    run = run_checks()
    fork = run.fork(at="report", actions={"check": check, "report": report})
    assert fork.result("report")["down"] == [DOWN]


def test_a_retried_run_has_the_failures_of_the_second_time(tmp_path):
    run = run_checks(
        store=tmp_path / "runs.db", text=CHECK.replace('"{{ completed() }}"', "succeeded()")
    )
    assert run.status == "failed"

    again = run.retry(actions={"check": lambda server: server.upper(), "report": report})
    assert again.result("report")["down"] == []
    assert [row["result"] for row in again.result("report")["up"]][1] == "DB"


def test_kept_results_are_fetched_for_the_successes(cluster):
    text = CHECK.replace("concurrency: 2", "keep_results: cluster")
    run = run_checks(text=text, backend="dask")
    assert [row["result"]["status_code"] for row in run.result("report")["up"]] == [200, 200]
    assert run.result("report")["down"] == [DOWN]
    assert run.items("check", expand=True)["status_code"].tolist() == [200, 503, 200]


def test_failures_are_read_only():
    def change(down, up, count):
        down.append(count)

    run = attune_nb.loads(CHECK).run(
        {"servers": ["db"]}, actions={"check": check, "report": change}
    )
    assert "this array is read-only" in run.error


def test_secrets_are_masked():
    run = attune_nb.loads(CHECK).run(
        {"servers": ["hunter22 db", "hunter22 web"]},
        actions={"check": check, "report": report},
        keystore={"token": "hunter22"},
    )
    outcome = run.context.tasks["check"]
    for shown in (outcome.failures, outcome.successes, run.failures(), run.successes()):
        text = shown.to_csv() if isinstance(shown, pd.DataFrame) else repr(shown)
        assert "*** " in text
        assert "hunter22" not in text


def test_a_misspelled_field_is_found_before_the_run():
    text = CHECK.replace("task.check.failures", "task.check.failurs")
    expected = "`task.check` has no `failurs`.* is an array; did you mean `failures`?"
    with pytest.raises(WorkflowError, match=expected) as caught:
        attune_nb.loads(text).run({"servers": []}, actions={"check": check, "report": report})
    assert [problem.position.line for problem in caught.value.problems] == [14, 17]


def test_a_misspelled_field_has_a_suggestion_in_a_run():
    assert "`task.a` has no `succeses`" in evaluate("task.a.succeses").error
    assert "did you mean `successes`?" in evaluate("task.a.succeses").error


def test_failures_are_made_once_and_only_when_read():
    run = run_checks()
    outcome = run.context.tasks["check"]
    assert outcome.failures is outcome.failures
    assert outcome.successes is outcome.successes


def evaluate(expression, **mock):
    """Return the value of an expression after task `a` has ended with a result."""
    return attune_nb.loads(f"""
tasks: [{{name: a, action: core.noop}}]
output_map: {{x: "{{{{ {expression} }}}}"}}
""").run(mock=mock or None)


class TestTaskFunction:
    """`task(NAME)`: the record of a task whose name is computed, or hidden by its result."""

    def test_a_field_is_not_hidden_by_a_key_of_the_result(self):
        result = {"status": "green", "failures": 3}
        for expression, expected in [
            ("task.a.status", "green"),
            ("task('a').status", "succeeded"),
            ("task('a').result.status", "green"),
            ("task('a').failures", None),
            ("task(name='a').attempts", 1),
        ]:
            assert evaluate(expression, a=result).output["x"] == expected

    def test_the_name_may_be_computed(self):
        assert evaluate("task('A' | lower).status").output["x"] == "succeeded"
        assert evaluate("['a'] | map('upper') | first | lower").output["x"] == "a"

    def test_the_whole_record_is_an_object(self):
        record = evaluate("task('a')", a=5).output["x"]
        assert record["result"] == 5
        assert record["status"] == "succeeded"

    def test_a_task_that_has_not_ended_is_undefined(self):
        assert evaluate("task('a' ~ 'b') is defined").output["x"] is False
        assert evaluate("task('a' ~ 'b').status | default('none')").output["x"] == "none"
        assert "no task `ab` has ended yet" in evaluate("task('a' ~ 'b').status").error

    def test_an_unknown_field_has_a_suggestion(self):
        error = evaluate("task('a').statsu").error
        assert "`task()` has no `statsu`; did you mean `status`?" in error

    def test_an_unknown_name_is_found_before_the_run(self):
        with pytest.raises(WorkflowError, match="`task` has no `aa`; did you mean `a`"):
            evaluate("task('aa').status")

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            ("task()", r"`task\(name\)` takes 1 argument, not 0"),
            ("task('a', 'b')", r"`task\(name\)` takes 1 argument, not 2"),
            ("task(nam='a')", "takes no `nam`; did you mean `name`"),
        ],
    )
    def test_a_wrong_call_is_found_before_the_run(self, call, message):
        with pytest.raises((WorkflowError, TemplateError), match=message):
            evaluate(call)

    def test_a_name_that_is_no_string_is_refused(self):
        assert (
            "`task` takes a string as `name`, not the integer `3`"
            in evaluate("task(1 + 2).status").error
        )

"""The items of a task as DataFrames: failed ones, successful ones, waiting ones, their times."""

import threading

import pandas as pd
import pytest

import attune_nb
from attune_nb import ActionError

SERVERS = ["web", "db", "cache", "mail"]
CHECK = """
parameters: {servers: {type: array}}
tasks:
  - name: check
    action: check
    with_items: "{{ parameters.servers }}"
    concurrency: 2
    retry: {count: 1, delay: 0.05}
    input: {server: "{{ item }}"}
    next: [{when: "{{ completed() }}", do: report}]
  - {name: report, action: core.echo, input: {message: ready}}
"""


class Servers:
    """Two servers that answer, one that answers the second time, and one that never does."""

    def __init__(self):
        self.calls = []

    def check(self, server):
        self.calls.append(server)
        is_slow_to_start = server == "cache" and self.calls.count("cache") == 1
        if server == "db" or is_slow_to_start:
            raise ActionError(f"{server} answers 503", {"status_code": 503, "body": "busy"})
        return {"status_code": 200, "error": "none", "index": len(server)}


def run_checks(text=CHECK, servers=SERVERS, **options):
    actions = {"check": Servers().check}
    return attune_nb.loads(text).run({"servers": servers}, actions=actions, **options)


@pytest.fixture(scope="module")
def run():
    return run_checks()


def test_failures_has_a_row_for_each_failed_item(run):
    failures = run.failures("check")
    assert list(failures.columns) == [
        "index", "item", "error", "error_type", "attempts", "result",
    ]  # fmt: skip
    assert failures.to_dict("records") == [
        {
            "index": 1,
            "item": "db",
            "error": "db answers 503",
            "error_type": "ActionError",
            "attempts": 2,
            "result": {"status_code": 503, "body": "busy"},
        }
    ]


def test_successes_has_a_row_for_each_other_item(run):
    """A result with a key `error` is no failure."""
    successes = run.successes("check")
    assert list(successes.columns) == ["index", "item", "result"]
    assert list(successes["item"]) == ["web", "cache", "mail"]
    assert successes["result"][1] == {"status_code": 200, "error": "none", "index": 5}


def test_without_a_task_all_tasks_are_named(run):
    assert run.failures().iloc[0][["task", "index", "item"]].tolist() == ["check", 1, "db"]
    assert list(run.successes()["task"]) == ["check", "check", "check", "report"]


def test_a_run_without_failures_has_an_empty_frame():
    run = run_checks(servers=["web"])
    assert len(run.failures("check")) == 0
    assert len(run.failures()) == 0
    assert list(run.failures().columns) == ["task", *run.failures("check").columns]


def test_an_unknown_task_has_a_suggestion(run):
    for read in (run.failures, run.successes, run.attempts):
        with pytest.raises(attune_nb.LookupFailed, match="did you mean `check`"):
            read("chekc")


def test_a_task_that_failed_by_itself_has_a_row_without_an_index():
    run = attune_nb.loads("""
tasks:
  - {name: sum, action: core.echo, input: {message: "{{ 1 // (parameters | length) }}"}}
""").run()
    ((task, index, kind),) = run.failures()[["task", "index", "error_type"]].to_numpy().tolist()
    assert (task, kind) == ("sum", "TemplateError")
    assert index == 0

    run = attune_nb.loads("""
tasks:
  - {name: each, action: core.noop, with_items: "{{ 1 // (parameters | length) }}"}
""").run()
    ((task, index, kind),) = run.failures()[["task", "index", "error_type"]].to_numpy().tolist()
    assert (task, kind) == ("each", "TemplateError")
    assert index is pd.NA


def test_a_parallel_task_adds_no_failure_to_those_within():
    run = attune_nb.loads("""
tasks:
  - name: both
    type: parallel
    tasks:
      - {name: a, action: core.fail, input: {message: broken}}
      - {name: b, action: core.noop}
""").run()
    assert run.failures()[["task", "error"]].to_numpy().tolist() == [["both/a", "broken"]]


def test_a_duration_spans_all_attempts_and_waits(run):
    items = run.items("check").set_index("item")
    retried = items.loc["db"]
    assert retried["duration_ms"] >= 50
    assert 0 <= retried["attempt_ms"] < retried["duration_ms"]

    spans = (items["end"] - items["start"]).dt.total_seconds() * 1000
    assert spans.tolist() == pytest.approx(items["duration_ms"].tolist(), abs=0.001)
    assert items.loc["web", "attempt_ms"] == items.loc["web", "duration_ms"]


def test_attempts_agree_with_items(run):
    items = run.items("check").set_index("index")
    by_item = run.attempts("check").groupby("index")
    assert by_item["start"].min().tolist() == items["start"].tolist()
    assert by_item["end"].max().tolist() == items["end"].tolist()
    assert by_item.size().tolist() == items["attempts"].tolist()
    assert by_item["duration_ms"].last().tolist() == items["attempt_ms"].tolist()
    assert by_item.tail(1).set_index("index")["error"].to_dict() == items["error"].to_dict()


def test_attempts_of_one_task_leave_out_the_others(run):
    assert set(run.attempts("report")["task"]) == {"report"}
    assert len(run.attempts()) == len(run.attempts("check")) + 1


def test_a_failed_item_shows_the_data_of_its_last_attempt(run):
    results = run.items("check").set_index("item")["result"]
    assert results["db"] == {"status_code": 503, "body": "busy"}


def test_expanded_items_have_a_column_for_each_key(run):
    """A key that is also the name of a column is told apart by `result.`."""
    items = run.items("check", expand=True)
    assert list(items.columns) == [
        "index", "item", "status", "attempts", "start", "end", "duration_ms", "attempt_ms",
        "status_code", "result.error", "result.index", "body", "error", "error_type", "reused",
    ]  # fmt: skip
    assert items["status_code"].tolist() == [200, 503, 200, 200]
    assert items["status_code"].dtype == "int64"
    assert items["result.index"].tolist() == [3, pd.NA, 5, 4]
    assert items["body"].tolist() == [None, "busy", None, None]
    assert items[items["status_code"] >= 500]["item"].tolist() == ["db"]


def test_results_that_are_no_objects_are_not_expanded():
    run = attune_nb.loads(CHECK).run(
        {"servers": [1, 2]}, actions={"check": lambda server: [server] if server > 1 else {"n": 1}}
    )
    items = run.items("check", expand=True)
    assert items["n"].tolist() == [1, pd.NA]
    assert items["result"].tolist() == [None, [2]]


@pytest.mark.parametrize(
    ("results", "columns"),
    [
        ([{"a": 1, "b": "x"}, {"b": "y", "a": 2}], {"a": [1, 2], "b": ["x", "y"]}),
        ([{"a": 1, "b": "x"}, {"a": 2, "c": 3}], {"a": [1, 2], "b": ["x", None], "c": [pd.NA, 3]}),
        ([{"a": 1}, {"a": 2}], {"a": [1, 2]}),
        ([{}, {}], {}),
        ([None, None], {}),
    ],
    ids=["the same keys", "as many, but other keys", "one key", "no key", "nothing"],
)
def test_keys_become_columns_in_the_order_of_the_first(results, columns):
    run = attune_nb.loads(CHECK).run(
        {"servers": [0, 1]}, actions={"check": lambda server: results[server]}
    )

    items = run.items("check", expand=True)
    assert list(items.columns)[8:-3] == list(columns)
    for name, values in columns.items():
        assert items[name].tolist() == values


def test_an_item_that_waits_for_its_retry_is_retrying():
    failed_twice = threading.Semaphore(0)
    waits = CHECK.replace("delay: 0.05", "delay: 60")

    def check(server):
        if server != "web":
            failed_twice.release()
            raise ActionError("down")

    run = attune_nb.loads(waits).run(
        {"servers": ["web", "db", "mail"]}, actions={"check": check}, background=True
    )
    failed_twice.acquire()
    failed_twice.acquire()
    statuses = []
    for _ in range(600):
        statuses = run.items("check")["status"].tolist() if len(run.attempts()) else []
        if len(statuses) == 3:
            break
        run.wait(0.01)

    assert statuses == ["succeeded", "retrying", "retrying"]
    assert "1/3 items, 2 retrying" in repr(run)
    assert len(run.failures("check")) == 0
    run.cancel()
    assert run.wait(60)
    assert "retrying" not in set(run.items("check")["status"])

"""The attempts of a run as the data of its page."""

import numpy as np
from support.item_runs import run_work

import attune_nb
from attune_nb.explore import spans
from attune_nb.explore.columns import unpack_column
from attune_nb.explore.data import build_data

UNREACHED = """
tasks:
  - {name: first, action: core.noop, next: [{when: "{{ failed() }}", do: second}]}
  - {name: second, action: core.noop}
"""


def columns_of(rows):
    return {name: unpack_column(column) for name, column in rows["columns"].items()}


def statuses_of(data):
    return [data["statuses"][code] for code in columns_of(data["attempts"])["status"]]


def fail_on_three(x):
    if x == 3:
        raise ValueError("three")
    return x


def test_attempts_have_the_times_of_the_run():
    run = run_work(fail_on_three)
    data = build_data(run)
    columns = columns_of(data["attempts"])
    frame = run.attempts().sort_values(["start", "index"])

    assert data["attempts"]["count"] == len(frame) == 20
    order = np.lexsort((columns["index"], columns["start"]))
    seconds = columns["duration"][order] * data["attempts"]["tick"]
    expected = frame["duration_ms"].to_numpy() / 1000
    assert np.allclose(np.sort(seconds), np.sort(expected), atol=2 * data["attempts"]["tick"])


def test_an_attempt_that_was_made_again_is_retried():
    data = build_data(run_work(fail_on_three, keys="retry: {count: 2, delay: 0}"))
    statuses = statuses_of(data)
    assert (statuses.count("retried"), statuses.count("failed")) == (2, 1)


def test_equal_errors_are_held_once():
    def fail(x):
        raise ValueError("always the same")

    data = build_data(run_work(fail))
    assert [error["message"] for error in data["errors"]] == ["always the same"]
    assert set(columns_of(data["attempts"])["error"].tolist()) == {1}


def test_a_task_that_has_not_started_is_listed():
    run = attune_nb.loads(UNREACHED).run(progress=False)
    data = build_data(run)
    assert data["tasks"] == ["first", "second"]
    assert data["executions"]["task"] == [0]


def test_too_many_attempts_become_sums_and_a_sample(monkeypatch):
    """The sums hold all attempts; failures and some others are there themselves."""
    run = run_work(fail_on_three, {"n": 2_000})
    monkeypatch.setattr(spans, "_SAMPLE", 100)
    shown = spans.select_shown
    monkeypatch.setattr("attune_nb.explore.data.select_shown", lambda rows: shown(rows, most=1_000))
    data = build_data(run)

    sums = columns_of(data["spans"])
    assert sums["count"].sum() == 2_000
    assert data["executions"]["attempts"] == [2_000]
    assert data["attempts"]["count"] < 200
    assert statuses_of(data).count("failed") == 1
    assert data["notes"][0].startswith("Of `a` there are sums of attempts over time")

    seconds = (sums["thousandths"] / 1000 * sums["duration"]).sum() * data["spans"]["tick"]
    assert np.isclose(seconds, run.attempts()["duration_ms"].sum() / 1000, rtol=0.05)


def test_a_task_that_keeps_no_results_is_drawn_by_its_sums():
    data = build_data(run_work(fail_on_three, {"n": 3_000}, keys="keep_results: none"))
    assert columns_of(data["spans"])["count"].sum() == 3_000
    assert data["executions"]["attempts"] == [3_000]
    assert statuses_of(data).count("failed") == 1

"""The errors on a page: each different one once, and never too many."""

from support.item_runs import run_work

from attune_nb.explore import error_table
from attune_nb.explore.data import build_data


def fail_each(x):
    raise ValueError(f"{x} " + "long " * 100)


def test_errors_beyond_the_budget_are_short(monkeypatch):
    monkeypatch.setattr(error_table, "_BUDGET", 5_000)
    data = build_data(run_work(fail_each, {"n": 40}))
    lengths = [len(error["message"]) for error in data["errors"]]
    assert len(lengths) == 40
    assert max(lengths) > 500
    assert lengths[-1] == 160
    assert data["errors"][-1]["traceback"] == ""
    assert data["notes"][-1].endswith("different errors are shortened: there are too many.")


def test_errors_beyond_the_table_are_counted_by_type(monkeypatch):
    monkeypatch.setattr(error_table, "_MOST_ERRORS", 10)
    data = build_data(run_work(fail_each, {"n": 40}))
    assert len(data["errors"]) == 11
    assert data["errors"][-1] == {
        "type": "ValueError",
        "message": "one of 30 further errors of this type",
        "traceback": "",
    }


def test_errors_of_failures_come_before_those_of_retries(monkeypatch):
    monkeypatch.setattr(error_table, "_MOST_ERRORS", 1)
    calls = []

    def fail(x):
        calls.append(x)
        raise ValueError(f"call {len(calls)}")

    data = build_data(run_work(fail, {"n": 1}, keys="retry: {count: 2, delay: 0}"))
    assert data["errors"][0]["message"] == "call 3"

"""`Run.logs`: the lines that actions print, while a run is in progress, after it, and on record."""

import sys
import threading

import pandas as pd
import pytest
from support.item_runs import run_work, until

import attune_nb
from attune_nb.errors import LookupFailed, ParameterError

COLUMNS = ["time", "task", "visit", "index", "attempt", "worker", "level", "text"]


def speak(x):
    print(f"item {x}")
    print(f"careful {x}", file=sys.stderr)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("store") / "runs.db"


@pytest.fixture(scope="module")
def run(store):
    return run_work(speak, {"n": 3}, concurrency=1, logs="none", store=store)


def texts(frame):
    return frame["text"].tolist()


def test_each_line_has_its_attempt(run):
    frame = run.logs()
    assert list(frame) == COLUMNS
    assert texts(frame) == ["item 0", "careful 0", "item 1", "careful 1", "item 2", "careful 2"]
    assert frame["index"].tolist() == [0, 0, 1, 1, 2, 2]
    assert set(frame["attempt"]) == {1}
    assert set(frame["task"]) == {"a"}


def test_times_are_dates_within_the_run(run):
    times = run.logs()["time"]
    assert str(times.dtype) == "datetime64[ns, UTC]"
    assert times.is_monotonic_increasing
    assert times.min() >= pd.Timestamp(run.started)


def test_lines_are_selected_by_task_item_and_level(run):
    assert texts(run.logs("a", index=1)) == ["item 1", "careful 1"]
    assert texts(run.logs(index=2, level="stderr")) == ["careful 2"]
    assert texts(run.logs(attempt=2)) == []


def test_an_index_of_a_frame_selects_too(run):
    assert len(run.logs("a", index=run.logs()["index"].iloc[-1])) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param({"index": -1}, "`index` must be an integer of 0 or more", id="index"),
        pytest.param({"index": True}, "`index` must be an integer of 0 or more", id="boolean"),
        pytest.param({"attempt": 0}, "`attempt` must be an integer of 1 or more", id="attempt"),
        pytest.param({"level": "WARN1NG"}, "did you mean `WARNING`", id="level"),
        pytest.param({"level": 2.5}, "not the number `2.5`", id="number as level"),
    ],
)
def test_an_argument_that_selects_nothing_is_refused(run, arguments, message):
    with pytest.raises(ParameterError, match=message):
        run.logs(**arguments)


def test_a_task_that_does_not_exist_is_refused(run):
    with pytest.raises(LookupFailed, match="there is no task `b`; there are a"):
        run.logs("b")


def test_the_record_has_the_same_lines(run, store):
    recorded = attune_nb.open_run(run.run_id, store)
    pd.testing.assert_frame_equal(recorded.logs(), run.logs())
    assert recorded.log_counts == (6, 0)


def test_the_summary_counts_the_lines(run):
    assert "6 log lines: `run.logs()` shows them" in repr(run)
    assert "6 log lines" in run._repr_html_()


def test_lines_can_be_read_before_the_run_ends(tmp_path):
    """Also from the record, as another process would do."""
    may_end = threading.Event()

    def wait(x):
        print("begun")
        assert may_end.wait(60)

    store = tmp_path / "runs.db"
    run = run_work(wait, {"n": 1}, store=store, background=True, logs="none")
    until(lambda: len(run.logs()) == 1)
    until(lambda: len(attune_nb.runs(store)) == 1)
    recorded = attune_nb.open_run(run.run_id, store)
    until(lambda: texts(recorded.logs()) == ["begun"])
    may_end.set()
    assert run.wait(60)


def test_a_run_that_printed_nothing_says_so():
    run = run_work(lambda x: x, {"n": 1})
    assert run.logs().empty
    assert list(run.logs()) == COLUMNS
    assert run.explain_no_logs() == (
        f"run {run.run_id} has no log lines: its actions have printed and logged nothing"
    )
    assert "log line" not in repr(run)

"""`Run.logs`: the lines that actions print, while a run is in progress, after it, and on record."""

import sys
import threading

import pandas as pd
import pytest
from support.item_runs import run_work, until

import attune_nb
from attune_nb.errors import LookupFailed, ParameterError
from attune_nb.log_batches import pack_lines, unpack_lines
from attune_nb.log_lines import LogLine
from attune_nb.results.clock import RunClock
from attune_nb.results.log_text import clean_text, shown_line
from attune_nb.results.logs import date_lines, join_lines

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


def test_lines_of_a_run_in_an_action_are_those_of_its_attempt():
    inner = attune_nb.loads("tasks:\n  - {name: inside, action: speak, input: {x: 1}}\n")

    def start(x):
        inner.run(actions={"speak": speak}, store="none")

    run = run_work(start, {"n": 1})
    assert texts(run.logs("a", index=0)) == [
        "inside | item 1",
        "inside stderr | careful 1",
    ]


def test_lines_come_in_the_order_of_their_times():
    """Those of a worker process arrive with the report of a chunk."""
    lines = [LogLine(time, "a", 1, 0, 1, 0, "stdout", str(time)) for time in (2.0, 1.0, 3.0, 1.0)]
    columns = unpack_lines([pack_lines(lines[:2]), pack_lines(lines[2:])])
    joined = join_lines([date_lines(columns, lambda: RunClock([]))])
    assert joined.columns.text == ["1.0", "1.0", "2.0", "3.0"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("\x1b[1;31mred\x1b[0m!", "red!", id="colours"),
        pytest.param("\x1b]0;title\x07text", "text", id="title"),
        pytest.param("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link", id="link"),
        pytest.param("\x1b[2J\x1b[Hgone", "gone", id="screen"),
        pytest.param("a\x07b\x00c\x9bd", "abcd", id="control characters"),
        pytest.param("\x1b", "", id="escape alone"),
        pytest.param("\u202eabc", "abc", id="direction"),
        pytest.param("x" * 50, "x" * 20 + " … (50 characters)", id="long"),
        pytest.param("\x1b[0m" * 50, " … (200 characters)", id="long and empty"),
    ],
)
def test_a_terminal_obeys_nothing_of_a_line(text, shown):
    assert clean_text(text, 20) == shown


def test_a_level_is_one_word_of_its_line():
    line = LogLine(0.0, "a", 2, 3, 4, 0, "odd\n\x1b[2Jlevel", "text")
    assert str(shown_line(line, {"a"}, 80)) == "a#2[3] attempt 4 odd level | text"

"""What a person is told while a run is under way."""

import io
from array import array

import attune_nb
from attune_nb.display.outputs import open_display
from attune_nb.events import (
    AttemptsEnded,
    Batch,
    CancelRequested,
    ErrorInfo,
    PauseRequested,
    ResumeRequested,
    RetriesPlanned,
    RunEnded,
    RunStarted,
    TaskEnded,
    TaskStarted,
)
from attune_nb.results.progress import Progress


def started(total=1000, *, with_items=True):
    return [
        RunStarted(time=0.0, run_id="r", workflow="health", started_at=0.0, parameters={}),
        TaskStarted(
            time=0.0, task="check", visit=1, total=total, with_items=with_items,
            concurrency=8, causes=(),
        ),
    ]  # fmt: skip


def ended(count, failed=0, time=2.0, total=None):
    batch = Batch(
        index=array("q", range(count)),
        attempt=array("q", [1] * count),
        worker=array("q", [0] * count),
        start=array("d", [0.0] * count),
        duration=array("d", [0.1] * count),
        status=bytes([1] * failed + [0] * (count - failed)),
        results=[None] * count,
        errors={row: ErrorInfo(type="E", message="HTTP 503") for row in range(failed)},
        total=total,
    )
    return AttemptsEnded(time=time, task="check", visit=1, batch=batch)


def text(*events):
    progress = Progress()
    progress.read(events)
    return progress.text()


def test_a_fan_out_tells_done_failed_rate_time_left_and_the_last_error():
    assert text(*started(), ended(500, failed=20)) == (
        "health: running after 2.0 s\n"
        "  check  ██████████░░░░░░░░░░ 500/1,000  20 failed  250/s  2.0 s left"
        "  last error: HTTP 503"
    )


def test_an_attempt_that_will_be_made_again_is_neither_done_nor_failed():
    planned = RetriesPlanned(time=2.0, task="check", visit=1, count=15)
    told = text(*started(), ended(500, failed=20), planned)
    assert "485/1,000  5 failed" in told


def test_a_source_of_unknown_length_is_told_as_such_until_it_is_exhausted():
    assert "500/?" in text(*started(None), ended(500))
    assert "500/500" in text(*started(None), ended(500, total=500))


def test_a_task_without_items_tells_since_when_it_runs():
    events = [*started(with_items=False), TaskStarted(
        time=3.0, task="other", visit=1, total=1, with_items=False, concurrency=1, causes=(),
    )]  # fmt: skip
    assert "check  running for 3.0 s" in text(*events)


def test_of_tasks_that_have_ended_only_the_failed_ones_stay():
    end = TaskEnded(
        time=4.0, task="check", visit=1, status="succeeded", attempts=1, error=None, fired=(),
        handled=False,
    )  # fmt: skip
    assert text(*started(), end) == "health: running after 4.0 s"


def test_where_there_is_no_terminal_auto_shows_nothing_and_true_writes_lines(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    assert open_display("auto") is None
    display = open_display(progress=True)
    display.read([*started(), RunEnded(time=5.0, status="succeeded", output=None, error=None)])
    assert stream.getvalue() == "health: succeeded after 5.0 s\n"


def test_what_was_asked_for_is_told_until_the_run_ends():
    pause, resume = PauseRequested(time=1.0), ResumeRequested(time=2.0)
    assert text(*started(), pause).startswith("health: paused")
    assert text(*started(), pause, resume).startswith("health: running")
    assert text(*started(), pause, CancelRequested(time=3.0)).startswith("health: cancelling")


def test_a_pause_is_told_with_its_reason_and_what_ends_it_and_no_pace():
    lost = PauseRequested(time=2.0, reason="the cluster is gone: " + "word " * 100)
    heading, row, told = text(*started(), ended(500), lost).splitlines()
    assert heading == "health: paused after 2.0 s"
    assert row.endswith("500/1,000")
    assert told.startswith("  the cluster is gone: word")
    assert told.endswith("word…; `run.resume()` continues")
    assert len(told) < 340
    by_hand = text(*started(), PauseRequested(time=1.0))
    assert by_hand.endswith("\n  `run.resume()` continues")
    assert "resume" not in text(*started(), lost, ResumeRequested(time=3.0))


def test_the_seconds_of_a_pause_make_the_pace_no_worse():
    pause, resume = PauseRequested(time=2.0), ResumeRequested(time=92.0)
    told = text(*started(), ended(500), pause, resume)
    assert told.startswith("health: running after 92.0 s")
    assert "250/s  2.0 s left" in told


def test_an_error_is_cut_at_a_word():
    def fails():
        raise ValueError("the words of a  long\nerror " * 20)

    run = attune_nb.loads("tasks: [{name: a, action: fails}]").run(actions={"fails": fails})
    (row,) = run.summary()
    words = ("the words of a long error " * 5).strip()
    assert len(row["error"]) <= 120
    assert row["error"].endswith("…")
    assert words.startswith(row["error"][:-1])
    assert words[len(row["error"]) - 1] == " "


def test_a_task_that_was_stopped_still_tells_how_many_items_there_were():
    assert "4/1,000" in text(*started(), ended(4, total=4))

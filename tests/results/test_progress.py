"""The progress of a run in words."""

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


def failed_visit(visit):
    return TaskEnded(
        time=2.0, task="page", visit=visit, status="failed", attempts=1, error=None,
        fired=(0,), handled=True,
    )  # fmt: skip


def test_the_failed_visits_of_a_loop_are_one_line():
    lines = text(started()[0], *(failed_visit(number) for number in range(1, 10))).splitlines()
    assert lines == ["health: running after 2.0 s, 9 failures handled", "  page  failed"]


def test_a_task_with_items_has_counts_rate_and_last_error():
    assert text(*started(), ended(500, failed=20)) == (
        "health: running after 2.0 s\n"
        "  check  ██████████░░░░░░░░░░ 500/1,000  20 failed  250/s  2.0 s left"
        "  last error: HTTP 503"
    )


def test_a_retried_attempt_is_neither_done_nor_failed():
    planned = RetriesPlanned(time=2.0, task="check", visit=1, count=15)
    line = text(*started(), ended(500, failed=20), planned)
    assert "485/1,000  5 failed" in line


def test_an_unknown_total_is_a_question_mark():
    """The total is shown once the source is exhausted."""
    assert "500/?" in text(*started(None), ended(500))
    assert "500/500" in text(*started(None), ended(500, total=500))


def test_a_task_without_items_has_its_time():
    events = [*started(with_items=False), TaskStarted(
        time=3.0, task="other", visit=1, total=1, with_items=False, concurrency=1, causes=(),
    )]  # fmt: skip
    assert "check  running for 3.0 s" in text(*events)


def test_only_failed_tasks_stay_when_they_have_ended():
    end = TaskEnded(
        time=4.0, task="check", visit=1, status="succeeded", attempts=1, error=None, fired=(),
        handled=False,
    )  # fmt: skip
    assert text(*started(), end) == "health: running after 4.0 s"


def test_without_a_terminal_only_true_writes_lines(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)

    assert open_display("auto") is None

    display = open_display(progress=True)
    display.read([*started(), RunEnded(time=5.0, status="succeeded", output=None, error=None)])

    assert stream.getvalue() == "health: succeeded after 5.0 s\n"


def test_a_pause_and_a_cancel_are_shown():
    pause, resume = PauseRequested(time=1.0), ResumeRequested(time=2.0)
    assert text(*started(), pause).startswith("health: paused")
    assert text(*started(), pause, resume).startswith("health: running")
    assert text(*started(), pause, CancelRequested(time=3.0)).startswith("health: cancelling")


def test_a_pause_has_its_reason_and_no_rate():
    """It also says how to continue."""
    lost = PauseRequested(time=2.0, reason="the cluster is gone: " + "word " * 100)
    heading, row, note = text(*started(), ended(500), lost).splitlines()

    assert heading == "health: paused after 2.0 s"
    assert row.endswith("500/1,000")
    assert note.startswith("  the cluster is gone: word")
    assert note.endswith("word…; `run.resume()` continues")
    assert len(note) < 340

    by_hand = text(*started(), PauseRequested(time=1.0))
    assert by_hand.endswith("\n  `run.resume()` continues")
    assert "resume" not in text(*started(), lost, ResumeRequested(time=3.0))


def test_a_pause_from_outside_names_who_asked():
    note = text(*started(), PauseRequested(time=1.0, by="ann")).splitlines()[-1]
    assert note == "  paused by ann; `run.resume()` continues"


def test_the_seconds_of_a_pause_do_not_lower_the_rate():
    pause, resume = PauseRequested(time=2.0), ResumeRequested(time=92.0)
    line = text(*started(), ended(500), pause, resume)

    assert line.startswith("health: running after 92.0 s")
    assert "250/s  2.0 s left" in line


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


def test_a_stopped_task_keeps_its_total():
    assert "4/1,000" in text(*started(), ended(4, total=4))

"""What a person is told of items that were cancelled: they have not failed."""

import threading

import pytest

import attune_nb
from attune_nb.display.panel import panel
from attune_nb.events import AttemptsEnded, TaskStarted
from attune_nb.results.progress import Progress

TEXT = """
tasks:
  - name: go
    action: go
    with_items: ITEMS
    concurrency: 3
    input: {x: "{{ item }}"}
"""


def cancelled(items, store="none"):
    """Give a run that was cancelled once all its items were under way, or had failed."""
    begun, failed = threading.Semaphore(0), threading.Semaphore(0)
    over = threading.Event()

    def go(x):
        if x == "bad":
            raise ValueError("it is bad")
        begun.release()
        over.wait(90)

    def hear(events):
        for each in events:
            if isinstance(each, AttemptsEnded):
                failed.release()

    run = attune_nb.loads(TEXT.replace("ITEMS", str(items))).run(
        actions={"go": go}, background=True, store=store, readers=[hear]
    )
    for each in items:
        assert (failed if each == "bad" else begun).acquire(timeout=20)
    run.cancel(force=True)
    assert run.wait(60)
    over.set()
    return run


@pytest.fixture(scope="module")
def mixed():
    return cancelled(["bad", 1, 2])


def progress_of(run):
    """Give the progress as it was before the task was said to have ended."""
    progress = Progress()
    progress.read([each for each in run.events if isinstance(each, AttemptsEnded | TaskStarted)])
    return progress


def test_what_was_cancelled_is_told_apart_from_what_failed(mixed):
    assert list(mixed.items("go")["status"]) == ["failed", "cancelled", "cancelled"]
    assert mixed.tasks["failed_items"][0] == 1
    assert mixed.context.tasks["go"].failed_items == 1
    (row,) = mixed.summary()
    assert (row["failed"], row["cancelled"]) == ("1", "2")
    told = "1 of 3 items failed, 2 cancelled; the first, index 0: it is bad"
    assert mixed.tasks["error"][0] == told
    assert "3/3 items, 1 failed, 2 cancelled" in repr(mixed)
    assert ">cancelled<" in mixed._repr_html_()


def test_a_panel_tells_both_and_the_last_error_is_of_what_failed(mixed):
    progress = progress_of(mixed)
    for shown in (progress.text(), str(panel(progress))):
        assert "1 failed, 2 cancelled" in shown
        assert "last error: it is bad" in shown


def test_a_timeline_s_label_tells_both(mixed):
    label = mixed.timeline().axes[0].get_yticklabels()[0].get_text()
    assert label.endswith("3 · 1 failed, 2 cancelled")


def test_where_all_were_cancelled_none_has_failed(tmp_path):
    run = cancelled([1, 2], store=tmp_path / "runs.db")
    (row,) = run.summary()
    assert (row["failed"], row["cancelled"]) == ("", "2")
    assert run.tasks["error"][0] == (
        "2 of 2 items cancelled; the first, index 0: the run was cancelled"
    )
    assert "2/2 items, 2 cancelled" in repr(run)
    assert " failed" not in repr(run) + progress_of(run).text()
    assert attune_nb.runs(tmp_path / "runs.db")["failed"].tolist() == [0]

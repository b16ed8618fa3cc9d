"""Cancelled items are shown apart from failed ones."""

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
    """Return a run that was cancelled once all its items were running, or had failed."""
    begun, failed = threading.Semaphore(0), threading.Semaphore(0)
    over = threading.Event()

    def go(x):
        if x == "bad":
            raise ValueError("it is bad")
        begun.release()
        over.wait(90)

    def count_ends(events):
        for event in events:
            if isinstance(event, AttemptsEnded):
                failed.release()

    run = attune_nb.loads(TEXT.replace("ITEMS", str(items))).run(
        actions={"go": go}, background=True, store=store, readers=[count_ends]
    )
    for item in items:
        semaphore = failed if item == "bad" else begun
        assert semaphore.acquire(timeout=60)
    run.cancel(force=True)
    assert run.wait(60)
    over.set()
    return run


@pytest.fixture(scope="module")
def mixed():
    return cancelled(["bad", 1, 2])


def progress_of(run):
    """Return the progress as it was before the end of the task."""
    progress = Progress()
    progress.read([event for event in run.events if isinstance(event, AttemptsEnded | TaskStarted)])
    return progress


def test_a_run_shows_cancelled_items_apart(mixed):
    assert list(mixed.items("go")["status"]) == ["failed", "cancelled", "cancelled"]
    assert mixed.tasks["failed_items"][0] == 1
    assert mixed.context.tasks["go"].failed_items == 1

    (row,) = mixed.summary()
    assert (row["failed"], row["cancelled"]) == ("1", "2")

    error = "1 of 3 items failed, 2 cancelled; the first, index 0: it is bad"
    assert mixed.tasks["error"][0] == error
    assert "3/3 items, 1 failed, 2 cancelled" in repr(mixed)
    assert ">cancelled<" in mixed._repr_html_()


def test_the_panel_shows_both_and_the_last_error(mixed):
    progress = progress_of(mixed)
    for text in (progress.text(), str(panel(progress))):
        assert "1 failed, 2 cancelled" in text
        assert "last error: it is bad" in text


def test_a_label_of_the_timeline_shows_both(mixed):
    label = mixed.timeline().axes[0].get_yticklabels()[0].get_text()
    assert label.endswith("3 · 1 failed, 2 cancelled")


def test_if_all_items_were_cancelled_none_has_failed(tmp_path):
    run = cancelled([1, 2], store=tmp_path / "runs.db")
    (row,) = run.summary()

    assert (row["failed"], row["cancelled"]) == ("", "2")
    assert run.tasks["error"][0] == (
        "2 of 2 items cancelled; the first, index 0: the run was cancelled"
    )
    assert "2/2 items, 2 cancelled" in repr(run)
    assert " failed" not in repr(run) + progress_of(run).text()
    assert attune_nb.runs(tmp_path / "runs.db")["failed"].tolist() == [0]

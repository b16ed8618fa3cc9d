"""What goes wrong with a store, a disk, a clock or a reader; and the store of an older version."""

import functools
import logging
import os
import shutil
import sqlite3
import subprocess
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

import attune_nb
from attune_nb.errors import StoreError
from attune_nb.events import RunResumed
from attune_nb.store.database import VERSION

TEXT = """
parameters: {n: {type: integer, default: 200}}
tasks:
  - name: work
    action: act
    with_items: "{{ range(parameters.n) }}"
    input: {i: "{{ item }}"}
    next: [{do: after}]
  - {name: after, action: act, input: {i: 7}}
output_map: {count: "{{ task.work.result | length }}", after: "{{ task.after.result }}"}
"""
LARGE = "x" * 2_000


@pytest.fixture
def path(tmp_path):
    return tmp_path / "runs.db"


class Full(sqlite3.Connection):
    """A file that takes no more than 100 pages: SQLite's own way to be full."""

    def __init__(self, *given, **options):
        super().__init__(*given, **options)
        self.execute("PRAGMA max_page_count = 100")


@pytest.fixture(scope="module")
def small_disk(tmp_path_factory):
    """A disk of a megabyte."""
    folder = tmp_path_factory.mktemp("disk")
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=False)


def told_when_full(store, caplog):
    """Run what does not fit, and give the run, with how often its action was called."""
    calls = []

    def act(i):
        calls.append(i)
        time.sleep(0.002)
        return f"{i}{LARGE}"

    with caplog.at_level(logging.WARNING):
        run = attune_nb.loads(TEXT).run({"n": 3_000}, actions={"act": act}, store=store)
    return run, calls


def test_a_full_disk_stops_the_run_and_what_it_has_done_is_there(path, monkeypatch, caplog):
    monkeypatch.setattr(sqlite3, "connect", functools.partial(sqlite3.connect, factory=Full))
    run, calls = told_when_full(path, caplog)
    assert run.status == "cancelled"
    assert "the run was cancelled: the disk is full" in run.error
    assert "free space, and resume the run" in run.error
    assert 0 < len(calls) < 3_000
    frame = run.items("work")
    assert (frame["status"] == "succeeded").sum() >= len(calls) - 1
    assert caplog.text.count("the disk is full") == 1
    monkeypatch.undo()
    finished(run, path, calls)


def test_a_disk_that_is_really_full_does_too(small_disk, caplog):
    store = small_disk / "runs.db"
    run, calls = told_when_full(store, caplog)
    assert run.status == "cancelled"
    assert "full" in run.error
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    finished(run, store, calls)


def finished(run, store, before):
    """Resume a run whose record was cut short: what is on record is not run again."""
    (row,) = attune_nb.runs(store).to_dict("records")
    assert (row["run_id"], row["status"]) == (run.run_id, "interrupted")
    calls = []

    def act(i):
        calls.append(i)
        return f"{i}{LARGE}"

    again = attune_nb.resume(run.run_id, store, actions={"act": act})
    assert again.output["count"] == 3_000
    assert len(calls) == 3_000 - row["items"] + 1
    assert len(calls) + len(before) < 2 * 3_000


def test_a_disk_that_is_full_from_the_start_is_told_before_anything_runs(path, monkeypatch):
    calls = []

    def act(i):
        calls.append(i)

    class NoRoom(sqlite3.Connection):
        def execute(self, statement, *given):
            if statement.startswith("CREATE"):
                error = sqlite3.OperationalError("database or disk is full")
                error.sqlite_errorname = "SQLITE_FULL"
                raise error
            return super().execute(statement, *given)

    monkeypatch.setattr(sqlite3, "connect", functools.partial(sqlite3.connect, factory=NoRoom))
    with pytest.raises(StoreError, match="the disk is full"):
        attune_nb.loads(TEXT).run(actions={"act": act}, store=path)
    assert calls == []


def test_where_the_usual_place_cannot_be_written_to_that_is_told_and_the_run_runs(
    tmp_path, monkeypatch, caplog
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ATTUNE_NB_STORE")
    Path(".attune").write_text("a file, and no folder")
    run = attune_nb.loads(TEXT).run({"n": 2}, actions={"act": lambda i: i})
    assert (run.status, run.store) == ("succeeded", None)
    assert (
        "the run is not recorded: the folder .attune of the store cannot be created" in caplog.text
    )
    assert "on record" not in repr(run)


def test_a_run_is_on_record_without_asking(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ATTUNE_NB_STORE")
    run = attune_nb.loads(TEXT).run({"n": 2}, actions={"act": lambda i: i})
    assert "on record in .attune/runs.db" in repr(run)
    assert "on record in .attune/runs.db" in run._repr_html_()
    assert attune_nb.runs()["run_id"].tolist() == [run.run_id]
    assert attune_nb.open_run(run.run_id).output == run.output
    assert Path(".attune/.gitignore").read_text() == "*\n"
    assert Path(".attune/runs.db").stat().st_mode & 0o777 == 0o600


def test_a_clock_that_is_set_back_makes_no_time_negative(path, monkeypatch):
    real, back = time.time, []
    monkeypatch.setattr(time, "time", lambda: real() - (3_600 if back else 0))

    def act(i):
        if i == 3:
            back.append(i)
        return i

    run = attune_nb.loads(TEXT).run({"n": 10}, actions={"act": act}, store=path)
    assert run.status == "succeeded"
    assert (run.attempts["duration"] >= 0).all()
    assert (run.tasks["duration_ms"] >= 0).all()
    times = [each.time for each in run.events]
    assert times == sorted(times)
    assert attune_nb.open_run(run.run_id, path).events == run.events


WAITING = """
tasks:
  - {name: a, action: act, retry: {count: 1, delay: 1}}
"""


@pytest.mark.parametrize("hours", [-2, 0, 2])
def test_a_wait_for_a_retry_is_waited_once_at_most_whatever_the_clock_says(
    path, monkeypatch, hours
):
    tries, gone = [], threading.Event()

    def act():
        tries.append(time.monotonic())
        if len(tries) == 1:
            gone.set()
            raise ValueError("not yet")

    real = time.time
    run = attune_nb.loads(WAITING).run(actions={"act": act}, store=path, background=True)
    assert gone.wait(60)
    while not path.exists() or run.run_id not in attune_nb.runs(path)["run_id"].tolist():
        time.sleep(0.01)
    while attune_nb.open_run(run.run_id, path).attempts.empty:
        time.sleep(0.01)
    monkeypatch.setattr("attune_nb.store.reading.LIVE", set())
    monkeypatch.setattr("attune_nb.store.claims.LIVE", set())
    monkeypatch.setattr(time, "time", lambda: real() + 3_600 * hours)
    again = attune_nb.resume(run.run_id, path, actions={"act": act})
    assert again.status == "succeeded"
    assert list(again.attempts["attempt"]) == [1, 2]
    (resumed,) = (each.time for each in again.events if isinstance(each, RunResumed))
    waited = again.attempts["start"][1] - resumed
    assert waited < 0.5 if hours > 0 else 0.5 < waited < 1.5
    run.wait(20)


def test_a_reader_that_fails_is_dropped_and_the_record_is_whole(path, caplog):
    def fails(_events):
        raise ValueError("a chart that cannot be drawn")

    run = attune_nb.loads(TEXT).run(actions={"act": lambda i: i}, store=path, readers=[fails])
    assert run.status == "succeeded"
    assert caplog.text.count("a chart that cannot be drawn") == 1
    assert attune_nb.open_run(run.run_id, path).events == run.events


@pytest.fixture
def older(tmp_path):
    """A store that version 0.1.0 wrote, before its schema changed."""
    return shutil.copy(Path(__file__).parent / "stores" / "version_1.db", tmp_path / "older.db")


def test_a_store_of_an_older_version_is_read_and_brought_up_to_date(older):
    frame = attune_nb.runs(older).set_index("workflow")
    assert frame["status"].to_dict() == {"whole": "succeeded", "cut": "interrupted"}
    whole = attune_nb.open_run(frame.loc["whole", "run_id"], older)
    assert whole.output["after"] == {"i": 100, "pair": (100, 1.5)}
    assert whole.items("work")["attempts"].tolist() == [1, 1, 2, 1, 1, 1]
    with closing(sqlite3.connect(older)) as connection, connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)
    connection.close()


def test_a_run_of_an_older_version_is_resumed(older):
    run_id = attune_nb.runs(older).set_index("workflow").loc["cut", "run_id"]
    calls = []

    def act(i):
        calls.append(i)
        return {"i": i, "pair": (i, 1.5)}

    run = attune_nb.resume(run_id, older, actions={"act": act})
    assert calls == [4, 5, 100]
    assert run.output["found"] == [{"i": i, "pair": (i, 1.5)} for i in range(6)]

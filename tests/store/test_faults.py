"""Faults of a store, a disk, a clock or a reader; and a store of an older version."""

import functools
import logging
import os
import shutil
import sqlite3
import subprocess
import threading
import time
from pathlib import Path

import pytest
from support.clocks import shift_clock

import attune_nb
from attune_nb.errors import StoreError
from attune_nb.events import RunResumed

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
    """A file of at most 100 pages: the limit of SQLite itself."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
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


def run_until_full(store, caplog):
    """Run a workflow whose results do not fit; return the run and the calls of its action."""
    calls = []

    def act(i):
        calls.append(i)
        time.sleep(0.002)
        return f"{i}{LARGE}"

    with caplog.at_level(logging.WARNING):
        run = attune_nb.loads(TEXT).run({"n": 3_000}, actions={"act": act}, store=store)
    return run, calls


def test_a_full_disk_stops_the_run_and_keeps_its_results(path, monkeypatch, caplog):
    monkeypatch.setattr(sqlite3, "connect", functools.partial(sqlite3.connect, factory=Full))
    run, calls = run_until_full(path, caplog)
    assert run.status == "cancelled"
    assert "the run was cancelled: the disk is full" in run.error
    assert "free space, and resume the run" in run.error
    assert 0 < len(calls) < 3_000
    frame = run.items("work")
    assert (frame["status"] == "succeeded").sum() >= len(calls) - 1
    assert caplog.text.count("the disk is full") == 1
    monkeypatch.undo()
    check_resume(run, path, calls)


def test_a_full_file_system_stops_the_run(small_disk, caplog):
    store = small_disk / "runs.db"
    run, calls = run_until_full(store, caplog)
    assert run.status == "cancelled"
    assert "full" in run.error
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    check_resume(run, store, calls)


def check_resume(run, store, earlier_calls):
    """Resume a run with an incomplete record: recorded items are not run again."""
    (row,) = attune_nb.runs(store).to_dict("records")
    assert row["run_id"] == run.run_id
    assert row["status"] == "interrupted"
    calls = []

    def act(i):
        calls.append(i)
        return f"{i}{LARGE}"

    resumed = attune_nb.resume(run.run_id, store, actions={"act": act})
    assert resumed.output["count"] == 3_000
    assert len(calls) == 3_000 - row["items"] + 1
    assert len(calls) + len(earlier_calls) < 2 * 3_000


def test_a_disk_full_from_the_start_is_reported_before_the_run(path, monkeypatch):
    calls = []

    def act(i):
        calls.append(i)

    class NoRoom(sqlite3.Connection):
        def execute(self, statement, *arguments):
            if statement.startswith("CREATE"):
                error = sqlite3.OperationalError("database or disk is full")
                error.sqlite_errorname = "SQLITE_FULL"
                raise error
            return super().execute(statement, *arguments)

    monkeypatch.setattr(sqlite3, "connect", functools.partial(sqlite3.connect, factory=NoRoom))
    with pytest.raises(StoreError, match="the disk is full"):
        attune_nb.loads(TEXT).run(actions={"act": act}, store=path)
    assert calls == []


def test_without_the_default_folder_the_run_is_not_recorded(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ATTUNE_NB_STORE")
    Path(".attune").write_text("a file, and no folder")
    run = attune_nb.loads(TEXT).run({"n": 2}, actions={"act": lambda i: i})
    assert run.status == "succeeded"
    assert run.store is None
    assert (
        "the run is not recorded: the folder .attune of the store cannot be created" in caplog.text
    )
    assert "on record" not in repr(run)


def test_a_run_is_recorded_by_default(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ATTUNE_NB_STORE")
    run = attune_nb.loads(TEXT).run({"n": 2}, actions={"act": lambda i: i})
    assert "on record in .attune/runs.db" in repr(run)
    assert "on record in .attune/runs.db" in run._repr_html_()
    assert attune_nb.runs()["run_id"].tolist() == [run.run_id]
    assert attune_nb.open_run(run.run_id).output == run.output
    assert Path(".attune/.gitignore").read_text() == "*\n"
    assert Path(".attune/runs.db").stat().st_mode & 0o777 == 0o600


def test_a_clock_set_back_makes_no_duration_negative(path, monkeypatch):
    offsets = [0]
    shift_clock(monkeypatch, lambda: offsets[-1])

    def act(i):
        if i == 3:
            offsets.append(-3_600)
        return i

    run = attune_nb.loads(TEXT).run({"n": 10}, actions={"act": act}, store=path)
    assert run.status == "succeeded"
    assert (run.attempts()["duration_ms"] >= 0).all()
    assert (run.tasks["duration_ms"] >= 0).all()
    times = [event.time for event in run.events]
    assert times == sorted(times)
    assert attune_nb.open_run(run.run_id, path).events == run.events


WAITING = """
tasks:
  - {name: a, action: act, retry: {count: 1, delay: DELAY}}
"""


@pytest.mark.parametrize(("hours", "delay"), [(-2, 1), (0, 2), (2, 60)])
def test_a_delay_of_a_retry_passes_once_with_any_clock(path, monkeypatch, hours, delay):
    tries = []
    failed_once = threading.Event()

    def act():
        tries.append(time.monotonic())
        if len(tries) == 1:
            failed_once.set()
            raise ValueError("not yet")

    workflow = attune_nb.loads(WAITING.replace("DELAY", str(delay)))
    run = workflow.run(actions={"act": act}, store=path, background=True)
    assert failed_once.wait(60)
    while not path.exists() or run.run_id not in attune_nb.runs(path)["run_id"].tolist():
        time.sleep(0.01)
    while attune_nb.open_run(run.run_id, path).attempts().empty:
        time.sleep(0.01)
    monkeypatch.setattr("attune_nb.store.reading.LIVE", set())
    monkeypatch.setattr("attune_nb.store.claims.LIVE", set())
    shift_clock(monkeypatch, lambda: 3_600 * hours)

    resumed = attune_nb.resume(run.run_id, path, actions={"act": act})
    assert resumed.status == "succeeded"
    assert list(resumed.attempts()["attempt"]) == [1, 2]

    (resumption,) = [event for event in resumed.events if isinstance(event, RunResumed)]
    resumed_at = resumption.started_at + resumption.time
    first, second = resumed.attempts().to_dict("records")
    started_at = second["start"].timestamp()
    if hours > 0:
        # the delay has passed meanwhile
        assert started_at - resumed_at < delay / 2
    elif hours < 0:
        # none of it is known to have passed
        assert started_at - resumed_at >= 0.95 * delay
    else:
        failed_at = first["start"].timestamp() + first["duration_ms"] / 1_000
        assert started_at - failed_at >= 0.95 * delay

    run.cancel(force=True)
    assert run.wait(60)


def test_a_failing_reader_is_dropped_and_the_record_complete(path, caplog):
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


def test_an_older_store_is_read(older):
    frame = attune_nb.runs(older).set_index("workflow")
    assert frame["status"].to_dict() == {"whole": "succeeded", "cut": "interrupted"}
    complete = attune_nb.open_run(frame.loc["whole", "run_id"], older)
    assert complete.output["after"] == {"i": 100, "pair": (100, 1.5)}
    assert complete.items("work")["attempts"].tolist() == [1, 1, 2, 1, 1, 1]


def test_a_run_of_an_older_store_is_resumed(older):
    run_id = attune_nb.runs(older).set_index("workflow").loc["cut", "run_id"]
    calls = []

    def act(i):
        calls.append(i)
        return {"i": i, "pair": (i, 1.5)}

    run = attune_nb.resume(run_id, older, actions={"act": act})
    assert calls == [4, 5, 100]
    assert run.output["found"] == [{"i": i, "pair": (i, 1.5)} for i in range(6)]

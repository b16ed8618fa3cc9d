"""The files of a store: paths that can be none, folders that cannot be written, permissions."""

import os
import shutil
import sqlite3
import stat
import subprocess
import threading
from contextlib import closing
from pathlib import Path

import pytest

import attune_nb
from attune_nb.errors import StoreError

TEXT = """
tasks:
  - {name: work, action: act, input: {i: 7}}
"""


def run_workflow(store, **options):
    actions = options.pop("actions", {"act": lambda i: i})
    return attune_nb.loads(TEXT).run(actions=actions, store=store, progress=False, **options)


def list_modes(folder):
    modes = {"": stat.S_IMODE(folder.stat().st_mode)}
    for file in folder.iterdir():
        modes[file.name] = stat.S_IMODE(file.stat().st_mode)
    return modes


@pytest.mark.parametrize(
    ("store", "message"),
    [
        pytest.param("x\0y", "is no path", id="NUL"),
        pytest.param("\ud800", "is no path", id="lone surrogate"),
        pytest.param("n" * 300, "cannot be opened: File name too long", id="300 characters"),
        pytest.param("~nobody-here/runs.db", "in no folder", id="unknown user"),
    ],
)
def test_a_text_that_is_no_path_is_refused(tmp_path, monkeypatch, store, message):
    """Neither a run nor a reading function raises another error, or creates anything."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError, match=message):
        run_workflow(store)
    with pytest.raises(StoreError):
        attune_nb.runs(store)
    with pytest.raises(StoreError):
        attune_nb.open_run("x", store)
    assert not list(tmp_path.iterdir())


def test_a_store_named_as_memory_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = run_workflow(":memory:")
    assert attune_nb.open_run(run.run_id, ":memory:").result("work") == 7


def test_files_are_for_their_owner_also_if_wider_before(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / ".attune"
    store = folder / "runs.db"
    run_workflow(store)
    # a reader that holds the file keeps its log
    with closing(sqlite3.connect(store)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM runs").fetchall()
        folder.chmod(0o755)
        for file in folder.iterdir():
            file.chmod(0o644)
        run_workflow(store)
        modes = list_modes(folder)

    assert modes.pop("") == 0o700
    modes.pop(".gitignore")
    assert modes == dict.fromkeys(["runs.db", "runs.db-wal", "runs.db-shm"], 0o600)


def test_a_new_default_folder_is_for_its_owner(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_workflow(".attune/runs.db")
    assert stat.S_IMODE(Path(".attune").stat().st_mode) == 0o700


def mount_read_only(folder):
    """Mount a folder on itself, read-only; return whether the machine allowed it."""
    if os.geteuid():
        return False
    bind = subprocess.run(
        ["mount", "--bind", str(folder), str(folder)], capture_output=True, check=False
    )
    if bind.returncode:
        return False
    remount = ["mount", "-o", "remount,ro,bind", str(folder)]
    if subprocess.run(remount, capture_output=True, check=False).returncode:
        subprocess.run(["umount", "-l", str(folder)], check=False)
        return False
    return True


@pytest.fixture
def lock_folder():
    """Return a function that makes a folder impossible to write, until the test ends."""
    mounted = []
    narrowed = []

    def lock(folder):
        if mount_read_only(folder):
            mounted.append(folder)
            return
        if os.geteuid() == 0:
            pytest.skip("root may write everywhere, and the machine mounts nothing")
        folder.chmod(0o500)
        narrowed.append(folder)

    yield lock
    for folder in mounted:
        subprocess.run(["umount", "-l", str(folder)], check=False)
    for folder in narrowed:
        folder.chmod(0o700)


def make_store(folder, *, with_log):
    """Make a store of one run; its log holds that run or is gone. Return the run's id."""
    folder.mkdir()
    original = folder.parent / "original.db"
    run_id = run_workflow(original).run_id
    if not with_log:
        shutil.copy(original, folder / "runs.db")
        return run_id

    with closing(sqlite3.connect(original)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM runs").fetchall()
        run_id = run_workflow(original).run_id
        for suffix in ("", "-wal"):
            shutil.copy(f"{original}{suffix}", folder / f"runs.db{suffix}")
    return run_id


@pytest.mark.parametrize("with_log", [False, True], ids=["no log", "log"])
def test_a_store_in_a_locked_folder_can_be_read(tmp_path, lock_folder, with_log):
    folder = tmp_path / "locked"
    store = folder / "runs.db"
    run_id = make_store(folder, with_log=with_log)
    lock_folder(folder)

    before = list_modes(folder)
    assert attune_nb.runs(store)["run_id"].iloc[0] == run_id
    assert attune_nb.open_run(run_id, store).result("work") == 7
    assert list_modes(folder) == before


def test_an_older_store_in_a_locked_folder_can_be_read(tmp_path, lock_folder):
    folder = tmp_path / "locked"
    store = folder / "runs.db"
    run_id = make_store(folder, with_log=False)
    with closing(sqlite3.connect(store)) as connection:
        for table in ("intents", "blobs", "tables", "logs"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("DROP INDEX runs_parent")
        for suffix in ("", "_task", "_visit", "_item", "_attempt"):
            connection.execute(f"ALTER TABLE runs DROP COLUMN parent{suffix}")
        connection.execute("PRAGMA user_version = 1")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    lock_folder(folder)
    assert attune_nb.open_run(run_id, store).result("work") == 7


@pytest.mark.parametrize("with_log", [False, True], ids=["no log", "log"])
def test_writing_to_a_locked_folder_is_refused_at_once(tmp_path, lock_folder, with_log):
    folder = tmp_path / "locked"
    store = folder / "runs.db"
    make_store(folder, with_log=with_log)
    lock_folder(folder)
    calls = []

    def act(i):
        calls.append(i)

    with pytest.raises(StoreError, match="can be read, and not written"):
        run_workflow(store, actions={"act": act})
    with pytest.raises(StoreError, match="can be read, and not written"):
        attune_nb.forget(older="0s", store=store)
    with pytest.raises(StoreError, match=r"cannot be opened: (Read-only|Permission)"):
        run_workflow(folder / "new.db", actions={"act": act})
    assert calls == []


def test_without_a_thread_for_the_record_an_alert_says_so(tmp_path, monkeypatch):
    start = threading.Thread.start

    def start_unless_store(thread):
        if thread.name == "attune store":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_unless_store)
    run = run_workflow(tmp_path / "runs.db")
    assert run.result("work") == 7
    assert any("no thread for the record" in alert for alert in run.alerts)
    assert "on record in" not in repr(run)


def test_a_record_that_breaks_is_an_alert(tmp_path, monkeypatch):
    def fail(recorder):
        raise ValueError("broken")

    monkeypatch.setattr("attune_nb.store.recorder.Recorder._write_to_file", fail)
    run = run_workflow(tmp_path / "runs.db")
    assert any("the record cannot be written" in alert for alert in run.alerts)
    assert "on record in" not in repr(run)

"""The lines of runs in a store: resumed, forgotten, damaged, older, and of killed processes."""

import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from support.item_runs import run_work, until

import attune_nb
from attune_nb.errors import StoreError

OLDER_STORE = Path(__file__).parents[1] / "store" / "stores" / "written_by_278221c.db"

# prints lines, and is killed once they are on record
KILLED = """
import os, signal, sys, threading, time
import attune_nb
from attune_nb.store.reading import runs_in
from support.item_runs import run_work, until

def speak(x):
    print("item", x)
    threading.Event().wait(60 * (x == 2))

run = run_work(speak, {"n": 4}, concurrency=1, store=sys.argv[1], logs="none", background=True)
recorded = None
until(lambda: len(run.logs()) == 3 and len(attune_nb.runs(sys.argv[1])) == 1)
recorded = attune_nb.open_run(run.run_id, sys.argv[1])
until(lambda: recorded.log_counts.lines == 3)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def store(tmp_path):
    return tmp_path / "runs.db"


def speak(x):
    print("item", x)


def run_recorded(store, work=speak, **options):
    """Run a function over two items, one after the other, with a record."""
    options = {"concurrency": 1, "logs": "none", **options}
    return run_work(work, {"n": 2}, store=store, **options)


def lines_on_record(store, run_id):
    """Return the texts of the lines of a run."""
    return attune_nb.open_run(run_id, store).logs()["text"].tolist()


def change(store, statement):
    """Execute a statement in the database of a store."""
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute(statement)


def test_a_resumed_run_has_the_lines_from_before(store):
    """Also those of the attempt that was killed, which is made again."""
    command = [sys.executable, "-c", KILLED, str(store)]
    subprocess.run(command, cwd=Path(__file__).parents[1], check=False, timeout=120)
    (run_id,) = attune_nb.runs(store)["run_id"]
    assert lines_on_record(store, run_id) == ["item 0", "item 1", "item 2"]

    resumed = attune_nb.resume(run_id, store, actions={"work": speak}, progress=False, logs="none")
    assert resumed.logs()["text"].tolist()[3:] == ["item 2", "item 3"]
    assert lines_on_record(store, run_id) == resumed.logs()["text"].tolist()


def test_a_forgotten_run_leaves_no_lines(store):
    run = run_recorded(store)
    attune_nb.forget(run.run_id, store=store)
    with closing(sqlite3.connect(store)) as connection:
        assert connection.execute("SELECT count(*) FROM logs").fetchone() == (0,)


def test_a_store_that_was_removed_gets_all_lines_again(store):
    may_go_on = threading.Event()

    def wait(x):
        print("item", x)
        assert x == 0 or may_go_on.wait(60)

    run = run_recorded(store, wait, background=True)
    until(lambda: len(run.logs()) == 2)
    until(lambda: store.exists() and len(attune_nb.runs(store)) == 1)
    until(lambda: len(lines_on_record(store, run.run_id)) == 2)
    for file in store.parent.glob("runs.db*"):
        file.unlink()
    may_go_on.set()
    assert run.wait(60)
    assert lines_on_record(store, run.run_id) == ["item 0", "item 1"]


def test_a_line_after_the_end_of_the_run_is_on_record(store):
    """It may be that of a thread which an action has started."""
    run = run_recorded(store)
    line = next(iter(run.read_lines()[0].rows()))
    for reader in run._driver.log_readers:  # noqa: SLF001 - as the engine does when it ends
        reader([line])
    assert run.log_counts.lines == 3
    assert lines_on_record(store, run.run_id) == ["item 0", "item 0", "item 1"]


def test_a_run_of_an_older_store_says_that_it_has_none(store):
    shutil.copyfile(OLDER_STORE, store)
    run = attune_nb.open_run(attune_nb.runs(store)["run_id"].iloc[0], store)
    assert run.logs().empty
    assert run.explain_no_logs().endswith(
        "it was recorded by an older version of attune_nb, which kept none"
    )
    assert "log line" not in repr(run)


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("UPDATE logs SET data = x'00' WHERE number = 0", id="data"),
        pytest.param("UPDATE logs SET data = 'text' WHERE number = 0", id="no bytes"),
        pytest.param("UPDATE logs SET lines = lines + 1 WHERE number = 0", id="count"),
        pytest.param("UPDATE logs SET warnings = 'many'", id="no number"),
        pytest.param("UPDATE logs SET number = 7 WHERE number = 0", id="number"),
    ],
)
def test_damaged_lines_are_refused_and_the_run_can_be_read(store, statement):
    run = run_recorded(store)
    change(store, statement)
    recorded = attune_nb.open_run(run.run_id, store)
    with pytest.raises(StoreError, match="damaged"):
        recorded.logs()
    assert recorded.result("a") == [None, None]
    assert repr(recorded).startswith(f"Run {run.run_id}: ")

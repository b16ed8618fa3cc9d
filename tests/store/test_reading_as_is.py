"""A store is read as it is: a reader neither writes it nor brings it up to date.

The process that writes a store may have an older version of the package, as a kernel beside a newer
server: it could not use a store of a newer version.
"""

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

import attune_nb
from attune_nb.errors import StoreError
from attune_nb.store.database import VERSION, connected, create
from attune_nb.store.reading import runs_in

STORES = Path(__file__).parent / "stores"
OLDER = {"version_1.db": 1, "written_by_278221c.db": 2, "version_4.db": 4}
WORK = "tasks: [{name: work, action: core.noop}]"

# leaves the journal of a transaction that was not finished
UNFINISHED = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA journal_mode = DELETE")
connection.execute("PRAGMA cache_size = 1")
connection.execute("BEGIN IMMEDIATE")
connection.execute("UPDATE runs SET workflow = 'lost'")
rows = [(bytes([number]),) for number in range(90)]
connection.executemany("INSERT INTO blobs VALUES (?, zeroblob(9000))", rows)
os._exit(0)
"""


@pytest.fixture(params=OLDER)
def older(request, tmp_path):
    """A copy of an older store, and its version."""
    return Path(shutil.copy(STORES / request.param, tmp_path)), OLDER[request.param]


def version_of(path):
    with closing(sqlite3.connect(path)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    return version


def test_an_older_store_is_listed_and_stays_as_it_is(older):
    path, version = older
    before = path.read_bytes()
    frame = attune_nb.runs(path, children=True)
    assert len(frame)
    assert set(frame["attention"]) == {""}
    assert version_of(path) == version
    assert path.read_bytes() == before


def test_a_run_of_an_older_store_is_read(older):
    path, version = older
    run_id = attune_nb.runs(path, status="succeeded")["run_id"].iloc[0]
    run = attune_nb.open_run(run_id, path)
    assert run.status == "succeeded"
    assert len(run.events) > 2
    assert len(run.logs()) == (2 if version == 4 else 0)
    assert version_of(path) == version


def test_child_runs_of_version_4_are_read(tmp_path):
    path = shutil.copy(STORES / "version_4.db", tmp_path)
    (run_id,) = attune_nb.runs(path)["run_id"]
    run = attune_nb.open_run(run_id, path)
    assert run.children()["status"].tolist() == ["succeeded", "succeeded"]
    assert attune_nb.open_run(f"{run_id}/deploy[1]", path).output is None


def test_a_new_run_brings_an_older_store_up_to_date(older):
    path, _ = older
    old_ids = set(attune_nb.runs(path)["run_id"])
    run = attune_nb.loads(WORK).run(store=path, progress=False)
    assert version_of(path) == VERSION
    assert set(attune_nb.runs(path)["run_id"]) == {run.run_id} | old_ids


def test_forgetting_a_run_brings_an_older_store_up_to_date(older):
    path, _ = older
    attune_nb.forget(attune_nb.runs(path)["run_id"].iloc[0], store=path)
    assert version_of(path) == VERSION


def test_a_reader_cannot_write(tmp_path):
    path = tmp_path / "runs.db"
    create(path)
    with (
        pytest.raises(StoreError, match="can be read, and not written"),
        connected(path) as connection,
    ):
        connection.execute("DELETE FROM runs")


def test_a_file_without_tables_has_no_runs(tmp_path):
    # another process is creating it
    path = tmp_path / "runs.db"
    path.touch()
    assert runs_in(path) == []
    assert path.stat().st_size == 0


def test_a_run_under_way_is_read_from_its_log(tmp_path):
    path = tmp_path / "runs.db"
    run = attune_nb.loads(WORK).run(store=path, progress=False)
    with connected(path, write=True) as writer:
        writer.execute("UPDATE runs SET workflow = 'renamed'")
        assert path.with_name("runs.db-wal").stat().st_size
        assert [stored.workflow for stored in runs_in(path)] == ["renamed"]
    assert attune_nb.open_run(run.run_id, path).status == "succeeded"


def test_a_write_that_was_not_finished_is_undone(tmp_path):
    path = tmp_path / "runs.db"
    attune_nb.loads(WORK).run(store=path, name="kept", progress=False)
    subprocess.run([sys.executable, "-c", UNFINISHED, path], check=True)
    assert path.with_name("runs.db-journal").exists()
    assert [stored.workflow for stored in runs_in(path)] == ["kept"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_older_store_in_a_read_only_folder_is_read(older):
    path, _ = older
    path.chmod(stat.S_IRUSR)
    path.parent.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        assert len(attune_nb.runs(path))
    finally:
        path.parent.chmod(stat.S_IRWXU)

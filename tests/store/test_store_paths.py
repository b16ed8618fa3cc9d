"""Paths that can be no store are refused with a message, and what is there stays as it is."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import attune_nb
from attune_nb.errors import StoreError


@pytest.mark.parametrize(
    ("store", "message"),
    [
        pytest.param("folder", "is a folder: name a file in it", id="folder"),
        pytest.param("", "must be the path of a file", id="empty text"),
        pytest.param(Path(), "is a folder", id="empty path"),
        pytest.param("/dev/null", "is a device or a pipe", id="device"),
        pytest.param("pipe", "is a device or a pipe", id="pipe"),
        pytest.param("text", "is no store, or it is damaged", id="text file"),
        pytest.param("database", "a database of another program", id="other database"),
        pytest.param("text/runs.db", "cannot be created: File exists", id="file as folder"),
        pytest.param(b"runs.db", "must be the path of a file", id="bytes"),
    ],
)
def test_what_can_be_no_store_is_refused(tmp_path, monkeypatch, store, message):
    """Neither a run nor a reading function changes it, or raises another error."""
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("text").write_text("not a database" * 100)
    os.mkfifo("pipe")
    with closing(sqlite3.connect("database")) as connection:
        connection.execute("CREATE TABLE mine (x)")
    before = {path.name: path.stat().st_mode for path in tmp_path.iterdir()}

    workflow = attune_nb.loads("tasks: [{name: work, action: core.noop}]")
    with pytest.raises(StoreError, match=message):
        workflow.run(store=store, progress=False)
    with pytest.raises(StoreError):
        attune_nb.runs(store)
    with pytest.raises(StoreError):
        attune_nb.open_run("x", store)
    assert {path.name: path.stat().st_mode for path in tmp_path.iterdir()} == before
    assert Path("text").read_text() == "not a database" * 100

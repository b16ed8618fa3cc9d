"""The file of a store: created, migrated, and refused without a change if it is unusable."""

import os
import sqlite3
import stat
from contextlib import closing

import pytest

import attune_nb
from attune_nb.errors import StoreError
from attune_nb.store.database import VERSION, connected, create
from attune_nb.store.reading import runs_in


def test_a_store_is_created_for_its_owner_only(tmp_path):
    path = tmp_path / "new" / "runs.db"
    create(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert runs_in(path) == []
    with connected(path) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)


def test_creating_it_again_changes_nothing(tmp_path):
    path = tmp_path / "runs.db"
    create(path)
    before = path.read_bytes()
    create(path)
    assert path.read_bytes() == before


def test_reading_a_missing_store_creates_none(tmp_path):
    with pytest.raises(StoreError, match="there is no store at"):
        attune_nb.runs(tmp_path / "runs.db")
    assert list(tmp_path.iterdir()) == []


def make_other_database(path):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE mine (x)")
    connection.close()


def make_newer_store(path):
    create(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()


def make_damaged_store(path):
    create(path)
    path.write_bytes(b"no database at all" * 500)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (make_other_database, "a database of another program; name another file"),
        (
            make_newer_store,
            f"has version {VERSION + 1}, and this attune_nb reads up to {VERSION}; upgrade",
        ),
        (make_damaged_store, "is no store, or it is damaged"),
    ],
)
def test_an_unusable_file_is_refused_and_not_changed(tmp_path, make, message):
    path = tmp_path / "runs.db"
    make(path)
    before = path.read_bytes()
    for open_store in (create, runs_in):
        with pytest.raises(StoreError, match=message):
            open_store(path)
    assert path.read_bytes() == before


def test_a_folder_that_cannot_be_created_is_reported(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="of the store cannot be created"):
        create(tmp_path / "file" / "runs.db")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_reported(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="cannot be opened"):
        create(tmp_path / "runs.db")

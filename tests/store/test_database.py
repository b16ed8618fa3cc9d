"""The file of a store: made with care, refused where it is not ours, left as it is."""

import os
import sqlite3
import stat
from contextlib import closing

import pytest

import attune_nb
from attune_nb.errors import StoreError
from attune_nb.store.database import VERSION, connected, create
from attune_nb.store.reading import runs_in


def test_it_is_made_with_its_folder_and_for_its_owner_alone(tmp_path):
    path = tmp_path / "new" / "runs.db"
    create(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert runs_in(path) == []
    with connected(path) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)


def test_making_it_again_changes_nothing(tmp_path):
    path = tmp_path / "runs.db"
    create(path)
    before = path.read_bytes()
    create(path)
    assert path.read_bytes() == before


def test_reading_where_there_is_none_makes_none(tmp_path):
    with pytest.raises(StoreError, match="there is no store at"):
        attune_nb.runs(tmp_path / "runs.db")
    assert list(tmp_path.iterdir()) == []


def other_program(path):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE mine (x)")
    connection.close()


def newer(path):
    create(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()


def damaged(path):
    create(path)
    path.write_bytes(b"no database at all" * 500)


def cut_off(path):
    create(path)
    path.write_bytes(path.read_bytes()[:5000])


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (other_program, "a database of another program; name another file"),
        (newer, f"has version {VERSION + 1}, and this attune_nb reads up to {VERSION}; upgrade"),
        (damaged, "is no store, or it is damaged"),
        (cut_off, "is no store, or it is damaged"),
    ],
)
def test_what_is_no_store_of_ours_is_told_and_left_as_it_is(tmp_path, make, told):
    path = tmp_path / "runs.db"
    make(path)
    before = path.read_bytes()
    for use in (create, runs_in):
        with pytest.raises(StoreError, match=told):
            use(path)
    assert path.read_bytes() == before


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="of the store cannot be created"):
        create(tmp_path / "file" / "runs.db")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_to_is_told(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="cannot be opened"):
        create(tmp_path / "runs.db")

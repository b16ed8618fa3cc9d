"""The records whose runs a server shows."""

import os

import msgspec
import pytest
from traitlets import TraitError

import attune_nb as attune
from attune_nb.server.app import AttuneApp
from attune_nb.server.live.run_rows import RunFilter, read_page
from attune_nb.server.stores import Stores

ECHO = "tasks: [{name: greet, action: core.echo, input: {message: hi}}]"
STORE = ".attune/runs.db"
PATTERNS = AttuneApp.stores.default_args[0]


def record_run(folder):
    """Record a run in the store of a folder; return its id."""
    return attune.loads(ECHO).run(store=folder / STORE).run_id


def test_stores_of_folders_up_to_two_levels_deep_are_shown(tmp_path):
    folders = [tmp_path, tmp_path / "a", tmp_path / "a" / "b", tmp_path / "a" / "b" / "c"]
    runs = [record_run(folder) for folder in folders]
    stores = Stores(tmp_path, tmp_path / STORE, PATTERNS)

    assert stores.paths() == [folder / STORE for folder in folders[:3]]
    assert [stores.find(run) for run in runs] == [*stores.paths(), None]
    assert [stores.name_of(path) for path in stores.paths()] == ["", "a", "a/b"]


def test_a_store_that_is_named_twice_is_shown_once(tmp_path):
    record_run(tmp_path / "a")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    patterns = [*PATTERNS, str(tmp_path / "a" / STORE), "link/../a/.attune/*.db"]
    stores = Stores(tmp_path, tmp_path / "a" / STORE, patterns)

    assert stores.paths() == [tmp_path / "a" / STORE]


def test_a_folder_whose_name_is_no_utf_8_is_shown_by_escapes(tmp_path):
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    record_run(folder)
    stores = Stores(tmp_path, tmp_path / STORE, PATTERNS)

    rows = read_page(folder / STORE, RunFilter(), stores.name_of(folder / STORE))

    (row,) = msgspec.json.decode(msgspec.json.encode(rows))
    assert row["store"] == r"caf\udce9"


def test_only_files_are_stores(tmp_path):
    (tmp_path / "a" / STORE).mkdir(parents=True)
    (tmp_path / "b" / ".attune").mkdir(parents=True)

    assert Stores(tmp_path, tmp_path / STORE, PATTERNS).paths() == [tmp_path / STORE]


def test_a_damaged_store_hides_no_run_of_another_one(tmp_path):
    damaged = tmp_path / STORE
    damaged.parent.mkdir()
    damaged.write_bytes(b"no store" * 1000)
    run = record_run(tmp_path / "a")

    assert Stores(tmp_path, damaged, PATTERNS).find(run) == tmp_path / "a" / STORE


def test_a_run_whose_store_was_removed_is_not_found(tmp_path):
    run = record_run(tmp_path)
    stores = Stores(tmp_path, tmp_path / STORE)
    assert stores.find(run) == tmp_path / STORE

    (tmp_path / STORE).unlink()

    assert stores.find(run) is None


@pytest.mark.parametrize("pattern", ["", ".", "/", "..", "a\0b"])
def test_a_pattern_that_names_no_file_is_refused(pattern):
    with pytest.raises(TraitError, match=r"c\.AttuneApp\.stores: .* names no file"):
        AttuneApp(stores=[pattern])

"""The files of tables on record: damaged ones, those of other stores, those that no run needs."""

import os
import shutil
import sqlite3
import threading
from contextlib import closing

import numpy as np
import pandas as pd
import pytest

import attune_nb
from attune_nb.errors import StoreError

TEXT = """
tasks:
  - {name: load, action: load, next: [{do: use}]}
  - {name: use, action: use, input: {table: "{{ task.load.result }}"}}
output_map: {used: "{{ task.use.result }}"}
"""


@pytest.fixture
def store(tmp_path):
    return tmp_path / "runs.db"


def count_rows(table):
    return len(table)


def run(store, table, use=count_rows):
    workflow = attune_nb.loads(TEXT)
    actions = {"load": lambda: table, "use": use}
    return workflow.run(actions=actions, store=store, progress=False)


def frame(number=1):
    return pd.DataFrame({"number": [number] * 3, "text": ["a", "b", "c"]})


def folder_of(store):
    return store.with_name(f"{store.name}.tables")


def files_of(store):
    """Return the files with tables."""
    folder = folder_of(store)
    return sorted(folder.iterdir()) if folder.exists() else []


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def flip_a_byte(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def exchange(path):
    other = pd.DataFrame({"number": [2]})
    other.to_feather(path)


def replace_by_a_folder(path):
    path.unlink()
    path.mkdir()


def replace_by_a_pipe(path):
    path.unlink()
    os.mkfifo(path)


DAMAGE = {
    "cut": (cut, "has changed since it was recorded"),
    "flipped byte": (flip_a_byte, "has changed since it was recorded"),
    "exchanged": (exchange, "has changed since it was recorded"),
    "empty": (lambda path: path.write_bytes(b""), "has changed since it was recorded"),
    "missing": (lambda path: path.unlink(), "is missing"),
    "folder": (replace_by_a_folder, "is no file; put it back"),
    "named pipe": (replace_by_a_pipe, "is no file; put it back"),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_file_is_a_store_error_with_its_name(damage, message, store):
    pytest.importorskip("pyarrow")
    finished = run(store, frame())
    (path,) = files_of(store)
    damage(path)

    opened = attune_nb.open_run(finished.run_id, store)
    with pytest.raises(StoreError, match=message) as caught:
        opened.result("load")
    assert str(path) in str(caught.value)
    assert opened.result("use") == 3
    assert opened.status == "succeeded"


@pytest.mark.parametrize("damage", [cut, lambda path: path.unlink()], ids=["cut", "missing"])
def test_the_error_says_how_to_go_on(damage, store):
    finished = run(store, frame())
    damage(files_of(store)[0])

    with pytest.raises(
        StoreError, match="put it back from a copy, or fork the run at the task that made it"
    ):
        attune_nb.open_run(finished.run_id, store).result("load")


def test_a_fork_that_needs_a_missing_file_is_refused(store):
    finished = run(store, frame())
    files_of(store)[0].unlink()

    opened = attune_nb.open_run(finished.run_id, store)
    actions = {"load": frame, "use": count_rows}
    with pytest.raises(StoreError, match=r"task `use` reads `task.load`, a table on record whose"):
        opened.fork("use", actions=actions, progress=False)

    assert opened.fork("load", actions=actions, progress=False).output == {"used": 3}
    assert opened.result("load").equals(frame())


def test_an_array_whose_file_is_made_of_objects_is_not_unpickled(store, tmp_path):
    finished = run(store, np.arange(3))
    (path,) = files_of(store)
    marker = tmp_path / "ran"

    class Evil:
        def __reduce__(self):
            return open, (str(marker), "w")

    np.save(path, np.array([Evil()], dtype=object), allow_pickle=True)
    with pytest.raises(StoreError):
        attune_nb.open_run(finished.run_id, store).result("load")
    assert not marker.exists()


def test_a_fork_into_another_store_takes_the_tables_along(store, tmp_path):
    finished = run(store, frame())
    other = tmp_path / "other" / "runs.db"
    actions = {"load": frame, "use": count_rows}
    fork = finished.fork("use", actions=actions, store=other, progress=False)
    again = attune_nb.open_run(fork.run_id, other).fork("use", actions=actions, progress=False)

    shutil.rmtree(folder_of(store))
    assert attune_nb.open_run(fork.run_id, other).result("load").equals(frame())
    assert attune_nb.open_run(again.run_id, other).result("load").equals(frame())


def test_a_fork_of_a_recorded_run_takes_the_tables_along(store, tmp_path):
    opened = attune_nb.open_run(run(store, frame()).run_id, store)
    other = tmp_path / "other.db"
    actions = {"load": frame, "use": count_rows}
    fork = opened.fork("use", actions=actions, store=other, progress=False)

    shutil.rmtree(folder_of(store))
    assert attune_nb.open_run(fork.run_id, other).result("load").equals(frame())


def test_forget_removes_the_tables_that_no_run_needs(store):
    first = run(store, frame(1))
    second = run(store, frame(2))
    third = run(store, frame(2))
    assert len(files_of(store)) == 2
    size = sum(path.stat().st_size for path in files_of(store))

    forgotten = attune_nb.forget(first, store=store)
    assert len(files_of(store)) == 1
    assert forgotten.bytes >= size // 2
    attune_nb.forget(second, store=store)
    assert attune_nb.open_run(third.run_id, store).result("load").equals(frame(2))

    attune_nb.forget(third, store=store)
    assert not folder_of(store).exists()


def test_the_tables_of_a_forgotten_run_stay_for_its_fork(store):
    first = run(store, frame())
    fork = first.fork("use", actions={"load": frame, "use": count_rows}, progress=False)

    attune_nb.forget(first, store=store)
    assert attune_nb.open_run(fork.run_id, store).result("load").equals(frame())


def test_a_run_under_way_keeps_its_tables_when_others_are_forgotten(store):
    is_forgotten = threading.Event()
    first = run(store, frame())

    def use(table):
        assert is_forgotten.wait(60)
        return len(table)

    workflow = attune_nb.loads(TEXT)
    second = workflow.run(
        actions={"load": frame, "use": use}, store=store, progress=False, background=True
    )
    attune_nb.forget(first, store=store)
    is_forgotten.set()
    second.wait()
    assert attune_nb.open_run(second.run_id, store).result("load").equals(frame())


def test_tables_stay_while_a_damaged_store_may_need_them(store):
    first = run(store, frame())
    store.with_name("runs.db.damaged-20240101-000000").write_bytes(b"SQLite")

    attune_nb.forget(first, store=store)
    assert len(files_of(store)) == 1


def test_the_files_are_for_their_owner_only(store):
    run(store, frame())
    (path,) = files_of(store)
    assert folder_of(store).stat().st_mode & 0o777 == 0o700
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_record_that_names_a_file_elsewhere_is_damaged(store, tmp_path):
    finished = run(store, frame())
    name = files_of(store)[0].name
    secret = tmp_path / "secret.npy"
    np.save(secret, np.arange(3))

    text = f"../{secret.name}".ljust(len(name), "x")
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute(
            "UPDATE events SET data = CAST(replace(CAST(data AS TEXT), ?, ?) AS BLOB)", (name, text)
        )
    with pytest.raises(StoreError, match=r"damaged .*`\$table`"):
        attune_nb.open_run(finished.run_id, store).result("load")


def test_a_table_with_a_secret_is_in_no_file(store):
    workflow = attune_nb.loads(f"parameters: {{password: {{secret: true}}}}{TEXT}")
    table = pd.DataFrame({"text": ["a", "correct horse"]})
    finished = workflow.run(
        {"password": "correct horse"},
        actions={"load": lambda: table, "use": count_rows},
        store=store,
        progress=False,
    )
    assert files_of(store) == []
    reason = "a pandas.DataFrame holds a secret, which no file may hold"
    alert = f"the record holds only a marker in place of results of `load`: {reason}"
    assert finished.alerts == [alert]


@pytest.mark.parametrize(
    "make",
    [
        lambda texts: np.array(texts, dtype=object),
        np.array,
        lambda texts: pd.Series(texts).astype("category"),
        lambda texts: pd.DataFrame({"a": 1}, index=texts),
        lambda texts: pytest.importorskip("pyarrow").table({"a": texts}),
    ],
    ids=["objects", "strings", "categories", "index", "arrow"],
)
def test_a_secret_is_found_anywhere_in_a_large_table(make, store):
    texts = [f"row {number}" for number in range(20_000)]
    texts[15_000] = "it is correct horse"
    workflow = attune_nb.loads(f"parameters: {{password: {{secret: true}}}}{TEXT}")
    workflow.run(
        {"password": "correct horse"},
        actions={"load": lambda: make(texts), "use": count_rows},
        store=store,
        progress=False,
    )
    assert files_of(store) == []


def test_many_small_tables_share_a_file(store):
    tables = [np.arange(number) for number in range(50)] + [frame(number) for number in range(50)]
    finished = run(store, tables)

    assert [path.suffix for path in files_of(store)] == [".pack"]
    results = attune_nb.open_run(finished.run_id, store).result("load")
    assert [len(array) for array in results[:50]] == list(range(50))
    assert all(table.equals(frame(number)) for number, table in enumerate(results[50:]))


def test_a_table_that_cannot_be_kept_spoils_no_other(store):
    tables = [np.arange(number) for number in range(50)]
    tables[20] = np.array([object()])
    opened = attune_nb.open_run(run(store, tables).run_id, store)

    results = opened.result("load")
    assert repr(results[20]) == "<numpy.ndarray, which the store does not hold>"
    assert [len(results[number]) for number in (0, 19, 21, 49)] == [0, 19, 21, 49]
    assert len(opened.alerts) == 1


def test_a_cut_file_of_many_tables_is_a_store_error(store):
    finished = run(store, [np.arange(number) for number in range(50)])
    (path,) = files_of(store)
    cut(path)
    with pytest.raises(StoreError, match=f"{path.name} has changed since it was recorded"):
        attune_nb.open_run(finished.run_id, store).result("load")


def test_a_large_table_among_many_has_its_own_file(store):
    run(store, [np.arange(number) for number in range(50)] + [np.zeros(100_000)])
    assert sorted(path.suffix for path in files_of(store)) == [".npy", ".pack"]


def test_a_fork_goes_on_without_a_missing_file_that_it_does_not_read(store):
    text = """
tasks:
  - {name: load, action: load, next: [{do: use}]}
  - {name: use, action: use, input: {table: "{{ task.load.result }}"}, next: [{do: last}]}
  - {name: last, action: core.echo, input: {message: "{{ task.use.result }}"}}
output_map: {used: "{{ task.last.result }}"}
"""
    actions = {"load": frame, "use": count_rows}
    finished = attune_nb.loads(text).run(actions=actions, store=store, progress=False)
    (path,) = files_of(store)
    path.unlink()

    opened = attune_nb.open_run(finished.run_id, store)
    fork = opened.fork("last", actions=actions, progress=False)
    assert fork.output == {"used": {"message": 3}}
    assert f"the record refers to a table whose file {path.name} is missing" in fork.alerts


def test_a_file_that_no_run_needs_yet_stays_for_a_day(store):
    first = run(store, frame(1))
    second = run(store, frame(2))
    new = folder_of(store) / f"{'0' * 64}.arrow"
    new.write_bytes(b"of a run under way")
    old = folder_of(store) / "left-behind.part"
    old.write_bytes(b"of a process that was killed")
    os.utime(old, (0, 0))

    attune_nb.forget(first, store=store)
    assert new.exists()
    assert not old.exists()
    assert attune_nb.open_run(second.run_id, store).result("load").equals(frame(2))


class Table(pd.DataFrame):
    """A table whose copies are of its type, as those of GeoPandas are."""

    @property
    def _constructor(self):
        return Table


def test_a_table_of_a_type_of_its_own_is_a_marker_with_an_alert(store):
    finished = run(store, Table({"number": [1]}))
    assert files_of(store) == []
    (alert,) = finished.alerts
    assert alert.endswith(
        "Table is of a type of its own; return a plain table of pandas, NumPy or Arrow"
    )


def test_so_is_what_is_used_like_a_table(store):
    batch = pytest.importorskip("pyarrow").record_batch({"number": [1]})
    for value, name in [(pd.Index([1]), "pandas.Index"), ({"b": batch}, "pyarrow.lib.RecordBatch")]:
        finished = run(store, value)
        (alert,) = finished.alerts
        assert f"a {name} is of a type of its own" in alert
        assert attune_nb.open_run(finished.run_id, store).alerts == [alert]


def test_a_run_does_not_differ_from_its_record(store):
    finished = run(store, frame())
    opened = attune_nb.open_run(finished.run_id, store)
    assert finished.diff(opened)["what"].tolist() == []

"""A damaged record concerns its run only: nothing but StoreError, and new runs are recorded.

`ATTUNE_NB_DAMAGED_STORES=200` damages as many stores as that by random bytes.
"""

import os
import random
import shutil
import sqlite3
import struct
import sys
from contextlib import closing, suppress

import pytest

import attune_nb
from attune_nb.errors import StoreError

TEXT = """
parameters: {hosts: {type: array, default: [a, b, c]}}
tasks:
  - name: check
    action: act
    with_items: "{{ parameters.hosts }}"
    input: {x: "{{ item }}"}
    on_failure: last
  - {name: last, action: act, input: {x: [1, {deep: [2, 3]}]}}
output_map: {all: "{{ task.check.result }}"}
"""
COUNT = int(os.environ.get("ATTUNE_NB_DAMAGED_STORES", "10"))
WRONG_VALUES = [
    None, 0, -1, 2**62, 3.5, 1e300, "", "x" * 100, "[]", "{}", "[" * 5000, b"", b"\xff\xfe", b"@x",
]  # fmt: skip
COLUMNS = {
    "runs": (
        "run_id", "workflow", "text", "source_name", "source_text", "options", "versions",
        "started", "status", "duration", "tasks", "items", "failed", "owner", "host", "pid", "born",
        "beat",
    ),
    "events": ("kind", "time", "task", "visit", "data", "columns"),
}  # fmt: skip


def act(x):
    sys.stdout.write(f"item {x}\n")
    if x == "b":
        raise ValueError("b is down")
    return {"seen": x}


def record(store, name="nightly"):
    workflow = attune_nb.loads(TEXT)
    return workflow.run(actions={"act": act}, store=store, name=name, progress=False, logs="none")


@pytest.fixture(scope="module")
def sound_store(tmp_path_factory):
    """A store with three runs, whose pages are all in one file."""
    path = tmp_path_factory.mktemp("sound") / "runs.db"
    for _ in range(3):
        record(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


@pytest.fixture
def store(sound_store, tmp_path):
    return shutil.copy(sound_store, tmp_path / "runs.db")


def change(store, statement, *values):
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("PRAGMA ignore_check_constraints = 1")
        connection.execute(statement, values)


def read_all(store):
    """Read a store by every function, and return the ids of the runs that could be read."""
    readable = []
    try:
        listed = attune_nb.runs(store)
    except StoreError:
        return readable

    for run_id in listed["run_id"]:
        try:
            run = attune_nb.open_run(run_id, store)
            # a damaged record is described in place of the run
            repr(run)
            run._repr_html_()
            assert run.events
        except StoreError:
            continue
        readable.append(run_id)
        run.to_chrome_trace(f"{store}.json")
        run.attempts()
        run.failures()
        run.items("check")
        run.errors()
        assert isinstance(run.alerts, list)
        with suppress(StoreError):
            # damaged lines leave the rest of the run as it is
            run.logs()
    for run_id in listed["run_id"]:
        with pytest.raises(StoreError):
            attune_nb.resume(run_id, store, actions={"act": act}, progress=False)
    return readable


def assert_new_runs_are_recorded(store):
    run = record(store)
    assert run.status == "succeeded"
    assert attune_nb.open_run(run.run_id, store).output == run.output


@pytest.mark.slow
@pytest.mark.parametrize("table", COLUMNS)
def test_wrong_types_in_a_column_concern_one_run(store, sound_store, table):
    sound = shutil.copy(store, f"{store}.sound")
    last = attune_nb.runs(store)["run_id"].tolist()[0]
    values = WRONG_VALUES
    if len(WRONG_VALUES) > COUNT:
        values = random.Random(1).sample(WRONG_VALUES, 3)
    for column in COLUMNS[table]:
        for value in values:
            shutil.copy(sound, store)
            where = "number = 2" if table == "runs" else "run = 2 AND number = 1"
            try:
                change(store, f"UPDATE {table} SET {column} = ? WHERE {where}", value)
            except sqlite3.IntegrityError:
                continue
            assert last in read_all(store), (column, value)
        assert_new_runs_are_recorded(store)


@pytest.mark.parametrize("seed", range(COUNT))
def test_flipped_bytes_give_store_errors_only(store, seed):
    generator = random.Random(seed)
    content = bytearray(store.read_bytes())
    # the first 100 bytes say that it is a store: without them it may be any file
    for _ in range(generator.randint(1, 200)):
        content[generator.randrange(100, len(content))] = generator.randrange(256)
    store.write_bytes(content)

    read_all(store)
    assert_new_runs_are_recorded(store)


CHANGES = {
    "options that are an array": "UPDATE runs SET options = '[1]' WHERE number = 2",
    "versions that are numbers": """UPDATE runs SET versions = '{"python": 3}' WHERE number = 2""",
    "a start in the year 50,000": "UPDATE runs SET started = 1.5e12 WHERE number = 2",
    "a status that does not exist": "UPDATE runs SET status = 'fine' WHERE number = 2",
    "a text that is no UTF-8": "UPDATE runs SET text = CAST(X'FFFE' AS TEXT) WHERE number = 2",
}


@pytest.mark.parametrize("statement", CHANGES.values(), ids=CHANGES)
def test_a_damaged_run_is_listed_as_unreadable(store, statement):
    ids = attune_nb.runs(store)["run_id"].tolist()
    change(store, statement)

    frame = attune_nb.runs(store)
    assert sorted(frame["run_id"]) == sorted(ids)
    statuses = dict(zip(frame["run_id"], frame["status"], strict=True))
    if "text" not in statement:
        assert [statuses[run_id] for run_id in ids] == ["succeeded", "unreadable", "succeeded"]
    with pytest.raises(StoreError, match=f"the .* run {ids[1]} "):
        attune_nb.open_run(ids[1], store)
    assert attune_nb.open_run(ids[0], store).status == "succeeded"


@pytest.mark.parametrize("time", ["9e999", "-9e999", "1e300"])
def test_an_event_at_an_impossible_time_is_a_damaged_record(store, time):
    ids = attune_nb.runs(store)["run_id"].tolist()
    change(store, f"UPDATE events SET time = {time} WHERE run = 2 AND number = 3")

    opened = attune_nb.open_run(ids[1], store)
    with pytest.raises(StoreError, match="out of range"):
        opened.to_chrome_trace(f"{store}.json")
    assert attune_nb.open_run(ids[0], store).status == "succeeded"


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), -1e300])
def test_an_attempt_at_an_impossible_time_is_a_damaged_record(store, seconds):
    ids = attune_nb.runs(store)["run_id"].tolist()
    with closing(sqlite3.connect(store)) as connection:
        (columns,) = connection.execute(
            "SELECT columns FROM events WHERE run = 2 AND kind = 'AttemptsEnded' AND task = 'last'"
        ).fetchone()
    # the duration of the only attempt stands before its status, which is the last byte
    change(
        store,
        "UPDATE events SET columns = ? WHERE run = 2 AND kind = 'AttemptsEnded' AND task = 'last'",
        columns[:-9] + struct.pack("<d", seconds) + columns[-1:],
    )

    opened = attune_nb.open_run(ids[1], store)
    with pytest.raises(StoreError, match="out of range"):
        opened.to_chrome_trace(f"{store}.json")


def test_output_nested_5000_deep_is_a_damaged_record(store):
    ids = attune_nb.runs(store)["run_id"].tolist()
    output = "[" * 5000 + "]" * 5000
    change(
        store,
        "UPDATE events SET data = CAST(replace(data, '\"output\":', ?) AS BLOB) "
        "WHERE run = 2 AND kind = 'RunEnded'",
        f'"x":{output},"output":',
    )
    opened = attune_nb.open_run(ids[1], store)
    with pytest.raises(StoreError, match=f"the record of run {ids[1]} is damaged"):
        opened.result("check")
    assert repr(opened).startswith(f"the record of run {ids[1]} is damaged")
    assert f"the record of run {ids[1]} is damaged" in opened._repr_html_()
    assert_new_runs_are_recorded(store)


def test_a_damaged_run_is_forgotten(store):
    ids = attune_nb.runs(store)["run_id"].tolist()
    change(store, "UPDATE runs SET options = 'no JSON' WHERE number = 2")
    assert attune_nb.forget(ids[1], store=store).run_ids == [ids[1]]
    assert attune_nb.runs(store)["run_id"].tolist() == [ids[0], ids[2]]


def test_a_damaged_file_is_renamed_by_the_next_run(tmp_path, store):
    content = store.read_bytes()
    store.write_bytes(content[:5000])
    with pytest.raises(StoreError, match="is no store, or it is damaged"):
        attune_nb.runs(store)
    assert_new_runs_are_recorded(store)
    (renamed,) = tmp_path.glob("runs.db.damaged-*[0-9]")
    assert renamed.read_bytes() == content[:5000]

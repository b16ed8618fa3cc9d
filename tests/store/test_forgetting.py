"""Forgetting runs: their records go, and the file of the store becomes smaller."""

import sqlite3
import subprocess
import sys
import threading
from contextlib import closing

import pytest
from support.steered_runs import command_rows, held_run

import attune_nb
from attune_nb.errors import ParameterError, StoreError

TEXT = """
tasks:
  - {name: load, action: load, next: [{do: work}]}
  - {name: work, action: act, with_items: "{{ [1, 2] }}", input: {n: "{{ item }}"}}
"""
LARGE = "x" * 300_000


@pytest.fixture
def store(tmp_path):
    return tmp_path / "runs.db"


def run(store, load=lambda: 1, act=lambda n: n, **options):
    """Run the workflow with a record."""
    actions = {"load": load, "act": act}
    return attune_nb.loads(TEXT).run(actions=actions, store=store, progress=False, **options)


def ids_on_record(store):
    return set(attune_nb.runs(store)["run_id"])


def count_rows(store):
    """Return the number of rows of each table."""
    tables = ("runs", "events", "intents", "blobs")
    with closing(sqlite3.connect(store)) as connection:
        return [
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables
        ]


def test_a_forgotten_run_leaves_nothing_behind(store):
    recorded = run(store, load=lambda: LARGE)
    attune_nb.forget(recorded.run_id, store=store)
    assert count_rows(store) == [0, 0, 0, 0]


def test_the_file_becomes_smaller_by_the_returned_bytes(store):
    run(store)
    large = run(store, load=lambda: LARGE)
    with closing(sqlite3.connect(store)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = store.stat().st_size

    forgotten = attune_nb.forget(large, store=store)
    assert forgotten.run_ids == [large.run_id]
    assert before - store.stat().st_size == forgotten.bytes > 250_000


def test_other_runs_stay_as_they_are(store):
    first = run(store)
    gone = [run(store), run(store)]
    attune_nb.forget([gone[0], gone[1].run_id[:8]], store=store)

    assert ids_on_record(store) == {first.run_id}
    assert attune_nb.open_run(first.run_id, store).events == first.events


def test_a_fork_keeps_the_large_result_that_it_shares(store):
    first = run(store, load=lambda: LARGE)
    fork = first.fork("work", progress=False)
    attune_nb.forget(first, store=store)

    assert attune_nb.open_run(fork.run_id, store).result("load") == LARGE
    attune_nb.forget(fork, store=store)
    assert count_rows(store) == [0, 0, 0, 0]


def test_runs_older_than_a_time_are_forgotten(store):
    recorded = run(store)
    assert attune_nb.forget(older="1h", store=store).run_ids == []
    assert ids_on_record(store) == {recorded.run_id}

    assert attune_nb.forget(older="0s", store=store).run_ids == [recorded.run_id]
    assert ids_on_record(store) == set()


def test_a_run_under_way_is_not_forgotten(store):
    """A refusal removes none of the runs that were named."""
    ended = run(store)
    began = threading.Event()
    end = threading.Event()

    def act(n):
        began.set()
        end.wait(60)

    open_run = run(store, act=act, background=True)
    assert began.wait(60)
    while open_run.run_id not in ids_on_record(store):
        end.wait(0.05)
    with pytest.raises(StoreError, match=f"run {open_run.run_id} is in progress.*nothing removed"):
        attune_nb.forget([ended, open_run], store=store)
    assert ids_on_record(store) == {ended.run_id, open_run.run_id}

    forgotten = attune_nb.forget(older="0s", store=store)
    assert (forgotten.run_ids, forgotten.under_way) == ([ended.run_id], [open_run.run_id])
    assert "1 run kept, being under way" in str(forgotten)

    end.set()
    assert open_run.wait(60)
    assert attune_nb.open_run(open_run.run_id, store).status == "succeeded"


def test_an_interrupted_run_is_forgotten(store):
    code = (
        "import os, sys, time, attune_nb\n"
        "def act(n):\n"
        "    while not os.path.exists(sys.argv[2]) or not len(attune_nb.runs(sys.argv[2])):\n"
        "        time.sleep(0.05)\n"
        "    os._exit(1)\n"
        "attune_nb.loads(sys.argv[1]).run(store=sys.argv[2], progress=False, "
        "actions={'load': lambda: 1, 'act': act})"
    )
    subprocess.run([sys.executable, "-c", code, TEXT, str(store)], check=False)
    (row,) = attune_nb.runs(store).to_dict("records")
    assert row["status"] == "interrupted"

    attune_nb.forget(row["run_id"], store=store)
    assert ids_on_record(store) == set()


def test_a_file_in_use_keeps_its_space_for_new_records(store):
    """The removal does not wait for a reader that stays; the next runs use the space."""
    recorded = run(store, load=lambda: LARGE)
    with closing(sqlite3.connect(store)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM events").fetchone()
        forgotten = attune_nb.forget(recorded, store=store)

    assert ids_on_record(store) == set()
    assert forgotten.bytes + forgotten.reusable > 250_000
    assert attune_nb.open_run(run(store).run_id, store).status == "succeeded"


def test_a_run_that_was_opened_before_is_not_mixed_up(store):
    """SQLite gives the number of a removed run to the next one."""
    recorded = run(store)
    opened = attune_nb.open_run(recorded.run_id, store)
    attune_nb.forget(recorded, store=store)
    run(store, load=lambda: "another")
    with pytest.raises(StoreError, match=f"run {recorded.run_id} was removed from the store"):
        opened.result("load")


def test_the_runs_of_a_list_are_forgotten(store):
    """The list may be empty."""
    first = run(store)

    def fail(n):
        raise ValueError(n)

    failed = [run(store, act=fail).run_id for _ in range(2)]
    forgotten = attune_nb.forget(attune_nb.runs(store, status="failed")["run_id"], store=store)
    assert sorted(forgotten.run_ids) == sorted(failed)
    assert ids_on_record(store) == {first.run_id}
    assert str(attune_nb.forget([], store=store)) == "0 runs forgotten"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "takes runs, or `older=`: one of the two"),
        ({"runs": "abc", "older": "3d"}, "takes runs, or `older=`: one of the two"),
        ({"runs": 3}, "`runs` must be run ids or runs, .* not the integer `3`"),
        ({"runs": [None]}, "`runs` must be run ids or runs, .* not null"),
        ({"older": "soon"}, "`older` must be a date .* not the string `soon`"),
    ],
    ids=["neither", "both", "an integer", "null", "no time"],
)
def test_arguments_that_cannot_be_used_are_refused(store, arguments, message):
    run(store)
    with pytest.raises(ParameterError, match=message):
        attune_nb.forget(**arguments, store=store)


def test_a_run_that_is_not_on_record_is_named(store):
    run(store)
    with pytest.raises(StoreError, match="there is no run `zzz`"):
        attune_nb.forget("zzz", store=store)


def test_the_commands_for_a_run_are_forgotten_with_it(tmp_path):
    store = tmp_path / "runs.db"
    with held_run(store) as held:
        held.recorded.cancel(force=True, by="ann")
        assert held.run.wait(60)
    assert command_rows(store, "sender") == [("ann",)]
    attune_nb.forget(held.run.run_id, store=store)
    assert command_rows(store, "sender") == []

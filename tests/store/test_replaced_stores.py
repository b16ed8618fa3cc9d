"""Several programs create, replace and remove one store at the same time: no record is lost."""

import shutil
import sqlite3
import threading
from contextlib import closing
from functools import partial

import pytest
from support.item_runs import until

import attune_nb
from attune_nb.store import database

ECHO = "tasks: [{name: echo, action: core.echo, input: {message: hi}}]"


@pytest.fixture
def store(tmp_path):
    return tmp_path / "runs.db"


def record(store, **options):
    """Run a workflow with a record; return the run's id."""
    return attune_nb.loads(ECHO).run(store=store, progress=False, **options).run_id


def ids_on_record(store):
    return set(attune_nb.runs(store)["run_id"])


def test_a_store_that_is_being_created_is_no_other_database(store, monkeypatch):
    """Another program creates the tables between two questions about the file."""
    creator = threading.Thread(target=database.create, args=(store,))

    class Connection(sqlite3.Connection):
        def execute(self, statement, *values):
            cursor = super().execute(statement, *values)
            if "application_id" not in statement or creator.ident:
                return cursor

            answer = cursor.fetchone()
            cursor.close()
            creator.start()
            # it ends now only if nothing keeps it from changing the file
            creator.join(0.3)
            return super().execute("SELECT ?", answer)

    connect = partial(sqlite3.connect, factory=Connection)
    monkeypatch.setattr(sqlite3, "connect", connect)
    run_id = record(store)
    creator.join()
    assert ids_on_record(store) == {run_id}


def test_a_store_removed_while_it_is_opened_is_created(store, monkeypatch):
    record(store)
    statements = []

    class Connection(sqlite3.Connection):
        def execute(self, statement, *values):
            statements.append(statement)
            if len(statements) == 1:
                store.unlink()
                raise sqlite3.OperationalError("disk I/O error")
            return super().execute(statement, *values)

    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Connection))
    run_id = record(store)
    assert ids_on_record(store) == {run_id}


def test_two_programs_that_find_damage_replace_one_file(store):
    record(store)
    content = store.read_bytes()
    store.write_bytes(content[:5000])
    with pytest.raises(database.DamagedFileError) as caught, database.connected(store) as file:
        file.execute("SELECT * FROM events").fetchall()

    database.replace_damaged(store, caught.value)
    run_id = record(store)
    # the other one comes later, with the error that it got from the same file
    database.replace_damaged(store, caught.value)

    assert ids_on_record(store) == {run_id}
    assert len([*store.parent.glob("runs.db.damaged-*[0-9]")]) == 1


def test_a_store_removed_before_the_first_event_is_created_again(store):
    class Display:
        """A display, which is opened between the check of the store and the first event."""

        hears_answers = False

        def __init__(self):
            store.unlink()

        def read(self, events):
            pass

        def attach(self, run, *, background):
            pass

        def drop(self):
            pass

    run = attune_nb.loads(ECHO).run(store=store, progress=Display)
    assert run.alerts == []
    assert attune_nb.open_run(run.run_id, store).result("echo") == {"message": "hi"}


def remove_files(store):
    for path in store.parent.glob("runs.db*"):
        path.unlink()


def test_a_copy_that_takes_the_place_of_the_store_is_completed(store):
    """The copy has the beginning of the run that is under way, and an earlier run."""
    earlier_id = record(store)
    copy = store.parent / "copy.db"

    def exchange():
        until(lambda: len(ids_on_record(store)) == 2)
        with closing(sqlite3.connect(store)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
        remove_files(store)
        # the run goes on in a new file before the copy is put back
        until(lambda: store.exists() and ids_on_record(store))
        remove_files(store)
        shutil.move(copy, store)

    run = attune_nb.loads(ECHO.replace("core.echo, input: {message: hi}", "exchange")).run(
        store=store, progress=False, actions={"exchange": exchange}
    )
    assert run.alerts == []
    assert ids_on_record(store) == {earlier_id, run.run_id}
    assert attune_nb.open_run(run.run_id, store).status == "succeeded"
    assert list(store.parent.glob("*.damaged-*")) == []


def test_a_run_recorded_elsewhere_is_not_forgotten_here(store):
    record(store)
    elsewhere = store.with_name("elsewhere.db")
    run = attune_nb.loads(ECHO).run(store=elsewhere, progress=False)
    with pytest.raises(attune_nb.StoreError, match=r"is on record in .*elsewhere\.db, not in"):
        attune_nb.forget(run, store=store)

    unrecorded = attune_nb.loads(ECHO).run(store="none", progress=False)
    with pytest.raises(attune_nb.StoreError, match="has no record, so there is nothing to forget"):
        attune_nb.forget(unrecorded, store=store)

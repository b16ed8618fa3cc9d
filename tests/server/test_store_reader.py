"""Reading a store while its runs are watched: as little as possible, and in any state."""

import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from support.item_runs import until
from support.watched_runs import has_ended, rows_by_progress, start_asking

import attune_nb
from attune_nb.errors import StoreError
from attune_nb.server.live import run_rows, store_reader
from attune_nb.server.live.messages import Snapshot
from attune_nb.server.live.run_rows import RunFilter, read_page
from attune_nb.server.live.store_reader import StoreReader
from attune_nb.store import reading
from attune_nb.store.reading import events_of, run_of, runs_in

STORES = Path(__file__).parent.parent / "store" / "stores"
OLD_STORE = STORES / "written_by_278221c.db"
OTHER_STORE = STORES / "version_4.db"
FLOW = """
tasks:
  - {name: a, action: work, with_items: "{{ range(4) }}", input: {x: "{{ item }}"},
     retry: {count: 1}}
"""
ASKING = "tasks: [{name: ask, action: core.ask, input: {prompt: go?}}]"
LARGE = "x" * 100_000


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(tmp_path):
    return tmp_path / "runs.db"


@pytest.fixture
def old_store(store):
    """Return a store of an older version, which no process writes."""
    shutil.copyfile(OLD_STORE, store)
    return store


@pytest.fixture
def reader(store, clock):
    reader = StoreReader(store, clock=clock)
    yield reader
    reader.close()


def run_work(store, work=lambda x: x, **options):
    """Run the work over four items, and return the run, which may have failed."""
    options = {"background": True, "progress": False, **options}
    run = attune_nb.loads(FLOW).run(actions={"work": work}, store=store, **options)
    until(lambda: has_ended(store, run.run_id))
    return run


def watch(reader, run_id):
    """Watch a run, and return its first news."""
    reader.watch_run(run_id)
    (news,) = reader.look()
    assert news.run_id == run_id
    return news


def interrupted_in(store):
    """Return the id of a run whose process is gone."""
    return runs_in(store, lambda run: run.status == "interrupted")[0].run_id


def execute(store, statement, *parameters):
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute(statement, parameters)


def test_a_run_that_has_ended_is_reported_once(reader, store):
    run = run_work(store)

    news = watch(reader, run.run_id)

    assert (news.state.status, news.state.done, news.is_last) == ("succeeded", 4, True)
    assert not reader.is_watched


def test_failed_items_are_counted_not_their_attempts(reader, store):
    def work(x):
        if x == 1:
            raise ValueError("no one")

    run = run_work(store, work)
    state = watch(reader, run.run_id).state

    assert (state.failed, state.attempts, state.done, state.total) == (1, 5, 4, 4)
    (task,) = state.tasks
    assert (task.failed, task.retried) == (1, 1)


def test_a_quiet_look_is_one_statement(reader, old_store, clock, statements):
    watch(reader, interrupted_in(old_store))
    reader.watch_list()
    assert len(reader.look()) == 1
    statements.clear()

    for _ in range(9):
        clock.now += 0.1
        assert reader.look() == []

    assert set(statements) == {"PRAGMA data_version"}
    assert len(statements) == 9


def test_a_change_is_read_by_few_statements(reader, store, clock, statements):
    run = start_asking(store)
    watch(reader, run.run_id)
    statements.clear()
    run.answer("ask", "yes")
    until(lambda: has_ended(store, run.run_id))

    clock.now += 0.1
    (news,) = reader.look()

    assert news.state.status == "succeeded"
    kinds = [statement.split()[0] for statement in statements]
    assert kinds.count("SELECT") == 3
    assert len(kinds) == 7


def test_no_result_is_decoded(reader, store):
    """Results with a mark that the store does not know can be read no more, and are not."""
    run = run_work(store, lambda x: f"result {x}")
    unknown = '{"$no-such-mark": 1}'
    execute(
        store, "UPDATE events SET data = CAST(replace(data, '\"result 1\"', ?) AS BLOB)", unknown
    )
    with pytest.raises(StoreError, match="AttemptsEnded cannot be read"):
        events_of(store, run_of(store, run.run_id))

    state = watch(reader, run.run_id).state
    assert (state.status, state.done) == ("succeeded", 4)


def test_large_results_are_counted_and_not_shown(reader, store):
    run = run_work(store, lambda x: LARGE)

    state = watch(reader, run.run_id).state
    assert (state.status, state.done) == ("succeeded", 4)
    assert LARGE[:100] not in msgspec.json.encode(state).decode()


def test_old_runs_have_the_figures_of_results(reader, old_store):
    content = old_store.read_bytes()

    for run in runs_in(old_store):
        state = watch(reader, run.run_id).state
        rows = [msgspec.structs.replace(row, error="", children=0) for row in state.tasks]
        assert rows == rows_by_progress(events_of(old_store, run))
        assert state.status == run.status

    assert old_store.read_bytes() == content


def test_a_run_whose_process_died_is_interrupted(reader, store):
    run = start_asking(store)
    assert watch(reader, run.run_id).state.status == "running"
    # another process had this number at that time
    execute(store, "UPDATE runs SET pid = 1, born = 1.0")
    (news,) = reader.look()

    assert news.state.status == "interrupted"
    assert (news.state.can, news.state.asks, news.state.questions) == ([], [], 0)
    assert not news.is_last
    run.answer("ask", "yes")


def test_without_a_store_there_are_no_runs(reader, store):
    reader.watch_list()
    reader.watch_run("a" * 12)

    news = {item.run_id: item for item in reader.look()}

    assert news["a" * 12].reason == "the store runs.db was removed"
    assert (news[""].state.runs, news[""].state.problem) == ([], "")
    assert reader.look() == []
    assert not store.exists()


def test_a_store_that_appears_is_read(reader, store):
    reader.watch_list()
    reader.look()
    run_work(store)

    (news,) = reader.look()
    assert [row.status for row in news.state.runs] == ["succeeded"]


def test_a_newer_store_is_a_sentence_in_the_list(reader, store, clock):
    run_work(store)
    execute(store, "PRAGMA user_version = 99")
    reader.watch_list()

    (news,) = reader.look()
    assert "has version 99, and this attune_nb reads up to" in news.state.problem
    assert reader.look() == []

    execute(store, "PRAGMA user_version = 5")
    clock.now += 2
    (news,) = reader.look()
    assert (len(news.state.runs), news.state.problem) == (1, "")


def test_a_store_made_again_is_another_one(reader, old_store):
    run_id = interrupted_in(old_store)
    reader.watch_list()
    reader.look()
    watch(reader, run_id)
    old_store.unlink()
    shutil.copyfile(OTHER_STORE, old_store)

    news = {item.run_id: item for item in reader.look()}

    assert news[run_id].reason == "the run was removed from the store"
    rows = news[""].state.runs
    assert {row.id for row in rows} == {run.run_id for run in runs_in(old_store)}


def test_a_store_that_is_migrated_meanwhile_is_read_anew(reader, old_store, clock):
    reader.watch_list()
    reader.look()
    run = start_asking(old_store)

    clock.now += 1
    (news,) = reader.look()
    row = news.state.runs[0]
    assert (row.id, row.questions, row.attention) == (run.run_id, 1, "question")
    run.answer("ask", "yes")


def test_a_removed_run_is_gone(reader, old_store):
    run_id = interrupted_in(old_store)
    watch(reader, run_id)
    execute(old_store, "UPDATE runs SET run_id = 'other' WHERE run_id = ?", run_id)

    (news,) = reader.look()
    assert (news.state, news.is_last) == (None, True)
    assert news.reason == "the run was removed from the store"


def test_a_damaged_run_is_gone_and_others_are_not(reader, store):
    damaged_run = run_work(store)
    sound_run = run_work(store)
    statement = "UPDATE events SET data = x'00' WHERE kind = 'TaskEnded' AND run = 1"
    execute(store, statement)

    assert "TaskEnded cannot be read" in watch(reader, damaged_run.run_id).reason
    assert watch(reader, sound_run.run_id).state.status == "succeeded"


def test_a_run_that_comes_back_is_folded_on(reader, store, statements):
    run = start_asking(store)
    first = watch(reader, run.run_id).state
    reader.unwatch_run(run.run_id)
    run.answer("ask", "yes")
    until(lambda: has_ended(store, run.run_id))
    statements.clear()

    state = watch(reader, run.run_id).state
    assert (first.status, state.status) == ("running", "succeeded")
    (events,) = [statement for statement in statements if "FROM events" in statement]
    assert f"events.number >= {first.at} " in " ".join(events.split())


def test_child_runs_are_counted_and_their_questions(reader, store):
    outer = "tasks: [{name: deploy, action: inner, with_items: [1, 2], concurrency: 2}]"
    inner = attune_nb.loads(ASKING)
    run = attune_nb.loads(outer).run(
        actions={"inner": inner}, store=store, background=True, progress=False
    )
    until(lambda: [stored.questions for stored in runs_in(store)] == [2])

    reader.watch_list()
    reader.watch_run(run.run_id)
    news = {item.run_id: item.state for item in reader.look()}
    state = news[run.run_id]
    assert (state.children, state.questions, state.attention) == (2, 2, "question")
    assert state.tasks[0].children == 2
    (row,) = news[""].runs
    assert (row.children, row.questions) == (2, 2)

    children = runs_in(store, lambda stored: bool(stored.parent), children=True)
    child = watch(reader, children[0].run_id).state
    assert isinstance(child, Snapshot)
    assert {row.id for row in read_page(store, RunFilter(parent=run.run_id))} == {
        child.run_id for child in children
    }
    assert [row.id for row in read_page(store, RunFilter())] == [run.run_id]
    assert (child.parent, child.parent_task, child.asks[0].prompt) == (run.run_id, "deploy", "go?")
    run.cancel()


def test_the_list_reads_only_what_may_change(reader, store, clock, statements):
    for _ in range(3):
        run_work(store)
    reader.watch_list()
    reader.look()
    run = start_asking(store)
    statements.clear()
    clock.now += 0.4

    (news,) = reader.look()
    assert [row.status for row in news.state.runs] == ["running", *["succeeded"] * 3]
    (read,) = [statement for statement in statements if "number > " in statement]
    assert "number > 3" in read
    assert "LIMIT" not in "".join(statements)
    run.answer("ask", "yes")
    until(lambda: has_ended(store, run.run_id))


def test_the_list_forgets_removed_runs(reader, old_store, clock):
    """The newest are looked at again some seconds after a change, others if they have not ended."""
    reader.watch_list()
    (news,) = reader.look()
    rows = news.state.runs
    execute(old_store, "DELETE FROM runs WHERE run_id IN (?, ?)", rows[0].id, rows[-1].id)
    clock.now += 3

    (news,) = reader.look()
    assert news.state.runs == rows[1:-1]


def test_old_runs_that_have_not_ended_stay_in_the_list(reader, old_store, clock, monkeypatch):
    monkeypatch.setattr(run_rows, "MAX_RUNS", 3)
    reader.watch_list()
    (news,) = reader.look()
    oldest_open = runs_in(old_store, lambda run: run.status == "interrupted")[-1].run_id
    assert {row.id for row in news.state.runs} >= {oldest_open}
    execute(old_store, "UPDATE runs SET status = 'cancelled' WHERE run_id = ?", oldest_open)
    clock.now += 3

    (news,) = reader.look()
    assert {row.id: row.status for row in news.state.runs}[oldest_open] == "cancelled"
    execute(old_store, "UPDATE runs SET tasks = tasks + 1")
    clock.now += 3
    (news,) = reader.look()
    assert oldest_open not in {row.id for row in news.state.runs}


def test_the_list_leads_to_the_runs_that_are_older(reader, old_store, monkeypatch):
    monkeypatch.setattr(run_rows, "MAX_RUNS", 2)
    ids = [run.run_id for run in runs_in(old_store)]
    reader.watch_list()
    (news,) = reader.look()
    assert [row.id for row in news.state.runs[:2]] == ids[:2]
    older = read_page(old_store, RunFilter(before=news.state.next))
    assert [row.id for row in older] == ids[2:]


def test_a_list_of_all_runs_leads_to_no_others(reader, old_store, monkeypatch):
    monkeypatch.setattr(run_rows, "MAX_RUNS", len(runs_in(old_store)))
    reader.watch_list()
    (news,) = reader.look()
    assert news.state.next == ""


def test_runs_are_found_by_words_of_any_case(old_store):
    def names(search):
        return {row.workflow for row in read_page(old_store, RunFilter(search=search))}

    assert names("INTERRUPTED") == set()
    assert names("Cont") == {"continued"}
    assert names("dry rehear") == {"rehearsal"}
    assert names("%") == set()
    (run, *_) = runs_in(old_store)
    assert names(run.run_id[:6]) == {run.workflow}


def test_a_run_that_was_continued_is_driven_again(reader, old_store, clock):
    reader.watch_list()
    reader.look()
    run_id = interrupted_in(old_store)
    execute(
        old_store, "UPDATE runs SET host = 'other', beat = ? WHERE run_id = ?", time.time(), run_id
    )
    clock.now += 0.5

    (news,) = reader.look()
    (row,) = [row for row in news.state.runs if row.id == run_id]
    # on another host it is alive as long as it gives signs of life
    assert row.status in ("running", "paused")


def test_a_run_that_ends_amid_a_look_is_not_interrupted(reader, store, monkeypatch):
    """Its row was read before its process ended it, and its process was looked for after that."""
    run = start_asking(store)

    def end(*_):
        execute(store, "UPDATE runs SET status = 'succeeded'")
        return False

    monkeypatch.setattr(reading, "is_alive", end)
    reader.watch_list()
    reader.watch_run(run.run_id)

    news = {item.run_id: item.state for item in reader.look()}
    assert news[run.run_id].status == "succeeded"
    assert [row.status for row in news[""].runs] == ["succeeded"]
    run.cancel()


def test_a_store_replaced_while_nobody_watches_is_another(reader, old_store, tmp_path):
    run_id = interrupted_in(old_store)
    assert watch(reader, run_id).state.at > 2
    reader.unwatch_run(run_id)
    reader.close()

    backup = tmp_path / "backup.db"
    shutil.copyfile(OLD_STORE, backup)
    execute(backup, "DELETE FROM events WHERE number > 1")
    old_store.unlink()
    backup.rename(old_store)

    assert watch(reader, run_id).state.at == 2


def test_a_look_that_meets_a_lock_is_made_again(reader, old_store, monkeypatch):
    run_id = interrupted_in(old_store)
    read_row = store_reader.read_row

    def meet_lock(*_):
        monkeypatch.setattr(store_reader, "read_row", read_row)
        error = sqlite3.OperationalError("database is locked")
        error.sqlite_errorname = "SQLITE_BUSY_RECOVERY"
        raise error

    monkeypatch.setattr(store_reader, "read_row", meet_lock)
    reader.watch_run(run_id)

    assert reader.look() == []
    (news,) = reader.look()
    assert news.state.status == "interrupted"

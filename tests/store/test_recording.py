"""A run with a store: its record, while it is under way, after it, and after a kill."""

import functools
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing

import pandas as pd
import pytest

import attune_nb
from attune_nb.errors import AttuneError, StoreError

TEXT = """
label: health
parameters: {hosts: {}, key: {secret: true, default: hunter2-hunter2}}
tasks:
  - name: check
    action: ping
    with_items: "{{ parameters.hosts }}"
    retry: {count: 1, delay: 0.001}
    input: {host: "{{ item }}", key: "{{ parameters.key }}"}
    next: [{when: "{{ failed() }}", do: report, publish: [{found: "{{ result()|length }}"}]}]
  - {name: report, action: core.noop, input: {token: "{{ keystore.token }}"}}
output_map: {found: "{{ workflow.found }}"}
"""
SECRETS = (b"hunter2-hunter2", b"open-sesame")


def ping(host, key):
    if host == 3:
        raise ValueError(f"no {host} with {key}")
    return {"host": host, "key": key}


def recorded(path, hosts=range(200), **options):
    return attune_nb.loads(TEXT).run(
        {"hosts": list(hosts)},
        actions={"ping": ping},
        keystore={"token": "open-sesame"},
        store=path,
        **options,
    )


@pytest.fixture
def path(tmp_path):
    return tmp_path / "runs.db"


def test_a_run_is_a_row_with_its_figures(path):
    run = recorded(path)
    found = attune_nb.runs(path)
    assert list(found.columns) == (
        ["run_id", "workflow", "status", "started", "duration_ms", "tasks", "items", "failed"]
    )
    (row,) = found.to_dict("records")
    assert row["run_id"] == run.run_id
    assert (row["workflow"], row["status"]) == ("health", "succeeded")
    assert (row["tasks"], row["items"], row["failed"]) == (2, 200, 1)
    assert row["started"] == run.started
    assert row["duration_ms"] == run.duration_ms


@pytest.mark.parametrize("options", [{}, {"backend": "inline"}, {"background": True}])
def test_a_run_that_has_ended_is_on_the_disk_as_it_was(path, options):
    run = recorded(path, **options)
    assert run.wait(60)
    again = attune_nb.open_run(run.run_id, path)
    assert again.events == run.events
    assert (again.status, again.output, again.error) == (run.status, run.output, run.error)
    assert again.result("check") == run.result("check")
    assert again.tasks.equals(run.tasks)
    assert repr(again) == repr(run)
    for part in ("parameters", "variables", "tasks"):
        seen, before = (getattr(each.context_at("report"), part) for each in (again, run))
        assert seen == before


def test_a_failed_expression_is_told_with_the_lines_that_a_person_wrote(path):
    text = TEXT.replace("{{ item }}", "{{ item.name }}").replace("label", "# mine\nlabel")
    run = attune_nb.loads(text, "health.yaml").run(
        {"hosts": [1]}, actions={"ping": ping}, keystore={"token": "x"}, store=path
    )
    again = attune_nb.open_run(run.run_id, path)
    assert 'host: "{{ item.name }}"' in again.failure_text()
    assert again.failure_text() == run.failure_text()


def test_no_text_of_a_secret_is_in_the_file(path):
    run = recorded(path)
    assert run.result("check")[0]["key"] == "***"
    held = b"".join(each.read_bytes() for each in path.parent.iterdir())
    assert b"parameters" in held
    assert not [secret for secret in SECRETS if secret in held]


def test_a_name_that_is_a_secrets_text_is_no_secret(path):
    run = attune_nb.loads(TEXT).run(
        {"hosts": []}, actions={"ping": ping}, keystore={"token": "check"}, store=path
    )
    assert attune_nb.open_run(run.run_id, path).result("check") == []


def test_a_run_is_named_by_how_its_id_begins(path):
    run = recorded(path)
    assert attune_nb.open_run(run.run_id[:6], path).run_id == run.run_id
    with pytest.raises(StoreError, match="there is no run `nothing`"):
        attune_nb.open_run("nothing", path)
    recorded(path)
    with pytest.raises(StoreError, match="there is no run ``"):
        attune_nb.open_run("", path)


def test_a_run_on_record_cannot_be_told_to_do_anything(path):
    again = attune_nb.open_run(recorded(path).run_id, path)
    for act in (again.cancel, again.pause, again.resume):
        with pytest.raises(AttuneError, match=r"needs a run of this process; .* from its record"):
            act()


def test_without_a_store_nothing_is_written(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    recorded("none")
    assert list(path.parent.iterdir()) == []
    with pytest.raises(StoreError, match="the store is `none`"):
        attune_nb.runs("none")


@pytest.mark.parametrize("store", [False, "", 3])
def test_what_is_no_file_is_told_of_with_the_way_to_have_no_record(store):
    with pytest.raises(StoreError, match=r"`store` must be the path of a file, or 'none'"):
        recorded(store)


def test_the_environment_names_the_store(path, monkeypatch):
    monkeypatch.setenv("ATTUNE_NB_STORE", str(path))
    recorded(None)
    assert len(attune_nb.runs()) == 1


def test_two_runs_at_once_use_one_store(path):
    runs = [recorded(path, background=True) for _ in range(4)]
    assert all(run.wait(60) for run in runs)
    assert set(attune_nb.runs(path)["run_id"]) == {run.run_id for run in runs}
    for run in runs:
        assert attune_nb.open_run(run.run_id, path).events == run.events


def test_a_batch_of_items_is_one_row(path):
    recorded(path, range(20_000))
    with closing(sqlite3.connect(path)) as connection, connection:
        (rows,) = connection.execute("SELECT count(*) FROM events").fetchone()
    connection.close()
    assert rows < 200


def test_a_run_leaves_no_thread(path):
    recorded(path)
    assert [each for each in threading.enumerate() if each.name == "attune store"] == []


def test_a_file_that_another_program_locks_for_a_while_gets_its_events_late(path):
    recorded(path, [])
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    threading.Timer(0.3, other.execute, ["COMMIT"]).start()
    run = recorded(path)
    assert attune_nb.open_run(run.run_id, path).events == run.events
    other.close()


def test_a_file_that_is_locked_longer_than_one_wait_gets_them_all_the_same(path, monkeypatch):
    recorded(path, [])
    monkeypatch.setattr("attune_nb.store.database._BUSY", 50)
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    threading.Timer(0.3, other.execute, ["COMMIT"]).start()
    run = recorded(path)
    assert attune_nb.open_run(run.run_id, path).events == run.events
    other.close()


def test_a_file_that_is_removed_under_way_is_made_again_with_all_of_the_run(path):
    gate = threading.Event()

    def wait(host, key):
        if host == 100:
            gate.wait(90)

    run = attune_nb.loads(TEXT).run(
        {"hosts": list(range(200))},
        actions={"ping": wait},
        keystore={"token": "x"},
        store=path,
        background=True,
    )
    while not path.exists() or not attune_nb.runs(path)["items"].sum():
        time.sleep(0.02)
    for each in path.parent.iterdir():
        each.unlink()
    gate.set()
    assert run.wait(60)
    assert attune_nb.open_run(run.run_id, path).events == run.events


def test_a_record_takes_at_most_20_commits_a_second(path, monkeypatch):
    commits = []

    class Counted(sqlite3.Connection):
        def execute(self, statement, *given):
            commits.extend([statement] if statement == "COMMIT" else [])
            return super().execute(statement, *given)

    monkeypatch.setattr(sqlite3, "connect", functools.partial(sqlite3.connect, factory=Counted))
    tasks = [
        {
            "name": f"t{n}",
            "action": "core.sleep",
            "input": {"seconds": 0.002},
            "on_success": f"t{n + 1}",
        }
        for n in range(200)
    ]
    text = json.dumps({"tasks": [*tasks, {"name": "t200", "action": "core.noop"}]}, indent=1)
    begun = time.monotonic()
    run = attune_nb.loads(text).run(store=path)
    assert run.status == "succeeded"
    assert 2 <= len(commits) <= (time.monotonic() - begun) * 20 + 3


KILLED = """
import sys, time, attune_nb
def ping(host, key):
    time.sleep(0.002)
    return host
attune_nb.loads(open(sys.argv[2]).read()).run(
    {"hosts": list(range(5000))}, actions={"ping": ping}, keystore={"token": "x"}, store=sys.argv[1]
)
"""


def test_a_killed_run_is_interrupted_and_what_was_committed_is_there(path):
    text = path.with_suffix(".yaml")
    text.write_text(TEXT)
    child = subprocess.Popen([sys.executable, "-c", KILLED, str(path), str(text)])
    try:
        for _ in range(400):
            time.sleep(0.05)
            if path.exists() and len(found := attune_nb.runs(path)) and found["items"][0] > 100:
                break
        assert found["status"][0] == "running"  # seen from this process, while it is under way
        assert attune_nb.open_run(found["run_id"][0], path).status == "running"
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    (row,) = attune_nb.runs(path).to_dict("records")
    assert row["status"] == "interrupted"
    run = attune_nb.open_run(row["run_id"], path)
    frame = run.items("check")
    assert (frame["status"] == "succeeded").sum() == row["items"] > 100


def test_what_it_was_begun_with_is_kept(path):
    recorded(path, concurrency=3, backend="inline")
    with closing(sqlite3.connect(path)) as connection, connection:
        told = connection.execute("SELECT options, versions FROM runs").fetchone()
    connection.close()
    options, versions = map(json.loads, told)
    assert (options["backend"], options["concurrency"]) == ("inline", 3)
    assert versions["python"] == sys.version.split()[0]
    assert versions["attune_nb"] == attune_nb.__version__


TABLES = """
parameters: {rows: {}, numbers: {}}
tasks:
  - {name: a, action: a, with_items: "{{ parameters.rows }}", input: {x: "{{ item.x }}"},
     next: [{do: b}]}
  - {name: b, action: b, with_items: "{{ parameters.numbers }}", batch_size: 2,
     input: {x: "{{ item }}"}, next: [{do: c}]}
  - {name: c, action: c, input: {x: "{{ task.a.result }}"}, next: [{do: d}]}
  - {name: d, action: c, input: {x: "{{ task.b.result }}"}}
output_map: {a: "{{ task.a.result }}", b: "{{ task.b.result | length }}"}
"""


def tables(path):
    actions = {"a": lambda x: x, "b": lambda x: pd.DataFrame({"x": x}), "c": lambda x: [x]}
    given = {"rows": pd.DataFrame({"x": range(5)}), "numbers": iter(range(7))}
    run = attune_nb.loads(TABLES).run(given, actions=actions, store=path)
    return run, attune_nb.open_run(run.run_id, path), actions


def test_a_run_over_tables_that_give_tables_is_on_record_as_it_was(path):
    run, stored, _ = tables(path)
    assert stored.output == run.output == {"a": [0, 1, 2, 3, 4], "b": 4}
    assert stored.tasks.equals(run.tasks)
    assert repr(stored.result("b")[0]) == "<pandas.DataFrame, which the store does not hold>"
    assert list(stored.items("a")["item"]) == list(run.items("a")["item"])


def test_what_the_store_does_not_hold_is_not_forked_upon(path):
    _, stored, actions = tables(path)
    again = {"rows": pd.DataFrame({"x": range(5)}), "numbers": iter(range(7))}
    fork = stored.fork("b", again, actions=actions)
    assert fork.output == {"a": [0, 1, 2, 3, 4], "b": 4}
    assert fork.alerts == []
    with pytest.raises(StoreError, match=r"`d` reads `task.b`, a pandas.*DataFrame, which no"):
        stored.fork("c", {**again, "numbers": iter(range(7))}, actions=actions)


def test_a_mistake_of_the_record_does_not_end_the_run(path, monkeypatch, caplog):
    def fails(event):
        raise ZeroDivisionError("a mistake")

    monkeypatch.setattr("attune_nb.store.recorder.row_of", fails)
    run = recorded(path)
    assert run.status == "succeeded"
    assert "continues without a record" in caplog.text


def test_large_data_is_kept_once_however_many_runs_it_is_part_of(path):
    workflow = attune_nb.loads("""
parameters: {rows: {type: array}}
tasks:
  - {name: a, action: a, with_items: "{{ parameters.rows }}", input: {x: "{{ item }}"},
     next: [{do: b}]}
  - {name: b, action: core.noop}
""")
    given = {"rows": [f"{number:01000}" for number in range(1_000)]}
    options = {"actions": {"a": lambda x: x}, "backend": "inline", "store": path}
    run = workflow.run(given, **options)
    once = sum(each.stat().st_size for each in path.parent.iterdir())
    assert once > 1_000_000
    again = [workflow.run(given, **options), run.fork("b")]
    grown = sum(each.stat().st_size for each in path.parent.iterdir()) - once
    assert grown < 1.6 * once  # the results of the second run, and no parameter
    for each in (run, *again):
        stored = attune_nb.open_run(each.run_id, path)
        assert stored.events == each.events
        assert stored.result("a") == given["rows"]


def test_large_data_that_is_gone_is_told(path):
    run = recorded(path, range(20_000))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM blobs")
    connection.close()
    with pytest.raises(StoreError, match="the blob of an event is missing"):
        attune_nb.open_run(run.run_id, path)

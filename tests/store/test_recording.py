"""The record of a run: during the run, after it, and after a kill."""

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
from support.outcomes import wait_until

import attune_nb
from attune_nb.errors import CommandRefused, StoreError

TEXT = """
label: health
parameters: {hosts: {}, key: {secret: true, default: hunter2-hunter2}}
tasks:
  - name: check
    action: ping
    with_items: "{{ parameters.hosts }}"
    retry: {count: 1, delay: 0.001}
    input: {host: "{{ item }}", key: "{{ parameters.key }}"}
    next: [{when: "{{ failed() }}", do: report, publish: [{count: "{{ result()|length }}"}]}]
  - {name: report, action: core.noop, input: {token: "{{ keystore.token }}"}}
output_map: {count: "{{ workflow.count }}"}
"""
SECRETS = (b"hunter2-hunter2", b"open-sesame")


def ping(host, key):
    if host == 3:
        raise ValueError(f"no {host} with {key}")
    return {"host": host, "key": key}


def record_run(path, hosts=range(200), **options):
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


def test_a_run_is_listed_with_its_figures(path):
    run = record_run(path)
    frame = attune_nb.runs(path)
    assert " ".join(frame.columns) == (
        "run_id workflow status started duration_ms tasks items failed children questions "
        "attention kind"
    )
    (row,) = frame.to_dict("records")
    assert row["run_id"] == run.run_id
    assert (row["workflow"], row["status"]) == ("health", "succeeded")
    assert (row["tasks"], row["items"], row["failed"]) == (2, 200, 1)
    assert row["started"] == run.started
    assert row["duration_ms"] == run.duration_ms


@pytest.mark.parametrize("options", [{}, {"backend": "inline"}, {"background": True}])
def test_an_ended_run_is_read_back_unchanged(path, options):
    run = record_run(path, **options)
    assert run.wait(60)

    stored = attune_nb.open_run(run.run_id, path)
    assert stored.events == run.events
    assert stored.status == run.status
    assert stored.output == run.output
    assert stored.error == run.error
    assert stored.result("check") == run.result("check")
    assert stored.tasks.equals(run.tasks)
    assert repr(stored) == repr(run)

    context = run.context_at("report")
    stored_context = stored.context_at("report")
    assert stored_context.parameters == context.parameters
    assert stored_context.variables == context.variables
    assert stored_context.tasks == context.tasks


def test_a_failed_expression_shows_the_lines_as_written(path):
    text = TEXT.replace("{{ item }}", "{{ item.name }}").replace("label", "# mine\nlabel")
    run = attune_nb.loads(text, "health.yaml").run(
        {"hosts": [1]}, actions={"ping": ping}, keystore={"token": "x"}, store=path
    )
    stored = attune_nb.open_run(run.run_id, path)
    assert 'host: "{{ item.name }}"' in stored.failure_text()
    assert stored.failure_text() == run.failure_text()


def test_the_file_holds_no_text_of_a_secret(path):
    run = record_run(path)
    assert run.result("check")[0]["key"] == "***"
    content = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert b"parameters" in content
    assert not [secret for secret in SECRETS if secret in content]


def test_a_name_equal_to_a_secret_is_not_masked(path):
    run = attune_nb.loads(TEXT).run(
        {"hosts": []}, actions={"ping": ping}, keystore={"token": "check"}, store=path
    )
    assert attune_nb.open_run(run.run_id, path).result("check") == []


def test_a_run_is_found_by_the_beginning_of_its_id(path):
    run = record_run(path)
    assert attune_nb.open_run(run.run_id[:6], path).run_id == run.run_id
    with pytest.raises(StoreError, match="there is no run `nothing`"):
        attune_nb.open_run("nothing", path)
    record_run(path)
    with pytest.raises(StoreError, match="there is no run ``"):
        attune_nb.open_run("", path)


def test_a_run_on_record_that_has_ended_is_not_controlled(path):
    stored = attune_nb.open_run(record_run(path).run_id, path)
    for control in (stored.cancel, stored.pause, stored.resume):
        with pytest.raises(CommandRefused, match=rf"^run {stored.run_id} has succeeded$") as caught:
            control()
        assert caught.value.reason == "ended"


def test_without_a_store_no_file_is_written(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    record_run("none")
    assert list(path.parent.iterdir()) == []
    with pytest.raises(StoreError, match="the store is `none`"):
        attune_nb.runs("none")


@pytest.mark.parametrize("store", [False, "", 3])
def test_a_store_that_is_no_path_is_refused_with_the_remedy(store):
    with pytest.raises(StoreError, match=r"`store` must be the path of a file, or 'none'"):
        record_run(store)


def test_the_environment_sets_the_store(path, monkeypatch):
    monkeypatch.setenv("ATTUNE_NB_STORE", str(path))
    record_run(None)
    assert len(attune_nb.runs()) == 1


def test_runs_at_the_same_time_share_a_store(path):
    runs = [record_run(path, background=True) for _ in range(4)]
    assert all(run.wait(60) for run in runs)
    assert set(attune_nb.runs(path)["run_id"]) == {run.run_id for run in runs}
    for run in runs:
        assert attune_nb.open_run(run.run_id, path).events == run.events


def test_a_batch_of_items_is_one_row(path):
    record_run(path, range(20_000))
    with closing(sqlite3.connect(path)) as connection, connection:
        (rows,) = connection.execute("SELECT count(*) FROM events").fetchone()
    connection.close()
    assert rows < 200


def test_a_run_leaves_no_thread(path):
    before = threading.enumerate()
    record_run(path)
    started = set(threading.enumerate()) - set(before)
    assert [thread for thread in started if thread.name == "attune store"] == []


def test_a_locked_file_gets_its_events_later(path):
    record_run(path, [])
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("BEGIN IMMEDIATE")
    threading.Timer(0.3, connection.execute, ["COMMIT"]).start()
    run = record_run(path)
    assert attune_nb.open_run(run.run_id, path).events == run.events
    connection.close()


def test_a_file_locked_longer_than_one_wait_gets_its_events(path, monkeypatch):
    record_run(path, [])
    monkeypatch.setattr("attune_nb.store.database._BUSY", 50)
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("BEGIN IMMEDIATE")
    threading.Timer(0.3, connection.execute, ["COMMIT"]).start()
    run = record_run(path)
    assert attune_nb.open_run(run.run_id, path).events == run.events
    connection.close()


def test_a_cancel_after_the_last_attempt_changes_no_record(path):
    """It comes while the end of the attempt, and with it the run, waits to be processed."""
    run = attune_nb.loads("tasks: [{name: act, action: act}]").run(
        actions={"act": lambda: attune_nb.last_run().cancel()}, backend="inline", store=path
    )
    assert run.status == "succeeded"
    assert attune_nb.runs(path)["status"].tolist() == ["succeeded"]


def test_a_removed_file_is_created_again_with_all_events(path):
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
    for file in path.parent.iterdir():
        file.unlink()
    gate.set()
    assert run.wait(60)
    assert attune_nb.open_run(run.run_id, path).events == run.events


def test_a_record_takes_at_most_20_commits_a_second(path, monkeypatch):
    commits = []

    class Counted(sqlite3.Connection):
        def execute(self, statement, *arguments):
            if statement == "COMMIT":
                commits.append(statement)
            return super().execute(statement, *arguments)

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
    started = time.monotonic()
    run = attune_nb.loads(text).run(store=path)
    assert run.status == "succeeded"
    assert 2 <= len(commits) <= (time.monotonic() - started) * 20 + 3


KILLED = """
import sys, time, attune_nb
def ping(host, key):
    # it is killed there at the latest
    time.sleep(0.002 if host < 3000 else 600)
    return host
attune_nb.loads(open(sys.argv[2]).read()).run(
    {"hosts": list(range(5000))}, actions={"ping": ping}, keystore={"token": "x"}, store=sys.argv[1]
)
"""


def test_a_killed_run_is_interrupted_and_keeps_its_commits(path):
    text = path.with_suffix(".yaml")
    text.write_text(TEXT)
    child = subprocess.Popen([sys.executable, "-c", KILLED, str(path), str(text)])
    try:
        wait_until(lambda: path.exists() and attune_nb.runs(path)["items"].sum() > 100)
        frame = attune_nb.runs(path)

        # as this process sees it while the other one runs it
        assert frame["status"][0] == "running"
        assert attune_nb.open_run(frame["run_id"][0], path).status == "running"
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    (row,) = attune_nb.runs(path).to_dict("records")
    assert row["status"] == "interrupted"
    run = attune_nb.open_run(row["run_id"], path)
    frame = run.items("check")
    assert (frame["status"] == "succeeded").sum() == row["items"] > 100


def test_the_options_of_a_run_are_record_run(path):
    record_run(path, concurrency=3, backend="inline")
    with closing(sqlite3.connect(path)) as connection, connection:
        row = connection.execute("SELECT options, versions FROM runs").fetchone()
    connection.close()

    options, versions = map(json.loads, row)
    assert options["backend"] == "inline"
    assert options["concurrency"] == 3
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


def make_table(x):
    return pd.DataFrame({"x": x})


def run_over_tables(path, make=make_table):
    """Run over tables; return the run, the run on record, and the actions."""
    actions = {"a": lambda x: x, "b": make, "c": lambda x: [x]}
    parameters = {"rows": pd.DataFrame({"x": range(5)}), "numbers": iter(range(7))}
    run = attune_nb.loads(TABLES).run(parameters, actions=actions, store=path)
    return run, attune_nb.open_run(run.run_id, path), actions


def test_a_run_over_tables_is_record_run(path):
    run, stored, _ = run_over_tables(path)
    assert stored.output == run.output == {"a": [0, 1, 2, 3, 4], "b": 4}
    assert stored.tasks.equals(run.tasks)
    assert stored.result("b")[0].equals(run.result("b")[0])
    assert list(stored.items("a")["item"]) == list(run.items("a")["item"])


def test_a_fork_reads_tables_on_record(path):
    run, stored, actions = run_over_tables(path)
    fork = stored.fork("c", {"numbers": iter(range(7))}, actions=actions)
    assert fork.output == run.output


def test_a_fork_refuses_results_that_are_not_stored(path):
    _, stored, actions = run_over_tables(path, make=lambda x: (n for n in x))
    assert repr(stored.result("b")[0]) == "<builtins.generator, which the store does not hold>"
    parameters = {"rows": pd.DataFrame({"x": range(5)}), "numbers": iter(range(7))}
    fork = stored.fork("b", parameters, actions=actions)
    assert fork.output == {"a": [0, 1, 2, 3, 4], "b": 4}
    assert fork.alerts == []
    with pytest.raises(StoreError, match=r"`d` reads `task.b`, a builtins.generator, which no"):
        stored.fork("c", {**parameters, "numbers": iter(range(7))}, actions=actions)


def test_a_fault_of_the_recorder_does_not_end_the_run(path, monkeypatch, caplog):
    def fails(connection, data):
        raise ZeroDivisionError("a mistake")

    monkeypatch.setattr("attune_nb.store.run_writer.store_data", fails)
    run = record_run(path)
    assert run.status == "succeeded"
    assert "continues without a record" in caplog.text


def folder_size(folder):
    return sum(file.stat().st_size for file in folder.iterdir())


def test_large_data_is_stored_once_for_all_runs(path):
    workflow = attune_nb.loads("""
parameters: {rows: {type: array}}
tasks:
  - {name: a, action: a, with_items: "{{ parameters.rows }}", input: {x: "{{ item }}"},
     next: [{do: b}]}
  - {name: b, action: core.noop}
""")
    parameters = {"rows": [f"{number:01000}" for number in range(1_000)]}
    options = {"actions": {"a": lambda x: x}, "backend": "inline", "store": path}
    run = workflow.run(parameters, **options)
    size = folder_size(path.parent)
    assert size > 1_000_000

    later_runs = [workflow.run(parameters, **options), run.fork("b")]
    # grown by the results of the second run, and by no parameter
    assert folder_size(path.parent) - size < 1.6 * size
    for recorded_run in (run, *later_runs):
        stored = attune_nb.open_run(recorded_run.run_id, path)
        assert stored.events == recorded_run.events
        assert stored.result("a") == parameters["rows"]


def test_missing_large_data_is_reported(path):
    run = record_run(path, range(20_000))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM blobs")
    connection.close()
    recorded = attune_nb.open_run(run.run_id, path)
    with pytest.raises(StoreError, match="the blob of an event is missing"):
        _ = recorded.events


def test_a_replay_has_the_keys_that_are_read_with_a_default(path):
    text = """
tasks:
  - name: log_in
    action: core.echo
    when: "{{ keystore.token | default('') != '' }}"
    input: {message: welcome}
"""
    run = attune_nb.loads(text).run(keystore={"token": "open-sesame"}, store=path, progress=False)
    assert run.result("log_in") is not None
    assert attune_nb.open_run(run.run_id, path).result("log_in") == run.result("log_in")


def test_a_run_keeps_its_store_when_the_folder_changes(tmp_path, monkeypatch):
    """A relative path is that of the folder at the start; an action, or `%cd`, may change it."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    text = "tasks: [{name: a, action: go, next: [{do: b}]}, {name: b, action: core.noop}]"
    run = attune_nb.loads(text).run(
        actions={"go": lambda: os.chdir(folder)}, store="runs.db", progress=False
    )
    assert list(folder.iterdir()) == []
    assert attune_nb.open_run(run.run_id, tmp_path / "runs.db").events == run.events
    monkeypatch.chdir(tmp_path)
    assert "on record in runs.db" in repr(run)

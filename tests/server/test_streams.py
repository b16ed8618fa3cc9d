"""The live stream of a real server: states of runs of another process, as they change."""

import json
import sqlite3
from contextlib import ExitStack, closing

import msgspec
import psutil
import pytest
from support.attune_server import attune_server_in
from support.item_runs import until
from support.state_sockets import open_stuck_socket, state_socket
from support.watched_runs import start_asking

pytestmark = pytest.mark.slow

ASKING = """
tasks:
  - {name: count, action: core.noop, with_items: "{{ range(30) }}", next: [{do: approve}]}
  - {name: approve, action: core.ask, input: {prompt: "Ship it?", response_schema: {type: boolean}}}
"""
MANY_TASKS = "tasks:\n" + "".join(
    f"  - {{name: task-{number:03}, action: core.ask, input: {{prompt: go?}}}}\n"
    for number in range(200)
)


def start(store, text, name):
    """Start a run with a name that waits for an answer."""
    return start_asking(store, f"name: {name}\n{text}")


def test_a_run_is_seen_until_its_end(attune_server):
    run = start(attune_server.store, ASKING, "seen")
    path = f"/api/runs/{run.run_id}"

    with state_socket(attune_server, f"{path}/socket") as client:
        client.until(lambda state: state.asks)
        state_before = attune_server.get(path).json()
        run.answer("approve", value=True)
        client.receive_all()

    assert (state_before["status"], state_before["asks"][0]["prompt"]) == ("running", "Ship it?")
    assert state_before["can"] == ["pause", "cancel", "answer"]
    assert client.code == 1000
    ended = attune_server.get(path).json()
    assert ended == msgspec.to_builtins(client.state)
    assert (ended["status"], ended["done"], ended["questions"]) == ("succeeded", 30, 0)


def test_the_list_shows_who_needs_a_person(attune_server):
    with state_socket(attune_server, "/api/socket") as client:
        run = start(attune_server.store, ASKING, "listed")

        def row_of(runs):
            return [row for row in runs.runs if row.id == run.run_id]

        client.until(lambda runs: any(row.attention == "question" for row in row_of(runs)))
        run.answer("approve", value=False)
        client.until(lambda runs: any(row.status == "succeeded" for row in row_of(runs)))

    (row,) = row_of(client.state)
    assert (row.workflow, row.items, row.questions) == ("listed", 30, 0)


def test_a_program_reads_the_stream_line_by_line(attune_server):
    run = start(attune_server.store, ASKING, "curled")
    path = f"/api/runs/{run.run_id}/stream"

    with attune_server.client() as client, client.stream("GET", path) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        lines = (line for line in answer.iter_lines() if line.startswith("data: "))
        first = json.loads(next(lines).removeprefix("data: "))
        run.answer("approve", value=True)
        messages = [json.loads(line.removeprefix("data: ")) for line in lines]

    assert (first["type"], first["status"]) == ("snapshot", "running")
    assert messages[-1]["status"] == "succeeded"


def test_a_client_that_comes_back_gets_what_has_changed(attune_server):
    run = start(attune_server.store, ASKING, "again")
    path = f"/api/runs/{run.run_id}/socket"
    with state_socket(attune_server, path) as client:
        client.until(lambda state: state.asks)
        before = client.state
    run.answer("approve", value=True)

    with state_socket(attune_server, f"{path}?at={before.at}") as client:
        client.state = before
        client.receive_all()

    assert {type(message).__name__ for message in client.messages} == {"Delta"}
    assert client.state.status == "succeeded"


def test_runs_are_listed_page_by_page(attune_server):
    store = attune_server.store
    runs = [start(store, ASKING, f"paged {number}") for number in range(3)]
    ids = [run.run_id for run in reversed(runs)]

    def page(**query):
        query = {"search": "paged", "limit": 2, **query}
        answer = attune_server.get("/api/runs", params=query).json()
        return [row["id"] for row in answer["runs"]], answer["next"]

    first, following = page()
    assert (first, page(before=following)) == (ids[:2], (ids[2:], ""))
    assert page(status="running,paused", attention="true")[0] == ids[:2]
    assert page(workflow="paged 1") == ([ids[1]], "")
    assert page(search=f"PAGED {ids[0]}") == ([ids[0]], "")
    assert page(status="succeeded") == ([], "")
    for run in runs:
        run.answer("approve", value=True)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"limit": 0}, "Expected `int` >= 1 - at `$.limit`"),
        ({"before": "x"}, "`before` must be the `next` of the page before"),
        ({"status": "runing"}, "there is no status `runing` of runs; did you mean `running`?"),
    ],
    ids=["limit", "before", "status"],
)
def test_a_wrong_question_for_runs_is_explained(attune_server, query, message):
    answer = attune_server.get("/api/runs", params=query)
    assert (answer.status_code, message in answer.json()["message"]) == (422, True)


def test_clients_that_never_read_cost_no_memory(tmp_path):
    """40 of them miss 100 changes of 50 KB each: 200 MB, if they were kept. They are dropped."""
    options = ("--jupyter=AttuneApp.tail_every=0.01", "--jupyter=AttuneApp.drop_after=2")
    with ExitStack() as stack:
        server = stack.enter_context(attune_server_in(tmp_path, *options, stand_alone=True))
        run = start(tmp_path / "record.db", MANY_TASKS, "many")
        server.store.parent.mkdir()
        connection = stack.enter_context(closing(sqlite3.connect(server.store)))
        with closing(sqlite3.connect(tmp_path / "record.db")) as record:
            record.backup(connection)
        connection.execute("PRAGMA synchronous = OFF")

        path = f"/api/runs/{run.run_id}/socket"
        for _ in range(40):
            stack.enter_context(closing(open_stuck_socket(server, path)))
        client = stack.enter_context(state_socket(server, path))
        client.until(lambda state: len(state.tasks) == 200)
        process = psutil.Process(server.process.pid)
        memory = process.memory_info().rss

        for retried in range(1, 101):
            change_all_tasks(connection)
            client.until(lambda state, retried=retried: state.tasks[0].retried == retried)
        growth = process.memory_info().rss - memory
        until(lambda: "has read nothing for 2 s" in server.log)
    run.cancel()

    assert len(client.messages) > 100
    assert growth < 40_000_000


def change_all_tasks(connection):
    """Put another event of each of the 200 tasks on record."""
    with connection:
        connection.execute(
            "INSERT INTO events SELECT run, number + (SELECT max(number) FROM events), "
            "'RetriesPlanned', time, task, visit, CAST('{\"count\": 1}' AS BLOB), NULL "
            "FROM events WHERE kind = 'TaskStarted'"
        )


def test_a_quiet_socket_is_pinged_and_a_stop_is_told(tmp_path):
    option = "--jupyter=ServerApp.websocket_ping_interval=4"
    with attune_server_in(tmp_path, option, stand_alone=True) as server:
        run = start(server.store, ASKING, "stopped")
        with state_socket(server, f"/api/runs/{run.run_id}/socket") as client:
            client.receive()
            client.receive_ping()
            server.process.terminate()
            client.receive_all()
    run.cancel()

    assert client.code == 1001

"""Notices about runs that have changed their state."""

import asyncio
import json
import threading

import pytest
from support.item_runs import until
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

import attune_nb as attune
from attune_nb.server.stores import Stores
from attune_nb.server.web.notices import StateWatch
from attune_nb.store.reading import run_of

WAIT = "tasks: [{name: wait, action: wait}]"
ECHO = "tasks: [{name: greet, action: core.echo, input: {message: hi}}]"


@pytest.fixture
def store(tmp_path):
    return tmp_path / "runs.db"


def find_state(watch, run, status):
    """Look until a run has a status, and return that state."""
    states = []

    def is_there():
        states.extend(watch.look())
        return any((state.run, state.status) == (run.run_id, status) for state in states)

    until(is_there)
    assert states.count(states[-1]) == 1
    return states[-1]


def record_run(store):
    """Make a run that is on record with its end."""
    run = attune.loads(ECHO).run(store=store)
    until(lambda: run_of(store, run.run_id).status == "succeeded")
    return run


def test_the_first_look_finds_nothing_new(store, tmp_path):
    record_run(store)
    watch = StateWatch(Stores(tmp_path, store))

    assert watch.look() == []
    assert watch.look() == []


def test_a_new_run_and_its_end_are_found_once(store, tmp_path):
    record_run(store)
    watch = StateWatch(Stores(tmp_path, store))
    watch.look()
    gate = threading.Event()

    run = attune.loads(WAIT, "nightly").run(
        store=store, actions={"wait": lambda: gate.wait(60)}, background=True
    )
    begun = find_state(watch, run, "running")
    assert begun == (run.run_id, "nightly", "running", "")
    assert watch.look() == []

    gate.set()
    run.wait()
    ended = find_state(watch, run, "succeeded")
    assert ended == (run.run_id, "nightly", "succeeded", "")
    assert watch.look() == []


def test_a_store_that_appears_later_is_found(store, tmp_path):
    watch = StateWatch(Stores(tmp_path, store))
    assert watch.look() == []

    run = record_run(store)

    assert find_state(watch, run, "succeeded").workflow == run.workflow.name


def test_a_store_that_is_made_again_is_looked_at_anew(store, tmp_path):
    for _ in range(3):
        record_run(store)
    watch = StateWatch(Stores(tmp_path, store))
    watch.look()
    for suffix in ("", "-wal", "-shm"):
        store.with_name(store.name + suffix).unlink(missing_ok=True)
    assert watch.look() == []

    run = record_run(store)

    assert find_state(watch, run, "succeeded").workflow == run.workflow.name


async def read_event(server, start_run):
    """Subscribe to Jupyter's events, start a run, and return the event of its end."""
    address = f"ws://127.0.0.1:{server.port}/api/events/subscribe"
    request = HTTPRequest(address, headers={"Authorization": f"token {server.token}"})
    socket = await websocket_connect(request)

    run = await asyncio.to_thread(start_run)
    event = {}
    while (event.get("run"), event.get("status")) != (run.run_id, "succeeded"):
        event = json.loads(await socket.read_message())
    socket.close()
    return event


@pytest.mark.slow
def test_other_extensions_of_jupyter_are_notified(attune_server):
    def start_run():
        return attune.loads(ECHO, "noticed").run(store=attune_server.store)

    event = asyncio.run(read_event(attune_server, start_run))

    assert event["schema_id"] == "urn:attune-nb:events:run-state:v1"
    assert (event["workflow"], event["attention"]) == ("noticed", "")

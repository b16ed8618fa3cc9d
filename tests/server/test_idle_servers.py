"""The activity of a server that is stopped when it is idle."""

import pytest
from support.item_runs import until

import attune_nb as attune

pytestmark = pytest.mark.slow

WAIT = """
tasks:
  - name: wait
    action: core.shell
    input: {cmd: sleep 100}
"""
ECHO = "tasks: [{name: greet, action: core.echo, input: {message: hi}}]"


def last_activity(server):
    """Return when something has happened last, as a culler of idle servers reads it."""
    with server.client(base_url=server.origin) as client:
        return client.get("/api/status").json()["last_activity"]


def test_a_page_that_only_looks_is_no_activity(attune_server):
    run = attune.loads(ECHO).run(store=attune_server.store)

    def only_looks():
        before = last_activity(attune_server)
        for path in ("/", f"/runs/{run.run_id}", "/api/runs", f"/api/runs/{run.run_id}"):
            assert attune_server.get(path).status_code == 200
        return last_activity(attune_server) == before

    # a run that another test has started may still be alive
    until(only_looks)
    before = last_activity(attune_server)
    attune_server.post(f"/api/runs/{run.run_id}/commands", {"kind": "cancel"})
    assert last_activity(attune_server) > before


def test_a_started_run_keeps_its_server_from_being_idle(attune_server):
    (attune_server.root / "wait.yaml").write_text(WAIT)
    started = attune_server.post("/api/runs", {"file": "wait.yaml"})
    assert started.status_code == 201, started.text
    run_id = started.json()["run_id"]

    for _ in range(2):
        before = last_activity(attune_server)
        until(lambda before=before: last_activity(attune_server) > before)

    command = {"kind": "cancel", "force": True}
    assert attune_server.post(f"/api/runs/{run_id}/commands", command).status_code == 200
    until(lambda: attune_server.get(f"/api/runs/{run_id}").json()["status"] == "cancelled")

"""Runs that are started, resumed and retried by HTTP."""

import json
from types import SimpleNamespace

import pytest
from support.attune_server import attune_server_in
from support.header_authorizer import ALLOWED
from support.item_runs import until

from attune_nb.server.starts.handlers import AllRunsHandler
from attune_nb.server.web.access import ApiError

pytestmark = pytest.mark.slow

SHIP = """
parameters: {token: {type: string, secret: true, required: true, minLength: 8}}
tasks:
  - name: approve
    action: core.ask
    input: {prompt: "Ship it?", response_schema: {type: boolean}}
"""


def status_of(server, run_id):
    return server.get(f"/api/runs/{run_id}").json()["status"]


def with_key(server, key):
    return {"Authorization": f"token {server.token}", "Idempotency-Key": key}


def test_a_started_run_waits_for_its_answer(attune_server):
    (attune_server.root / "ship.yaml").write_text(SHIP)
    row = attune_server.get("/api/workflows", params={"file": "ship.yaml"}).json()["workflows"][0]
    assert [(entry["name"], entry["is_secret"]) for entry in row["entries"]] == [("token", True)]

    body = {"file": "ship.yaml", "entered": {"token": "open-sesame"}}
    headers = with_key(attune_server, "00000000beef")
    answer = attune_server.post("/api/runs", body, headers=headers)
    assert (answer.status_code, answer.json()) == (
        201,
        {"run_id": "00000000beef", "recorded": True},
    )
    assert answer.headers["Location"] == "/attune/api/runs/00000000beef"
    # a double click
    assert attune_server.post("/api/runs", body, headers=headers).status_code == 200

    run = "/api/runs/00000000beef"
    until(lambda: attune_server.get(run).json()["asks"])
    command = {"kind": "answer", "task": "approve", "value": True}
    assert attune_server.post(f"{run}/commands", command).is_success
    until(lambda: "approve` was answered by" in attune_server.get(f"{run}/log").text)

    log = attune_server.get(f"{run}/log")
    assert log.headers["Content-Type"] == "text/plain; charset=UTF-8"
    place = json.loads(log.headers["X-Attune"])
    assert place == {"offset": 0, "next": place["size"], "size": place["size"]}
    assert attune_server.get(f"{run}/log", params={"offset": place["size"]}).text == ""
    assert "open-sesame" not in log.text + attune_server.log


def test_a_start_that_is_refused_says_why(attune_server):
    (attune_server.root / "ship.yaml").write_text(SHIP)
    (attune_server.root / "broken.yaml").write_text("tasks:\n  - {name: a}\n")

    def refusal(path, body, *, key="00000000feed"):
        answer = attune_server.post(path, body, headers=with_key(attune_server, key))
        return answer.status_code, answer.json()

    missing = {"message": "there is no workflow file `../x.yaml` here"}
    assert refusal("/api/runs", {"file": "../x.yaml"}) == (404, missing)
    assert refusal("/api/runs", {"file": "broken.yaml"}) == (
        422,
        {
            "message": "broken.yaml cannot run: task `a` needs an `action`",
            "problems": [
                {"message": "task `a` needs an `action`", "line": 2, "column": 5},
            ],
        },
    )
    status, error = refusal("/api/runs", {"file": "ship.yaml", "parameters": {"token": "hush"}})
    assert (status, error["problems"][0]["field"]) == (422, "token")
    assert "hush" not in str(error)
    status, error = refusal("/api/runs", {"file": "ship.yaml", "store": "/tmp/x.db"})
    assert (status, "store" in error["message"]) == (422, True)
    status, error = refusal("/api/runs", {"file": "ship.yaml"}, key="../../x")
    assert error["message"].startswith("Idempotency-Key must be the id of the new run")
    assert refusal("/api/runs/ffffffffffff/resume", {})[0] == 404
    assert refusal("/api/runs/ffffffffffff/retry", {})[0] == 404
    assert attune_server.get("/api/runs/ffffffffffff/log").status_code == 404
    assert attune_server.get("/api/workflows", params={"file": "../x.yaml"}).status_code == 404


@pytest.mark.parametrize(
    ("allowed", "reason"),
    [
        ("attune:read", "you may look at runs here, and not start any"),
        ("attune:read attune:execute", "you may look at runs here, and not start any"),
        ("attune:read attune:execute kernels:execute", ""),
    ],
)
def test_the_list_of_workflows_says_who_may_start_them(attune_server, allowed, reason):
    with attune_server.client() as client:
        reply = client.get("/api/workflows", headers={ALLOWED: allowed}).json()
    assert (reply["can_start"], reply["reason"]) == (not reason, reason)


def test_a_server_that_starts_no_runs_says_how_to_change_that():
    handler = SimpleNamespace(settings={"attune_allow_start": False})
    with pytest.raises(ApiError) as caught:
        AllRunsHandler.starter.fget(handler)
    assert caught.value.status_code == 403
    assert "attune-nb serve --allow-start" in caught.value.reply.message


ACTIONS = """
import time
from pathlib import Path

def wait_for(path):
    while not Path(path).exists():
        time.sleep(0.02)
"""
WAIT = """
parameters: {path: {type: string, required: true}}
tasks: [{name: wait, action: wait_for, input: {path: "{{ parameters.path }}"}}]
"""


def test_a_run_goes_on_while_its_server_begins_again(tmp_path):
    """The server is killed; a new one shows the run, counts it, cancels it, and retries it."""
    actions = tmp_path / "waits.py"
    actions.write_text(ACTIONS)
    options = ("--allow-start", "--actions", str(actions), "--jupyter", "AttuneApp.most_started=1")
    with attune_server_in(tmp_path, *options, stand_alone=True) as server:
        (server.root / "wait.yaml").write_text(WAIT)
        body = {"file": "wait.yaml", "parameters": {"path": str(tmp_path / "gate")}}
        headers = with_key(server, "0000feedbeef")
        run_id = server.post("/api/runs", body, headers=headers).json()["run_id"]
        server.kill()

        server.start()
        assert status_of(server, run_id) == "running"
        # the answer got lost with the server, and the page asks again
        again = server.post("/api/runs", body, headers=headers)
        assert (again.status_code, again.json()["run_id"]) == (200, run_id)
        refusal = server.post("/api/runs", body)
        assert refusal.status_code == 429
        assert "c.AttuneApp.most_started" in refusal.json()["message"]

        command = {"kind": "cancel", "force": True}
        assert server.post(f"/api/runs/{run_id}/commands", command).is_success
        until(lambda: status_of(server, run_id) == "cancelled")

        (tmp_path / "gate").touch()
        headers = with_key(server, "0000feedcafe")
        retry = f"/api/runs/{run_id}/retry"
        # the process of the cancelled run may still be alive, and one is the most
        until(lambda: server.post(retry, headers=headers).is_success)
        until(lambda: status_of(server, "0000feedcafe") == "succeeded")
        kind = server.get("/api/runs/0000feedcafe").json()["kind"]
        assert kind == f"retry of {run_id}"

"""Commands sent by HTTP to runs of another process."""

import signal
import subprocess
import sys
import threading

import pytest
from support.item_runs import until

import attune_nb as attune
from attune_nb.store.reading import has_run, run_of, runs_in

pytestmark = pytest.mark.slow

ASK = """
tasks:
  - name: approve
    action: core.ask
    input: {prompt: Ship it?, response_schema: {type: boolean}}
"""
WAIT = "tasks: [{name: wait, action: wait}]"
ECHO = "tasks: [{name: greet, action: core.echo, input: {message: hi}}]"


@pytest.fixture
def started(attune_server):
    """Return a function that starts a run in this process, on record in the server's store."""
    runs = []

    def start(text, **options):
        run = attune.loads(text).run(store=attune_server.store, background=True, **options)
        runs.append(run)
        until(lambda: has_run(attune_server.store, run.run_id))
        return run

    yield start
    for run in runs:
        run.cancel(force=True)
        run.wait()


def post(server, run, **command):
    return server.post(f"/api/runs/{run.run_id}/commands", command)


def test_a_run_is_paused_resumed_and_cancelled(attune_server, started):
    gate = threading.Event()
    run = started(WAIT, actions={"wait": lambda: gate.wait(60)})

    reason = {"reason": "the wrong file"}
    for kind, fields in (("pause", {}), ("resume", {}), ("cancel", reason)):
        answer = post(attune_server, run, kind=kind, **fields)
        assert answer.status_code == 200, answer.text
        assert answer.json()["outcome"] == "done"

        number = answer.json()["command"]
        again = attune_server.get(f"/api/runs/{run.run_id}/commands/{number}")
        assert again.json() == {"command": number, "outcome": "done"}

    until(lambda: run.status == "cancelling")
    gate.set()
    run.wait()
    assert run.status == "cancelled"
    assert "the wrong file" in run.error
    answer = post(attune_server, run, kind="cancel")
    assert answer.status_code == 409
    assert answer.json() == {"message": f"run {run.run_id} was cancelled", "reason": "ended"}


def test_a_question_is_answered(attune_server, started):
    run = started(ASK)
    until(lambda: run_of(attune_server.store, run.run_id).questions)

    misfit = post(attune_server, run, kind="answer", task="approve", value="yes")
    assert misfit.status_code == 422
    message = "the answer must be a boolean, not a string"
    assert misfit.json() == {
        "message": message,
        "problems": [{"message": message, "field": "approve"}],
    }

    answer = post(attune_server, run, kind="answer", task="approve", value=True)
    assert answer.status_code == 200, answer.text
    run.wait()
    assert run.result("approve") == {"response": True}
    # with a token the user has a random name
    assert run.answers["by"][0].startswith("Anonymous ")


def test_an_answer_is_made_of_what_a_form_has(attune_server, started):
    """A page sends texts, so that a large integer is not rounded by a browser."""
    run = started(ASK.replace("type: boolean", "type: integer"))
    until(lambda: run_of(attune_server.store, run.run_id).questions)

    answer = post(attune_server, run, kind="answer", task="approve", entered={"answer": "many"})
    assert answer.status_code == 422
    assert answer.json()["problems"] == [
        {"message": "`answer` must be an integer, not `many`", "field": "answer"}
    ]
    number = {"answer": "9007199254740993"}
    answer = post(attune_server, run, kind="answer", task="approve", visit=1, entered=number)
    assert answer.json()["outcome"] == "done"
    run.wait()
    assert run.result("approve")["response"] == 9007199254740993


def test_the_wrong_task_is_refused_by_the_run(attune_server, started):
    run = started(ASK)

    answer = post(attune_server, run, kind="answer", task="other", value=True)

    assert answer.status_code == 409
    assert answer.json()["reason"] == "refused"
    assert "task `other` has no open question" in answer.json()["message"]


def test_what_does_not_fit_is_quoted_to_its_sender_alone(attune_server, started):
    run = started(ASK.replace("{type: boolean}", "{enum: [small, large]}"))
    until(lambda: run_of(attune_server.store, run.run_id).questions)

    answer = post(attune_server, run, kind="answer", task="approve", value="tr0ub4dor")

    assert answer.status_code == 422
    assert "'tr0ub4dor' is not one of" in answer.json()["message"]
    assert "what was sent cannot be used" in attune_server.log
    assert "tr0ub4dor" not in attune_server.log


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"kind: cancel", 400, "the body of the request is no JSON: "),
        (b"[]", 422, "the body of the request: Expected `object`, got `array`"),
        (b"{}", 422, "the body of the request: Object missing required field `kind`"),
        (b'{"kind": "stop"}', 422, "the body of the request: Invalid value 'stop' - at `$.kind`"),
        (
            b'{"kind": "cancel", "forse": true}',
            422,
            "the body of the request: Object contains unknown field `forse`",
        ),
        (
            b'{"kind": "rerun", "task": 1}',
            422,
            "the body of the request: Expected `str`, got `int` - at `$.task`",
        ),
        (
            b'{"kind": "answer", "task": "x"}',
            422,
            "the body of the request: it needs either `value` or `entered`",
        ),
        (
            b'{"kind": "accept", "task": "x", "result": 1, "entered": "1"}',
            422,
            "the body of the request: it needs either `result` or `entered`",
        ),
        (b'"' + b"x" * 10_000_000 + b'"', 413, "the body of the request is larger than 10,000,000"),
        (
            b'{"kind": "answer", "task": "a", "value": ' + b"[" * 100_000,
            422,
            "the body of the request is nested too deep",
        ),
    ],
    ids=["no JSON", "array", "empty", "kind", "field", "type", "value", "result", "size", "depth"],
)
def test_a_wrong_body_is_refused(attune_server, body, status, message):
    path = f"/api/runs/{'0' * 12}/commands"
    with attune_server.client() as client:
        answer = client.post(path, content=body)

    assert answer.status_code == status
    assert answer.json()["message"].startswith(message)


def test_there_is_no_such_run(attune_server):
    attune.loads(ECHO).run(store=attune_server.store)
    path = f"/api/runs/{'0' * 12}/commands"

    answer = attune_server.post(path, {"kind": "cancel"})
    assert answer.status_code == 404
    assert answer.json() == {"message": "there is no run 000000000000"}
    assert attune_server.get(f"{path}/1").status_code == 404


def test_a_command_of_another_run_is_not_shown(attune_server, started):
    run = started(ASK)
    second_run = attune.loads(ECHO).run(store=attune_server.store)
    number = post(attune_server, run, kind="pause").json()["command"]

    answer = attune_server.get(f"/api/runs/{second_run.run_id}/commands/{number}")

    assert answer.status_code == 404
    assert answer.json()["message"].startswith(f"run {second_run.run_id} has no command {number}")


def test_a_stopped_process_is_not_waited_for(attune_server):
    """The command is accepted, and carried out once the process goes on."""
    code = f"""
import time
import attune_nb
attune_nb.loads({WAIT!r}, "stopped").run(
    store={str(attune_server.store)!r}, actions={{"wait": lambda: time.sleep(100)}}
)
"""
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL) as process:
        until(lambda: find_run(attune_server.store, "stopped"))
        run = find_run(attune_server.store, "stopped")
        process.send_signal(signal.SIGSTOP)

        path = f"/api/runs/{run.run_id}/commands"
        answer = attune_server.post(path, {"kind": "cancel", "force": True})
        assert answer.status_code == 202
        command = answer.json()
        assert command["outcome"] is None

        process.send_signal(signal.SIGCONT)
        reply = {"command": command["command"], "outcome": "done"}
        until(lambda: attune_server.get(f"{path}/{command['command']}").json() == reply)


def find_run(store, workflow):
    """Return the run of a workflow that is on record, or None."""
    if not store.exists():
        return None
    runs = [run for run in runs_in(store) if run.workflow == workflow]
    return runs[0] if runs else None

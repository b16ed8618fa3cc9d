"""`attune-nb resume`."""

import json
import os
import subprocess
import time

import pytest
from support.command_line import attune, attune_command, attune_here

import attune_nb

pytestmark = pytest.mark.slow


SLOW = """
parameters: {key: {secret: true}}
tasks:
  - name: work
    action: slow_actions:work
    with_items: "{{ range(200) }}"
    input: {n: "{{ item }}", key: "{{ parameters.key }}"}
output_map: {sum: "{{ task.work.result | sum }}"}
"""


ACTIONS = """
import time
def work(n, key):
    assert key == "open-sesame"
    time.sleep(0.02)
    return n
"""


def test_a_run_whose_process_was_killed_is_resumed(tmp_path):
    (tmp_path / "slow.yaml").write_text(SLOW)
    (tmp_path / "slow_actions.py").write_text(ACTIONS)
    store = tmp_path / "runs.db"
    environment = {**os.environ, "ATTUNE_NB_STORE": str(store)}
    secret = ["--set", "key=open-sesame"]

    command = attune_command("run", "slow.yaml", "--allow-imports", *secret)
    child = subprocess.Popen(command, cwd=tmp_path, env=environment)
    while not store.exists() or not attune_nb.runs(store)["items"].sum():
        time.sleep(0.05)
    child.kill()
    child.wait()
    (run_id,) = attune_nb.runs(store)["run_id"]

    def attune_here(*arguments):
        return attune(*arguments, cwd=tmp_path, env=environment)

    assert "interrupted" in attune_here("runs").stdout

    # the record itself may not allow imports
    refused = attune_here("resume", run_id, *secret)
    assert refused.returncode == 2
    assert "would be imported; allow that" in refused.stderr

    refused = attune_here("resume", run_id, "--allow-imports")
    assert refused.returncode == 2
    assert "does not hold the secret parameter `key`; pass it again" in refused.stderr

    # worker processes import from the current folder, too
    processes = ["--backend", "processes", "--workers", "2"]
    resumed = attune_here("resume", run_id[:6], "--json", "--allow-imports", *processes, *secret)
    assert resumed.returncode == 0, resumed.stderr
    assert json.loads(resumed.stdout)["output"] == {"sum": sum(range(200))}

    refused = attune_here("resume", run_id, *secret)
    assert refused.returncode == 2
    assert "there is nothing to resume" in refused.stderr


def test_without_an_id_the_last_interrupted_run_is_resumed(tmp_path, monkeypatch):
    monkeypatch.setenv("ATTUNE_NB_STORE", str(tmp_path / "runs.db"))
    file = tmp_path / "ask.yaml"
    file.write_text("tasks: [{name: ask, action: core.ask, input: {prompt: Go on?}}]")
    paused = attune("run", str(file), "--json", stdin=subprocess.DEVNULL)
    run_id = json.loads(paused.stdout)["run_id"]
    finished = attune_nb.loads("tasks: [{name: a, action: core.noop}]").run(progress=False)
    assert attune_nb.runs()["run_id"][0] == finished.run_id

    resumed = attune_here("resume", "--answer", "ask=yes", "--json")
    assert json.loads(resumed.stdout)["run_id"] == run_id

    nothing_left = attune_here("resume")
    assert nothing_left.exit_code == 2
    assert nothing_left.stderr == (
        "no run on record was interrupted; `attune-nb runs` lists the runs\n"
    )

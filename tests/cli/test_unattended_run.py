"""The questions of a workflow that nobody watches: no terminal, or answers given in advance."""

import json
import os
import subprocess

import pytest
from support.command_line import attune

pytestmark = pytest.mark.slow

ASK = """
tasks:
  - name: approve
    action: core.ask
    input: {prompt: May it go?, response_schema: {type: boolean}}
    next: [{when: "{{ task.approve.response == true }}", do: ship}]
  - {name: ship, action: core.echo, input: {message: shipped}}
output_map: {answer: "{{ task.approve.response }}"}
"""


@pytest.fixture
def ask(tmp_path):
    """The file of a workflow that asks."""
    path = tmp_path / "ask.yaml"
    path.write_text(ASK)
    return path


def outcome_of(process):
    """Return what `--json` printed."""
    return json.loads(process.stdout)


def own_store():
    """Return the environment without the variable that names a store."""
    return {name: value for name, value in os.environ.items() if name != "ATTUNE_NB_STORE"}


def test_without_a_terminal_the_run_pauses_with_advice(ask, tmp_path):
    process = attune(
        "run", str(ask), "--json", cwd=tmp_path, stdin=subprocess.DEVNULL, env=own_store()
    )
    outcome = outcome_of(process)
    assert process.returncode == 3
    assert outcome["status"] == "paused"
    assert "task `approve` asks: May it go?" in process.stderr
    command = f"attune-nb resume {outcome['run_id']} --answer approve=true"
    assert f"`{command}`" in process.stderr

    resumed = attune(*command.split()[1:], "--json", cwd=tmp_path, env=own_store())
    assert resumed.returncode == 0, resumed.stderr
    assert outcome_of(resumed)["run_id"] == outcome["run_id"]
    assert outcome_of(resumed)["output"] == {"answer": True}


def test_other_branches_end_before_the_run_pauses(tmp_path):
    path = tmp_path / "two.yaml"
    done = tmp_path / "done"
    path.write_text(
        ASK.replace(
            "output_map",
            f"""
  - {{name: work, action: core.shell, input: {{cmd: "sleep 0.5; touch '{done}'"}}}}
output_map""",
        )
    )
    process = attune("run", str(path), stdin=subprocess.DEVNULL)

    assert process.returncode == 3
    assert done.exists()


def test_a_run_without_a_record_is_to_be_run_again(ask):
    process = attune("run", str(ask), "--store", "none", stdin=subprocess.DEVNULL)

    assert process.returncode == 3
    assert "It has no record (the store is `none`)" in process.stderr
    assert "run it again with --answer approve=true" in process.stderr


@pytest.mark.parametrize("word", ["true", "yes", "y", "True"])
def test_an_answer_is_given_in_advance(ask, word):
    process = attune("run", str(ask), "--answer", f"approve={word}", "--json")

    assert process.returncode == 0, process.stderr
    assert outcome_of(process)["output"] == {"answer": True}


def test_answers_stand_in_a_file(ask, tmp_path):
    file = tmp_path / "answers.yaml"
    file.write_text("approve: no\n")
    process = attune("run", str(ask), "--answer", str(file), "--json")

    assert outcome_of(process)["output"] == {"answer": False}


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("ship=1", "--answer `ship`: the task asks no question; tasks that ask: `approve`"),
        ("aprove=true", "--answer `aprove`: there is no such task; did you mean `approve`?"),
        ("approve=perhaps", "--answer `approve`: the answer must be a boolean, not a string"),
        ("approve", "--answer takes TASK=VALUE or a file (.yaml, .yml, .json), and one is neither"),
        ("none.yaml", "--answer: cannot read `none.yaml`: No such file or directory"),
    ],
)
def test_an_unusable_answer_is_refused_before_the_run(ask, tmp_path, option, message):
    process = attune("run", str(ask), "--store", str(tmp_path / "s.db"), "--answer", option)

    assert process.returncode == 2
    assert message in process.stderr
    assert not (tmp_path / "s.db").exists()


def test_a_misfit_is_refused_before_the_resume(ask, tmp_path):
    store = str(tmp_path / "s.db")
    process = attune("run", str(ask), "--store", store, "--json", stdin=subprocess.DEVNULL)
    run_id = outcome_of(process)["run_id"]

    refused = attune("resume", run_id, "--store", store, "--answer", "approve=perhaps")
    assert refused.returncode == 2
    assert "--answer `approve`: the answer must be a boolean, not a string" in refused.stderr

    resumed = attune("resume", run_id, "--store", store, "--answer", "approve=no", "--json")
    assert outcome_of(resumed)["output"] == {"answer": False}


def test_a_secret_answer_is_passed_again_to_resume(tmp_path):
    path = tmp_path / "login.yaml"
    path.write_text("""
tasks:
  - name: login
    action: core.ask
    input: {prompt: Your password?, response_schema: {type: string, format: password}}
    next: [{do: check}]
  - {name: check, action: core.ask, input: {prompt: Go on?}, next: [{do: use}]}
  - {name: use, action: core.shell, input: {argv: [test, "{{ task.login.response }}", "=", xyzzy]}}
""")
    store = ["--store", str(tmp_path / "s.db")]
    process = attune(
        "run", str(path), *store, "--answer", "login=xyzzy", "--json", stdin=subprocess.DEVNULL
    )
    assert process.returncode == 3
    run_id = outcome_of(process)["run_id"]

    refused = attune("resume", run_id, *store, "--answer", "check=yes")
    assert refused.returncode == 2
    assert "does not hold the secret answer to `login`; pass it again" in refused.stderr

    resumed = attune("resume", run_id, *store, "--answer", "check=yes", "--answer", "login=xyzzy")
    assert resumed.returncode == 0, resumed.stderr


def test_a_timeout_that_the_workflow_handles_is_waited_for(tmp_path):
    path = tmp_path / "ask.yaml"
    path.write_text("""
tasks:
  - name: approve
    action: core.ask
    timeout: 1.2
    input: {prompt: May it go?}
    next: [{when: "{{ timed_out() }}", do: noop}]
""")
    process = attune("run", str(path), "--json", stdin=subprocess.DEVNULL)

    assert outcome_of(process)["status"] == "succeeded"
    assert "nobody can answer here, so the workflow goes on when it times out" in process.stderr

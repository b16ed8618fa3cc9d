"""`--actions FILE.py`: the functions of a Python file as actions."""

import json
import os
import re
import subprocess
import sys

import pytest
from support.command_line import attune, attune_here

pytestmark = pytest.mark.slow

WORKFLOW = """
parameters: {servers: {type: array, required: true}}
tasks:
  - name: check
    action: check_server
    with_items: "{{ parameters.servers }}"
    input: {server: "{{ item }}"}
    next: [{do: restart}]
  - {name: restart, action: restart, input: {servers: "{{ task.check.result }}"}}
output_map: {restarted: "{{ task.restart.result }}"}
"""
ACTIONS = """
import attune_nb as attune
from sizes import size_of

LIMIT = 3

class Down(Exception):
    pass

def check_server(server):
    if size_of(server) > LIMIT:
        raise Down(f"{server} is too long")
    return server.upper()

@attune.action("ops.restart")
def restart(servers):
    return servers
"""
PLAIN_ACTIONS = """
def check_server(server):
    return server

def restart(servers):
    return servers
"""


@pytest.fixture
def folder(tmp_path):
    """Return a folder with a workflow, its actions and a module that these import."""
    (tmp_path / "health.yaml").write_text(WORKFLOW)
    (tmp_path / "health.py").write_text(ACTIONS)
    (tmp_path / "plain.py").write_text(
        "def check_server(server): pass\ndef restart(servers): pass\n"
    )
    (tmp_path / "sizes.py").write_text("def size_of(server):\n    return len(server)\n")
    return tmp_path


@pytest.mark.parametrize("backend", ["threads", "processes", "dask"])
def test_functions_of_a_file_are_actions(folder, backend):
    # the name that `@attune.action` registered
    (folder / "health.yaml").write_text(WORKFLOW.replace("action: restart", "action: ops.restart"))
    placement = ["--backend", backend, "--workers", "1"]
    servers = ["--set", "servers=['web', 'db']"]
    process = attune(
        "run", "health.yaml", "--actions", "health.py", *servers, *placement, "--json", cwd=folder
    )
    assert process.returncode == 0, process.stderr
    assert json.loads(process.stdout)["output"] == {"restarted": ["WEB", "DB"]}


def test_an_error_of_a_function_arrives_from_another_process(folder):
    """The error's class is defined in the file, which no worker can import."""
    processes = ["--backend", "processes", "--workers", "1", "--set", "servers=['too long']"]
    process = attune("run", "health.yaml", "--actions", "health.py", *processes, cwd=folder)
    assert process.returncode == 0, process.stderr
    error = {"error": "too long is too long", "error_type": "Down"}
    assert f"output: {json.dumps({'restarted': [error]})}\n" in process.stdout


def test_check_knows_the_functions_of_a_file(folder, monkeypatch):
    monkeypatch.chdir(folder)
    missing = attune_here("check", "health.yaml")
    assert missing.exit_code == 2
    assert "there is no action `check_server`" in missing.stderr
    assert "--actions FILE.py" in missing.stderr

    outcome = attune_here("check", "health.yaml", "--actions", "plain.py")
    assert outcome.exit_code == 0
    assert outcome.stdout == "health.yaml: no errors\n"


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("nothing.py", None, "--actions: cannot read `nothing.py`: No such file or directory\n"),
        ("health.yaml", WORKFLOW, "--actions takes a Python file (.py), not `health.yaml`\n"),
        (
            "bad.py",
            "import os\n\nx = os.environ['NO_SUCH']\n",
            "--actions bad.py, line 3: KeyError: 'NO_SUCH'\n    3 | x = os.environ['NO_SUCH']\n",
        ),
        (
            "bad.py",
            "def check(:\n    pass\n",
            "--actions bad.py, line 1: SyntaxError: invalid syntax\n    1 | def check(:\n",
        ),
        ("bad.py", "exit(3)", "--actions bad.py, line 1: SystemExit: 3\n    1 | exit(3)\n"),
        (
            "bad.py",
            "from missing_module import x\n",
            (
                "--actions bad.py, line 1: ModuleNotFoundError: No module named 'missing_module'\n"
                "    1 | from missing_module import x\n"
            ),
        ),
    ],
    ids=["missing", "not Python", "an error", "a syntax error", "an exit", "a missing module"],
)
def test_a_file_that_fails_is_shown_with_its_line(folder, monkeypatch, file, text, message):
    if text is not None:
        (folder / file).write_text(text)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [*sys.path])

    outcome = attune_here("run", "health.yaml", "--actions", file, "--set", "servers=[]")
    assert outcome.exit_code == 2
    assert outcome.stderr == message


def test_two_files_with_the_same_action_are_refused(folder):
    (folder / "more.py").write_text("def check_server(server): pass\n")
    process = attune(
        "check", "health.yaml", "--actions", "plain.py", "--actions", "more.py", cwd=folder
    )
    assert process.returncode == 2
    assert process.stderr == "--actions: both plain.py and more.py define `check_server`\n"


def test_a_file_named_like_a_module_replaces_none(folder):
    (folder / "json.py").write_text(ACTIONS)
    process = attune(
        "run", "health.yaml", "--actions", "json.py", "--set", "servers=[]", "--json", cwd=folder
    )
    assert process.returncode == 0, process.stderr


def test_the_command_that_continues_names_the_file_again(folder):
    (folder / "ask.yaml").write_text(
        "tasks:\n"
        "  - {name: ask, action: core.ask, input: {prompt: Go on?}, next: [{do: restart}]}\n"
        "  - {name: restart, action: restart, input: {servers: [1]}}\n"
    )
    environment = {**os.environ, "ATTUNE_NB_STORE": "runs.db"}
    place = {"cwd": folder, "env": environment, "stdin": subprocess.DEVNULL}
    secrets = ["--secret-env", "key=HOME", "--keystore", "{'other': 'open-sesame'}"]

    paused = attune("run", "ask.yaml", "--actions", "plain.py", *secrets, **place)
    assert paused.returncode == 3
    command = re.search("`attune-nb (.*)`", paused.stderr)[1]
    assert "--actions plain.py --secret-env key=HOME --answer ask=TEXT" in command
    assert "open-sesame" not in paused.stderr + paused.stdout

    resumed = attune(*command.split(), "--keystore", "{'other': 'open-sesame'}", **place)
    assert resumed.returncode == 0, resumed.stderr

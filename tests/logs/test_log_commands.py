"""`attune-nb logs`, `--logs` and `--follow`: the lines of a run as text, in a shell."""

import json
import subprocess
import sys

import pytest
from support.command_line import attune_command, attune_here
from support.item_runs import until

import attune_nb

ACTIONS = """
import logging, sys

def speak(x):
    print("item", x)
    if x == 1:
        logging.getLogger("speaker").warning("careful with %s", x)
"""
WORKFLOW = """
tasks:
  - name: say
    action: speak
    with_items: [0, 1, 2]
    concurrency: 1
    input: {x: "{{ item }}"}
"""
LINES = ["say[0] | item 0", "say[1] | item 1", "say[1] WARNING | careful with 1", "say[2] | item 2"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return the current folder, with a workflow, its actions, and a store."""
    (tmp_path / "acts.py").write_text(ACTIONS)
    (tmp_path / "say.yaml").write_text(WORKFLOW)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ATTUNE_NB_STORE", str(tmp_path / "runs.db"))
    return tmp_path


def run_here(*options):
    """Run the workflow, and return the outcome of the command."""
    outcome = attune_here("run", "say.yaml", "--actions", "acts.py", *options)
    assert outcome.exit_code == 0, outcome.output
    return outcome


def without_dates(text):
    """Return the lines of a text without the dates before them."""
    return [line.split(" ", 2)[2] for line in text.splitlines()]


def test_run_prints_each_line_with_its_task(folder):
    outcome = run_here()
    printed = [line for line in LINES if "WARNING" not in line]
    assert outcome.stdout.splitlines()[:3] == printed
    assert outcome.stderr.splitlines() == [LINES[2]]


def test_with_json_standard_output_has_the_outcome_alone(folder):
    outcome = run_here("--json")
    assert json.loads(outcome.stdout)["status"] == "succeeded"
    assert outcome.stderr.splitlines() == LINES


@pytest.mark.parametrize(
    ("limit", "shown"),
    [
        pytest.param("none", [], id="none"),
        pytest.param("all", LINES, id="all"),
        pytest.param("1", [LINES[0], "3 more lines: `attune-nb logs` prints them"], id="number"),
    ],
)
def test_an_option_limits_the_lines(folder, limit, shown):
    assert run_here("--json", "--logs", limit).stderr.splitlines() == shown


def test_a_limit_that_is_none_is_refused_before_the_run(folder):
    outcome = attune_here("run", "say.yaml", "--actions", "acts.py", "--logs", "some")
    assert outcome.exit_code == 2
    assert '`logs` must be "all", "none" or a number of lines, not the string `some`' in (
        outcome.stderr
    )
    assert not (folder / "runs.db").exists()


def test_logs_prints_the_lines_on_record(folder):
    run_here()
    outcome = attune_here("logs")
    assert (outcome.exit_code, without_dates(outcome.stdout)) == (0, LINES)


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        pytest.param(["say", "--index", "1"], LINES[1:3], id="item"),
        pytest.param(["--level", "warning"], LINES[2:3], id="level"),
        pytest.param(["--tail", "1"], LINES[3:], id="tail"),
        pytest.param(["--attempt", "1", "--level", "stdout", "--tail", "2"], LINES[1::2], id="all"),
    ],
)
def test_logs_selects_lines(folder, words, shown):
    run_here()
    run_id = attune_nb.last_run().run_id
    assert without_dates(attune_here("logs", run_id, *words).stdout) == shown


def test_logs_says_why_there_are_no_lines(folder):
    run_here()
    outcome = attune_here("logs", attune_nb.last_run().run_id, "--level", "error")
    assert (outcome.exit_code, outcome.stdout) == (0, "")
    assert "none of its 4 log lines is of level ERROR or above" in outcome.stderr


def test_a_task_that_does_not_exist_is_named(folder):
    run_here()
    outcome = attune_here("logs", attune_nb.last_run().run_id, "sya")
    assert outcome.exit_code == 2
    assert "there is no task `sya`; did you mean `say`?" in outcome.stderr


SLOW_ACTIONS = """
import pathlib, time

def speak(x):
    print("item", x, flush=True)
    while x == 1 and not pathlib.Path("go").exists():
        time.sleep(0.01)
    assert x < 2
"""


def test_follow_prints_lines_until_the_run_ends(folder):
    """Of a run of another process. The status of the command is that of the run, which fails."""
    (folder / "acts.py").write_text(SLOW_ACTIONS)
    command = attune_command("run", "say.yaml", "--actions", "acts.py", "--logs", "none")
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as runner:
        until(lambda: (folder / "runs.db").exists() and len(attune_nb.runs()) == 1)
        follower = subprocess.Popen(
            attune_command("logs", "--follow"), stdout=subprocess.PIPE, text=True
        )
        before = follower.stdout.readline() + follower.stdout.readline()
        (folder / "go").touch()
        after, _ = follower.communicate(timeout=60)

    assert runner.returncode == 1
    assert follower.returncode == 1
    assert without_dates(before + after) == [
        "say[0] | item 0",
        "say[1] | item 1",
        "say[2] | item 2",
    ]


def test_a_program_prints_the_lines_of_its_run(folder):
    script = f"import attune_nb, acts; attune_nb.loads({WORKFLOW!r}).run("
    script += "actions={'speak': acts.speak})"
    outcome = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert outcome.stdout.splitlines() == [line for line in LINES if "WARNING" not in line]
    assert outcome.stderr.splitlines() == [LINES[2]]

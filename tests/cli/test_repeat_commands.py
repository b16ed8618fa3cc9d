"""`attune-nb retry` and `fork`: a part of a run on record is run again."""

import json
import sys

import pytest
from support.command_line import attune_here

import attune_nb

pytestmark = pytest.mark.slow

WORKFLOW = """
parameters: {unit: {type: string, default: kg}}
tasks:
  - name: weigh
    action: weigh
    with_items: [1, 2, 3]
    input: {n: "{{ item }}"}
    next: [{when: "{{ succeeded() }}", do: add}]
  - {name: add, action: core.echo, input: {message: "{{ task.weigh.result | sum }}"}}
output_map: {sum: "{{ task.add.result.message }} {{ parameters.unit }}"}
"""
BROKEN = """
def weigh(n):
    with open("calls.txt", "a") as calls:
        calls.write(f"{n} ")
    if n == 2:
        raise OSError("the scales are off")
    return n * 10
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder with a run on record whose second item failed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ATTUNE_NB_STORE", "runs.db")
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "scales.yaml").write_text(WORKFLOW)
    (tmp_path / "scales.py").write_text(BROKEN)
    failed = attune_here("run", "scales.yaml", "--actions", "scales.py")
    assert failed.exit_code == 1

    (tmp_path / "scales.py").write_text(BROKEN.replace("n == 2", "n == 99"))
    (tmp_path / "calls.txt").unlink()
    return tmp_path


def test_only_what_failed_runs_again(folder):
    outcome = attune_here("retry", "--actions", "scales.py", "--json")
    assert outcome.exit_code == 0, outcome.stderr
    assert json.loads(outcome.stdout)["output"] == {"sum": "60 kg"}
    assert (folder / "calls.txt").read_text() == "2 "


def test_a_fork_begins_at_a_task(folder):
    attune_here("retry", "--actions", "scales.py")
    (folder / "calls.txt").unlink()
    run_id = attune_nb.runs()["run_id"][0]

    words = ["--from", "add", "--set", "unit=lb", "--actions", "scales.py"]
    outcome = attune_here("fork", run_id[:6], *words, "--json")
    assert json.loads(outcome.stdout)["output"] == {"sum": "60 lb"}
    assert not (folder / "calls.txt").exists()


def test_a_failed_run_says_how_to_retry_it():
    failed = attune_here("retry", "--mock", "weigh=OSError('still off')", "--no-progress")
    run_id = attune_nb.runs()["run_id"][0]
    assert failed.exit_code == 1
    assert failed.stderr == f"`attune-nb retry {run_id}` runs what failed again\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["retry"], "there is no action `weigh`"),
        (["retry", "none"], "there is no run `none`"),
        (["retry", "--store", "empty.db"], "there is no store at empty.db"),
        (["retry", "--actions", "scales.py", "--set", "x=1"], "there is no parameter `x`"),
        (["fork", "none"], "Missing option '--from'"),
        (["fork", "none", "--from", "add"], "there is no run `none`"),
        (
            ["retry", "--actions", "scales.py", "--workers", "0"],
            "`workers` must be an integer of 1 or more, not the integer `0`",
        ),
        (
            ["retry", "--actions", "scales.py", "--concurrency", "0"],
            "`concurrency` must be an integer of 1 or more, not the integer `0`",
        ),
    ],
)
def test_wrong_usage_is_refused(words, message):
    outcome = attune_here(*words)
    assert outcome.exit_code == 2
    assert message in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_an_unknown_task_is_refused_with_the_nearest():
    run_id = attune_nb.runs()["run_id"][0]
    outcome = attune_here("fork", run_id, "--from", "ad", "--actions", "scales.py")
    assert outcome.exit_code == 2
    assert outcome.stderr == "there is no task `ad`; did you mean `add`?\n"

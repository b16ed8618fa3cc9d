"""`attune-nb run --debug`: `breakpoint()` in an action stops in the terminal."""

from contextlib import contextmanager

import pexpect
import pytest
from support.command_line import attune_command, attune_here

pytestmark = pytest.mark.slow

WORKFLOW = """
tasks: [{name: a, action: act, with_items: [21, 22], input: {x: "{{ item }}"}}]
output_map: {r: "{{ task.a.result }}"}
"""
ACTIONS = """
def act(x):
    y = x * 2
    breakpoint()
    return y
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "stops.yaml").write_text(WORKFLOW)
    (tmp_path / "stops.py").write_text(ACTIONS)
    return tmp_path


@contextmanager
def terminal(folder, *options):
    """Run the workflow in a terminal until it stops for the first time."""
    command = attune_command("run", "stops.yaml", "--actions", "stops.py", *options)
    child = pexpect.spawn(command[0], command[1:], cwd=folder, encoding="utf-8", timeout=60)
    try:
        child.expect_exact("(Pdb) ")
        yield child
    finally:
        child.close(force=True)


def test_a_breakpoint_stops(folder):
    with terminal(folder, "--debug") as child:
        child.sendline("print('y is', y)")
        child.expect_exact("y is 42")
        child.sendline("c")
        child.expect_exact("(Pdb) ")
        # the debugger can change a variable
        child.sendline("y = 5")
        child.sendline("c")
        child.expect(pexpect.EOF)
        assert '{"r": [42, 5]}' in child.before
        assert child.wait() == 0


def test_quitting_the_debugger_cancels_the_run(folder):
    with terminal(folder, "--debug") as child:
        child.sendline("q")
        child.expect(pexpect.EOF)
        assert "stops: cancelled" in child.before
        assert child.wait() == 130


def test_without_debug_a_breakpoint_is_passed_and_says_so(folder, monkeypatch):
    monkeypatch.chdir(folder)
    outcome = attune_here("run", "stops.yaml", "--actions", "stops.py")
    assert outcome.exit_code == 0
    assert '{"r": [42, 44]}' in outcome.stdout
    assert outcome.stderr.count("breakpoint() in `act`, line 4, did not stop") == 1
    assert "run with `--debug` to stop there" in outcome.stderr


def test_no_other_backend_can_be_debugged(folder, monkeypatch):
    monkeypatch.chdir(folder)
    outcome = attune_here("run", "stops.yaml", "--debug", "--backend", "dask")
    assert outcome.exit_code == 2
    assert outcome.stderr == (
        "--debug runs the workflow inline, in this thread: remove `--backend dask`\n"
    )


def test_a_terminal_can_do_without_progress(folder):
    slow_action = "import time\ndef act(x):\n    time.sleep(0.3)\n    return x\n"
    (folder / "stops.py").write_text(slow_action)
    command = attune_command("run", "stops.yaml", "--actions", "stops.py", "--no-progress")
    child = pexpect.spawn(command[0], command[1:], cwd=folder, encoding="utf-8", timeout=60)
    child.expect(pexpect.EOF)
    assert "running" not in child.before
    assert child.before.startswith("Run ")

import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from attune_nb.actions.cancel import CancelToken
from attune_nb.actions.shell import shell
from attune_nb.errors import ActionError


def gone(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def cancel_when_written(path: Path, token: CancelToken):
    def watch():
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and not (path.exists() and path.read_text().strip()):
            time.sleep(0.01)
        token.cancel()

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def test_a_line_for_the_shell():
    result = shell("echo out; echo err >&2")
    assert result == {"exit_code": 0, "stdout": "out\n", "stderr": "err\n", "data": None}


def test_argv_needs_no_quoting_and_json_is_read():
    assert shell(argv=["printf", "%s", '{"a": [1]}'])["data"] == {"a": [1]}


def test_env_cwd_and_stdin(tmp_path, monkeypatch):
    monkeypatch.setenv("KEPT", "kept")
    result = shell('cat; echo "$KEPT $N"; pwd', env={"N": 3}, cwd=str(tmp_path), stdin="in\n")
    assert result["stdout"].splitlines() == ["in", "kept 3", str(tmp_path.resolve())]


def test_a_large_input_and_output():
    text = "x" * 3_000_000
    assert shell("cat", stdin=text)["stdout"] == text


@pytest.mark.parametrize("given", [{}, {"cmd": "true", "argv": ["true"]}])
def test_exactly_one_of_cmd_and_argv(given):
    with pytest.raises(ActionError, match="exactly one"):
        shell(**given)


def test_a_failure_tells_the_last_line_and_gives_everything():
    with pytest.raises(ActionError, match=r"^command exited with 3: second$") as caught:
        shell("echo out; echo first >&2; echo second >&2; exit 3")
    assert caught.value.data["exit_code"] == 3
    assert caught.value.data["stdout"] == "out\n"


def test_a_program_that_is_not_there():
    with pytest.raises(ActionError, match="cannot start `no-such-program-here`"):
        shell(argv=["no-such-program-here"])


def test_a_background_child_does_not_hold_the_action_up():
    started = time.monotonic()
    assert shell("sleep 3 & echo done")["stdout"] == "done\n"
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    ("trap", "at_least"),
    [("", 0.0), ("trap '' TERM; ", 0.9)],
    ids=["polite", "stubborn"],
)
def test_cancel_kills_the_command_and_its_child(tmp_path, trap, at_least):
    token, pids = CancelToken(), tmp_path / "pids"
    watcher = cancel_when_written(pids, token)
    started = time.monotonic()
    with pytest.raises(ActionError, match="cancelled"):
        shell(f"{trap}sleep 60 & echo $$ $! > {pids}; wait; sleep 60", cancel=token)
    assert at_least <= time.monotonic() - started < 10
    watcher.join()
    time.sleep(0.05)
    assert all(gone(int(pid)) for pid in pids.read_text().split())


def test_a_child_that_outlives_its_polite_parent_is_killed(tmp_path):
    token, pids = CancelToken(), tmp_path / "pids"
    watcher = cancel_when_written(pids, token)
    with pytest.raises(ActionError, match="cancelled"):
        shell(f"(trap '' TERM; sleep 60) & sleep 0.2; echo $! > {pids}; wait", cancel=token)
    watcher.join()
    time.sleep(0.05)
    assert gone(int(pids.read_text()))


def test_cancelled_before_it_starts(tmp_path):
    token = CancelToken()
    token.cancel()
    with pytest.raises(ActionError, match="cancelled"):
        shell(f"touch {tmp_path}/made", cancel=token)
    assert not (tmp_path / "made").exists()


def test_no_command_outlives_the_interpreter(tmp_path):
    pid = tmp_path / "pid"
    code = f"""
import threading, time
from attune_nb.actions.shell import shell
command = "trap '' TERM INT; echo $$ > {pid}; sleep 60; sleep 60"
threading.Thread(target=shell, args=(command,), daemon=True).start()
time.sleep(1)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
    time.sleep(0.1)
    assert gone(int(pid.read_text()))
